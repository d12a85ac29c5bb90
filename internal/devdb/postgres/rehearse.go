package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// rehearsedRows is how many rows of a table are compared.
const rehearsedRows = 2000

// mostSeeded is how many copies of a base with rows are kept for the next rehearsal.
const mostSeeded = 4

// seeded is a copy of a base in which rows were put, and which is copied for
// each rehearsal over these rows: putting them in takes sessions of its own.
type seeded struct {
	rows  []string
	db    *DB // the base itself where there are no rows
	first *devdb.State
	start map[string]string // the settings of a new session
}

// Rehearse runs migrations in one run of their tool on a copy of base that
// holds rows, and gives what other sessions saw after each. Rows that the
// server refuses are left out. The run ends with the first migration that the
// server refuses.
func (s *Server) Rehearse(ctx context.Context, base *DB, rows []string, all []*migration.Migration) (out *devdb.Rehearsal, err error) {
	with, err := base.withRows(ctx, rows)
	if err != nil {
		return nil, err
	}
	db, err := s.Clone(ctx, with.db)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	r := db.recorder()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	if err := base.begins(ctx, with, r); err != nil {
		return nil, err
	}
	db.KeepSession(true)
	out = &devdb.Rehearsal{States: []devdb.State{*with.first}}
	for i, m := range all {
		err := db.Replay(ctx, m)
		if err == nil && (i == len(all)-1 || m.TxMode != migration.TxAll) {
			err = db.Finish(ctx)
		}
		refused, isRefused := asStatementError(err)
		if err != nil && !isRefused {
			return nil, fmt.Errorf("running %s over rows: %w", m.Path, err)
		}
		st, err := r.state(ctx, m.Path, with.start)
		if err != nil {
			return nil, err
		}
		out.States = append(out.States, st)
		if refused != nil {
			out.Err = refused
			break
		}
	}
	return out, nil
}

// withRows gives a copy of the database that holds rows, which is made once.
func (d *DB) withRows(ctx context.Context, rows []string) (*seeded, error) {
	d.kept.Lock()
	defer d.kept.Unlock()
	if err := d.unkeep(); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(d.kept.seeded, func(s *seeded) bool { return slices.Equal(s.rows, rows) })
	if i >= 0 {
		return d.kept.seeded[i], nil
	}
	if len(d.kept.seeded) == mostSeeded {
		old := d.kept.seeded[0]
		d.kept.seeded = d.kept.seeded[1:]
		if err := old.close(d); err != nil {
			return nil, err
		}
	}
	out := &seeded{rows: slices.Clone(rows), db: d}
	if len(rows) > 0 {
		var err error
		if out.db, err = d.server.Clone(ctx, d); err != nil {
			return nil, err
		}
		if err := out.db.insert(ctx, rows); err != nil {
			return nil, errors.Join(err, out.db.Close())
		}
	}
	d.kept.seeded = append(d.kept.seeded, out)
	return out, nil
}

// begins notes what is seen, and the settings of the session, before anything was run.
func (d *DB) begins(ctx context.Context, with *seeded, r *recorder) error {
	d.kept.Lock()
	defer d.kept.Unlock()
	if with.first != nil {
		return nil
	}
	start, err := r.sessionSettings(ctx)
	if err != nil {
		return err
	}
	first, err := r.state(ctx, "", start)
	if err != nil {
		return err
	}
	with.first, with.start = &first, start
	return nil
}

func (s *seeded) close(base *DB) error {
	if s.db == base {
		return nil
	}
	return s.db.Close()
}

