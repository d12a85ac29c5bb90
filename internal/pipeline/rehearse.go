package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/proof"
	"github.com/assaydb/assay/internal/schema"
)

// Rehearser runs migrations over rows on a copy of the base.
type Rehearser func(ctx context.Context, rows []string, all []*migration.Migration) (*devdb.Rehearsal, error)

// Equivalence compares changed migrations with the recorded ones by running
// both over rows.
type Equivalence struct {
	Lab      proof.Lab // at the base
	Rehearse Rehearser

	ready bool
	nasty []string           // rows of any kind
	fails bool               // the recorded migrations refuse them
	rows  []string           // rows that they take
	runs  []*devdb.Rehearsal // twice over rows: what differs is another in each run
}

// prepare runs the recorded migrations.
func (e *Equivalence) prepare(ctx context.Context, r *devdb.Record) error {
	if e.ready {
		return nil
	}
	tables := touched(r)
	for _, how := range []proof.Filling{proof.FillAny, proof.FillKept, proof.FillPlain, proof.FillOne, proof.FillNone} {
		rows, err := proof.Fill(ctx, e.Lab, r.Before, r.After, tables, how)
		if err != nil {
			return fmt.Errorf("making rows to try fixes on: %w", err)
		}
		run, err := e.Rehearse(ctx, rows, files(r))
		if err != nil {
			return err
		}
		if how == proof.FillAny {
			e.nasty, e.fails = rows, run.Err != nil
		}
		if run.Err != nil && how != proof.FillNone {
			continue
		}
		again, err := e.Rehearse(ctx, rows, files(r))
		if err != nil {
			return err
		}
		e.rows, e.runs = rows, []*devdb.Rehearsal{run, again}
		break
	}
	e.ready = true
	return nil
}

func files(r *devdb.Record) []*migration.Migration {
	var out []*migration.Migration
	for _, m := range r.New {
		out = append(out, m.Migration)
	}
	return out
}

// touched are the tables that were there before and that the new migrations
// lock, read, write or change.
func touched(r *devdb.Record) []*schema.Relation {
	seen := map[schema.OID]bool{}
	for _, m := range r.New {
		for _, s := range m.Steps {
			for _, l := range s.Locks {
				seen[l.Table], seen[l.Relation] = true, true
			}
			for _, n := range s.Rows {
				seen[n.Relation] = true
			}
		}
	}
	var out []*schema.Relation
	for _, t := range schema.Sorted(r.Before.Relations) {
		if seen[t.OID] && (t.Kind == schema.Table && t.PartitionOf == 0 || t.Kind == schema.PartitionedTable && t.PartitionOf == 0) {
			out = append(out, t)
		}
	}
	return out
}

// Differs says in what changed migrations do another thing to rows than the
// recorded ones; empty if in nothing.
func (e *Equivalence) Differs(ctx context.Context, before, after *devdb.Record) (string, error) {
	if err := e.prepare(ctx, before); err != nil {
		return "", err
	}
	was := e.runs[0]
	now, err := e.Rehearse(ctx, e.rows, files(after))
	if err != nil {
		return "", err
	}
	switch {
	case now.Err != nil && was.Err == nil:
		return fmt.Sprintf("it fails on rows that the migration takes: %s", now.Err.Error()), nil
	case now.Err == nil && was.Err != nil:
		return "it takes rows that the migration refuses", nil
	}
	loose := e.loose(before, after)
	if d := sameRows(was.Last(), now.Last(), loose, nil); d != "" {
		return "the rows end up different: " + d, nil
	}
	if d := leftBehind(was, now); d != "" {
		return d, nil
	}
	if d := between(before, was, now, loose); d != "" {
		return d, nil
	}
	if !e.fails {
		return "", nil
	}
	// Rows that the migration refuses must not get by.
	if now, err = e.Rehearse(ctx, e.nasty, files(after)); err != nil {
		return "", err
	}
	if now.Err == nil {
		return "it takes rows that the migration refuses", nil
	}
	names := columnsOf(before.Before)
	if d := sameRows(&now.States[0], now.Last(), nil, names); d != "" && before.Apart == false && len(before.New) == 1 && before.New[0].TxMode != migration.TxNone {
		return "rows are changed before it fails: " + d, nil
	}
	return "", nil
}

// loose are the columns whose values are another in each run, or come from a
// sequence in the order in which rows are met: of these only NULLs and
// repeated values are compared.
func (e *Equivalence) loose(recs ...*devdb.Record) map[string]bool {
	out := map[string]bool{}
	for i := range e.runs[0].States {
		a, b := &e.runs[0].States[i], &e.runs[1].States[i]
		for _, t := range a.Tables {
			o := b.Table(t.Name)
			for i, c := range t.Columns {
				if o == nil || !slices.Equal(sortedColumn(&t, i), sortedColumn(o, o.Column(c))) {
					out[t.Name+"."+c] = true
				}
			}
		}
	}
	for _, r := range recs {
		for _, cat := range []*schema.Catalog{r.Before, r.After} {
			for _, t := range cat.Relations {
				for _, c := range t.Columns {
					if c.Identity != "" || strings.Contains(c.Default, "nextval(") {
						out[t.QualifiedName()+"."+c.Name] = true
					}
				}
			}
		}
	}
	return out
}

