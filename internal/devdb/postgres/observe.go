package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

func pgError(code, message string) *pgconn.PgError {
	return &pgconn.PgError{Severity: "ERROR", Code: code, Message: message}
}

// quiet are the tags of statements that lock no relation and change no catalog.
// Nothing is asked after them: SET TRANSACTION may not follow a query.
var quiet = map[string]bool{
	"SET": true, "RESET": true, "SHOW": true, "LISTEN": true, "UNLISTEN": true, "NOTIFY": true,
	"DEALLOCATE": true, "DISCARD": true, "CLOSE CURSOR": true, "SET CONSTRAINTS": true,
}

// probes reports whether the question for the locks may go with a statement:
// not behind those that are quiet, and not behind a LOCK TABLE that must leave
// its transaction without a snapshot.
func (r *recorder) probes(step *devdb.Step) bool {
	w := words(step.Stmt.Text, 1)
	if len(w) == 0 || step.Stmt.Kind == migration.CopyData {
		return false
	}
	switch strings.ToUpper(w[0]) {
	case "SET", "RESET", "SHOW", "LISTEN", "UNLISTEN", "NOTIFY", "DEALLOCATE", "DISCARD", "CLOSE":
		return false
	case "LOCK":
		return r.snapshot
	}
	return true
}

// mayset are the tags after which the settings may be others.
var mayset = map[string]bool{"SET": true, "RESET": true, "DISCARD": true, "DO": true, "CALL": true, "SELECT": true}

// observe reads what the statement did, inside its transaction.
func (r *recorder) observe(ctx context.Context, step *devdb.Step) error {
	facts, settings := *r.told, step.Settings
	var err error
	if mayset[step.Tag] {
		if settings, err = r.show(ctx); err != nil {
			return err
		}
	}
	r.settings = settings
	if quiet[step.Tag] {
		return nil
	}
	var now []seenLock
	if step.Tag == "LOCK TABLE" && !r.snapshot {
		now, err = r.probeOutside(ctx, step.Before)
	} else {
		r.snapshot = true
		now, err = r.count(ctx, step, facts)
	}
	if err != nil {
		return err
	}
	if t := r.touched(step, facts, now); t.any() {
		var ahead []*migration.Statement
		if steady(step, t) {
			ahead = r.next(true)
		}
		if err := r.reread(ctx, t, ahead...); err != nil {
			return err
		}
		if t := mentions(step.Before, schema.Diff(step.Before, r.cat)); t.any() {
			if err := r.reread(ctx, t); err != nil {
				return err
			}
		}
	}
	step.After = r.cat
	step.Locks, r.held = r.held.take(now, step.Index, step.Before, step.After)
	r.judge(step, facts)
	return nil
}

// judge derives from catalogs and events what the step says.
func (r *recorder) judge(step *devdb.Step, facts told) {
	step.Changes = schema.Diff(step.Before, step.After)
	step.Rewrites = rewrites(step, facts)
	step.Created = facts.created()
	step.Dropped = dropped(step, facts, r.triggers)
	for _, d := range facts.ddl {
		if d.class != 0 && classOf(d.class) == schema.ClassOther && !textual(d.class) || d.tag == "SECURITY LABEL" {
			ref := schema.Ref{Class: classOf(d.class), OID: d.oid, Sub: int16(d.sub)}
			step.Changes = append(step.Changes, &schema.Unmodelled{Object: ref, Kind: d.kind, Name: templess(d.name), Tag: d.tag})
		}
	}
	if !r.triggers {
		step.Created = createdBy(step)
	}
}

// probe asks the traced backend itself; made are relations that need not be
// asked about.
func (r *recorder) probe(ctx context.Context, made map[schema.OID]bool) (canary, written int64, locks []seenLock, err error) {
	text := r.probed
	if r.probed = ""; text == "" {
		if text, err = r.value(ctx, nil, r.probing, "false", strconv.FormatBool(!r.tx.probed)); err != nil {
			return 0, 0, nil, fmt.Errorf("reading the locks: %w", err)
		}
	}
	if canary, written, locks, err = parseProbe(text); err != nil {
		return 0, 0, nil, err
	}
	r.tx.probed = true
	return canary, written, locks, r.recognize(ctx, r.link, r.cat, r.strangers, made, locks)
}

// countAll reads every counter, outside a transaction, and gives what was
// counted since they were last read.
func (r *recorder) countAll(ctx context.Context, before *schema.Catalog) (*devdb.Step, error) {
	text, err := r.value(ctx, nil, r.probing, "true", "true")
	if err != nil {
		return nil, fmt.Errorf("reading the counters: %w", err)
	}
	canary, _, now, err := parseProbe(text)
	if err != nil {
		return nil, err
	}
	for i := range now {
		l := &now[i]
		l.counted = true
		if t := before.Relations[l.relation]; t != nil && t.Kind == schema.MaterializedView {
			l.counts, l.reported = counts{scans: l.counts.scans}, counts{scans: l.reported.scans}
		}
	}
	r.uncounted = false
	step := &devdb.Step{Before: before}
	r.difference(step, canary, now)
	if r.major < 15 {
		return step, nil
	}
	// A statement that commits as it goes may have its counters reported before
	// it is done. From 15 on what is reported is there to be read.
	step = &devdb.Step{Before: before}
	for i := range now {
		l := &now[i]
		l.counts = counts{l.counts.scans + l.reported.scans, l.counts.inserted + l.reported.inserted, l.counts.updated + l.reported.updated, l.counts.deleted + l.reported.deleted}
	}
	risen(step, r.totals, now)
	return step, nil
}

