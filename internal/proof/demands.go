package proof

import (
	"regexp"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// Task is one demand of a statement on rows that were there before the change set.
type Task struct {
	Migration *devdb.Recorded
	Step      *devdb.Step
	Demand    devdb.Demand
	Target    schema.Ref
	Table     schema.OID // holds the rows, 0 if several tables do
	goals     func(*base) []goal
	column    int16    // of size
	then      string   // run after the whole change set
	reads     *reading // what it works on: rows for it can be made many at once
}

// Tasks finds what the steps of a change set demand of rows in tables that are
// in the catalog from before it.
func Tasks(before *schema.Catalog, change []*devdb.Recorded) []*Task {
	f := &finder{before: before, end: before, filled: map[schema.OID]*reading{}}
	for _, m := range change {
		if n := len(m.Steps); n > 0 {
			f.end = m.Steps[n-1].After
		}
	}
	for _, m := range change {
		for _, s := range m.Steps {
			if s.Err != nil {
				continue
			}
			f.m, f.s = m, s
			for _, c := range s.Changes {
				f.change(c)
			}
			f.data()
			f.losses()
			f.collides()
			f.later()
		}
	}
	return f.tasks
}

type finder struct {
	before *schema.Catalog
	end    *schema.Catalog // after the last step
	m      *devdb.Recorded
	s      *devdb.Step
	tasks  []*Task
	filled map[schema.OID]*reading // new tables, by what they were filled from
}

// old is a table as it was before the change set, nil if it holds no rows from then.
func (f *finder) old(table schema.OID) *schema.Relation {
	r := f.before.Relations[table]
	if r == nil || r.Kind != schema.Table && r.Kind != schema.PartitionedTable || r.Persistence == "temporary" {
		return nil
	}
	return r
}

func (f *finder) add(d devdb.Demand, target schema.Ref, table schema.OID, goals func(*base) []goal) {
	if slices.ContainsFunc(f.tasks, func(t *Task) bool { return t.Step == f.s && t.Demand == d && t.Target == target }) {
		return
	}
	f.tasks = append(f.tasks, &Task{Migration: f.m, Step: f.s, Demand: d, Target: target, Table: table, goals: goals})
}

// computed lets rows be made for what the last task computes from their columns.
func (f *finder) computed(rel *schema.Relation, text string) {
	if len(f.tasks) == 0 {
		return
	}
	if t := f.tasks[len(f.tasks)-1]; t.Step == f.s && t.Table == rel.OID && t.reads == nil {
		t.reads = &reading{tables: []*schema.Relation{rel}, text: text, given: text}
	}
}

func columnRef(table schema.OID, num int16) schema.Ref {
	return schema.Ref{Class: schema.ClassRelation, OID: table, Sub: num}
}

func (f *finder) change(c schema.Change) {
	switch c := c.(type) {
	case *schema.AddIndex:
		f.index(c.Index)
	case *schema.AddConstraint:
		if c.Constraint.Validated && c.Constraint.Enforced {
			f.constraint(c.Constraint, nil)
		}
	case *schema.ValidateConstraint:
		f.constraint(c.After, f.before.Constraints[c.After.OID])
	case *schema.AlterConstraint:
		if c.After.Enforced && !c.Before.Enforced && c.After.Validated {
			f.constraint(c.After, f.before.Constraints[c.After.OID])
		}
	case *schema.SetNotNull:
		f.notNull(c.Table, c.Column, f.follows(c.Table, c.Column.Name, false), nil)
	case *schema.AddColumn:
		f.column(c)
	case *schema.AlterColumnType:
		f.cast(c)
	case *schema.AlterType:
		f.domain(c)
	case *schema.AttachPartition:
		f.partition(c)
	}
}

// follows reports whether a column's change only follows that of a parent of its table.
func (f *finder) follows(t *schema.Relation, col string, added bool) bool {
	return slices.ContainsFunc(f.s.Changes, func(o schema.Change) bool {
		var table *schema.Relation
		var name string
		switch o := o.(type) {
		case *schema.SetNotNull:
			table, name = o.Table, o.Column.Name
		case *schema.AlterColumnType:
			table, name = o.Table, o.After.Name
		case *schema.AddColumn:
			if added {
				table, name = o.Table, o.Column.Name
			}
		}
		return table != nil && name == col && (table.OID == t.PartitionOf || slices.Contains(t.Inherits, table.OID))
	})
}

func (f *finder) index(i *schema.Index) {
	if v := f.before.Relations[i.Table]; v != nil && v.Kind == schema.MaterializedView && i.Unique {
		target := schema.Ref{Class: schema.ClassRelation, OID: i.OID}
		f.add(devdb.DemandUnique, target, i.Table, func(*base) []goal { return viewKeyGoals(v, i) })
		return
	}
	rel := f.old(i.Table)
	if rel == nil || i.Parent != 0 {
		return
	}
	target := schema.Ref{Class: schema.ClassRelation, OID: i.OID}
	for _, k := range i.Keys {
		if k.Column == 0 && f.before.Indexes[i.OID] == nil && len(renamed(rel, f.s.After)) == 0 {
			f.add(devdb.DemandGenerated, target, i.Table, func(*base) []goal { return []goal{failingGoal(rel, k.Text, k.Text)} })
			f.computed(rel, k.Text+" "+i.Predicate)
		}
	}
	if !i.Unique && !i.Exclusion {
		return
	}
	if i.Constraint != 0 {
		target = schema.Ref{Class: schema.ClassConstraint, OID: i.Constraint}
	}
	after := f.s.After
	if i.Exclusion {
		f.add(devdb.DemandExclusion, target, i.Table, func(b *base) []goal { return exclusionGoals(rel, after, i) })
		return
	}
	f.add(devdb.DemandUnique, target, i.Table, func(b *base) []goal { return uniqueGoals(rel, after, i) })
}

// constraint is one that is added or validated. was is the one that was there
// before the change set without being validated: old rows may break it.
func (f *finder) constraint(k, was *schema.Constraint) {
	if k.Parent != 0 || k.Inherited {
		return
	}
	target := schema.Ref{Class: schema.ClassConstraint, OID: k.OID}
	if k.Domain != 0 {
		if d := f.before.Types[k.Domain]; d != nil && k.Kind == schema.Check {
			f.add(devdb.DemandDomain, target, 0, func(b *base) []goal { return domainGoals(b, d, k, was) })
		}
		return
	}
	rel := f.old(k.Table)
	if rel == nil {
		return
	}
	after := f.s.After
	switch k.Kind {
	case schema.Check:
		f.add(devdb.DemandCheck, target, k.Table, func(b *base) []goal { return checkGoals(b, rel, after, k, was) })
	case schema.ForeignKey:
		f.add(devdb.DemandForeign, target, k.Table, func(b *base) []goal { return foreignGoals(b, rel, k, was) })
	case schema.NotNull:
		if was == nil && len(k.Columns) == 1 || len(k.Columns) != 1 {
			return // told by SetNotNull
		}
		if t := after.Relations[k.Table]; t != nil && t.Column(k.Columns[0]) != nil {
			f.notNull(t, t.Column(k.Columns[0]), false, was)
		}
	}
}

func (f *finder) notNull(t *schema.Relation, c *schema.Column, follows bool, was *schema.Constraint) {
	rel := f.old(t.OID)
	if rel == nil || follows {
		return
	}
	f.add(devdb.DemandNotNull, columnRef(t.OID, c.Num), t.OID, func(b *base) []goal { return notNullGoals(rel, c.Num, was) })
}

// column is a new one: it may have to have a value, or its values be computed.
func (f *finder) column(a *schema.AddColumn) {
	rel, c := f.old(a.Table.OID), a.Column
	if rel == nil || f.follows(a.Table, c.Name, true) {
		return
	}
	if c.Generated == "stored" {
		f.add(devdb.DemandGenerated, columnRef(rel.OID, c.Num), rel.OID, func(*base) []goal { return generatedGoals(rel, c) })
		f.computed(rel, c.Default)
		return
	}
	d := f.s.After.Types[c.TypeOID]
	domain := d != nil && d.Kind == schema.Domain
	if c.Default == "" && c.Identity == "" && c.Generated == "" && (c.NotNull || domain && d.NotNull) && !(domain && d.Default != "") {
		f.add(devdb.DemandNotNull, columnRef(rel.OID, c.Num), rel.OID, func(b *base) []goal { return notNullGoals(rel, c.Num, nil) })
	}
}

var usings = regexp.MustCompile(`(?i)\bUSING\b`)

func (f *finder) cast(c *schema.AlterColumnType) {
	rel := f.old(c.Table.OID)
	if rel == nil || rel.Column(c.After.Num) == nil || c.Before.Type == c.After.Type || f.follows(c.Table, c.After.Name, false) {
		return
	}
	if col := rel.Column(c.After.Num); col.Generated != "" {
		return
	}
	after := f.s.After
	f.add(devdb.DemandCast, columnRef(rel.OID, c.After.Num), rel.OID, func(b *base) []goal { return castGoals(b, rel, after, c) })
	if usings.MatchString(f.s.Stmt.Text) {
		f.computed(rel, comment.ReplaceAllString(f.s.Stmt.Text, " "))
	}
}

func (f *finder) domain(c *schema.AlterType) {
	d := f.before.Types[c.After.OID]
	if d == nil || c.After.Kind != schema.Domain || !c.After.NotNull || c.Before.NotNull {
		return
	}
	f.add(devdb.DemandDomain, schema.Ref{Class: schema.ClassType, OID: d.OID}, 0, func(b *base) []goal { return domainGoals(b, d, nil, nil) })
}

func (f *finder) partition(c *schema.AttachPartition) {
	after := f.s.After
	if rel := f.old(c.Partition.OID); rel != nil {
		f.add(devdb.DemandPartition, schema.Ref{Class: schema.ClassRelation, OID: rel.OID}, rel.OID,
			func(b *base) []goal { return attachGoals(b, rel, after, c) })
		return
	}
	parent := f.old(c.Parent.OID)
	if parent == nil {
		return
	}
	for _, r := range schema.Sorted(f.before.Relations) {
		if r.PartitionOf == parent.OID && r.PartitionBound == "DEFAULT" {
			f.add(devdb.DemandPartition, schema.Ref{Class: schema.ClassRelation, OID: r.OID}, r.OID,
				func(b *base) []goal { return defaultGoals(b, parent, c) })
		}
	}
}
