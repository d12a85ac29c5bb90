package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// relRef names a relation.
func relRef(oid schema.OID) schema.Ref { return schema.Ref{Class: schema.ClassRelation, OID: oid} }

// functionRef names a function.
func functionRef(oid schema.OID) schema.Ref {
	return schema.Ref{Class: schema.ClassFunction, OID: oid}
}

// chain drops the schema public from the names of a chain.
func chain(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = plainName(n)
	}
	return out
}

// chainText is a chain as people read it: orders.total → v_orders → v_revenue.
func chainText(names []string) string { return strings.Join(chain(names), " → ") }

// viaNames gives the names of a dependent's chain.
func viaNames(c *schema.Catalog, d schema.Dependent) []string {
	var out []string
	for _, r := range d.Via {
		if n := c.Name(r); n != "" && (len(out) == 0 || out[len(out)-1] != n) {
			out = append(out, n)
		}
	}
	return out
}

// readers are the views, materialized views, functions and policies that need
// an object and were there before the change set, by the shortest chain.
func readers(p *Pass, c *schema.Catalog, ref schema.Ref) []schema.Dependent {
	var out []schema.Dependent
	for _, d := range c.Dependents(ref) {
		if d.Ref.Sub != 0 && d.Ref.Class == schema.ClassRelation && c.Relations[d.Ref.OID] != nil && !isView(c.Relations[d.Ref.OID]) {
			continue
		}
		whole := schema.Ref{Class: d.Ref.Class, OID: d.Ref.OID}
		switch d.Ref.Class {
		case schema.ClassRelation:
			if r := c.Relations[d.Ref.OID]; r == nil || !isView(r) || r.OID == ref.OID {
				continue
			}
		case schema.ClassFunction, schema.ClassPolicy:
		default:
			continue
		}
		if p.Before.Has(whole) && !slices.ContainsFunc(out, func(x schema.Dependent) bool { return x.Ref.OID == d.Ref.OID && x.Ref.Class == d.Ref.Class }) {
			d.Ref = whole
			out = append(out, d)
		}
	}
	return out
}

// isView tells views and materialized views from what holds rows of its own.
func isView(r *schema.Relation) bool {
	return r.Kind == schema.View || r.Kind == schema.MaterializedView
}

// chainEvidence tells how an object hangs on another.
func chainEvidence(c *schema.Catalog, d schema.Dependent) lint.Evidence {
	name := c.Name(d.Ref)
	return lint.Evidence{Kind: "catalog", Text: c.Kind(d.Ref) + " " + plainName(name) + " depends on it", Object: name, Chain: chain(viaNames(c, d))}
}

// catalogEvidence is a fact read from the catalog.
func catalogEvidence(object, text string, args ...any) lint.Evidence {
	return lint.Evidence{Kind: "catalog", Text: fmt.Sprintf(text, args...), Object: object}
}

// refNames names objects, kind first: view "v_orders".
func refNames(c *schema.Catalog, ds []schema.Dependent) []string {
	var out []string
	for _, d := range ds {
		out = append(out, c.Kind(d.Ref)+" "+quote(c.Name(d.Ref)))
	}
	return out
}

// relSQL is a relation's name as it is written in SQL.
func relSQL(r *schema.Relation) string { return sqlName(r.Schema, r.Name) }

// roleSQL is a role as it is written in SQL.
func roleSQL(name string) string {
	if name == "public" {
		return "PUBLIC"
	}
	return sqlIdent(name)
}

// grantKey joins grants of one object to one role, in the order they come.
type grantKey struct{ kind, object, role string }

// grantLine gathers the privileges of one role on one object.
type grantLine struct {
	grantKey
	privileges []string
	grantable  bool
}

func (g *grantLine) text() string { return strings.Join(g.privileges, ", ") }

// sql is the GRANT that gives the privileges.
func (g *grantLine) sql() string {
	kind := strings.ToUpper(g.kind)
	switch g.kind {
	case "view", "materialized view", "table", "partitioned table", "foreign table", "column":
		kind = "TABLE"
	case "enum", "domain", "composite", "range", "base":
		kind = "TYPE"
	}
	s := "GRANT " + g.text() + " ON " + kind + " " + short(g.object) + " TO " + roleSQL(g.role)
	if g.grantable {
		s += " WITH GRANT OPTION"
	}
	return s + ";"
}

// lostGrants are the privileges of before that after does not give.
func lostGrants(kind, object string, before, after []schema.Grant) []*grantLine {
	var out []*grantLine
	for _, b := range before {
		if slices.ContainsFunc(after, func(a schema.Grant) bool { return a.Grantee == b.Grantee && a.Privilege == b.Privilege }) {
			continue
		}
		out = addGrant(out, kind, object, b)
	}
	return out
}

func addGrant(lines []*grantLine, kind, object string, g schema.Grant) []*grantLine {
	key := grantKey{kind, object, g.Grantee}
	i := slices.IndexFunc(lines, func(l *grantLine) bool { return l.grantKey == key })
	if i < 0 {
		lines = append(lines, &grantLine{grantKey: key})
		i = len(lines) - 1
	}
	if !slices.Contains(lines[i].privileges, g.Privilege) {
		lines[i].privileges = append(lines[i].privileges, g.Privilege)
	}
	lines[i].grantable = lines[i].grantable || g.Grantable
	return lines
}

// sqlList joins statements, one on a line.
func sqlList(statements []string) string { return strings.Join(statements, "\n") }

// foreignKeys are the foreign keys on a table, by OID.
func foreignKeys(c *schema.Catalog, table schema.OID) []*schema.Constraint {
	var out []*schema.Constraint
	for _, k := range schema.Sorted(c.Constraints) {
		if k.Table == table && k.Kind == schema.ForeignKey {
			out = append(out, k)
		}
	}
	return out
}

// indexesOf are the indexes of a table, by OID.
func indexesOf(c *schema.Catalog, table schema.OID) []*schema.Index {
	var out []*schema.Index
	for _, i := range schema.Sorted(c.Indexes) {
		if i.Table == table {
			out = append(out, i)
		}
	}
	return out
}

// hasPrimaryKey reports whether a table has one.
func hasPrimaryKey(c *schema.Catalog, table schema.OID) bool {
	return slices.ContainsFunc(indexesOf(c, table), func(i *schema.Index) bool { return i.Primary })
}

// sameTx reports whether two steps of one migration share a transaction block.
func sameTx(a, b *devdb.Step) bool { return a.InTx && b.InTx && a.TxID == b.TxID }
