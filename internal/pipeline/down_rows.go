package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/proof"
	"github.com/assaydb/assay/internal/schema"
)

// Rollback tries the recorded down migrations on rows: on those that are kept
// from before the migration, and on those that only the new schema takes.
type Rollback struct {
	Bench    Bench // at the base; it is advanced
	Rehearse Rehearser
	How      Proving
}

// mostKept is how many down migrations are run over rows that are kept: each
// takes the migrations before it.
const mostKept = 20

// Try adds what came of it to the down migrations of r.
func (b Rollback) Try(ctx context.Context, r *devdb.Record) error {
	last, keeps := -1, false
	for i, m := range r.New {
		if !ran(m) {
			continue
		}
		if moves(m) {
			last, keeps = i, true
		} else if demands(m) {
			last = i
		}
	}
	var rows []string
	if keeps {
		var err error
		if rows, err = proof.Fill(ctx, b.Bench, r.Before, r.After, touched(r), proof.FillKept); err != nil {
			return fmt.Errorf("making rows to try down migrations on: %w", err)
		}
	}
	for i, m := range r.New[:last+1] {
		if i < mostKept && ran(m) && moves(m) {
			if err := b.kept(ctx, r, i, rows); err != nil {
				return err
			}
		}
		var refused *devdb.StatementError
		if err := b.Bench.Advance(ctx, m.Migration); errors.As(err, &refused) {
			return nil
		} else if err != nil {
			return fmt.Errorf("replaying %s to try its down migration: %w", m.Path, err)
		}
		if ran(m) && demands(m) {
			how := b.How.filled()
			how.Only = refuses
			if err := prove(ctx, b.Bench, m.Down.Steps[0].Before, undo(m), how); err != nil {
				return err
			}
		}
		if m.Down != nil {
			m.Down.Tried = true
		}
	}
	return nil
}

// ran reports whether the down migration was run to its end, and not yet over rows.
func ran(m *devdb.Recorded) bool {
	return m.Err == nil && m.Down != nil && !m.Down.Tried && m.Down.Err == nil && len(m.Steps) > 0 && len(m.Down.Steps) > 0
}

// undo is the down migration as a change of its own.
func undo(m *devdb.Recorded) []*devdb.Recorded {
	return []*devdb.Recorded{{Migration: m.Down.Migration, Steps: m.Down.Steps}}
}

// refuses reports whether a task is about rows that a statement fails on.
func refuses(t *proof.Task) bool {
	return t.Demand != devdb.DemandKeep && t.Demand != devdb.DemandData && t.Demand != devdb.DemandLater
}

// demands reports whether the down migration fails on some rows.
func demands(m *devdb.Recorded) bool {
	return slices.ContainsFunc(proof.Tasks(m.Down.Steps[0].Before, undo(m)), refuses)
}

// moves reports whether values that were there before the migration are where
// the down migration has to put them back: a column that the migration renames,
// drops or takes elsewhere, or whose type the down migration changes.
func moves(m *devdb.Recorded) bool {
	before, after := m.Steps[0].Before, m.Steps[len(m.Steps)-1].After
	for _, t := range before.Relations {
		now := after.Relations[t.OID]
		if t.Kind != schema.Table && t.Kind != schema.PartitionedTable {
			continue
		}
		if now == nil || now.QualifiedName() != t.QualifiedName() {
			return true
		}
		for _, c := range t.Columns {
			if n := now.Column(c.Num); n == nil || n.Name != c.Name {
				return true
			}
		}
	}
	for _, s := range m.Down.Steps {
		for _, c := range s.Changes {
			if a, ok := c.(*schema.AlterColumnType); ok && before.Relations[a.Table.OID] != nil {
				return true
			}
		}
	}
	return false
}

// kept runs the migrations up to the given one and its down migration over rows.
func (b Rollback) kept(ctx context.Context, r *devdb.Record, i int, rows []string) error {
	m := r.New[i]
	all := append(files(r)[:i+1:i+1], m.Down.Migration)
	run, err := b.Rehearse(ctx, rows, all)
	if err != nil {
		return err
	}
	switch {
	case run.Err != nil && len(run.States) == i+3: // the migrations took the rows
		m.Down.Refused = run.Err
	case run.Err == nil:
		m.Down.Lost = lostValues(m.Steps[0].Before, &run.States[i], &run.States[i+1], run.Last())
	}
	return nil
}

// lostValues says of which columns the down migration does not bring the values
// back that the migration has kept in another place.
func lostValues(c *schema.Catalog, before, up, down *devdb.State) (out []devdb.LostColumn) {
	for _, t := range schema.Sorted(c.Relations) {
		was := before.Table(t.QualifiedName())
		if was == nil {
			continue
		}
		for i, name := range was.Columns {
			values := held(was, i)
			if len(values) == 0 || includes(columnOf(down.Table(was.Name), name), values) {
				continue
			}
			if place := placeOf(up, was.Name, name, values); place != "" {
				out = append(out, devdb.LostColumn{Column: was.Name + "." + name, Kept: place, Value: values[0]})
			}
		}
	}
	return out
}

// placeOf is the column of a state that holds all of the values: the one of the
// same name first. Empty if there is none.
func placeOf(s *devdb.State, table, column string, values []string) string {
	place := ""
	for _, t := range s.Tables {
		for i, name := range t.Columns {
			if !includes(held(&t, i), values) {
				continue
			}
			if t.Name == table && name == column {
				return t.Name + "." + name
			}
			if place == "" {
				place = t.Name + "." + name
			}
		}
	}
	return place
}

// columnOf are the values of a column, none if there is no such column.
func columnOf(t *devdb.TableState, name string) []string {
	if t == nil || t.Column(name) < 0 {
		return nil
	}
	return held(t, t.Column(name))
}

// held are the values of a column that are not NULL, sorted.
func held(t *devdb.TableState, i int) (out []string) {
	for _, r := range t.Rows {
		if r[i] != nil {
			out = append(out, *r[i])
		}
	}
	slices.Sort(out)
	return out
}

// includes reports whether sorted values are among others, each as often.
func includes(all, values []string) bool {
	i := 0
	for _, v := range values {
		for i < len(all) && all[i] < v {
			i++
		}
		if i == len(all) || all[i] != v {
			return false
		}
		i++
	}
	return true
}
