package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
	"github.com/assaydb/assay/internal/stats"
)

// MeasureSizes are the numbers of rows that statements are measured at.
var MeasureSizes = []int64{100_000, 300_000, 1_000_000}

// Measure runs a step of a recorded migration on copies of base whose tables
// hold generated rows, at growing sizes, and reads off the time at production's
// number of rows. before are the migrations that run ahead of it. It gives nil
// for a step whose time does not depend on the rows of a table that was there.
func (s *Server) Measure(ctx context.Context, base *DB, before []*migration.Migration, m *devdb.Recorded, step *devdb.Step, st *stats.Stats, sizes []int64) (*devdb.Measurement, error) {
	tables := growing(step)
	if len(tables) == 0 {
		return nil, nil
	}
	main := tables[0]
	out := &devdb.Measurement{Object: main.QualifiedName(), Sizes: sizes}
	known := st.Table(main.Schema, main.Name)
	if known == nil || known.Rows < 0 {
		out.Why = "the statistics do not know " + out.Object
		return out, nil
	}
	out.Rows = known.Rows
	for _, n := range sizes {
		took, left, err := s.measureOnce(ctx, base, before, m, step, tables, st, n)
		if err != nil {
			if ctx.Err() != nil || s.own.died(time.Second) != nil {
				return nil, err
			}
			out.Why = err.Error()
			return out, nil
		}
		out.Took, out.Left = append(out.Took, took), left
	}
	growth := devdb.Linear
	for _, c := range step.Changes {
		switch c := c.(type) {
		case *schema.AddIndex:
			growth = devdb.Sorted
		case *schema.AddConstraint: // a join of two tables, whose hash outgrows the caches
			if c.Constraint.Kind == schema.ForeignKey {
				growth = devdb.Sorted
			}
		}
	}
	out.Fit(growth)
	return out, nil
}

