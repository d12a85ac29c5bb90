package schema

import (
	"fmt"
	"slices"
	"strings"
)

// Lines writes the catalog by names, one object or column a line, sorted:
// equal for two databases that hold the same objects, whatever their OIDs and
// the order in which they were made. Storage (file nodes) and the numbers of
// columns are left out.
func (c *Catalog) Lines() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, s := range c.Schemas {
		add("schema %s owner %s comment %q grants %s", s.Name, s.Owner, s.Comment, grants(s.ACL))
	}
	for _, r := range c.Relations {
		c.relationLines(r, add)
	}
	for _, i := range c.Indexes {
		add("index %s on %s valid %t replica identity %t comment %q", i.Definition, c.relName(i.Table), i.Valid, i.ReplicaIdentity, i.Comment)
	}
	for _, k := range c.Constraints {
		add("constraint %s on %s%s: %s validated %t comment %q", k.Name, c.relName(k.Table), c.typeName(k.Domain), strings.TrimSuffix(k.Definition, " NOT VALID"), k.Validated, k.Comment)
	}
	for _, t := range c.Types {
		add("%s %s %v base %s not null %t default %q owner %s comment %q grants %s", t.Kind, t.QualifiedName(), t.Labels, t.Base, t.NotNull, t.Default, t.Owner, t.Comment, grants(t.ACL))
		for _, a := range t.Attributes {
			add("attribute %s.%s %s", t.QualifiedName(), a.Name, a.Type)
		}
	}
	for _, f := range c.Functions {
		add("%s %s(%s) returns %s language %s %s %s strict %t definer %t %v owner %s comment %q grants %s body %q", f.Kind, f.QualifiedName(), f.Arguments, f.Returns, f.Language,
			f.Volatility, f.Parallel, f.Strict, f.SecurityDefiner, f.Config, f.Owner, f.Comment, grants(f.ACL), f.Body)
	}
	for _, t := range c.Triggers {
		add("trigger %s on %s: %s %s comment %q", t.Name, c.relName(t.Table), t.Definition, t.Enabled, t.Comment)
	}
	for _, r := range c.Rules {
		add("rule %s on %s: %s %s", r.Name, c.relName(r.Table), r.Definition, r.Enabled)
	}
	for _, p := range c.Policies {
		add("policy %s on %s %s permissive %t to %v using %q check %q comment %q", p.Name, c.relName(p.Table), p.Command, p.Permissive, p.Roles, p.Using, p.WithCheck, p.Comment)
	}
	for _, e := range c.Extensions {
		add("extension %s %s in %s", e.Name, e.Version, e.Schema)
	}
	for _, p := range c.Publications {
		var tables []string
		for _, t := range p.Tables {
			tables = append(tables, fmt.Sprintf("%s %d columns where %q", c.relName(t.Table), len(t.Columns), t.Where))
		}
		slices.Sort(tables)
		add("publication %s all %t %v %v", p.Name, p.AllTables, tables, p.Publishes)
	}
	for _, s := range c.Statistics {
		add("statistics %s.%s: %s", s.Schema, s.Name, s.Definition)
	}
	for _, e := range c.EventTriggers {
		add("event trigger %s %s %s", e.Name, e.Event, e.Enabled)
	}
	slices.Sort(out)
	return out
}

func (c *Catalog) relationLines(r *Relation, add func(string, ...any)) {
	var inherits []string
	for _, p := range r.Inherits {
		inherits = append(inherits, c.relName(p))
	}
	name := r.QualifiedName()
	add("%s %s %s owner %s options %v row security %t %t replica identity %s partition by %s of %s %s inherits %v tablespace %s method %s definition %q populated %t comment %q grants %s",
		r.Kind, name, r.Persistence, r.Owner, r.Options, r.RowSecurity, r.ForceRowSecurity, r.ReplicaIdentity, r.PartitionKey, c.relName(r.PartitionOf), r.PartitionBound,
		inherits, r.Tablespace, r.AccessMethod, r.Definition, r.Populated, r.Comment, grants(r.ACL))
	if s := r.Sequence; s != nil {
		add("sequence %s %s %d %d %d %d cycle %t", name, s.Type, s.Start, s.Increment, s.Min, s.Max, s.Cycle)
	}
	for _, col := range r.Columns {
		add("column %s.%s %s not null %t default %q identity %s generated %s collation %s storage %s compression %s comment %q grants %s",
			name, col.Name, col.Type, col.NotNull, col.Default, col.Identity, col.Generated, col.Collation, col.Storage, col.Compression, col.Comment, grants(col.ACL))
	}
}

func (c *Catalog) relName(oid OID) string {
	if r := c.Relations[oid]; r != nil {
		return r.QualifiedName()
	}
	return ""
}

func (c *Catalog) typeName(oid OID) string {
	if t := c.Types[oid]; t != nil {
		return t.QualifiedName()
	}
	return ""
}

func grants(acl []Grant) string {
	var out []string
	for _, g := range acl {
		out = append(out, fmt.Sprintf("%s:%s:%t", g.Grantee, g.Privilege, g.Grantable))
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// Differences are the lines of a that b lacks, after "- ", and those of b that
// a lacks, after "+ "; none if the two catalogs hold the same.
func Differences(a, b *Catalog) []string {
	la, lb := a.Lines(), b.Lines()
	var out []string
	for len(la) > 0 || len(lb) > 0 {
		switch {
		case len(lb) == 0 || len(la) > 0 && la[0] < lb[0]:
			out = append(out, "- "+la[0])
			la = la[1:]
		case len(la) == 0 || lb[0] < la[0]:
			out = append(out, "+ "+lb[0])
			lb = lb[1:]
		default:
			la, lb = la[1:], lb[1:]
		}
	}
	return out
}
