package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
	"github.com/assaydb/assay/internal/stats"
)

// How often a size is run: what else the machine does only ever adds time, so
// the least of several runs is nearest to what the statement takes.
const (
	leastRounds = 3
	idleRounds  = 3 // in a row that are no faster end it
	mostRounds  = 12
	enoughTime  = 12 * time.Second // after which no round begins that is not one of the least
	tooLong     = 60 * time.Second // after which none begins at all
	mostTime    = 2 * time.Minute  // of one run
	chance      = time.Millisecond // by which two runs differ for no reason
)

// trial is one statement that is measured.
type trial struct {
	server    *Server
	migration *devdb.Recorded
	step      *devdb.Step
	tables    []*schema.Relation // the one that grows, then the others
	stats     *stats.Stats
	cap       int64 // rows that the others have at most

	wal, disk int64 // of the largest size, in bytes

	left    []string // what was taken out of the way to fill the tables
	outside bool     // the statement cannot run in a transaction block
}

// run gives the least time at each size.
func (t *trial) run(ctx context.Context, base *DB, before []*migration.Migration, sizes []int64) (took []time.Duration, err error) {
	var all []*DB
	defer func() {
		for _, d := range all {
			err = errors.Join(err, d.Close())
		}
	}()
	start, err := t.start(ctx, base, before)
	if err != nil {
		return nil, err
	}
	all = append(all, start)
	for _, n := range sizes {
		d, err := t.server.Clone(ctx, start)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
		if err := t.fill(ctx, d, t.tables[:1], n); err != nil {
			return nil, err
		}
	}
	took = make([]time.Duration, len(sizes))
	began, idle := time.Now(), 0
	for round := range mostRounds {
		if spent := time.Since(began); spent > tooLong && round > 0 || spent > enoughTime && round >= leastRounds || idle >= idleRounds {
			break
		}
		idle++
		// All sizes in turn: a minute in which the machine is slow meets each of them.
		for i, d := range all[1:] {
			once, err := t.once(ctx, d) // the last of a round is the largest
			if err != nil {
				return nil, err
			}
			if round == 0 || once < took[i]-max(chance, took[i]/50) {
				idle = 0
			}
			if round == 0 || once < took[i] {
				took[i] = once
			}
		}
	}
	return took, nil
}

// start makes the database as it is before the statement, and fills the tables that do not grow.
func (t *trial) start(ctx context.Context, base *DB, before []*migration.Migration) (db *DB, err error) {
	if db, err = t.server.Clone(ctx, base); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	first := *t.migration.Migration
	first.Statements = first.Statements[:t.step.Index]
	first.TxMode = migration.TxNone // its transaction would end before the statement that is measured
	for _, m := range append(slices.Clone(before), &first) {
		if err := db.Replay(ctx, m); err != nil {
			return nil, err
		}
	}
	if err := db.Disconnect(ctx); err != nil {
		return nil, err
	}
	return db, t.fill(ctx, db, t.tables[1:], 0)
}

// production is a table's number of rows there; the cap if that is not known.
func (t *trial) production(r *schema.Relation) int64 {
	if known := t.stats.Table(r.Schema, r.Name); known != nil {
		rows, _ := known.Estimate()
		return rows
	}
	return t.cap
}

// rows is a table's number of rows when the first has n. The others keep
// theirs: what it costs to look up one row of a table depends on how large
// that table is, and would be too cheap in a small one.
func (t *trial) rows(r *schema.Relation, n int64) int64 {
	if r == t.tables[0] {
		return n
	}
	return min(max(10, t.production(r)), affordable(t.stats.Table(r.Schema, r.Name), max(10, t.cap)))
}

// beside is how many times as many rows as here the tables that do not grow have in production.
func (t *trial) beside() float64 {
	there, here := int64(0), int64(0)
	for _, r := range t.tables[1:] {
		there, here = there+max(10, t.production(r)), here+t.rows(r, 0)
	}
	return max(1, float64(there)/float64(max(1, here)))
}

