package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

const (
	watchEvery = 2 * time.Millisecond
	// watchTables bounds how many tables the blocking session locks.
	watchTables = 2000
)

// bare runs a statement that cannot run in a transaction block. If it waits for
// other sessions (the CONCURRENTLY family does, VACUUM FULL does), it is kept
// waiting by a second session with an old snapshot and a weak lock on every
// table, and a third reads its locks meanwhile. What cannot be watched is told
// from the manual and marked so.
func (r *recorder) bare(ctx context.Context, step *devdb.Step) error {
	var seen []seenLock
	watched := false
	if quick := words(step.Stmt.Text, 1); len(quick) > 0 && !onlySession(quick[0]) {
		if _, err := r.countAll(ctx, step.Before); err != nil {
			return err
		}
	}
	var s sent
	var err error
	if waits(step.Stmt) {
		watched = true
		s, seen, err = r.watch(ctx, step)
	} else {
		s, err = r.run(ctx, step, false)
	}
	if err != nil {
		return err
	}
	facts := *r.told
	if s.err != nil {
		step.Err = statementError(step.Stmt, s)
		step.Err.Step = step
		if r.conn.IsClosed() {
			return r.rollback(ctx, nil)
		}
	} else if mayset[step.Tag] {
		if r.settings, err = r.show(ctx); err != nil {
			return err
		}
	}
	if r.conn.TxStatus() != 'I' {
		if err := r.rollback(ctx, step.Before); err != nil {
			return err
		}
	}
	if quiet[step.Tag] {
		return nil
	}
	t := r.touched(step, facts, seen)
	t.all = t.all || s.err != nil || storageTags[step.Tag] || len(facts.ddl)+len(facts.dropped) == 0 || !r.triggers
	if err := r.reread(ctx, t); err != nil {
		return err
	}
	step.After = r.cat
	counted, err := r.countAll(ctx, step.Before)
	if err != nil {
		return err
	}
	step.Scans, step.Rows = counted.Scans, counted.Rows
	if watched && s.err == nil {
		step.Locks, _ = holding{}.take(seen, step.Index, step.Before, step.After)
	}
	r.judge(step, facts)
	if len(step.Locks) == 0 && s.err == nil {
		step.Locks = inferred(step)
	}
	r.closed(r.cat)
	return nil
}

// waits reports whether a statement outside a transaction waits for other sessions as it works.
func waits(st *migration.Statement) bool {
	up := strings.ToUpper(st.Text)
	first := words(up, 1)
	if len(first) == 0 {
		return false
	}
	return strings.Contains(up, "CONCURRENTLY") || first[0] == "VACUUM" && st.Syntax.Has("FULL") || first[0] == "CLUSTER" || first[0] == "REINDEX"
}

// watch runs a statement and reads its locks while it waits for a blocking
// session. The file's own timeouts are lifted meanwhile: it is the recorder
// that keeps the statement waiting, for as long as a busy machine takes.
func (r *recorder) watch(ctx context.Context, step *devdb.Step) (sent, []seenLock, error) {
	lifted, back := untimed(step.Settings)
	if lifted != "" {
		if err := r.command(ctx, lifted); err != nil {
			return sent{}, nil, err
		}
	}
	s, seen, err := r.kept(ctx, step)
	if err == nil && back != "" && !r.conn.IsClosed() {
		if _, err = r.conn.Exec(ctx, back).ReadAll(); err != nil { // not a command: what the statement gave is still to be read
			err = fmt.Errorf("putting the session's timeouts back: %w", err)
		}
	}
	return s, seen, err
}

// untimed gives the commands that lift a session's timeouts and put them back.
func untimed(s devdb.Settings) (lift, back string) {
	for name, d := range map[string]time.Duration{"lock_timeout": s.LockTimeout, "statement_timeout": s.StatementTimeout} {
		if d > 0 {
			lift += "SET " + name + " = 0; "
			back += fmt.Sprintf("SET %s = %d; ", name, d.Milliseconds())
		}
	}
	return lift, back
}

// kept runs a statement that a second session keeps waiting.
func (r *recorder) kept(ctx context.Context, step *devdb.Step) (sent, []seenLock, error) {
	free, err := r.block(ctx, step.Before, false)
	if err != nil {
		return sent{}, nil, err
	}
	second := func() {}
	if detaches(step.Stmt) {
		if second, err = r.block(ctx, step.Before, true); err != nil {
			free()
			return sent{}, nil, err
		}
	}
	stop := make(chan struct{})
	done := make(chan []seenLock, 1)
	go func() {
		seen := r.look(ctx, step.Before, "", stop)
		free()
		if detaches(step.Stmt) {
			seen = append(seen, r.look(ctx, step.Before, " AND locktype = 'relation'", stop)...)
		}
		second()
		done <- seen
	}()
	s, err := r.run(ctx, step, false)
	close(stop)
	seen := <-done
	return s, seen, err
}

// detaches reports whether a statement detaches a partition in two transactions:
// the first waits for all who use the parent, the second locks the partition.
func detaches(st *migration.Statement) bool {
	return st.Syntax.Concurrently && slices.ContainsFunc(st.Syntax.Actions, func(a migration.Action) bool { return a.Kind == "DETACH PARTITION" })
}

