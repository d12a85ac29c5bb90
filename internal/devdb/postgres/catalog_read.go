package postgres

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	"github.com/assaydb/assay/internal/schema"
)

// OIDs of system catalogs, the same in every version.
const (
	pgType       = 1247
	pgProc       = 1255
	pgClass      = 1259
	pgAttrdef    = 2604
	pgConstraint = 2606
	pgNamespace  = 2615
	pgRewrite    = 2618
	pgTrigger    = 2620
	pgExtension  = 3079
	pgPolicy     = 3256
	pgStatExt    = 3381
	pgEventTrig  = 3466
	pgPub        = 6104
	pgPubRel     = 6106
	pgPubNS      = 6237
)

var classes = map[schema.OID]schema.Class{
	pgType: schema.ClassType, pgProc: schema.ClassFunction, pgClass: schema.ClassRelation, pgAttrdef: schema.ClassDefault,
	pgConstraint: schema.ClassConstraint, pgNamespace: schema.ClassSchema, pgRewrite: schema.ClassRule, pgTrigger: schema.ClassTrigger,
	pgExtension: schema.ClassExtension, pgPolicy: schema.ClassPolicy, pgStatExt: schema.ClassStatistics, pgEventTrig: schema.ClassEventTrigger,
	pgPub: schema.ClassPublication, pgPubRel: schema.ClassPublication, pgPubNS: schema.ClassPublication,
}

func classOf(catalog schema.OID) schema.Class {
	if c, ok := classes[catalog]; ok {
		return c
	}
	return schema.ClassOther
}

// reading is what the catalog function returns. The objects' JSON has the
// names of the schema package's fields.
type reading struct {
	Rels, Types, Procs []schema.OID // read again, found or not
	Small              bool         // so were the classes of few objects
	All                bool         `json:"-"`

	Schemas       []*schema.Schema
	Extensions    []*schema.Extension
	Publications  []*schema.Publication
	EventTriggers []*schema.EventTrigger
	Relations     []*schema.Relation
	Indexes       []*schema.Index
	Constraints   []*schema.Constraint
	TypeObjects   []*schema.Type
	Functions     []*schema.Function
	Triggers      []*schema.Trigger
	Rules         []*schema.Rule
	Policies      []*schema.Policy
	Statistics    []*schema.Statistics
	Depends       [][11]schema.OID
}

// parseReading decodes a reading.
func parseReading(text []byte, all bool) (*reading, error) {
	var r reading
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("decoding the catalog: %w", err)
	}
	r.All = all
	return &r, nil
}

// merge gives the catalog after what r read again. Objects that did not change
// are shared with c, and so are the maps they are in.
func (r *reading) merge(c *schema.Catalog) *schema.Catalog {
	rels, types, procs := oidSet(r.Rels), oidSet(r.Types), oidSet(r.Procs)
	inRel := func(o schema.OID) bool { return r.All || rels[o] }
	small := func(schema.OID) bool { return r.All || r.Small }
	out := &schema.Catalog{
		Schemas: mergeMap(c.Schemas, r.Schemas, func(o *schema.Schema) schema.OID { return o.OID },
			func(o *schema.Schema) bool { return small(o.OID) }),
		Extensions: mergeMap(c.Extensions, r.Extensions, func(o *schema.Extension) schema.OID { return o.OID },
			func(o *schema.Extension) bool { return small(o.OID) }),
		Publications: mergeMap(c.Publications, r.Publications, func(o *schema.Publication) schema.OID { return o.OID },
			func(o *schema.Publication) bool { return small(o.OID) }),
		EventTriggers: mergeMap(c.EventTriggers, r.EventTriggers, func(o *schema.EventTrigger) schema.OID { return o.OID },
			func(o *schema.EventTrigger) bool { return small(o.OID) }),
		Relations: mergeMap(c.Relations, r.Relations, func(o *schema.Relation) schema.OID { return o.OID },
			func(o *schema.Relation) bool { return inRel(o.OID) }),
		Indexes: mergeMap(c.Indexes, r.Indexes, func(o *schema.Index) schema.OID { return o.OID },
			func(o *schema.Index) bool { return inRel(o.Table) }),
		Constraints: mergeMap(c.Constraints, r.Constraints, func(o *schema.Constraint) schema.OID { return o.OID },
			func(o *schema.Constraint) bool {
				return inRel(o.Table) || o.RefTable != 0 && inRel(o.RefTable) || types[o.Domain]
			}),
		Types: mergeMap(c.Types, r.TypeObjects, func(o *schema.Type) schema.OID { return o.OID },
			func(o *schema.Type) bool { return r.All || types[o.OID] }),
		Functions: mergeMap(c.Functions, r.Functions, func(o *schema.Function) schema.OID { return o.OID },
			func(o *schema.Function) bool { return r.All || procs[o.OID] }),
		Triggers: mergeMap(c.Triggers, r.Triggers, func(o *schema.Trigger) schema.OID { return o.OID },
			func(o *schema.Trigger) bool { return inRel(o.Table) }),
		Rules: mergeMap(c.Rules, r.Rules, func(o *schema.Rule) schema.OID { return o.OID },
			func(o *schema.Rule) bool { return inRel(o.Table) }),
		Policies: mergeMap(c.Policies, r.Policies, func(o *schema.Policy) schema.OID { return o.OID },
			func(o *schema.Policy) bool { return inRel(o.Table) }),
		Statistics: mergeMap(c.Statistics, r.Statistics, func(o *schema.Statistics) schema.OID { return o.OID },
			func(o *schema.Statistics) bool { return inRel(o.Table) }),
	}
	out.Depends = r.mergeDepends(c, out)
	return out
}

