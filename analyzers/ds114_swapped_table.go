package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var swappedTable = &Analyzer{
	Rule: lint.Rule{
		ID: "DS114", Name: "swapped-table", Title: "a replaced table loses properties of the old one", Severity: lint.Warning,
		Hazards: []string{"D14"},
	},
	Run: func(p *Pass) {
		for _, old := range schema.Sorted(p.Before.Relations) {
			now := p.successor(old)
			if now == nil {
				continue
			}
			w := &swap{p: p, old: old, now: now}
			w.compare()
			if len(w.lacks) == 0 {
				continue
			}
			p.Report(p.named(now), w.finding())
		}
	},
}

// successor is the table that has the name of another one after the change: a
// new one, or one that had another name. Nil if there is none.
func (p *Pass) successor(old *schema.Relation) *schema.Relation {
	if !old.IsTable() || old.Persistence == "temporary" {
		return nil
	}
	now := p.After.RelationNamed(old.Schema, old.Name)
	if now == nil || now.OID == old.OID || !now.IsTable() || now.Kind == schema.ForeignTable {
		return nil
	}
	return now
}

// named is the last step that gives a table the name that it has after the change.
func (p *Pass) named(now *schema.Relation) At {
	var at At
	for m, s := range p.Steps() {
		b, a := s.Before.Relations[now.OID], s.After.Relations[now.OID]
		if a != nil && a.QualifiedName() == now.QualifiedName() && (b == nil || b.QualifiedName() != now.QualifiedName()) {
			at = At{Migration: m, Step: s}
		}
	}
	return at
}

// swap gathers what the new table lacks of what the old one had before the change.
type swap struct {
	p        *Pass
	old, now *schema.Relation
	lacks    []string // in words
	sql      []string // that puts it back, where it is known
	severe   bool
}

func (w *swap) lack(what, sql string) {
	w.lacks = append(w.lacks, what)
	if sql != "" {
		w.sql = append(w.sql, sql)
	}
}

func (w *swap) finding() lint.Finding {
	name := qualified(w.now.Schema, w.now.Name)
	f := lint.Finding{
		Object:  name,
		Message: fmt.Sprintf("table %s is replaced by a table that lacks %s", quote(name), listPlain(slices.Clone(w.lacks), 4)),
		Advice:  "Add them to the new table before you rename it, in the same transaction.",
	}
	if len(w.sql) > 0 {
		f.Advice = "Add them to the new table, in the same transaction:\n\n" + sqlList(w.sql)
	}
	if w.severe {
		f.Severity = lint.Error
	}
	for i, what := range w.lacks {
		if i == 12 {
			break
		}
		f.Evidence = append(f.Evidence, catalogEvidence(name, "before the change %s has %s", short(name), what))
	}
	return f
}

func (w *swap) compare() {
	w.security()
	w.parts()
	w.constraints()
	w.columns()
	w.whole()
	w.leftBehind()
}

// security compares who may read and write which rows.
func (w *swap) security() {
	name := relSQL(w.now)
	if w.old.RowSecurity && !w.now.RowSecurity {
		w.severe = true
		w.lack("row-level security", "ALTER TABLE "+name+" ENABLE ROW LEVEL SECURITY;")
	}
	if w.old.ForceRowSecurity && !w.now.ForceRowSecurity {
		w.lack("FORCE ROW LEVEL SECURITY", "ALTER TABLE "+name+" FORCE ROW LEVEL SECURITY;")
	}
	for _, x := range schema.Sorted(w.p.Before.Policies) {
		if x.Table == w.old.OID && !anyOf(w.p.After.Policies, func(y *schema.Policy) bool {
			return y.Table == w.now.OID && (y.Name == x.Name || y.Using == x.Using && y.WithCheck == x.WithCheck && y.Command == x.Command)
		}) {
			w.lack(fmt.Sprintf("policy %q", x.Name), policySQL(name, x))
		}
	}
	if w.old.Owner != w.now.Owner {
		w.lack("owner "+w.old.Owner, "ALTER TABLE "+name+" OWNER TO "+roleSQL(w.old.Owner)+";")
	}
	for _, g := range lostGrants("table", w.now.QualifiedName(), w.old.ACL, w.now.ACL) {
		if g.role != w.now.Owner {
			w.lack(fmt.Sprintf("%s for %s", g.text(), g.role), g.sql())
		}
	}
	for _, c := range w.old.Columns {
		if n := columnByName(w.now, c.Name); n != nil {
			for _, g := range lostGrants("table", w.now.QualifiedName(), c.ACL, append(slices.Clone(n.ACL), w.now.ACL...)) {
				w.lack(fmt.Sprintf("%s of %s for %s", g.text(), c.Name, g.role), "")
			}
		}
	}
}