// block opens the session that the statement will wait for; the function it
// gives ends it. It holds a weak lock on every table, or on the partitions alone.
func (r *recorder) block(ctx context.Context, c *schema.Catalog, partitions bool) (func(), error) {
	if _, err := r.observer(ctx); err != nil {
		return nil, err
	}
	b := r.blocker // nothing but what follows is ever run there
	if b == nil || b.IsClosed() || partitions {
		var err error
		if b, err = dial(ctx, r.admin); err != nil {
			return nil, fmt.Errorf("connecting a second session to the dev database: %w", err)
		}
		if !partitions { // the two transactions end one after the other
			r.blocker = b
		}
	}
	end := func() {
		if partitions {
			_ = b.Close(context.WithoutCancel(ctx))
			return
		}
		if _, err := b.Exec(context.WithoutCancel(ctx), "ROLLBACK").ReadAll(); err != nil {
			_ = b.Close(context.WithoutCancel(ctx)) // its transaction ends with it
		}
	}
	sql := "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_catalog.pg_class LIMIT 1"
	if _, err := b.Exec(ctx, sql).ReadAll(); err != nil {
		end()
		return nil, fmt.Errorf("opening a snapshot: %w", err)
	}
	var tables []string
	for _, t := range c.Relations {
		if partitions && t.PartitionOf == 0 {
			continue
		}
		if t.Persistence != "temporary" && (t.Kind == schema.Table || t.Kind == schema.PartitionedTable) {
			tables = append(tables, quote(t.Schema)+"."+quote(t.Name))
		}
	}
	slices.Sort(tables)
	if len(tables) > 0 && len(tables) <= watchTables {
		// ONLY: partitions are in the list themselves. Without the right to lock
		// them the snapshot alone has to do.
		if _, err := b.Exec(ctx, "LOCK TABLE ONLY "+strings.Join(tables, ", ONLY ")+" IN ACCESS SHARE MODE").ReadAll(); err != nil {
			if _, err := b.Exec(ctx, "ROLLBACK; "+sql).ReadAll(); err != nil {
				end()
				return nil, fmt.Errorf("opening a snapshot: %w", err)
			}
		}
	}
	return end, nil
}

// look polls until the traced session waits, then reads what it holds and waits
// for. A statement that does not wait ends, and with it the polling.
func (r *recorder) look(ctx context.Context, c *schema.Catalog, kind string, stop <-chan struct{}) []seenLock {
	waiting := fmt.Sprintf("SELECT 1 FROM pg_catalog.pg_locks WHERE pid = %d AND NOT granted%s LIMIT 1", r.conn.PID(), kind)
	for {
		got, err := query(ctx, r.obs, waiting)
		if err != nil {
			return nil // the locks are then told from the manual
		}
		if got != "" {
			seen, _ := r.probeOutside(ctx, c)
			return seen
		}
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return nil
		case <-time.After(watchEvery):
		}
	}
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// inferred gives the locks that the manual names for a statement that was not watched.
func inferred(step *devdb.Step) []devdb.Lock {
	up := strings.ToUpper(step.Stmt.Text)
	mode := devdb.ShareUpdateExclusive
	if step.Stmt.Syntax.Has("FULL") || step.Tag == "CLUSTER" {
		mode = devdb.AccessExclusive
	}
	tables := map[schema.OID]bool{}
	switch step.Tag {
	case "VACUUM", "ANALYZE", "CLUSTER":
		for _, o := range targets(step) {
			tables[o] = true
		}
	default:
		if !strings.Contains(up, "CONCURRENTLY") {
			return nil
		}
		for _, c := range step.Changes {
			switch c := c.(type) {
			case *schema.AddIndex:
				tables[c.Index.Table] = true
			case *schema.DropIndex:
				tables[c.Index.Table] = true
			case *schema.DetachPartition:
				tables[c.Parent.OID] = true
				tables[c.Partition.OID] = true
			}
		}
		for _, p := range schema.Rebuilt(step.Before, step.After) {
			tables[p[0].Table] = true
		}
	}
	var out []devdb.Lock
	for o := range tables {
		if t := step.Before.Relations[o]; t != nil {
			out = append(out, devdb.Lock{Relation: o, Table: o, Object: t.QualifiedName(), Kind: string(t.Kind), Mode: mode, Step: step.Index, Inferred: true})
		}
	}
	sortLocks(out)
	return out
}

// targets finds the tables that a statement's text names; all of them if it names none.
func targets(step *devdb.Step) []schema.OID {
	named := map[string]bool{}
	for _, w := range words(step.Stmt.Text, 64) {
		named[strings.ToLower(strings.Trim(w, `"`))] = true
	}
	var some, all []schema.OID
	for _, t := range schema.Sorted(step.Before.Relations) {
		if t.Kind != schema.Table && t.Kind != schema.MaterializedView {
			continue
		}
		all = append(all, t.OID)
		if named[strings.ToLower(t.Name)] || named[strings.ToLower(t.QualifiedName())] {
			some = append(some, t.OID)
		}
	}
	if len(some) > 0 {
		return some
	}
	return all
}

// onlySession names the statements that touch nothing but the session.
func onlySession(first string) bool {
	switch strings.ToUpper(first) {
	case "SET", "RESET", "SHOW", "DISCARD":
		return true
	}
	return false
}
