package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
	"github.com/assaydb/assay/internal/stats"
)

// MeasureSizes are the numbers of rows that statements are measured at.
var MeasureSizes = []int64{100_000, 300_000, 1_000_000}

// Measure runs a step of a recorded migration on copies of base whose tables
// hold generated rows, at growing sizes, and reads off the time at production's
// number of rows. before are the migrations that run ahead of it. A table that
// has fewer rows in production than the largest size is measured as large as
// it is. It gives nil for a step whose time does not depend on the rows of a
// table that was there.
func (s *Server) Measure(ctx context.Context, base *DB, before []*migration.Migration, m *devdb.Recorded, step *devdb.Step, st *stats.Stats, sizes []int64) (*devdb.Measurement, error) {
	tables := growing(step)
	if len(tables) == 0 {
		if name := filledElsewhere(step); name != "" {
			return &devdb.Measurement{Object: name, Why: name + " gets its rows from a query: they cannot be made here"}, nil
		}
		return nil, nil
	}
	main := tables[0]
	out := &devdb.Measurement{Object: main.QualifiedName(), Sizes: sizes}
	known := st.Table(main.Schema, main.Name)
	if known == nil {
		out.Why = "the statistics do not know " + out.Object
		return out, nil
	}
	out.Rows, _ = known.Estimate()
	out.Sizes = upTo(affordable(known, out.Rows), sizes)
	t := &trial{server: s, migration: m, step: step, tables: tables, stats: st, cap: sizes[len(sizes)-1]}
	var err error
	if out.Took, err = t.run(ctx, base, before, out.Sizes); err != nil {
		var refused *pgconn.PgError
		if lives := errors.As(err, &refused) && refused.SeverityUnlocalized == "ERROR"; ctx.Err() != nil || !lives && s.own.died(time.Second) != nil {
			return nil, err
		}
		out.Why = err.Error()
		return out, nil
	}
	out.Left, out.Beside = t.left, t.beside()
	times := float64(out.Rows) / float64(out.Sizes[len(out.Sizes)-1])
	out.WAL, out.Disk = int64(times*float64(t.wal)), int64(times*float64(t.disk))
	growth := devdb.Linear
	for _, c := range step.Changes {
		if _, ok := c.(*schema.AddIndex); ok {
			growth = devdb.Sorted
		}
	}
	out.Fit(growth)
	return out, nil
}

// mostFilled is how many bytes of a table are made at most.
const mostFilled = 256 << 20

// affordable is as many of n rows as can be made in mostFilled bytes.
func affordable(t *stats.Table, n int64) int64 {
	if t == nil {
		return n
	}
	if wide, _ := t.RowBytes(); wide > 0 {
		return max(1, min(n, mostFilled/wide))
	}
	return n
}

// filledElsewhere is a relation whose rows decide how long the step takes and
// that is no table; empty if there is none.
func filledElsewhere(step *devdb.Step) string {
	for _, x := range step.Scans {
		if r := step.Before.Relations[x.Relation]; r != nil && r.Kind != schema.Table {
			return r.QualifiedName()
		}
	}
	for _, c := range step.Changes {
		if c, ok := c.(*schema.AddIndex); ok {
			if r := step.Before.Relations[c.Index.Table]; r != nil && r.Kind != schema.Table {
				return r.QualifiedName()
			}
		}
	}
	return ""
}

// upTo makes the sizes smaller, in proportion, where the largest is more than
// there are rows.
func upTo(rows int64, sizes []int64) []int64 {
	largest := sizes[len(sizes)-1]
	if rows >= largest {
		return sizes
	}
	out := make([]int64, len(sizes))
	for i, n := range sizes {
		out[i] = max(1, n*rows/largest)
	}
	return slices.Compact(out)
}

// growing are the tables whose rows decide how long the step takes, the one
// that is worked on first: those it scans, rewrites or indexes and that were
// there before the migration. If there are any, those it only locks come last:
// it may look rows up in them by an index.
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
			if c.Constraint.Kind == schema.ForeignKey && c.Constraint.Validated {
				add(c.Constraint.Table)
				add(c.Constraint.RefTable)
			}
		}
	}
	for _, x := range step.Scans {
		add(x.Relation)
	}
	if len(out) > 0 {
		for _, l := range step.Locks {
			add(l.Relation)
		}
	}
	return out
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
