package schema

import (
	"maps"
	"regexp"
	"slices"
)

// StoredCalls tells which routines compute what the server keeps or holds rows
// to: those that the expressions of indexes, generated columns and checks and the
// queries of materialized views call, and those that these call by name. The
// server runs them by itself too, when it collects statistics or restores a
// dump, with an empty search_path.
func (c *Catalog) StoredCalls() map[OID][]Ref {
	out := map[OID][]Ref{}
	for e := range c.Depends.All() {
		if e.On.Class == ClassFunction && c.Functions[e.On.OID] != nil && c.computes(e.Object) {
			out[e.On.OID] = append(out[e.On.OID], e.Object)
		}
	}
	for queue := slices.Sorted(maps.Keys(out)); len(queue) > 0; queue = queue[1:] {
		f := c.Functions[queue[0]]
		for _, g := range Sorted(c.Functions) {
			if g != f && out[g.OID] == nil && regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(g.Name)+`"?\s*\(`).MatchString(f.Body) {
				out[g.OID] = out[f.OID]
				queue = append(queue, g.OID)
			}
		}
	}
	return out
}

// computes reports whether an object's values are computed by an expression and
// kept, or rows are held to it: not those of a partition, which has them of its parent.
func (c *Catalog) computes(r Ref) bool {
	switch r.Class {
	case ClassConstraint:
		k := c.Constraints[r.OID]
		return k != nil && k.Kind == Check && k.Table != 0 && !k.Inherited && k.Parent == 0
	case ClassRelation:
		if i := c.Indexes[r.OID]; i != nil {
			return i.Parent == 0
		}
		t := c.Relations[r.OID]
		if t == nil || t.PartitionOf != 0 {
			return false
		}
		if r.Sub == 0 {
			return t.Kind == MaterializedView
		}
		col := t.Column(r.Sub)
		return col != nil && col.Generated == "stored"
	}
	return false
}