// count probes and notes scans and rows written since the last probe.
func (r *recorder) count(ctx context.Context, step *devdb.Step, facts told) ([]seenLock, error) {
	r.forget(step.Tag, facts)
	canary, written, now, err := r.probe(ctx, facts.uncounted())
	if err != nil {
		return nil, err
	}
	r.difference(step, canary, now)
	if written != r.written || facts.textual() {
		r.written = written
		return now, r.readObjects(ctx, false)
	}
	return now, nil
}

// difference notes in the step what the counters have gone up by.
func (r *recorder) difference(step *devdb.Step, canary int64, now []seenLock) {
	if canary >= 0 { // else it is no transaction's first: nothing was reported since
		if canary < r.canary { // more is of a probe that was not read: the counters run on
			clear(r.counts) // the server has reported, the counters began again
			r.written, r.deleted = 0, 0
		}
		r.canary = canary + 1
	}
	risen(step, r.counts, now)
}

// risen notes in the step what counts are higher than they were, and keeps them.
func risen(step *devdb.Step, last map[schema.OID]counts, now []seenLock) {
	done := map[schema.OID]bool{}
	for _, l := range now {
		if !l.counted || done[l.relation] {
			continue
		}
		done[l.relation] = true
		was := last[l.relation]
		last[l.relation] = l.counts
		if was == l.counts {
			continue
		}
		named, ok := nameLock(l, step.Before, nil)
		if !ok {
			continue
		}
		if n := l.counts.scans - was.scans; n > 0 {
			step.Scans = append(step.Scans, devdb.Scan{Relation: l.relation, Object: named.Object, Count: int(n)})
		}
		rows := devdb.RowCount{
			Relation: l.relation, Object: named.Object, Inserted: l.counts.inserted - was.inserted,
			Updated: l.counts.updated - was.updated, Deleted: l.counts.deleted - was.deleted,
		}
		if rows.Inserted > 0 || rows.Updated > 0 || rows.Deleted > 0 {
			step.Rows = append(step.Rows, rows)
		}
	}
	sortCounts(step)
}

// probeOutside reads the locks from the admin's connection, which leaves the
// traced transaction without a snapshot.
func (r *recorder) probeOutside(ctx context.Context, c *schema.Catalog) ([]seenLock, error) {
	obs, err := r.observer(ctx)
	if err != nil {
		return nil, err
	}
	text, err := query(ctx, obs, fmt.Sprintf(outsideSQL, r.conn.PID()))
	if err != nil {
		return nil, fmt.Errorf("reading the locks from outside: %w", err)
	}
	_, _, now, err := parseProbe(text)
	if err != nil {
		return nil, err
	}
	return now, r.recognize(ctx, r.observer, c, map[schema.OID]stranger{}, nil, now)
}

// reread reads again what was touched. What is sent ahead goes with it.
func (r *recorder) reread(ctx context.Context, t *touch, ahead ...*migration.Statement) error {
	r.settle(ctx)
	if r.conn.TxStatus() == 'E' || r.conn.IsClosed() {
		return nil // a statement sent ahead was refused: nothing of the transaction stays
	}
	if t.all || t.granted && !r.tx.open {
		return r.readAll(ctx)
	}
	t.compare(r.cat)
	text, err := r.value(ctx, ahead, r.reading, t.arguments(r.conn.TxStatus() == 'T')...)
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	return r.take(ctx, text, false, t.foreigners)
}

// readAll reads the whole catalog.
func (r *recorder) readAll(ctx context.Context) error {
	t, first := newTouch(), r.cat == nil
	t.small, t.foreigners = true, true
	text, err := r.value(ctx, nil, r.readingAll, t.arguments(false)...)
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	if err := r.take(ctx, text, true, true); err != nil {
		return err
	}
	if err := r.readObjects(ctx, first); err != nil {
		return err
	}
	if r.learned != nil {
		r.learned(r.cat, r.owned)
	}
	return nil
}

func (r *recorder) take(ctx context.Context, text string, all, foreigners bool) error {
	old := r.cat
	if old == nil {
		old = schema.New()
	}
	got, err := parseReading(text, all, foreigners, naming{ctx, r}, old)
	if err != nil {
		return err
	}
	r.cat = got.merge(old)
	return nil
}

// forgetTemporary looks again at temporary relations: they may have gone with
// the transaction or the session before.
func (r *recorder) forgetTemporary(ctx context.Context) error {
	t := newTouch()
	for o, rel := range r.cat.Relations {
		if rel.Persistence == "temporary" {
			t.rels[o] = true
		}
	}
	if !t.any() {
		return nil
	}
	return r.reread(ctx, t)
}