// growing are the tables whose rows decide how long the step takes, the one
// that is worked on first: those it scans, rewrites or indexes and that were
// there before the migration.
func growing(step *devdb.Step) []*schema.Relation {
	var out []*schema.Relation
	add := func(oid schema.OID) {
		if r := step.Before.Relations[oid]; r != nil && r.Kind == schema.Table && !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	for _, r := range step.Rewrites {
		if r.Kind == "table" {
			add(r.Relation)
		}
	}
	for _, c := range step.Changes {
		switch c := c.(type) {
		case *schema.AddIndex:
			add(c.Index.Table)
		case *schema.AddConstraint:
			if c.Constraint.Kind == schema.ForeignKey {
				add(c.Constraint.Table)
				add(c.Constraint.RefTable)
			}
		}
	}
	for _, x := range step.Scans {
		add(x.Relation)
	}
	return out
}

func (s *Server) measureOnce(ctx context.Context, base *DB, before []*migration.Migration, m *devdb.Recorded, step *devdb.Step, tables []*schema.Relation, st *stats.Stats, n int64) (took time.Duration, left []string, err error) {
	db, err := s.Clone(ctx, base)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, b := range before {
		if err := db.Replay(ctx, b); err != nil {
			return 0, nil, err
		}
	}
	first := *m.Migration
	first.Statements = first.Statements[:step.Index]
	first.TxMode = migration.TxNone // its transaction would end before the statement that is measured
	if err := db.Replay(ctx, &first); err != nil {
		return 0, nil, err
	}
	if err := db.Disconnect(ctx); err != nil {
		return 0, nil, err
	}
	if left, err = db.fillTables(ctx, step, tables, st, n); err != nil {
		return 0, left, err
	}
	c, err := db.ConnectOwner(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "SET search_path = "+searchPath(step)); err != nil {
		return 0, left, fmt.Errorf("setting the search_path: %w", err)
	}
	start := time.Now()
	if _, err := c.Exec(ctx, step.Stmt.Text, pgx.QueryExecModeSimpleProtocol); err != nil {
		return 0, left, fmt.Errorf("the statement fails on generated rows: %w", err)
	}
	return time.Since(start), left, nil
}

func searchPath(step *devdb.Step) string {
	if step.Settings.SearchPath == "" {
		return `"$user", public`
	}
	return step.Settings.SearchPath
}

// fillTables gives the first table n rows and the others as many as production
// has in proportion, ten at least.
func (d *DB) fillTables(ctx context.Context, step *devdb.Step, tables []*schema.Relation, st *stats.Stats, n int64) (left []string, err error) {
	d.large = true
	c, err := d.connectQuiet(ctx)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, errors.New("the dev server does not let triggers be left out of the way")
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, "SET row_security = off; SET maintenance_work_mem = '256MB'"); err != nil {
		return nil, fmt.Errorf("setting up to fill tables: %w", err)
	}
	// Parents first: the rows of the others refer to them.
	for i := len(tables) - 1; i >= 0; i-- {
		t := tables[i]
		rows := n
		if main, other := st.Table(tables[0].Schema, tables[0].Name), st.Table(t.Schema, t.Name); i > 0 && main != nil && other != nil && main.Rows > 0 && other.Rows >= 0 {
			rows = max(10, other.Rows*n/main.Rows)
		}
		unique, full := wanted(step, t)
		f, err := newFilling(step.Before, t, st.Table(t.Schema, t.Name), unique, full)
		if err != nil {
			return left, err
		}
		refer(f, step, st, n)
		out, err := f.fill(ctx, c, rows)
		left = append(left, out...)
		if err != nil {
			return left, err
		}
		if _, err := c.Exec(ctx, "VACUUM ANALYZE "+pgx.Identifier{t.Schema, t.Name}.Sanitize()); err != nil {
			return left, fmt.Errorf("analyzing %s: %w", t.QualifiedName(), err)
		}
	}
	admin, err := d.ConnectAdmin(ctx)
	if err != nil {
		return left, err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	_, err = admin.Exec(ctx, "CHECKPOINT")
	return left, err
}

// wanted are the columns that the step wants unique, and those without NULL.
func wanted(step *devdb.Step, t *schema.Relation) (unique, full []int16) {
	for _, c := range step.Changes {
		switch c := c.(type) {
		case *schema.AddIndex:
			if c.Index.Table == t.OID && c.Index.Unique {
				for _, k := range c.Index.Keys {
					unique = append(unique, k.Column)
				}
			}
		case *schema.SetNotNull:
			if c.Table.OID == t.OID {
				full = append(full, c.Column.Num)
			}
		}
	}
	return unique, full
}

// refer makes the referencing columns of a foreign key that the step adds hold
// keys that the referenced table has: values are made the same way in both, so
// only their number must not be exceeded.
func refer(f *filling, step *devdb.Step, st *stats.Stats, n int64) {
	for _, c := range step.Changes {
		k, ok := c.(*schema.AddConstraint)
		if !ok || k.Constraint.Kind != schema.ForeignKey || k.Constraint.Table != f.table.OID {
			continue
		}
		ref := step.Before.Relations[k.Constraint.RefTable]
		if ref == nil {
			continue
		}
		rows := n
		if main, other := st.Table(f.table.Schema, f.table.Name), st.Table(ref.Schema, ref.Name); main != nil && other != nil && main.Rows > 0 && other.Rows >= 0 {
			rows = max(10, other.Rows*n/main.Rows)
		}
		keys, err := newFilling(step.Before, ref, st.Table(ref.Schema, ref.Name), nil, nil)
		if err != nil {
			continue
		}
		for i, num := range k.Constraint.Columns {
			at := slices.IndexFunc(f.columns, func(c *schema.Column) bool { return c.Num == num })
			from := slices.IndexFunc(keys.columns, func(c *schema.Column) bool { return c.Num == k.Constraint.RefColumns[i] })
			if at < 0 || from < 0 {
				continue
			}
			key := keys.makers[from]
			f.makers[at] = func(b []byte, i int64) []byte { return key(b, int64(mixed(i)%uint64(rows))) }
		}
	}
}
