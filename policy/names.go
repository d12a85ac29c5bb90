package policy

import (
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// named is what people call an object.
type named struct {
	name, kind string
	// table is the qualified name of the table it belongs to, if any.
	table string
}

func join(parts ...string) string { return strings.Join(parts, ".") }

// unquoted is a name that is written as SQL takes it.
func unquoted(name string) string {
	if !strings.HasPrefix(name, `"`) {
		return name
	}
	return strings.ReplaceAll(strings.TrimSuffix(name[1:], `"`), `""`, `"`)
}

// relName is a relation's qualified name, empty if it is unknown.
func relName(c *schema.Catalog, oid schema.OID) string {
	if r := c.Relations[oid]; r != nil {
		return join(r.Schema, r.Name)
	}
	return ""
}

// columnNames turns attnums into names.
func columnNames(c *schema.Catalog, oid schema.OID, nums []int16) []string {
	out := make([]string, 0, len(nums))
	r := c.Relations[oid]
	for _, n := range nums {
		name := ""
		if r != nil {
			if col := r.Column(n); col != nil {
				name = col.Name
			}
		}
		out = append(out, name)
	}
	return out
}

func functionName(f *schema.Function) string { return f.QualifiedName() }

// functionByOID is the name of a function, or of nothing for one that is not
// the users' own.
func functionByOID(c *schema.Catalog, oid schema.OID) string {
	if f := c.Functions[oid]; f != nil {
		return functionName(f)
	}
	return ""
}

func constraintName(c *schema.Catalog, k *schema.Constraint) string {
	if k.Table != 0 {
		return join(relName(c, k.Table), k.Name)
	}
	if t := c.Types[k.Domain]; t != nil {
		return join(t.Schema, t.Name, k.Name)
	}
	return join(k.Schema, k.Name)
}

// names gives every object of the catalog its name; columns have their own entries.
func names(c *schema.Catalog) map[schema.Ref]named {
	out := make(map[schema.Ref]named, 4*len(c.Relations)+len(c.Constraints)+len(c.Indexes))
	put := func(class schema.Class, oid schema.OID, name, kind, table string) {
		out[schema.Ref{Class: class, OID: oid}] = named{name, kind, table}
	}
	for oid, s := range c.Schemas {
		put(schema.ClassSchema, oid, s.Name, "schema", "")
	}
	for oid, r := range c.Relations {
		name := join(r.Schema, r.Name)
		put(schema.ClassRelation, oid, name, string(r.Kind), name)
		for _, col := range r.Columns {
			out[schema.Ref{Class: schema.ClassRelation, OID: oid, Sub: col.Num}] = named{join(name, col.Name), "column", name}
		}
	}
	for oid, i := range c.Indexes {
		put(schema.ClassRelation, oid, join(i.Schema, i.Name), "index", relName(c, i.Table))
	}
	for oid, k := range c.Constraints {
		put(schema.ClassConstraint, oid, constraintName(c, k), "constraint", relName(c, k.Table))
	}
	for oid, t := range c.Types {
		put(schema.ClassType, oid, join(t.Schema, t.Name), "type", "")
	}
	for oid, f := range c.Functions {
		put(schema.ClassFunction, oid, functionName(f), f.Kind, "")
	}
	for oid, t := range c.Triggers {
		put(schema.ClassTrigger, oid, join(relName(c, t.Table), t.Name), "trigger", relName(c, t.Table))
	}
	for oid, r := range c.Rules {
		put(schema.ClassRule, oid, join(relName(c, r.Table), r.Name), "rule", relName(c, r.Table))
	}
	for oid, p := range c.Policies {
		put(schema.ClassPolicy, oid, join(relName(c, p.Table), p.Name), "policy", relName(c, p.Table))
	}
	for oid, e := range c.Extensions {
		put(schema.ClassExtension, oid, e.Name, "extension", "")
	}
	for oid, p := range c.Publications {
		put(schema.ClassPublication, oid, p.Name, "publication", "")
	}
	for oid, s := range c.Statistics {
		put(schema.ClassStatistics, oid, join(s.Schema, s.Name), "statistics", relName(c, s.Table))
	}
	for oid, o := range c.Objects {
		put(schema.ClassOther, oid, o.Name, o.Kind, "")
	}
	for oid, e := range c.EventTriggers {
		put(schema.ClassEventTrigger, oid, e.Name, "event trigger", "")
	}
	return out
}

var modifier = regexp.MustCompile(`\([^)]*\)`)

// baseType is a type without modifier and array brackets.
func baseType(t string) (base string, array bool) {
	base = modifier.ReplaceAllString(t, "")
	if strings.HasSuffix(base, "[]") {
		return strings.TrimRight(base, "[]"), true
	}
	return base, false
}
