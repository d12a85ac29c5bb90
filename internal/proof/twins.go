package proof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// twinsTried is how many of the tables that are the same but for their schema
// are tried before the others are taken to be like them.
const twinsTried = 3

// Twins knows which tasks of one statement are the same but for the schema of
// their table: a block that loops over a thousand tenants' schemas demands the
// same of a thousand tables. The first few are tried; where all of them come
// out alike, the others are not.
type Twins struct {
	before *schema.Catalog
	many   map[*devdb.Step]int // tasks of a statement
	step   *devdb.Step
	keys   map[*Task]string
	tried  map[string][]tried
}

type tried struct {
	proof devdb.Proof
	table *schema.Relation
}

// NewTwins makes the memory of one change set.
func NewTwins(before *schema.Catalog, tasks []*Task) *Twins {
	w := &Twins{before: before, many: map[*devdb.Step]int{}}
	for _, t := range tasks {
		w.many[t.Step]++
	}
	return w
}

// Known gives what came of a task's twins.
func (w *Twins) Known(t *Task) (devdb.Proof, bool) {
	if w.step != t.Step {
		w.step, w.keys, w.tried = t.Step, map[*Task]string{}, map[string][]tried{}
	}
	table := w.before.Relations[t.Table]
	if table == nil || w.many[t.Step] <= twinsTried {
		return devdb.Proof{}, false
	}
	key := w.key(t, table)
	w.keys[t] = key
	seen := w.tried[key]
	if len(seen) < twinsTried {
		return devdb.Proof{}, false
	}
	first := seen[0]
	for _, s := range seen[1:] {
		if s.proof.Outcome != first.proof.Outcome || s.proof.GaveUp != first.proof.GaveUp || s.table.Schema == table.Schema {
			return devdb.Proof{}, false
		}
	}
	out := first.proof
	out.Target, out.Table = t.Target, t.Table
	out.Kept = nil
	for _, k := range first.proof.Kept {
		out.Kept = append(out.Kept, strings.TrimPrefix(k, ident(first.table.Schema)+"."))
	}
	if x := first.proof.Counterexample; x != nil {
		moved := *x
		moved.Rows = strings.ReplaceAll(x.Rows, ident(first.table.Schema)+".", ident(table.Schema)+".")
		moved.Twin = first.table.QualifiedName()
		out.Counterexample = &moved
	}
	return out, true
}

// Note remembers what came of a task.
func (w *Twins) Note(t *Task, p devdb.Proof) {
	if key, ok := w.keys[t]; ok && !p.Hung {
		w.tried[key] = append(w.tried[key], tried{p, w.before.Relations[t.Table]})
	}
}

// key is what a task demands of what kind of table, without the table's schema.
func (w *Twins) key(t *Task, table *schema.Relation) string {
	var b strings.Builder
	fmt.Fprintln(&b, t.Demand, t.Target.Class, t.Target.Sub, targetName(t))
	shape(&b, w.before, table, table.Schema, map[schema.OID]bool{})
	if now := t.Step.After.Relations[t.Table]; now != nil {
		shape(&b, t.Step.After, now, now.Schema, map[schema.OID]bool{})
	}
	for _, l := range t.Step.Locks {
		if l.Table == t.Table {
			fmt.Fprintln(&b, l.Kind, l.Mode)
		}
	}
	return b.String()
}

func targetName(t *Task) string {
	after := t.Step.After
	switch t.Target.Class {
	case schema.ClassConstraint:
		if k := after.Constraints[t.Target.OID]; k != nil {
			return k.Name
		}
	case schema.ClassRelation:
		if i := after.Indexes[t.Target.OID]; i != nil {
			return i.Name
		}
	}
	return ""
}

// shape writes what a table holds its rows to, with the tables that it refers
// to, without the names of their schema.
func shape(b *strings.Builder, c *schema.Catalog, r *schema.Relation, own string, seen map[schema.OID]bool) {
	if r == nil || seen[r.OID] {
		return
	}
	seen[r.OID] = true
	write := func(parts ...any) {
		b.WriteString(strings.ReplaceAll(fmt.Sprintln(parts...), ident(own)+".", ""))
	}
	place := r.Schema
	if place == own {
		place = ""
	}
	write(place, r.Name, r.Kind, r.PartitionKey, r.PartitionBound, r.RowSecurity, r.ForceRowSecurity)
	for _, col := range r.Columns {
		write(col.Num, col.Name, col.Type, col.NotNull, col.Default, col.Identity, col.Generated, col.Collation)
	}
	var lines []string
	var next []*schema.Relation
	for _, k := range c.Constraints {
		if k.Table == r.OID {
			lines = append(lines, strings.ReplaceAll(fmt.Sprint("constraint ", k.Name, " ", k.Definition, k.Validated, k.Enforced), ident(own)+".", ""))
			next = append(next, c.Relations[k.RefTable])
		}
	}
	for _, i := range c.Indexes {
		if i.Table == r.OID {
			lines = append(lines, strings.ReplaceAll(fmt.Sprint(i.Definition, i.Ready), ident(own)+".", ""))
		}
	}
	for _, g := range c.Triggers {
		if g.Table == r.OID {
			lines = append(lines, strings.ReplaceAll(g.Definition+g.Enabled, ident(own)+".", ""))
		}
	}
	slices.Sort(lines)
	write(strings.Join(lines, "\n"))
	slices.SortFunc(next, func(a, b *schema.Relation) int {
		if a == nil || b == nil {
			return 0
		}
		return strings.Compare(a.QualifiedName(), b.QualifiedName())
	})
	for _, n := range next {
		shape(b, c, n, own, seen)
	}
}