// insert puts rows in, as old ones would be there: no trigger sees them where
// the server lets triggers be left out. Defaults and checks are the migrations'
// own code, so it is their role that inserts.
func (d *DB) insert(ctx context.Context, rows []string) error {
	if len(rows) == 0 {
		return nil
	}
	c, err := d.connectQuiet(ctx)
	if err == nil && c == nil {
		c, err = d.ConnectOwner(ctx)
	}
	if err != nil {
		return fmt.Errorf("connecting to insert rows: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	conn := c.PgConn()
	if _, err := conn.Exec(ctx, "SET search_path TO public, pg_catalog").ReadAll(); err != nil {
		return fmt.Errorf("preparing to insert rows: %w", err)
	}
	for _, sql := range rows {
		_, err := conn.Exec(ctx, sql).ReadAll()
		var refused *pgconn.PgError
		if err != nil && !errors.As(err, &refused) {
			return fmt.Errorf("inserting rows: %w", err)
		}
	}
	return nil
}

// state reads what other sessions see, and the settings of the tool's session.
func (r *recorder) state(ctx context.Context, after string, start map[string]string) (devdb.State, error) {
	out := devdb.State{After: after}
	now := start
	if r.conn != nil && !r.conn.IsClosed() && r.conn.TxStatus() == 'I' {
		var err error
		if now, err = r.sessionSettings(ctx); err != nil {
			return out, err
		}
	}
	for name, v := range now {
		if start[name] != v {
			out.Settings = append(out.Settings, name+" = "+v)
		}
	}
	slices.Sort(out.Settings)
	if now != nil && r.conn != nil && !r.conn.IsClosed() && r.conn.TxStatus() == 'I' && onlyPinned(start, now) {
		if all, ok := r.ownRows(ctx); ok {
			out.Tables = all
			return out, nil
		}
	}
	obs, err := r.observer(ctx)
	if err != nil {
		return out, err
	}
	if _, err := obs.Exec(ctx, sameText).ReadAll(); err != nil {
		return out, fmt.Errorf("preparing to read rows: %w", err)
	}
	out.Tables, _, err = readRows(ctx, obs, false)
	return out, err
}

// onlyPinned reports whether all settings that differ are those that ownRows sets
// for its transaction.
func onlyPinned(start, now map[string]string) bool {
	for name, v := range now {
		if _, pinned := adminPins[name]; !pinned && start[name] != v {
			return false
		}
	}
	return true
}

// sameText sets what an admin's session does not, and values are printed by.
const sameText = "SET lc_monetary TO 'C'"

// asAdminReads gives the owner's session the settings of an admin's for one transaction.
var asAdminReads = func() string {
	sql := "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL lc_monetary TO 'C'"
	for _, name := range sortedKeys(adminPins) {
		switch {
		case strings.HasPrefix(name, "default_"), name == "temp_tablespaces", name == "local_preload_libraries":
			continue // nothing is made here, and no session begins
		case name == "search_path" || name == "datestyle":
			sql += "; SET LOCAL " + name + " TO " + adminPins[name]
		default:
			sql += "; SET LOCAL " + name + " TO '" + adminPins[name] + "'"
		}
	}
	return sql
}()

// ownRows reads the rows in the session of the migrations, which takes no other:
// false where that session may not see all of them.
func (r *recorder) ownRows(ctx context.Context) ([]devdb.TableState, bool) {
	r.settle(ctx)
	if _, err := r.conn.Exec(ctx, asAdminReads).ReadAll(); err != nil {
		_, _ = r.conn.Exec(ctx, "ROLLBACK").ReadAll() // the admin reads then
		return nil, false
	}
	all, ok, err := readRows(ctx, r.conn, true)
	if _, end := r.conn.Exec(ctx, "ROLLBACK").ReadAll(); err != nil || end != nil {
		return nil, false
	}
	return all, ok
}

// rowsSQL gives the tables that have rows, how to read them, and whether the role
// may see all that is in them. A cast of a table's rows is the migrations' own
// code, which the admin must not run: record_out calls none.
var rowsSQL = `SELECT n.nspname::pg_catalog.text || '.' || c.relname::pg_catalog.text, pg_catalog.format('SELECT * FROM ONLY %I.%I t ORDER BY pg_catalog.record_out(t)::pg_catalog.text LIMIT ` + fmt.Sprint(rehearsedRows+1) + `', n.nspname, c.relname),
	c.relowner = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user) AND NOT c.relforcerowsecurity
		AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
	FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_|^information_schema$|^assay_' AND pg_catalog.pg_relation_size(c.oid) > 0 ORDER BY 1`

// readRows reads the rows of all tables, or with seen none unless the role may see all.
func readRows(ctx context.Context, c *pgconn.PgConn, seen bool) ([]devdb.TableState, bool, error) {
	res, err := c.Exec(ctx, rowsSQL).ReadAll()
	if err != nil {
		return nil, false, fmt.Errorf("looking for tables with rows: %w", err)
	}
	var out []devdb.TableState
	for _, row := range res[0].Rows {
		if seen && string(row[2]) != "t" {
			return nil, false, nil
		}
		t := devdb.TableState{Name: string(row[0])}
		got, err := c.Exec(ctx, string(row[1])).ReadAll()
		if err != nil {
			return nil, false, fmt.Errorf("reading the rows of %s: %w", t.Name, err)
		}
		for _, f := range got[0].FieldDescriptions {
			t.Columns = append(t.Columns, f.Name)
		}
		t.Rows = lastRows(got)
		if t.Cut = len(t.Rows) > rehearsedRows; t.Cut {
			t.Rows = t.Rows[:rehearsedRows]
		}
		if len(t.Rows) > 0 {
			out = append(out, t)
		}
	}
	return out, true, nil
}

// sessionSettings are those that statements of the session have set.
func (r *recorder) sessionSettings(ctx context.Context) (map[string]string, error) {
	r.settle(ctx)
	res, err := r.conn.Exec(ctx, `SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session'
		UNION ALL SELECT 'role', pg_catalog.current_setting('role') UNION ALL SELECT 'session_authorization', session_user`).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the session's settings: %w", err)
	}
	out := map[string]string{}
	for _, row := range res[0].Rows {
		out[string(row[0])] = strings.TrimSpace(string(row[1]))
	}
	return out, nil
}

// KeepSession says whether the migrations that follow are those of one run of
// their tool: settings then last from file to file as long as the tool's session does.
func (d *DB) KeepSession(on bool) {
	r := d.recorder()
	r.oneRun, r.ran = on, false
}

// goesOn reports whether a file begins with the settings that the one before
// left, and puts back what the tool does between the two.
func (r *recorder) goesOn(ctx context.Context, m *migration.Migration) (bool, error) {
	on := r.oneRun && r.ran && m.Format.Session() != migration.SessionFile
	r.ran = true
	if !on {
		return false, nil
	}
	if m.Format.Session() == migration.SessionRestored {
		r.settle(ctx)
		if _, err := r.conn.Exec(ctx, "RESET ROLE; RESET search_path").ReadAll(); err != nil {
			return false, fmt.Errorf("putting role and search_path back: %w", err)
		}
	}
	var err error
	r.settings, err = r.show(ctx) // SET LOCAL has ended with its transaction
	return true, err
}