// mergeMap replaces the objects that reread says were looked at by those found.
// It gives back the very same map if nothing changed.
func mergeMap[T any](old map[schema.OID]*T, found []*T, oid func(*T) schema.OID, reread func(*T) bool) map[schema.OID]*T {
	var out map[schema.OID]*T
	change := func() {
		if out == nil {
			out = maps.Clone(old)
			if out == nil {
				out = map[schema.OID]*T{}
			}
		}
	}
	seen := make(map[schema.OID]bool, len(found))
	for _, o := range found {
		id := oid(o)
		seen[id] = true
		if was, ok := old[id]; ok && reflect.DeepEqual(was, o) {
			continue
		}
		change()
		out[id] = o
	}
	for id, o := range old {
		if !seen[id] && reread(o) {
			change()
			delete(out, id)
		}
	}
	if out == nil {
		if old == nil {
			return map[schema.OID]*T{}
		}
		return old
	}
	return out
}

func oidSet(s []schema.OID) map[schema.OID]bool {
	m := make(map[schema.OID]bool, len(s))
	for _, o := range s {
		m[o] = true
	}
	return m
}

// mergeDepends drops the edges of every object that was read again, in the
// state before or after, and puts in those that were found.
func (r *reading) mergeDepends(before, after *schema.Catalog) schema.Dependencies {
	var added []schema.Dependency
	for _, d := range r.Depends {
		e := edge(d)
		// Row types, toast tables and what an extension owns are nobody's own.
		if after.Has(schema.Ref{Class: e.Object.Class, OID: e.Object.OID}) {
			added = append(added, e)
		}
	}
	if r.All {
		var none schema.Dependencies
		return none.Replace(nil, added)
	}
	gone := map[schema.Ref]bool{}
	put := func(c schema.Class, o schema.OID) { gone[schema.Ref{Class: c, OID: o}] = true }
	rels, types := oidSet(r.Rels), oidSet(r.Types)
	for _, o := range r.Rels {
		put(schema.ClassRelation, o)
	}
	for _, o := range r.Types {
		put(schema.ClassType, o)
	}
	for _, o := range r.Procs {
		put(schema.ClassFunction, o)
	}
	for _, c := range []*schema.Catalog{before, after} {
		for o, i := range c.Indexes {
			if rels[i.Table] {
				put(schema.ClassRelation, o)
			}
		}
		for o, k := range c.Constraints {
			if rels[k.Table] || rels[k.RefTable] || types[k.Domain] {
				put(schema.ClassConstraint, o)
			}
		}
		belongings(c.Triggers, schema.ClassTrigger, func(t *schema.Trigger) bool { return rels[t.Table] }, put)
		belongings(c.Rules, schema.ClassRule, func(t *schema.Rule) bool { return rels[t.Table] }, put)
		belongings(c.Policies, schema.ClassPolicy, func(t *schema.Policy) bool { return rels[t.Table] }, put)
		belongings(c.Statistics, schema.ClassStatistics, func(t *schema.Statistics) bool { return rels[t.Table] }, put)
		if r.Small {
			belongings(c.Publications, schema.ClassPublication, func(*schema.Publication) bool { return true }, put)
		}
	}
	return before.Depends.Replace(gone, added)
}

func belongings[T any](m map[schema.OID]*T, class schema.Class, touched func(*T) bool, put func(schema.Class, schema.OID)) {
	for o, t := range m {
		if touched(t) {
			put(class, o)
		}
	}
}

// edge decodes a row of pg_depend: classid, objid, objsubid, refclassid,
// refobjid, refobjsubid, deptype, then the owner of a view's rule, a default or
// a publication's table with the default's column, and the relation or element
// that a row or array type stands for.
func edge(d [11]schema.OID) schema.Dependency {
	e := schema.Dependency{
		Object: schema.Ref{Class: classOf(d[0]), OID: d[1], Sub: int16(d[2])},
		On:     schema.Ref{Class: classOf(d[3]), OID: d[4], Sub: int16(d[5])},
		Kind:   byte(d[6]),
	}
	if d[7] != 0 {
		e.Object.OID = d[7]
		e.Object.Sub = 0
		switch d[0] {
		case pgRewrite, pgAttrdef:
			e.Object.Class = schema.ClassRelation
			e.Object.Sub = int16(d[8])
		}
	}
	if d[9] != 0 {
		e.On = schema.Ref{Class: schema.ClassRelation, OID: d[9]}
	} else if d[10] != 0 {
		e.On.OID = d[10]
	}
	return e
}
