package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// record runs a migration as the team's tool would and tells what each
// statement did. A statement that is refused is in the steps with its error,
// and the others are run as if it were not in the file: the first error comes
// with them.
func (r *recorder) record(ctx context.Context, m *migration.Migration) ([]*devdb.Step, error) {
	if err := r.begin(ctx, m); err != nil {
		return nil, err
	}
	if err := r.observeFrom(ctx); err != nil {
		return nil, err
	}
	r.ending = &migration.Statement{Kind: migration.SQL, Text: "COMMIT", Syntax: &migration.Syntax{}}
	r.careful = false
	defer func() { // nothing is left unless the connection failed
		r.settle(ctx)
		r.ahead, r.following, r.careful = nil, nil, false
	}()
	f := &recording{m: m, refused: map[int]*devdb.StatementError{}}
	for f.at = 0; f.at < len(m.Statements); f.at++ {
		if err := r.one(ctx, f); err != nil {
			return f.steps, err
		}
	}
	var ended *devdb.StatementError
	steps, err := r.end(ctx, f.steps)
	if err != nil && !errors.As(err, &ended) {
		return steps, err
	}
	for _, s := range steps {
		if s.Err != nil {
			r.ran = false // the tool's run ends there: what follows is another one
			return steps, s.Err
		}
	}
	return steps, err
}

// recording is how far the statements of a file have been run.
type recording struct {
	m     *migration.Migration
	at    int
	steps []*devdb.Step
	// began is where the open transaction began: the statement, and how many steps there were.
	began, before int
	// refused are the statements that have been refused already. They are not run again.
	refused map[int]*devdb.StatementError
}