// anyOf reports whether some object does what an old one did.
func anyOf[T any](m map[schema.OID]*T, same func(*T) bool) bool {
	for _, o := range m {
		if same(o) {
			return true
		}
	}
	return false
}

// policySQL is the CREATE POLICY that makes a policy again.
func policySQL(table string, x *schema.Policy) string {
	s := "CREATE POLICY " + sqlIdent(x.Name) + " ON " + table
	if !x.Permissive {
		s += " AS RESTRICTIVE"
	}
	if x.Command != "all" {
		s += " FOR " + strings.ToUpper(x.Command)
	}
	var roles []string
	for _, r := range x.Roles {
		roles = append(roles, roleSQL(r))
	}
	if s += " TO " + strings.Join(roles, ", "); x.Using != "" {
		s += " USING (" + bare(x.Using) + ")"
	}
	if x.WithCheck != "" {
		s += " WITH CHECK (" + bare(x.WithCheck) + ")"
	}
	return s + ";"
}

// parts compares triggers, rules, statistics objects, publications and indexes.
func (w *swap) parts() {
	b, a := w.p.Before, w.p.After
	for _, t := range schema.Sorted(b.Triggers) {
		if t.Table == w.old.OID && t.Parent == 0 && !anyOf(a.Triggers, func(x *schema.Trigger) bool {
			return x.Table == w.now.OID && (x.Name == t.Name || x.Function == t.Function)
		}) {
			w.lack(fmt.Sprintf("trigger %q", t.Name), t.Definition+";")
		}
	}
	for _, r := range schema.Sorted(b.Rules) {
		if r.Table == w.old.OID && !anyOf(a.Rules, func(x *schema.Rule) bool { return x.Table == w.now.OID && x.Name == r.Name }) {
			w.lack(fmt.Sprintf("rule %q", r.Name), r.Definition)
		}
	}
	for _, s := range schema.Sorted(b.Statistics) {
		if s.Table == w.old.OID && !anyOf(a.Statistics, func(x *schema.Statistics) bool {
			return x.Table == w.now.OID && statisticsOf(x) == statisticsOf(s)
		}) {
			w.lack(fmt.Sprintf("statistics %q", s.Name), "")
		}
	}
	for _, x := range schema.Sorted(b.Publications) {
		now := a.Publications[x.OID]
		if now != nil && publishes(b, x, w.old) && !publishes(a, now, w.now) {
			w.lack(fmt.Sprintf("its place in publication %q", x.Name), "ALTER PUBLICATION "+sqlIdent(x.Name)+" ADD TABLE "+relSQL(w.now)+";")
		}
	}
	for _, i := range schema.Sorted(b.Indexes) {
		if i.Table != w.old.OID || i.Constraint != 0 || !i.Valid || indexed(a, w.now.OID, i) {
			continue
		}
		kind := "index"
		if i.Unique {
			kind = "unique index"
		}
		w.lack(fmt.Sprintf("%s %q", kind, i.Name), "")
	}
}