// fill makes the rows of some of the tables. Afterwards they are as an old
// table is: vacuumed, with nothing left to note in its rows or to write out.
func (t *trial) fill(ctx context.Context, d *DB, tables []*schema.Relation, n int64) error {
	if len(tables) == 0 {
		return nil
	}
	d.large = true
	c, err := d.connectQuiet(ctx)
	if err != nil {
		return err
	}
	if c == nil {
		return errors.New("the dev server does not let triggers be left out of the way")
	}
	defer c.Close(context.WithoutCancel(ctx))
	// VACUUM marks rows of a transaction only once its commit is in the log.
	if _, err := c.Exec(ctx, "SET row_security = off; SET maintenance_work_mem = '256MB'; SET synchronous_commit = on"); err != nil {
		return fmt.Errorf("setting up to fill tables: %w", err)
	}
	for _, r := range tables {
		unique, full := wanted(t.step, r)
		f, err := newFilling(t.step.Before, r, t.stats.Table(r.Schema, r.Name), unique, full)
		if err != nil {
			return err
		}
		t.refer(f, n)
		left, err := f.fill(ctx, c, t.rows(r, n))
		for _, l := range left {
			if !slices.Contains(t.left, l) {
				t.left = append(t.left, l)
			}
		}
		if err != nil {
			return err
		}
		if _, err := c.Exec(ctx, "VACUUM ANALYZE "+pgx.Identifier{r.Schema, r.Name}.Sanitize()); err != nil {
			return fmt.Errorf("analyzing %s: %w", r.QualifiedName(), err)
		}
	}
	return t.pretend(ctx, d, tables)
}

// pretend tells the planner production's numbers of rows where the statement
// puts tables together: it then joins them in the way that production would,
// with as many batches, and not in one that only suits few rows.
func (t *trial) pretend(ctx context.Context, d *DB, tables []*schema.Relation) error {
	if len(t.tables) == 1 || !t.server.super {
		return nil
	}
	admin, err := d.ConnectAdmin(ctx)
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	// A migration may have given the database a path with operators of its own in it.
	if _, err := admin.Exec(ctx, "SET search_path = pg_catalog, pg_temp", pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("setting the search_path: %w", err)
	}
	for _, r := range tables {
		if _, err := admin.Exec(ctx, "UPDATE pg_class SET reltuples = $1 WHERE oid = $2 AND relpages > 0", float32(t.production(r)), uint32(r.OID)); err != nil {
			return fmt.Errorf("giving %s production's number of rows: %w", r.QualifiedName(), err)
		}
	}
	return nil
}

// refer makes the referencing columns of the table's foreign keys, that which
// the step adds among them, hold keys that the referenced table has: values are
// made the same way in both, so only their number must not be exceeded.
func (t *trial) refer(f *filling, n int64) {
	var keys []*schema.Constraint
	for _, oid := range slices.Sorted(maps.Keys(t.step.Before.Constraints)) {
		keys = append(keys, t.step.Before.Constraints[oid])
	}
	for _, c := range t.step.Changes {
		if c, ok := c.(*schema.AddConstraint); ok {
			keys = append(keys, c.Constraint)
		}
	}
	for _, k := range keys {
		ref := t.step.Before.Relations[k.RefTable]
		if k.Kind != schema.ForeignKey || k.Table != f.table.OID || !slices.Contains(t.tables, ref) {
			continue
		}
		rows := max(1, t.rows(ref, n))
		parent, err := newFilling(t.step.Before, ref, t.stats.Table(ref.Schema, ref.Name), nil, nil)
		if err != nil {
			continue
		}
		for i, num := range k.Columns {
			at := slices.IndexFunc(f.columns, func(c *schema.Column) bool { return c.Num == num })
			from := slices.IndexFunc(parent.columns, func(c *schema.Column) bool { return c.Num == k.RefColumns[i] })
			if at < 0 || from < 0 {
				continue
			}
			key, unique := parent.makers[from], f.unique[num]
			f.makers[at] = func(b []byte, i int64) []byte {
				if unique {
					return key(b, i%rows)
				}
				return key(b, int64(mixed(i)%uint64(rows)))
			}
		}
	}
}

