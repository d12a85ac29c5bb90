package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// outcome is what came of a directory.
type outcome struct {
	failed   bool
	message  string // of the tool; of the server or of the notice for assay
	server   bool   // the message is the server's
	recorded []string
	catalog  *schema.Catalog
	rows     []string
}

// Compare runs the tool and assay on the directory and gives the differences;
// none if both did the same. Both run in copies of the empty database. said is the tool's failure, if it failed.
func Compare(ctx context.Context, s *postgres.Server, empty *postgres.DB, t *Tool, root, dir string) (differences []string, said string, err error) {
	theirs, err := runTool(ctx, s, empty, t, root+"/"+dir)
	if err != nil {
		return nil, "", err
	}
	ours, err := runAssay(ctx, s, empty, t, root, dir)
	if err != nil {
		return nil, "", err
	}
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case theirs.failed && !ours.failed:
		add("the tool fails and assay does not: %s", theirs.message)
	case !theirs.failed && ours.failed:
		add("assay fails and the tool does not: %s", ours.message)
	case ours.failed && ours.server && !strings.Contains(oneLine(theirs.message), oneLine(ours.message)):
		add("other failures: tool %q, assay %q", oneLine(theirs.message), oneLine(ours.message))
	}
	if a, b := strings.Join(theirs.recorded, ", "), strings.Join(ours.recorded, ", "); a != b {
		add("recorded as applied: tool %q, assay %q", a, b)
	}
	for _, d := range schema.Differences(theirs.catalog, ours.catalog) {
		add("catalog (- tool, + assay): %s", d)
	}
	if !slices.Equal(theirs.rows, ours.rows) {
		add("rows: tool %v, assay %v", theirs.rows, ours.rows)
	}
	return out, theirs.message, nil
}