func sortedColumn(t *devdb.TableState, i int) []string {
	if i < 0 {
		return nil
	}
	var out []string
	for _, r := range t.Rows {
		out = append(out, text(r[i]))
	}
	slices.Sort(out)
	return out
}

func text(v *string) string {
	if v == nil {
		return "NULL"
	}
	return "'" + *v + "'"
}

// sameRows compares two states, of the named columns alone if there are names.
// It says what differs first.
func sameRows(a, b *devdb.State, loose map[string]bool, names map[string][]string) string {
	all := map[string]bool{}
	for _, s := range []*devdb.State{a, b} {
		for _, t := range s.Tables {
			all[t.Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if names != nil && len(names[name]) == 0 {
			continue
		}
		if d := sameTable(name, a.Table(name), b.Table(name), loose, names[name]); d != "" {
			return d
		}
	}
	return ""
}

func sameTable(name string, a, b *devdb.TableState, loose map[string]bool, only []string) string {
	if a == nil || b == nil {
		return fmt.Sprintf("%s has %d rows instead of %d", name, count(b), count(a))
	}
	if len(a.Rows) != len(b.Rows) || a.Cut != b.Cut {
		return fmt.Sprintf("%s has %d rows instead of %d", name, len(b.Rows), len(a.Rows))
	}
	columns := only
	if columns == nil {
		columns = a.Columns
	}
	var firm []string
	for _, c := range columns {
		i, j := a.Column(c), b.Column(c)
		if i < 0 || j < 0 {
			if i != j {
				return fmt.Sprintf("%s has no column %s", name, c)
			}
			continue
		}
		if !loose[name+"."+c] {
			firm = append(firm, c)
			continue
		}
		if n, d := nulls(a, i), nulls(b, j); n != d {
			return fmt.Sprintf("%d rows of %s.%s are NULL instead of %d", d, name, c, n)
		}
		if n, d := distinct(a, i), distinct(b, j); n != d {
			return fmt.Sprintf("%s.%s has %d values instead of %d", name, c, d, n)
		}
	}
	if a.Cut {
		return ""
	}
	left := map[string]int{}
	for _, r := range lines(a, firm) {
		left[r]++
	}
	for _, r := range lines(b, firm) {
		if left[r]--; left[r] < 0 {
			return fmt.Sprintf("%s has a row (%s)", name, r)
		}
	}
	return ""
}

func count(t *devdb.TableState) int {
	if t == nil {
		return 0
	}
	return len(t.Rows)
}

func nulls(t *devdb.TableState, i int) int {
	n := 0
	for _, r := range t.Rows {
		if r[i] == nil {
			n++
		}
	}
	return n
}

func distinct(t *devdb.TableState, i int) int {
	seen := map[string]bool{}
	for _, r := range t.Rows {
		seen[text(r[i])] = true
	}
	return len(seen)
}

func lines(t *devdb.TableState, columns []string) []string {
	var out []string
	for _, r := range t.Rows {
		var parts []string
		for _, c := range columns {
			parts = append(parts, c+" "+text(r[t.Column(c)]))
		}
		out = append(out, strings.Join(parts, ", "))
	}
	return out
}

// columnsOf are the names of the columns of each table.
func columnsOf(c *schema.Catalog) map[string][]string {
	out := map[string][]string{}
	for _, t := range c.Relations {
		for _, col := range t.Columns {
			out[t.QualifiedName()] = append(out[t.QualifiedName()], col.Name)
		}
	}
	return out
}

// leftBehind says which setting of the session outlives a file that did not
// before: later files and the tool itself would run with it.
func leftBehind(was, now *devdb.Rehearsal) string {
	var old []string
	for i, j := 0, 0; j < len(now.States); j++ {
		if k := slices.IndexFunc(was.States, func(s devdb.State) bool { return s.After == now.States[j].After }); k >= 0 {
			i = k
			old = was.States[i].Settings
		}
		for _, s := range now.States[j].Settings {
			if !slices.Contains(old, s) {
				return fmt.Sprintf("%s is left set for the files after %s", s, now.States[j].After)
			}
		}
	}
	return ""
}

// between says which rows, of columns that the running code knows, are between
// two files as they never were.
func between(before *devdb.Record, was, now *devdb.Rehearsal, loose map[string]bool) string {
	names := columnsOf(before.Before)
	for _, s := range now.States {
		for name, columns := range names {
			var known []string
			for _, c := range columns {
				if t := s.Table(name); t != nil && t.Column(c) >= 0 {
					known = append(known, c)
				}
			}
			if len(known) == 0 {
				continue
			}
			if !slices.ContainsFunc(was.States, func(o devdb.State) bool {
				return o.Table(name) == nil && s.Table(name) == nil || sameTable(name, o.Table(name), s.Table(name), loose, known) == ""
			}) {
				return fmt.Sprintf("after %s %s holds rows as it never did", s.After, name)
			}
		}
	}
	return ""
}