// one runs the statement that is next. One that is refused takes its
// transaction with it: the transaction is begun again without it, under
// savepoints, so that the next refusal takes nothing.
func (r *recorder) one(ctx context.Context, f *recording) error {
	st := f.m.Statements[f.at]
	if st.Kind == migration.Skip {
		r.missed(st)
		return nil
	}
	if r.tx.open && !r.tx.explicit && r.tx.batch != 0 && r.tx.batch != st.Batch {
		var refused *devdb.StatementError
		steps, err := r.end(ctx, f.steps)
		if f.steps = steps; err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	if !r.tx.open {
		f.began, f.before = f.at, len(f.steps)
	}
	if err := r.open(ctx, st, f.m); err != nil {
		return err
	}
	if e := f.refused[f.at]; e != nil {
		f.steps = append(f.steps, r.passedOver(st, f.at, e))
		return nil
	}
	r.following = nil
	if r.tx.open && !r.careful {
		r.following = f.m.Statements[f.at+1:]
	}
	was := r.tx
	step, err := r.guardedStep(ctx, st, f.at)
	if step != nil {
		f.steps = append(f.steps, step)
	}
	if err != nil || step.Err == nil {
		return err
	}
	word := controlOf(st.Text).word
	if !was.open || r.careful && r.tx.open && r.tx.id == was.id || word == "COMMIT" || word == "BEGIN" {
		return nil // nothing else went with it
	}
	f.refused[f.at] = step.Err
	f.at, f.steps, r.careful = f.began-1, f.steps[:f.before], true
	if was.all {
		f.at, f.steps = -1, nil
		if err := r.begin(ctx, f.m); err != nil {
			return err
		}
	}
	if !was.all {
		r.lastTx = was.id - 1
	}
	if r.tx.open {
		_, err = r.count(ctx, &devdb.Step{Before: r.cat}, told{})
	} else {
		_, err = r.countAll(ctx, r.cat)
	}
	return err // what the statements wrote the first time is nobody's
}

// passedOver is the step of a statement that was refused when it ran first.
func (r *recorder) passedOver(st *migration.Statement, index int, e *devdb.StatementError) *devdb.Step {
	step := &devdb.Step{
		Stmt: st, Index: index, Before: r.cat, After: r.cat, Held: r.held.list(), Settings: r.settings,
		InTx: r.tx.open, TxID: r.tx.id, Err: e, Tag: st.Syntax.Tag, Notices: e.Step.Notices,
	}
	e.Step = step
	return step
}

// guardedStep runs a statement, in careful mode under a savepoint.
func (r *recorder) guardedStep(ctx context.Context, st *migration.Statement, index int) (*devdb.Step, error) {
	if !r.careful || !r.tx.open || controlOf(st.Text).word != "" {
		return r.step(ctx, st, index)
	}
	if err := r.command(ctx, "SAVEPOINT assay_statement"); err != nil {
		return nil, err
	}
	step, err := r.step(ctx, st, index)
	if err != nil || step.Err != nil || r.conn.IsClosed() || r.conn.TxStatus() != 'T' {
		return step, err
	}
	return step, r.command(ctx, "RELEASE SAVEPOINT assay_statement")
}

// observeFrom makes ready to observe: the recorder is installed and the catalog read.
func (r *recorder) observeFrom(ctx context.Context) error {
	if err := r.install(ctx); err != nil {
		return err
	}
	if r.cat == nil {
		if err := r.readAll(ctx); err != nil {
			return err
		}
	} else if err := r.forgetTemporary(ctx); err != nil {
		return err
	}
	if !r.uncounted || r.tx.open {
		return nil
	}
	_, err := r.countAll(ctx, r.cat)
	return err
}

// begin makes the session ready for a file.
func (r *recorder) begin(ctx context.Context, m *migration.Migration) error {
	if r.tx.open && r.tx.all && m.TxMode == migration.TxAll {
		if r.conn == nil || r.conn.IsClosed() {
			return fmt.Errorf("the connection of the open transaction was lost; run the migrations again")
		}
		r.mode = m.TxMode
		r.tx.save("assay_migration", r.cat)
		for _, modes := range r.held {
			for mode, l := range modes {
				l.Step = -1 // taken by an earlier migration
				modes[mode] = l
			}
		}
		return r.command(ctx, "SAVEPOINT assay_migration")
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	if err := r.connect(ctx); err != nil {
		return err
	}
	r.mode, r.lastTx = m.TxMode, 0
	r.missing = nil
	if on, err := r.goesOn(ctx, m); on || err != nil {
		return err
	}
	return r.reset(ctx)
}

// sending tells how many statements of a migration the tool sends in one query.
type sending struct {
	of      *migration.Migration
	all     int         // that reach the server
	batches map[int]int // by Batch
}

// sentWith counts the statements that the tool sends in one query with st.
func (r *recorder) sentWith(m *migration.Migration, st *migration.Statement) int {
	if r.sending.of != m { // counted once: a seed file has half a million
		r.sending = sending{of: m, batches: map[int]int{}}
		for _, s := range m.Statements {
			if s.Kind != migration.Skip {
				r.sending.all++
				r.sending.batches[s.Batch]++
			}
		}
	}
	switch {
	case m.TxMode == migration.TxImplicit:
		return r.sending.all
	case st.Batch == 0:
		return 0
	}
	return r.sending.batches[st.Batch]
}

// open opens the transaction that the tool, or the server for a query of many
// statements, would have open when st runs.
func (r *recorder) open(ctx context.Context, st *migration.Statement, m *migration.Migration) error {
	if r.tx.open {
		return nil
	}
	// A COMMIT in the file ends the tool's transaction.
	tools := (r.mode == migration.TxFile || r.mode == migration.TxAll) && r.lastTx == 0
	if !tools {
		word := controlOf(st.Text).word
		if r.sentWith(m, st) < 2 || word == "BEGIN" || word == "COMMIT" || word == "ROLLBACK" {
			return nil
		}
	}
	if err := r.command(ctx, "BEGIN"); err != nil {
		return err
	}
	r.opened(false)
	r.tx.all = r.mode == migration.TxAll && tools
	if !tools && r.mode != migration.TxImplicit {
		r.tx.batch = st.Batch
	}
	return nil
}

// implicit reports whether the open transaction is the server's own around a
// query of many statements.
func (r *recorder) implicit() bool {
	return r.tx.open && !r.tx.explicit && (r.mode == migration.TxImplicit || r.tx.batch != 0)
}

// opened notes that a transaction block has begun.
func (r *recorder) opened(explicit bool) {
	r.lastTx++
	r.tx = transaction{open: true, explicit: explicit, id: r.lastTx, start: r.cat}
	r.snapshot = false
	r.held = holding{}
}

// closed notes that it has ended, with the catalog as it then is.
func (r *recorder) closed(c *schema.Catalog) {
	r.tx, r.cat, r.held = transaction{}, c, holding{}
}

// command runs a statement of the recorder's own on the traced connection.
func (r *recorder) command(ctx context.Context, sql string) error {
	r.settle(ctx)
	r.told = nil
	if _, err := r.conn.Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("running %s on the dev database: %w", sql, err)
	}
	return nil
}

// step runs one statement and observes it.
func (r *recorder) step(ctx context.Context, st *migration.Statement, index int) (*devdb.Step, error) {
	r.last = st
	step := &devdb.Step{Stmt: st, Index: index, Before: r.cat, After: r.cat, Held: r.held.list(), Settings: r.settings, InTx: r.tx.open}
	if c := controlOf(st.Text); c.word != "" {
		return step, r.control(ctx, step, c)
	}
	if !r.tx.open {
		return step, r.autocommit(ctx, step)
	}
	step.TxID = r.tx.id
	if err := r.trial(ctx, step); err != nil {
		return step, err
	}
	s, skipped, err := r.runTolerant(ctx, step)
	if err != nil || skipped {
		return step, err
	}
	if s.err != nil {
		return step, r.failed(ctx, step, s)
	}
	return step, r.observe(ctx, step)
}

// run sends the statement, with a probe where it is to be observed in its
// transaction, and notes what the server says.
func (r *recorder) run(ctx context.Context, step *devdb.Step, probe bool) (sent, error) {
	s, err := r.sendAny(ctx, step.Stmt, probe)
	step.Tag, step.Duration, step.Notices = s.tag, s.took, r.notices
	return s, err
}

// failed notes a refused statement and rolls back as the tool would.
func (r *recorder) failed(ctx context.Context, step *devdb.Step, s sent) error {
	step.Err = statementError(step.Stmt, s)
	step.Err.Step = step
	step.Notices = r.notices
	if step.Tag == "" {
		step.Tag = step.Stmt.Syntax.Tag
	}
	r.uncounted = true
	if r.careful && r.tx.open && !r.conn.IsClosed() && r.conn.TxStatus() == 'E' && controlOf(step.Stmt.Text).word == "" {
		clear(r.strangers)
		r.cat = step.Before
		if err := r.command(ctx, "ROLLBACK TO SAVEPOINT assay_statement; RELEASE SAVEPOINT assay_statement"); err != nil {
			return err
		}
		_, err := r.count(ctx, &devdb.Step{Before: r.cat}, told{}) // what it scanned and wrote before it failed is nobody's
		return err
	}
	back := step.Before
	if r.tx.open {
		back = r.tx.start
	}
	return r.rollback(ctx, back)
}

// rollback ends the open transaction, if any, without keeping it. In a
// transaction over all migrations only this one is undone, so that the later
// ones can still be judged.
func (r *recorder) rollback(ctx context.Context, back *schema.Catalog) error {
	clear(r.strangers) // what was dropped is there again
	if r.conn.IsClosed() {
		r.closed(nil)
		if err := r.alive(); err != nil { // not the same server any more
			return err
		}
		if err := r.connect(ctx); err != nil {
			return err
		}
		return r.readAll(ctx)
	}
	if r.tx.open && r.tx.all && r.tx.find("assay_migration") >= 0 {
		p := r.tx.points[r.tx.find("assay_migration")]
		r.tx.points = r.tx.points[:r.tx.find("assay_migration")]
		if err := r.command(ctx, "ROLLBACK TO SAVEPOINT assay_migration"); err != nil {
			return err
		}
		_, _, now, err := r.probe(ctx, nil)
		if err == nil {
			_, r.held = r.held.take(now, -1, r.cat, p.catalog)
		}
		r.cat = p.catalog
		return err
	}
	if r.conn.TxStatus() != 'I' {
		if err := r.command(ctx, "ROLLBACK"); err != nil {
			return err
		}
	}
	r.closed(back)
	// What the session was told before the transaction stays in force.
	var err error
	r.settings, err = r.show(ctx)
	return err
}

// end commits what the file left open and checks that it could be.
func (r *recorder) end(ctx context.Context, steps []*devdb.Step) ([]*devdb.Step, error) {
	if !r.tx.open || r.tx.all {
		return steps, nil
	}
	var last *devdb.Step
	if len(steps) > 0 {
		last = steps[len(steps)-1]
	}
	s, err := r.send(ctx, r.ending)
	if err != nil {
		return steps, err
	}
	if s.err == nil {
		r.closed(r.cat)
		return steps, r.forgetTemporary(ctx)
	}
	if last == nil {
		return steps, fmt.Errorf("committing on the dev database: %w", s.err)
	}
	start := r.tx.start
	last.Err = statementError(last.Stmt, s)
	last.Err.Step = last
	last.Err.Position = 0 // of the COMMIT, not of the statement
	if err := r.rollback(ctx, start); err != nil {
		return steps, err
	}
	return steps, last.Err
}

// finish ends a transaction that goes on over all migrations (TxAll).
func (r *recorder) finish(ctx context.Context) error {
	if !r.tx.open || r.conn == nil || r.conn.IsClosed() {
		return nil
	}
	s, err := r.send(ctx, &migration.Statement{Text: "COMMIT", Syntax: &migration.Syntax{}})
	if err != nil {
		return err
	}
	if s.err == nil {
		r.closed(r.cat)
		return nil
	}
	start, last := r.tx.start, r.last
	r.tx.points = nil // nothing of it is left
	if err := r.rollback(ctx, start); err != nil {
		return err
	}
	if last == nil {
		return fmt.Errorf("committing on the dev database: %w", s.err)
	}
	s.err.Position = 0
	return statementError(last, s)
}

// control runs a transaction control statement and follows what it does.
func (r *recorder) control(ctx context.Context, step *devdb.Step, c control) error {
	if c.word == "SAVEPOINT" && r.implicit() {
		// The server refuses it in the implicit block of a multi-statement query.
		step.TxID = r.tx.id
		return r.failed(ctx, step, refusal("25P01", "SAVEPOINT can only be used in transaction blocks"))
	}
	was, implicit := r.tx, r.implicit()
	s, err := r.run(ctx, step, false)
	if err != nil {
		return err
	}
	if s.err != nil {
		step.TxID = r.tx.id
		return r.failed(ctx, step, s)
	}
	if strings.HasPrefix(c.word, "ROLLBACK") {
		clear(r.strangers)
	}
	switch c.word {
	case "BEGIN":
		if was.open {
			r.tx.explicit = true
			if implicit {
				step.Notices = nil // "there is already a transaction": only because the implicit one is played
			}
		} else {
			r.opened(true)
		}
	case "COMMIT", "PREPARE": // what is prepared is meant to be committed
		r.closed(r.cat)
		err = r.forgetTemporary(ctx)
	case "ROLLBACK":
		if was.open {
			r.closed(was.start)
		}
	case "SAVEPOINT":
		r.tx.save(c.name, r.cat)
	case "RELEASE":
		if i := r.tx.find(c.name); i >= 0 {
			r.tx.points = r.tx.points[:i]
		}
	case "ROLLBACK TO":
		if i := r.tx.find(c.name); i >= 0 {
			r.cat = r.tx.points[i].catalog
			r.tx.points = r.tx.points[:i+1]
		}
		err = r.relock(ctx, step)
	}
	if c.chain && was.open {
		r.opened(true)
	}
	step.InTx = was.open || r.tx.open
	step.TxID = max(was.id, r.tx.id)
	if was.open {
		step.TxID = was.id
	}
	step.After = r.cat
	step.Changes = schema.Diff(step.Before, step.After)
	if err == nil {
		r.settings, err = r.show(ctx)
	}
	return err
}

func refusal(code, message string) sent {
	return sent{err: pgError(code, message)}
}

// relock looks again which locks are held: a rollback to a savepoint releases some.
func (r *recorder) relock(ctx context.Context, step *devdb.Step) error {
	_, _, now, err := r.probe(ctx, nil)
	if err == nil {
		_, r.held = r.held.take(now, step.Index, step.Before, r.cat)
	}
	return err
}

// autocommit runs a statement outside any transaction block. Most are run in
// one of the recorder's own, so that their locks are still there to be read;
// they are recorded as what they are. The server refuses it for those that
// cannot run in one, and these are then run bare.
func (r *recorder) autocommit(ctx context.Context, step *devdb.Step) error {
	r.lastTx++
	step.TxID = r.lastTx
	switch first := words(step.Stmt.Text, 1); {
	case len(first) == 0:
	case onlyInBlock(first[0]):
		return r.bare(ctx, step)
	}
	if err := r.command(ctx, "BEGIN"); err != nil {
		return err
	}
	r.tx = transaction{open: true, id: step.TxID, start: r.cat}
	r.snapshot, r.held = false, holding{}
	if err := r.trial(ctx, step); err != nil {
		return err
	}
	s, err := r.run(ctx, step, r.probes(step))
	if err != nil {
		return err
	}
	if s.err != nil && (s.err.Code == "25001" || s.err.Code == "2D000" || s.err.Code == "0A000" && strings.Contains(s.err.Message, "transaction")) {
		if err := r.rollback(ctx, step.Before); err != nil {
			return err
		}
		return r.bare(ctx, step)
	}
	if s.err != nil && r.forgives(step.Stmt, s) {
		step.Notices, r.uncounted = []devdb.Notice{r.skipNotice()}, true
		return r.rollback(ctx, step.Before)
	}
	if s.err != nil {
		return r.failed(ctx, step, s)
	}
	if err := r.observe(ctx, step); err != nil {
		return err
	}
	cat := r.cat
	s, err = r.send(ctx, &migration.Statement{Text: "COMMIT", Syntax: &migration.Syntax{}})
	if err != nil {
		return err
	}
	if s.err != nil {
		s.err.Position = 0
		return r.failed(ctx, step, s)
	}
	r.closed(cat)
	return r.forgetTemporary(ctx)
}

// onlyInBlock names the statements that are an error, or mean nothing, outside
// a block; SET is quicker without one.
func onlyInBlock(first string) bool {
	switch strings.ToUpper(first) {
	case "LOCK", "DECLARE", "SET", "RESET", "SHOW", "VACUUM", "DISCARD":
		return true
	}
	return false
}
