package postgres

import (
	"maps"
	"reflect"
	"slices"

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

// reading is what the catalog function tells.
type reading struct {
	// Read again, found or not: relations with all that is theirs, relations
	// alone, and the others.
	Rels, Heads, Idxs, Kons, TypeOIDs, Procs, Trigs, Pols, RuleOIDs, Stats []schema.OID `json:"-"`
	// Kept are there and as they were.
	KeptIdxs, KeptKons, KeptTrigs map[schema.OID]bool `json:"-"`
	Small                         bool                `json:"-"` // so were the classes of few objects
	Foreigners                    bool                `json:"-"` // so were the foreign keys that reference Rels
	All                           bool                `json:"-"`

	mine schema.OID // schema of temporary objects

	SchemaRows   []readSchema   `json:"schemas"`
	TypeRows     []readType     `json:"typeobjects"`
	FunctionRows []readFunction `json:"functions"`

	// Made of the rows.
	Schemas     []*schema.Schema     `json:"-"`
	Relations   []*schema.Relation   `json:"-"`
	Indexes     []*schema.Index      `json:"-"`
	TypeObjects []*schema.Type       `json:"-"`
	Functions   []*schema.Function   `json:"-"`
	Constraints []*schema.Constraint `json:"-"`
	Triggers    []*schema.Trigger    `json:"-"`
	// Depends are pg_depend's rows: classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype.
	Depends [][7]schema.OID     `json:"-"`
	Edges   []schema.Dependency `json:"-"`

	Extensions    []*schema.Extension
	Publications  []*schema.Publication
	EventTriggers []*schema.EventTrigger
	Rules         []*schema.Rule
	Policies      []*schema.Policy
	Statistics    []*schema.Statistics
}

// merge gives the catalog after what r read again. Objects that did not change
// are shared with c, and so are the maps they are in.
func (r *reading) merge(c *schema.Catalog) *schema.Catalog {
	rels := oidSet(r.Rels)
	whole := func(o schema.OID) bool { return rels[o] }
	if r.All {
		whole = func(schema.OID) bool { return true }
	}
	small := r.All || r.Small
	constraints := mergeMap(c.Constraints, r.Constraints, func(o *schema.Constraint) schema.OID { return o.OID }, r.Kons, r.KeptKons, r.ownedConstraints(whole))
	out := &schema.Catalog{
		Schemas:       mergeMap(c.Schemas, r.Schemas, func(o *schema.Schema) schema.OID { return o.OID }, nil, nil, every[schema.Schema](small)),
		Extensions:    mergeMap(c.Extensions, r.Extensions, func(o *schema.Extension) schema.OID { return o.OID }, nil, nil, every[schema.Extension](small)),
		Publications:  mergeMap(c.Publications, r.Publications, func(o *schema.Publication) schema.OID { return o.OID }, nil, nil, every[schema.Publication](small)),
		EventTriggers: mergeMap(c.EventTriggers, r.EventTriggers, func(o *schema.EventTrigger) schema.OID { return o.OID }, nil, nil, every[schema.EventTrigger](small)),
		Relations: mergeMap(c.Relations, r.Relations, func(o *schema.Relation) schema.OID { return o.OID },
			slices.Concat(r.Rels, r.Heads), nil, every[schema.Relation](r.All)),
		Types:       mergeMap(c.Types, r.TypeObjects, func(o *schema.Type) schema.OID { return o.OID }, r.TypeOIDs, nil, every[schema.Type](r.All)),
		Functions:   mergeMap(c.Functions, r.Functions, func(o *schema.Function) schema.OID { return o.OID }, r.Procs, nil, every[schema.Function](r.All)),
		Constraints: constraints,
		Indexes: mergeMap(c.Indexes, r.backing(c, constraints), func(o *schema.Index) schema.OID { return o.OID }, r.Idxs, r.KeptIdxs,
			owned(r, func(o *schema.Index) bool { return whole(o.Table) })),
		Triggers: mergeMap(c.Triggers, r.Triggers, func(o *schema.Trigger) schema.OID { return o.OID }, r.Trigs, r.KeptTrigs,
			owned(r, func(o *schema.Trigger) bool { return whole(o.Table) })),
		Rules: mergeMap(c.Rules, r.Rules, func(o *schema.Rule) schema.OID { return o.OID }, r.RuleOIDs, nil,
			owned(r, func(o *schema.Rule) bool { return whole(o.Table) })),
		Policies: mergeMap(c.Policies, r.Policies, func(o *schema.Policy) schema.OID { return o.OID }, r.Pols, nil,
			owned(r, func(o *schema.Policy) bool { return whole(o.Table) })),
		Statistics: mergeMap(c.Statistics, r.Statistics, func(o *schema.Statistics) schema.OID { return o.OID }, r.Stats, nil,
			owned(r, func(o *schema.Statistics) bool { return whole(o.Table) })),
	}
	out.Objects = c.Objects
	out.Depends = r.mergeDepends(c, out)
	return out
}

// backing gives the indexes that were read, and those whose constraint is new,
// with the constraints that they back.
func (r *reading) backing(c *schema.Catalog, constraints map[schema.OID]*schema.Constraint) []*schema.Index {
	by := map[schema.OID]schema.OID{}
	for _, k := range r.Constraints {
		if k.Kind == schema.PrimaryKey || k.Kind == schema.Unique || k.Kind == schema.Exclusion {
			by[k.Index] = k.OID
		}
	}
	read := make(map[schema.OID]bool, len(r.Indexes))
	for _, x := range r.Indexes {
		read[x.OID] = true
		if k, ok := by[x.OID]; ok {
			x.Constraint = k
		} else if was := c.Indexes[x.OID]; was != nil && constraints[was.Constraint] != nil {
			x.Constraint = was.Constraint
		}
	}
	out := r.Indexes
	for o, k := range by {
		if was := c.Indexes[o]; was != nil && !read[o] && was.Constraint != k {
			x := *was
			x.Constraint = k
			out = append(out, &x)
		}
	}
	return out
}

// every gives a test that all objects pass, or nil if none does.
func every[T any](all bool) func(*T) bool {
	if !all {
		return nil
	}
	return func(*T) bool { return true }
}

// owned gives the test whether an object belongs to a relation that was read
// again with all that is its own; nil if there is no such relation.
func owned[T any](r *reading, test func(*T) bool) func(*T) bool {
	if !r.All && len(r.Rels) == 0 {
		return nil
	}
	return test
}

func (r *reading) ownedConstraints(whole func(schema.OID) bool) func(*schema.Constraint) bool {
	types := oidSet(r.TypeOIDs)
	if !r.All && len(r.Rels)+len(r.TypeOIDs) == 0 {
		return nil
	}
	return func(o *schema.Constraint) bool {
		return r.All || whole(o.Table) || r.Foreigners && o.RefTable != 0 && whole(o.RefTable) || o.Domain != 0 && types[o.Domain]
	}
}

// mergeMap replaces the objects that were looked at, those of the OIDs and
// those that pass the test, by those found; those that are kept stay. It gives
// back the very same map if nothing changed.
func mergeMap[T any](old map[schema.OID]*T, found []*T, oid func(*T) schema.OID, looked []schema.OID, kept map[schema.OID]bool, test func(*T) bool) map[schema.OID]*T {
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
	for _, id := range looked {
		if _, ok := old[id]; ok && !seen[id] && !kept[id] {
			change()
			delete(out, id)
		}
	}
	if test != nil {
		for id, o := range old {
			if !seen[id] && !kept[id] && test(o) {
				change()
				delete(out, id)
			}
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
	for _, e := range r.Edges {
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
	for class, oids := range map[schema.Class][]schema.OID{
		schema.ClassRelation: slices.Concat(r.Rels, r.Heads, r.Idxs), schema.ClassConstraint: r.Kons, schema.ClassType: r.TypeOIDs, schema.ClassFunction: r.Procs,
		schema.ClassTrigger: r.Trigs, schema.ClassRule: r.RuleOIDs, schema.ClassPolicy: r.Pols, schema.ClassStatistics: r.Stats,
	} {
		for _, o := range oids {
			put(class, o)
		}
	}
	// What is there no more is in no list.
	lost(before.Indexes, after.Indexes, schema.ClassRelation, put)
	lost(before.Constraints, after.Constraints, schema.ClassConstraint, put)
	lost(before.Triggers, after.Triggers, schema.ClassTrigger, put)
	lost(before.Rules, after.Rules, schema.ClassRule, put)
	lost(before.Policies, after.Policies, schema.ClassPolicy, put)
	lost(before.Statistics, after.Statistics, schema.ClassStatistics, put)
	if r.Small {
		for _, c := range []*schema.Catalog{before, after} {
			for o := range c.Publications {
				put(schema.ClassPublication, o)
			}
			for o := range c.Extensions {
				put(schema.ClassExtension, o)
			}
			for o := range c.EventTriggers {
				put(schema.ClassEventTrigger, o)
			}
		}
	}
	return before.Depends.Replace(gone, added)
}

// lost puts the objects that the later map has no more.
func lost[T any](before, after map[schema.OID]*T, class schema.Class, put func(schema.Class, schema.OID)) {
	if reflect.ValueOf(before).Pointer() == reflect.ValueOf(after).Pointer() {
		return
	}
	for o := range before {
		if after[o] == nil {
			put(class, o)
		}
	}
}

// edges makes dependencies of the rows of pg_depend: what depends is the owner
// of a view's rule, a default or a publication's table, with the default's
// column; what it depends on is the relation or element that a row or array
// type stands for.
func (d *decoder) edges() {
	mine := index(d.TypeObjects, func(o *schema.Type) schema.OID { return o.OID })
	known := func(o schema.OID) bool { return mine[o] != nil || d.old.Types[o] != nil }
	types := map[schema.OID]bool{}
	for _, e := range d.Depends {
		if e[3] == pgType && !known(e[4]) {
			types[e[4]] = true
		}
	}
	d.names.standFor(types)
	for _, row := range d.Depends {
		e := schema.Dependency{
			Object: schema.Ref{Class: classOf(row[0]), OID: row[1], Sub: int16(row[2])},
			On:     schema.Ref{Class: classOf(row[3]), OID: row[4], Sub: int16(row[5])},
			Kind:   byte(row[6]),
		}
		switch row[0] {
		case pgRewrite:
			if v := d.selects[row[1]]; v != 0 {
				e.Object = schema.Ref{Class: schema.ClassRelation, OID: v}
			}
		case pgAttrdef:
			if c, ok := d.defaults[row[1]]; ok {
				e.Object = schema.Ref{Class: schema.ClassRelation, OID: c[0], Sub: int16(c[1])}
			}
		case pgPubRel:
			e.Object = schema.Ref{Class: e.Object.Class, OID: d.pubs[row[1]]}
		}
		if row[3] == pgType && !known(row[4]) {
			if s := d.names.r.rowTypes[row[4]]; s[0] != 0 {
				e.On = schema.Ref{Class: schema.ClassRelation, OID: s[0]}
			} else if s[1] != 0 {
				e.On.OID = s[1]
			}
		}
		d.Edges = append(d.Edges, e)
	}
}