func runTool(ctx context.Context, s *postgres.Server, empty *postgres.DB, t *Tool, dir string) (*outcome, error) {
	db, err := s.Clone(ctx, empty)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	c, err := db.ConnectOwner(ctx)
	if err != nil {
		return nil, err
	}
	at := databaseOf(c.Config())
	if err := c.Close(ctx); err != nil {
		return nil, err
	}
	out := &outcome{}
	if err := t.Run(ctx, at, dir); err != nil {
		out.failed, out.message = true, err.Error()
	}
	admin, err := db.ConnectAdmin(ctx)
	if err != nil {
		return nil, err
	}
	defer admin.Close(ctx)
	rows, err := admin.Query(ctx, t.Recorded)
	if err == nil {
		out.recorded, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil && !strings.Contains(err.Error(), "42P01") { // it may have made no table
		return nil, fmt.Errorf("reading what %s records: %w", t.Name, err)
	}
	return out, out.look(ctx, t, db, admin)
}

// look reads the catalog and the rows.
func (o *outcome) look(ctx context.Context, t *Tool, db *postgres.DB, admin *pgx.Conn) (err error) {
	if o.catalog, err = db.Catalog(ctx); err != nil {
		return err
	}
	for _, r := range o.catalog.Relations {
		name := r.QualifiedName()
		if r.Kind != "table" || slices.Contains(t.Own, name) {
			continue
		}
		var sum string
		id := pgx.Identifier{r.Schema, r.Name}.Sanitize()
		err := admin.QueryRow(ctx, "SELECT count(*) || ' ' || coalesce(md5(string_agg(x::text, '|' ORDER BY x::text)), '') FROM ONLY "+id+" x").Scan(&sum)
		if err != nil {
			return err
		}
		o.rows = append(o.rows, name+" "+sum)
	}
	slices.Sort(o.rows)
	return nil
}

func runAssay(ctx context.Context, s *postgres.Server, empty *postgres.DB, t *Tool, root, path string) (*outcome, error) {
	db, err := s.Clone(ctx, empty)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	out := &outcome{}
	dir, err := migration.Load(os.DirFS(root), path, migration.Options{Format: t.Format})
	if err != nil {
		out.failed, out.message = true, err.Error()
	} else if err := out.replay(ctx, t, db, dir); err != nil {
		return nil, err
	}
	admin, err := db.ConnectAdmin(ctx)
	if err != nil {
		return nil, err
	}
	defer admin.Close(ctx)
	return out, out.look(ctx, t, db, admin)
}

// replay runs the migrations up to the first that fails.
func (o *outcome) replay(ctx context.Context, t *Tool, db *postgres.DB, dir *migration.Dir) error {
	db.KeepSession(true)
	if len(dir.Migrations) > 0 {
		if err := o.bookkeeping(ctx, db, dir.Migrations[0]); err != nil {
			return err
		}
	}
	for _, n := range dir.Notices {
		if n.Refused == migration.RefusedRun {
			o.failed, o.message = true, n.Text
			return nil
		}
	}
	if len(dir.Migrations) > 0 && dir.Migrations[0].TxMode == migration.TxAll {
		return o.replayAll(ctx, t, db, dir)
	}
	for i, m := range dir.Migrations {
		m, notice, after := refused(dir, m)
		if notice != "" {
			o.failed, o.message = true, notice
		}
		records := m.Format.Records()
		switch {
		case records == "" || notice != "":
		case m.TxMode == migration.TxFile:
			m, records = recorded(m, records), ""
		}
		err := db.Replay(ctx, m)
		if err == nil && records != "" && notice == "" {
			after := *m
			after.TxMode, after.Statements = migration.TxNone, nil
			err = db.Replay(ctx, recorded(&after, records))
		}
		if err == nil && i == len(dir.Migrations)-1 {
			err = db.Finish(ctx)
		}
		var refused *devdb.StatementError
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		if notice != "" && refused == nil && len(m.Statements) > 0 {
			return fmt.Errorf("%s: a statement that is refused by a notice has run", m.Path)
		}
		if refused != nil || notice != "" {
			if notice == "" {
				o.failed, o.message, o.server = true, refused.Message, true
			}
			if t.Failed != nil {
				o.record(t.Failed(m))
			}
			return nil
		}
		o.record(t.Record(m))
		if after != "" {
			o.failed, o.message = true, after
			return nil
		}
	}
	return nil
}

// replayAll runs all migrations in one transaction.
func (o *outcome) replayAll(ctx context.Context, t *Tool, db *postgres.DB, dir *migration.Dir) error {
	all := *dir.Migrations[0]
	all.TxMode, all.Statements = migration.TxFile, nil
	notice := ""
	for _, m := range dir.Migrations {
		m, text, _ := refused(dir, m)
		all.Statements = append(all.Statements, m.Statements...)
		o.record(t.Record(m))
		if notice = text; notice != "" {
			break
		}
	}
	err := db.Replay(ctx, &all)
	var failed *devdb.StatementError
	if err != nil && !errors.As(err, &failed) {
		return err
	}
	switch {
	case notice != "":
		o.failed, o.message, o.recorded = true, notice, nil
	case failed != nil:
		o.failed, o.message, o.server, o.recorded = true, failed.Message, true, nil
	}
	return nil
}

// refused gives the migration with a statement that fails where its first notice
// of a refusal is, what that notice says, and what one says that ends the run after the file.
func refused(dir *migration.Dir, m *migration.Migration) (_ *migration.Migration, notice, after string) {
	var first *migration.Notice
	for i, n := range dir.Notices {
		switch {
		case n.Pos.Path != m.Path || n.Refused == "":
		case n.Refused == migration.RefusedFile:
			out := *m
			out.Statements = nil
			return &out, n.Text, ""
		case n.Refused == migration.RefusedAfter:
			after = n.Text
		case first == nil || n.Pos.Offset < first.Pos.Offset:
			first = &dir.Notices[i]
		}
	}
	if first == nil {
		return m, "", after
	}
	out := *m
	out.Statements = nil
	for _, st := range m.Statements {
		if st.Pos.Offset < first.Pos.Offset {
			out.Statements = append(out.Statements, st)
		}
	}
	out.Statements = append(out.Statements, &migration.Statement{Kind: migration.SQL, Text: "what the server rejects", Pos: first.Pos, End: first.Pos, Syntax: &migration.Syntax{}})
	return &out, first.Text, ""
}

// recorded gives the migration with what the tool runs after it.
func recorded(m *migration.Migration, sql string) *migration.Migration {
	out := *m
	end := migration.Position{Path: m.Path, Line: 1, Column: 1}
	if n := len(m.Statements); n > 0 {
		end = m.Statements[n-1].End
	}
	out.Statements = append(slices.Clip(m.Statements), &migration.Statement{Kind: migration.SQL, Text: sql, Pos: end, End: end, Syntax: &migration.Syntax{}})
	return &out
}

// record notes what the tool records. What begins with = takes the place of what was before.
func (o *outcome) record(text string) {
	if last, ok := strings.CutPrefix(text, "="); ok {
		o.recorded = []string{last}
		return
	}
	o.recorded = append(o.recorded, text)
}

func (o *outcome) bookkeeping(ctx context.Context, db *postgres.DB, m *migration.Migration) error {
	c, err := db.ConnectOwner(ctx)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, m.Bookkeeping); err != nil {
		return fmt.Errorf("making the tables of the tool: %w", err)
	}
	return nil
}