// once runs the statement on a copy of a filled database. Every run meets the
// same: no row in the server's own memory, all of them in the system's.
func (t *trial) once(ctx context.Context, filled *DB) (took time.Duration, err error) {
	d, err := t.server.Clone(ctx, filled)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	c, err := d.ConnectOwner(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if !t.outside {
		took, err = t.timed(ctx, c, true)
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "25001" { // active_sql_transaction
			return took, err
		}
		t.outside = true
		if _, err := c.Exec(ctx, "ROLLBACK"); err != nil {
			return 0, err
		}
	}
	return t.timed(ctx, c, false)
}

// timed runs the statement on a connection. In a transaction block the files
// that it replaces are not removed within the time: that is done when the locks are gone.
func (t *trial) timed(ctx context.Context, c *pgx.Conn, block bool) (time.Duration, error) {
	var ahead []string
	if v := t.stats.Server.Settings["maintenance_work_mem"]; v != "" {
		ahead = append(ahead, "SET maintenance_work_mem = '"+v+"'")
	}
	if block {
		ahead = append(ahead, "BEGIN")
	}
	for _, s := range t.migration.Steps[:t.step.Index] {
		if s.Tag == "SET" && s.Err == nil {
			ahead = append(ahead, s.Stmt.Text)
		}
	}
	ahead = append(ahead, "SET search_path = "+searchPath(t.step), fmt.Sprintf("SET statement_timeout = %d", mostTime.Milliseconds()))
	for _, sql := range ahead {
		if _, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			return 0, fmt.Errorf("setting up to measure: %w", err)
		}
	}
	log, size, err := written(ctx, c)
	if err != nil {
		return 0, err
	}
	start, waited := time.Now(), t.server.waited(c)
	_, err = c.Exec(ctx, t.step.Stmt.Text, pgx.QueryExecModeSimpleProtocol)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "57014" { // query_canceled
		return 0, fmt.Errorf("on generated rows the statement takes longer than %s: %w", mostTime, err)
	}
	if err != nil {
		return 0, fmt.Errorf("the statement fails on generated rows: %w", err)
	}
	took := time.Since(start)
	took = max(0, took-(t.server.waited(c)-waited))
	log2, size2, err := written(ctx, c)
	t.wal, t.disk = log2-log, max(0, size2-size)
	return took, err
}

// written is where the log ends, 0 where a server logs less than production
// does, and how large the database is. Other sessions do not write on the
// throw-away server.
func written(ctx context.Context, c *pgx.Conn) (log, size int64, err error) {
	const q = `SELECT CASE WHEN pg_catalog.current_setting('wal_level') OPERATOR(pg_catalog.=) 'minimal' THEN 0 ELSE pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_insert_lsn(), '0/0') END::bigint,
		pg_catalog.pg_database_size(pg_catalog.current_database())`
	if err := c.QueryRow(ctx, q, pgx.QueryExecModeSimpleProtocol).Scan(&log, &size); err != nil {
		return 0, 0, fmt.Errorf("reading what the statement wrote: %w", err)
	}
	return log, size, nil
}

// waited is how long the server's process of a connection was ready to run and
// had no processor, because other programs had them all: no part of what a
// statement takes. Only Linux tells it; elsewhere it is 0.
func (s *Server) waited(c *pgx.Conn) time.Duration {
	if s.own == nil {
		return 0
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", c.PgConn().PID()))
	if err != nil {
		return 0
	}
	var running, waiting int64
	if _, err := fmt.Sscan(string(b), &running, &waiting); err != nil {
		return 0
	}
	return time.Duration(waiting)
}

func searchPath(step *devdb.Step) string {
	if step.Settings.SearchPath == "" {
		return `"$user", public`
	}
	return step.Settings.SearchPath
}