// statisticsOf is what a statistics object is of, without its name and table.
func statisticsOf(s *schema.Statistics) string {
	text := s.Definition
	if i := strings.LastIndex(text, " FROM "); i >= 0 {
		text = text[:i]
	}
	_, on, _ := strings.Cut(text, " ON ")
	kinds := ""
	if i := strings.Index(text, "("); i >= 0 && i < strings.Index(text, " ON ") {
		kinds = text[i:strings.Index(text, " ON ")]
	}
	return kinds + on
}

// indexed reports whether a table has an index like one of another table.
func indexed(c *schema.Catalog, table schema.OID, like *schema.Index) bool {
	_, keys, _ := strings.Cut(like.Definition, " USING ")
	return anyOf(c.Indexes, func(x *schema.Index) bool {
		_, k, _ := strings.Cut(x.Definition, " USING ")
		return x.Table == table && x.Unique == like.Unique && k == keys
	})
}

// constraints compares what the rows are held to, and what points to them.
func (w *swap) constraints() {
	b, a := w.p.Before, w.p.After
	for _, k := range schema.Sorted(b.Constraints) {
		switch {
		case k.Table == w.old.OID && k.Kind != schema.NotNull && k.Kind != schema.ConstraintTrigger && k.Parent == 0:
			if anyOf(a.Constraints, func(x *schema.Constraint) bool {
				return x.Table == w.now.OID && x.Kind == k.Kind && (x.Definition == k.Definition || strings.TrimSuffix(x.Definition, " NOT VALID") == strings.TrimSuffix(k.Definition, " NOT VALID"))
			}) || k.Kind == schema.Unique && a.Indexes[k.Index] == nil && indexed(a, w.now.OID, b.Indexes[k.Index]) {
				continue
			}
			w.lack(fmt.Sprintf("%s %q", keyKind(k), k.Name), "ALTER TABLE "+relSQL(w.now)+" ADD CONSTRAINT "+sqlIdent(k.Name)+" "+k.Definition+";")
		case k.Kind == schema.ForeignKey && k.RefTable == w.old.OID && k.Table != w.old.OID && k.Parent == 0:
			child := a.Relations[k.Table]
			if child == nil || anyOf(a.Constraints, func(x *schema.Constraint) bool {
				return x.Kind == schema.ForeignKey && x.RefTable == w.now.OID && (x.Table == k.Table || w.sameName(x.Table, k.Table)) && x.Definition == k.Definition
			}) || w.p.successor(w.p.old(k.Table)) != nil && anyOf(a.Constraints, func(x *schema.Constraint) bool {
				return x.RefTable == w.now.OID && w.sameName(x.Table, k.Table)
			}) {
				continue
			}
			what := fmt.Sprintf("foreign key %q of %s", k.Name, quote(child.QualifiedName()))
			if kept := a.Relations[w.old.OID]; kept != nil {
				what += ", which still references " + quote(kept.QualifiedName())
			}
			w.lack(what, "")
		}
	}
}

// sameName reports whether a table of after the change has the name that another had before it.
func (w *swap) sameName(now, old schema.OID) bool {
	n, o := w.p.After.Relations[now], w.p.Before.Relations[old]
	return n != nil && o != nil && n.QualifiedName() == o.QualifiedName()
}

// columns compares the columns that both tables have.
func (w *swap) columns() {
	name := relSQL(w.now)
	for _, c := range w.old.Columns {
		n := columnByName(w.now, c.Name)
		if n == nil {
			continue
		}
		alter := "ALTER TABLE " + name + " ALTER COLUMN " + sqlIdent(c.Name) + " "
		if c.NotNull && !n.NotNull {
			w.lack("NOT NULL of "+c.Name, alter+"SET NOT NULL;")
		}
		switch {
		case c.Identity != "" && n.Identity == "" && n.Default == "":
			w.lack("identity of "+c.Name, alter+"ADD GENERATED "+strings.ToUpper(c.Identity)+" AS IDENTITY;")
		case c.Generated != "" && n.Generated == "":
			w.lack("the expression that "+c.Name+" is generated by", "")
		case c.Default != "" && n.Default == "" && n.Identity == "" && c.Generated == "":
			w.lack("default of "+c.Name, alter+"SET DEFAULT "+c.Default+";")
		}
		if c.StatisticsTarget != "" && n.StatisticsTarget == "" {
			w.lack("statistics target of "+c.Name, alter+"SET STATISTICS "+c.StatisticsTarget+";")
		}
		if c.Comment != "" && n.Comment == "" {
			w.lack("comment on "+c.Name, "COMMENT ON COLUMN "+name+"."+sqlIdent(c.Name)+" IS "+literalSQL(c.Comment)+";")
		}
	}
}

