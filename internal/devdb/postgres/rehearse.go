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

// Rehearse runs migrations in one run of their tool on a copy of base that
// holds rows, and gives what other sessions saw after each. Rows that the
// server refuses are left out. The run ends with the first migration that the
// server refuses.
func (s *Server) Rehearse(ctx context.Context, base *DB, rows []string, all []*migration.Migration) (out *devdb.Rehearsal, err error) {
	db, err := s.Clone(ctx, base)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.insert(ctx, rows); err != nil {
		return nil, err
	}
	r := db.recorder()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	start, err := r.sessionSettings(ctx)
	if err != nil {
		return nil, err
	}
	db.KeepSession(true)
	out = &devdb.Rehearsal{}
	first, err := r.state(ctx, "", start)
	if err != nil {
		return nil, err
	}
	out.States = append(out.States, first)
	for i, m := range all {
		err := db.Replay(ctx, m)
		if err == nil && (i == len(all)-1 || m.TxMode != migration.TxAll) {
			err = db.Finish(ctx)
		}
		refused, isRefused := asStatementError(err)
		if err != nil && !isRefused {
			return nil, fmt.Errorf("running %s over rows: %w", m.Path, err)
		}
		st, err := r.state(ctx, m.Path, start)
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
	obs, err := r.observer(ctx)
	if err != nil {
		return out, err
	}
	// A cast of a table's rows is the migrations' own code, which the admin must
	// not run: record_out calls none.
	res, err := obs.Exec(ctx, `SELECT n.nspname::text || '.' || c.relname::text, pg_catalog.format('SELECT * FROM ONLY %I.%I t ORDER BY pg_catalog.record_out(t)::pg_catalog.text LIMIT `+fmt.Sprint(rehearsedRows+1)+`', n.nspname, c.relname)
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_|^information_schema$|^assay_' AND pg_catalog.pg_relation_size(c.oid) > 0 ORDER BY 1`).ReadAll()
	if err != nil {
		return out, fmt.Errorf("looking for tables with rows: %w", err)
	}
	for _, row := range res[0].Rows {
		t := devdb.TableState{Name: string(row[0])}
		got, err := obs.Exec(ctx, string(row[1])).ReadAll()
		if err != nil {
			return out, fmt.Errorf("reading the rows of %s: %w", t.Name, err)
		}
		for _, f := range got[0].FieldDescriptions {
			t.Columns = append(t.Columns, f.Name)
		}
		t.Rows = lastRows(got)
		if t.Cut = len(t.Rows) > rehearsedRows; t.Cut {
			t.Rows = t.Rows[:rehearsedRows]
		}
		if len(t.Rows) > 0 {
			out.Tables = append(out.Tables, t)
		}
	}
	return out, nil
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
