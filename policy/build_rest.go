package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// rest builds what does not belong to a table.
func (b *builder) rest(c *schema.Catalog, out *Catalog) {
	for _, s := range sorted(c.Schemas, func(s *schema.Schema) string { return s.Name }) {
		out.Schemas = append(out.Schemas, &Schema{Name: s.Name, Object: s.Name, Owner: s.Owner, Comment: s.Comment})
		out.Grants = append(out.Grants, grants(s.Name, "schema", s.Owner, s.ACL)...)
	}
	for _, t := range sorted(c.Types, func(t *schema.Type) string { return join(t.Schema, t.Name) }) {
		name := join(t.Schema, t.Name)
		out.Types = append(out.Types, &Type{
			Schema: t.Schema, Name: t.Name, Object: name, Kind: string(t.Kind), Owner: t.Owner, Labels: list(t.Labels),
			Base: t.Base, NotNull: t.NotNull, Default: t.Default, Comment: t.Comment, Checks: checksOf(c, t),
		})
		out.Grants = append(out.Grants, grants(name, "type", t.Owner, t.ACL)...)
	}
	for _, f := range sorted(c.Functions, functionName) {
		x := b.function(f)
		out.Functions = append(out.Functions, x)
		out.Grants = append(out.Grants, x.Grants...)
	}
	for _, r := range sorted(c.Rules, func(r *schema.Rule) string { return join(relName(c, r.Table), r.Name) }) {
		out.Rules = append(out.Rules, &RewriteRule{
			Schema: schemaOf(c, r.Table), Table: relName(c, r.Table), Name: r.Name, Object: join(relName(c, r.Table), r.Name),
			Definition: r.Definition, Enabled: r.Enabled,
		})
	}
	for _, e := range sorted(c.Extensions, func(e *schema.Extension) string { return e.Name }) {
		out.Extensions = append(out.Extensions, &Extension{Name: e.Name, Object: e.Name, Version: e.Version, Schema: e.Schema})
	}
	for _, p := range sorted(c.Publications, func(p *schema.Publication) string { return p.Name }) {
		x := &Publication{Name: p.Name, Object: p.Name, AllTables: p.AllTables, Schemas: []string{}, Tables: []string{}, Publishes: list(p.Publishes)}
		for _, s := range p.Schemas {
			if s := c.Schemas[s]; s != nil {
				x.Schemas = append(x.Schemas, s.Name)
			}
		}
		for _, t := range p.Tables {
			x.Tables = append(x.Tables, relName(c, t.Table))
		}
		slices.Sort(x.Schemas)
		slices.Sort(x.Tables)
		out.Publications = append(out.Publications, x)
	}
	for _, e := range sorted(c.EventTriggers, func(e *schema.EventTrigger) string { return e.Name }) {
		out.EventTriggers = append(out.EventTriggers, &EventTrigger{
			Name: e.Name, Object: e.Name, Event: e.Event, Function: functionByOID(c, e.Function), Enabled: e.Enabled,
		})
	}
	slices.SortStableFunc(out.Grants, func(a, b *Grant) int { return strings.Compare(a.Object, b.Object) })
}

// checksOf are the expressions of a domain's constraints, in order of name.
func checksOf(c *schema.Catalog, t *schema.Type) []string {
	out := []string{}
	for _, k := range sorted(c.Constraints, func(k *schema.Constraint) string { return k.Name }) {
		if k.Domain == t.OID && k.Domain != 0 && k.Expression != "" {
			out = append(out, k.Expression)
		}
	}
	return out
}

func (b *builder) function(f *schema.Function) *Function {
	if x := b.functions[f]; x != nil {
		return x
	}
	name := functionName(f)
	x := &Function{
		Schema: f.Schema, Name: f.Name, Object: name, Kind: f.Kind, Owner: f.Owner, Arguments: f.Arguments, Returns: f.Returns,
		Language: f.Language, Volatility: f.Volatility, Strict: f.Strict, SecurityDefiner: f.SecurityDefiner, Leakproof: f.Leakproof,
		Config: list(f.Config), Body: f.Body, Grants: grants(name, f.Kind, f.Owner, f.ACL), Comment: f.Comment,
	}
	b.functions[f] = x
	return x
}

// dependencies names both ends. Columns, indexes and constraints count as the
// table they belong to, so that a walk from a view ends at tables.
func (b *builder) dependencies(c *schema.Catalog, out *Catalog) {
	all := b.namesOf(c)
	find := func(r schema.Ref) named {
		n := all[schema.Ref{Class: r.Class, OID: r.OID}]
		if n.table != "" {
			n.name = n.table
			if t := c.Relations[r.OID]; t == nil {
				n.kind = "table"
			}
		}
		return n
	}
	for d := range c.Depends.All() {
		o, on := find(d.Object), find(d.On)
		if o.name == "" || on.name == "" || o.name == on.name {
			continue
		}
		out.Dependencies = append(out.Dependencies, &Dependency{Object: o.name, Kind: o.kind, On: on.name, OnKind: on.kind})
	}
	slices.SortFunc(out.Dependencies, func(a, b *Dependency) int {
		return cmp.Or(strings.Compare(a.Object, b.Object), strings.Compare(a.On, b.On), strings.Compare(a.Kind, b.Kind), strings.Compare(a.OnKind, b.OnKind))
	})
	out.Dependencies = slices.CompactFunc(out.Dependencies, func(a, b *Dependency) bool { return *a == *b })
}

// comments collects every comment there is.
func comments(c *Catalog) []*Comment {
	out := []*Comment{}
	add := func(object, kind, text string) {
		if text != "" {
			out = append(out, &Comment{Object: object, Kind: kind, Text: text})
		}
	}
	for _, s := range c.Schemas {
		add(s.Object, "schema", s.Comment)
	}
	for _, t := range c.Tables {
		add(t.Object, t.Kind, t.Comment)
	}
	for _, x := range c.Columns {
		add(x.Object, "column", x.Comment)
	}
	for _, x := range c.Views {
		add(x.Object, x.Kind, x.Comment)
		for _, col := range x.Columns {
			add(col.Object, "column", col.Comment)
		}
	}
	for _, x := range c.Constraints {
		add(x.Object, "constraint", x.Comment)
	}
	for _, x := range c.Indexes {
		add(x.Object, "index", x.Comment)
	}
	for _, x := range c.Triggers {
		add(x.Object, "trigger", x.Comment)
	}
	for _, x := range c.Policies {
		add(x.Object, "policy", x.Comment)
	}
	for _, x := range c.Sequences {
		add(x.Object, "sequence", x.Comment)
	}
	for _, x := range c.Types {
		add(x.Object, "type", x.Comment)
	}
	for _, x := range c.Functions {
		add(x.Object, x.Kind, x.Comment)
	}
	return out
}
