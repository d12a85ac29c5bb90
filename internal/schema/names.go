package schema

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// New gives an empty catalog with every map made.
func New() *Catalog {
	return &Catalog{
		Schemas: map[OID]*Schema{}, Relations: map[OID]*Relation{}, Indexes: map[OID]*Index{},
		Constraints: map[OID]*Constraint{}, Types: map[OID]*Type{}, Functions: map[OID]*Function{},
		Triggers: map[OID]*Trigger{}, Rules: map[OID]*Rule{}, Policies: map[OID]*Policy{},
		Extensions: map[OID]*Extension{}, Publications: map[OID]*Publication{},
		Statistics: map[OID]*Statistics{}, EventTriggers: map[OID]*EventTrigger{}, Objects: map[OID]*Object{},
	}
}

// Sorted gives the objects of one of a catalog's maps by OID, which is the
// order they were made in.
func Sorted[T any](m map[OID]T) []T {
	out := make([]T, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, m[k])
	}
	return out
}

// QualifiedName is the relation's name with its schema: "public.orders".
func (r *Relation) QualifiedName() string { return qualify(r.Schema, r.Name) }

// QualifiedName is the index's name with its schema.
func (i *Index) QualifiedName() string { return qualify(i.Schema, i.Name) }

// QualifiedName is the type's name with its schema.
func (t *Type) QualifiedName() string { return qualify(t.Schema, t.Name) }

// QualifiedName is the function's name with its schema and argument types: "public.f(integer)".
func (f *Function) QualifiedName() string {
	return qualify(f.Schema, f.Name) + "(" + strings.Join(f.ArgTypes, ", ") + ")"
}

// ColumnNamed finds a live column by name, nil if there is none.
func (r *Relation) ColumnNamed(name string) *Column {
	for _, c := range r.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// IsTable reports whether the relation holds rows of its own or of its partitions.
func (r *Relation) IsTable() bool {
	return r.Kind == Table || r.Kind == PartitionedTable || r.Kind == ForeignTable
}

func qualify(schema, name string) string {
	if schema == "" {
		return name
	}
	return schema + "." + name
}

// Table finds a relation by OID, nil if there is none.
func (c *Catalog) Table(oid OID) *Relation { return c.Relations[oid] }

// RelationNamed finds a relation by schema and name, nil if there is none.
func (c *Catalog) RelationNamed(schema, name string) *Relation {
	for _, r := range c.Relations {
		if r.Schema == schema && r.Name == name {
			return r
		}
	}
	return nil
}

// Name is an object as a person writes it: "public.orders", "public.orders.id"
// for a column, "orders_pkey on public.orders" for what belongs to a table.
// Empty if the catalog does not hold it.
func (c *Catalog) Name(ref Ref) string {
	switch ref.Class {
	case ClassRelation:
		return c.relationName(ref)
	case ClassSchema:
		if o := c.Schemas[ref.OID]; o != nil {
			return o.Name
		}
	case ClassConstraint:
		if o := c.Constraints[ref.OID]; o != nil {
			if o.Table == 0 {
				return o.Name + " on " + c.Name(Ref{Class: ClassType, OID: o.Domain})
			}
			return c.onTable(o.Name, o.Table)
		}
	case ClassType:
		if o := c.Types[ref.OID]; o != nil {
			return o.QualifiedName()
		}
	case ClassFunction:
		if o := c.Functions[ref.OID]; o != nil {
			return o.QualifiedName()
		}
	case ClassTrigger:
		if o := c.Triggers[ref.OID]; o != nil {
			return c.onTable(o.Name, o.Table)
		}
	case ClassRule:
		if o := c.Rules[ref.OID]; o != nil {
			return c.onTable(o.Name, o.Table)
		}
	case ClassPolicy:
		if o := c.Policies[ref.OID]; o != nil {
			return c.onTable(o.Name, o.Table)
		}
	default:
		return c.plainName(ref)
	}
	return ""
}

func (c *Catalog) relationName(ref Ref) string {
	if i := c.Indexes[ref.OID]; i != nil {
		return i.QualifiedName()
	}
	r := c.Relations[ref.OID]
	if r == nil {
		return ""
	}
	if ref.Sub != 0 {
		if col := r.Column(ref.Sub); col != nil {
			return r.QualifiedName() + "." + col.Name
		}
		return ""
	}
	return r.QualifiedName()
}

func (c *Catalog) onTable(name string, table OID) string {
	if r := c.Relations[table]; r != nil {
		return name + " on " + r.QualifiedName()
	}
	return name
}

func (c *Catalog) plainName(ref Ref) string {
	switch ref.Class {
	case ClassExtension:
		if o := c.Extensions[ref.OID]; o != nil {
			return o.Name
		}
	case ClassPublication:
		if o := c.Publications[ref.OID]; o != nil {
			return o.Name
		}
	case ClassStatistics:
		if o := c.Statistics[ref.OID]; o != nil {
			return qualify(o.Schema, o.Name)
		}
	case ClassEventTrigger:
		if o := c.EventTriggers[ref.OID]; o != nil {
			return o.Name
		}
	case ClassOther:
		if o := c.Objects[ref.OID]; o != nil {
			return o.Name
		}
	}
	return ""
}

// Kind is an object's kind in words ("table", "column", "index", "view",
// "foreign key", …); the class's own name if the catalog does not hold it.
func (c *Catalog) Kind(ref Ref) string {
	switch ref.Class {
	case ClassRelation:
		if c.Indexes[ref.OID] != nil {
			return "index"
		}
		if r := c.Relations[ref.OID]; r != nil {
			if ref.Sub != 0 {
				return "column"
			}
			return string(r.Kind)
		}
	case ClassConstraint:
		if o := c.Constraints[ref.OID]; o != nil {
			return string(o.Kind) + " constraint"
		}
	case ClassType:
		if o := c.Types[ref.OID]; o != nil {
			return string(o.Kind)
		}
	case ClassFunction:
		if o := c.Functions[ref.OID]; o != nil {
			return o.Kind
		}
	case ClassOther:
		if o := c.Objects[ref.OID]; o != nil {
			return o.Kind
		}
	}
	return string(ref.Class)
}

// Column finds a live column by attnum, nil if there is none.
func (r *Relation) Column(num int16) *Column {
	for _, c := range r.Columns {
		if c.Num == num {
			return c
		}
	}
	return nil
}

// UnmarshalJSON reads an OID as PostgreSQL's JSON functions write it: as a
// string in most places. Null is 0.
func (o *OID) UnmarshalJSON(text []byte) error {
	s := strings.Trim(string(text), `"`)
	if s == "null" || s == "" {
		*o = 0
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	*o = OID(n)
	return err
}