// whole compares what the table is as a whole.
func (w *swap) whole() {
	name := relSQL(w.now)
	if w.old.ReplicaIdentity != w.now.ReplicaIdentity && w.old.ReplicaIdentity != "default" {
		sql := "ALTER TABLE " + name + " REPLICA IDENTITY " + strings.ToUpper(w.old.ReplicaIdentity) + ";"
		if w.old.ReplicaIdentity == "index" {
			sql = ""
		}
		w.lack("replica identity "+w.old.ReplicaIdentity, sql)
	}
	var options []string
	for _, o := range w.old.Options {
		key, _, _ := strings.Cut(o, "=")
		if !slices.ContainsFunc(w.now.Options, func(x string) bool { return strings.HasPrefix(x, key+"=") }) {
			options = append(options, o)
		}
	}
	if len(options) > 0 && w.now.Kind != schema.PartitionedTable {
		w.lack("storage parameters "+strings.Join(options, ", "), "ALTER TABLE "+name+" SET ("+strings.Join(options, ", ")+");")
	}
	if w.old.Persistence == "permanent" && w.now.Persistence == "unlogged" {
		w.lack("WAL logging: it is UNLOGGED", "ALTER TABLE "+name+" SET LOGGED;")
	}
	if parent := w.p.After.Relations[w.old.PartitionOf]; parent != nil && w.now.PartitionOf == 0 {
		w.lack("its place as a partition of "+quote(parent.QualifiedName()), "")
	}
	if w.old.Comment != "" && w.now.Comment == "" {
		w.lack("its comment", "COMMENT ON TABLE "+name+" IS "+literalSQL(w.old.Comment)+";")
	}
}

// leftBehind tells what is still bound to the old table, if that is kept.
func (w *swap) leftBehind() {
	kept := w.p.After.Relations[w.old.OID]
	if kept == nil {
		return
	}
	for _, d := range readers(w.p, w.p.After, relRef(kept.OID)) {
		if d.Ref.Class == schema.ClassRelation && w.p.Before.Has(d.Ref) {
			w.lack(fmt.Sprintf("%s %s, which still reads from %s", w.p.After.Kind(d.Ref), quote(w.p.After.Name(d.Ref)), quote(kept.QualifiedName())), "")
		}
	}
	for _, s := range schema.Sorted(w.p.After.Relations) {
		c := column(kept, s.OwnedBy.Sub)
		if s.Kind != schema.Sequence || s.OwnedBy.OID != kept.OID || c == nil || c.Identity != "" {
			continue
		}
		if n := columnByName(w.now, c.Name); n != nil && usesSequence(w.p.After, w.now, n, s) {
			w.lack(fmt.Sprintf("sequence %s, which is dropped together with %s.%s", quote(s.QualifiedName()), quote(kept.QualifiedName()), c.Name),
				"ALTER SEQUENCE "+relSQL(s)+" OWNED BY "+relSQL(w.now)+"."+sqlIdent(n.Name)+";")
		}
	}
}

// usesSequence reports whether a column's default takes its values from a sequence.
func usesSequence(c *schema.Catalog, t *schema.Relation, col *schema.Column, seq *schema.Relation) bool {
	for e := range c.Depends.All() {
		if e.Object == columnRef(t.OID, col.Num) && e.On.OID == seq.OID && e.On.Class == schema.ClassRelation {
			return true
		}
	}
	return false
}

// literalSQL writes a text as a literal.
func literalSQL(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
