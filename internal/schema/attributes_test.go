package schema

import (
	"reflect"
	"strings"
	"testing"
)

// TestFields holds every field of every object to be compared, or listed as
// not compared with the reason.
func TestFields(t *testing.T) {
	for _, c := range classes {
		covered := map[string]bool{}
		for _, a := range c.attributes {
			for _, f := range a.fields {
				if covered[f] {
					t.Errorf("%s.%s is covered twice", c.of.Name(), f)
				}
				covered[f] = true
			}
		}
		for f, reason := range c.left {
			if covered[f] || reason == "" {
				t.Errorf("%s.%s is compared, and left out because %q", c.of.Name(), f, reason)
			}
			covered[f] = true
		}
		for i := range c.of.NumField() {
			if f := c.of.Field(i).Name; !covered[f] {
				t.Errorf("%s.%s is neither compared nor left out with a reason", c.of.Name(), f)
			}
			delete(covered, c.of.Field(i).Name)
		}
		for f := range covered {
			t.Errorf("%s has no field %s", c.of.Name(), f)
		}
	}
	catalog := reflect.TypeFor[Catalog]()
	for i := range catalog.NumField() {
		if f := catalog.Field(i); f.Type.Kind() == reflect.Map {
			describe(reflect.New(f.Type.Elem().Elem()).Interface()) // panics for a class that is not described
		}
	}
}

// follows are fields that only change together with another, whose change tells.
var follows = map[string]string{
	"Relation.Kind": "no statement changes it, CREATE and DROP aside", "Relation.PartitionKey": "it cannot be altered", "Relation.Definition": "Raw changes with it",
	"Relation.PartitionBound": "ATTACH and DETACH change PartitionOf with it", "Column.Inherited": "the table's parents change with it",
	"Index.Definition": "names in it are others after a rename; an index is not altered", "Index.Table": "an index stays with its table", "Index.Exclusion": "it cannot be altered",
	"Constraint.Kind": "it cannot be altered", "Constraint.Definition": "deferrability and validity are told, the rest cannot be altered", "Type.Kind": "it cannot be altered",
	"Type.Labels": "LabelOIDs change with it", "Trigger.Definition": "Raw changes with it", "Trigger.Parent": "ATTACH and DETACH tell",
	"Rule.Definition": "Raw changes with it", "Policy.Using": "Raw changes with it", "Policy.WithCheck": "Raw changes with it", "Statistics.Definition": "it cannot be altered",
	"Function.Kind": "it cannot be altered", "Function.Arguments": "Raw changes with it", "Function.Returns": "Raw changes with it", "Function.Body": "Raw changes with it",
	"Function.Language": "Raw changes with it", "Function.Volatility": "Raw changes with it", "Function.Parallel": "Raw changes with it", "Function.Strict": "Raw changes with it",
	"Function.SecurityDefiner": "Raw changes with it", "Function.Leakproof": "Raw changes with it", "Function.Cost": "Raw changes with it", "Function.Rows": "Raw changes with it",
	"Function.Support": "Raw changes with it", "Function.Aggregate": "Raw changes with it", "Function.Config": "Raw changes with it",
}

// TestEveryAttribute changes each compared field of each object alone: Diff has
// a change for it unless it follows another, and Lines is different.
func TestEveryAttribute(t *testing.T) {
	base := func() *Catalog {
		c := New()
		c.Schemas[1] = &Schema{OID: 1, Name: "public"}
		rel := &Relation{OID: 2, Schema: "public", Name: "t", Kind: Table, Columns: []*Column{{Num: 1, Name: "a", Type: "integer"}}}
		c.Relations[2] = rel
		c.Relations[3] = &Relation{OID: 3, Schema: "public", Name: "p", Kind: PartitionedTable, Columns: []*Column{{Num: 1, Name: "a"}}}
		c.Relations[4] = &Relation{OID: 4, Schema: "public", Name: "s", Kind: Sequence, Sequence: &SequenceOptions{Type: "bigint"}}
		c.Indexes[5] = &Index{OID: 5, Table: 2, Schema: "public", Name: "i"}
		c.Indexes[105] = &Index{OID: 105, Table: 3, Schema: "public", Name: "j"}
		c.Constraints[6] = &Constraint{OID: 6, Table: 2, Name: "k", Kind: Check}
		c.Constraints[106] = &Constraint{OID: 106, Table: 3, Name: "k", Kind: Check}
		c.Types[7] = &Type{OID: 7, Schema: "public", Name: "ty", Kind: Enum}
		c.Functions[8] = &Function{OID: 8, Schema: "public", Name: "f", Kind: "function"}
		c.Triggers[9] = &Trigger{OID: 9, Table: 2, Name: "g"}
		c.Triggers[109] = &Trigger{OID: 109, Table: 3, Name: "g"}
		c.Rules[10] = &Rule{OID: 10, Table: 2, Name: "r"}
		c.Policies[11] = &Policy{OID: 11, Table: 2, Name: "p"}
		c.Extensions[12] = &Extension{OID: 12, Name: "e"}
		c.Publications[13] = &Publication{OID: 13, Name: "pub"}
		c.Statistics[14] = &Statistics{OID: 14, Table: 2, Schema: "public", Name: "st"}
		c.EventTriggers[17] = &EventTrigger{OID: 17, Name: "ev"}
		c.Objects[18] = &Object{OID: 18, Kind: "collation", Name: "public.ci"}
		return c
	}
	for _, c := range classes {
		for _, a := range c.attributes {
			for _, f := range a.fields {
				changed := base()
				o := findObject(changed, c.of).Elem()
				if f == "Parent" { // another of its kind
					o.FieldByName(f).SetUint(o.FieldByName("OID").Uint() + 100)
				} else {
					alter(f, o.FieldByName(f))
				}
				name := c.of.Name() + "." + f
				if _, ok := follows[name]; !ok && len(Diff(base(), changed)) == 0 {
					t.Errorf("%s: Diff has no change for it", name)
				}
				if strings.Join(base().Lines(), "\n") == strings.Join(changed.Lines(), "\n") {
					t.Errorf("%s: Lines is the same", name)
				}
				for _, x := range Diff(base(), changed) {
					if h := x.Head(); h.Object.OID == 0 || h.Kind == "" || h.Op == "" {
						t.Errorf("%s: %T has the head %+v", name, x, h)
					}
				}
			}
		}
	}
}

// findObject gives the first object of a type: a sequence for what only sequences have.
func findObject(c *Catalog, of reflect.Type) reflect.Value {
	if of == reflect.TypeFor[Column]() {
		return reflect.ValueOf(c.Relations[2].Columns[0])
	}
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		m := v.Field(i)
		if m.Kind() != reflect.Map || m.Type().Elem().Elem() != of {
			continue
		}
		var first reflect.Value
		for _, k := range m.MapKeys() {
			if o := m.MapIndex(k); !first.IsValid() || o.Elem().FieldByName("OID").Uint() < first.Elem().FieldByName("OID").Uint() {
				first = o
			}
		}
		return first
	}
	panic("no " + of.Name())
}

// alter gives a field another value, one that means something in the catalog.
func alter(field string, v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *OID:
		*x = map[string]OID{"OfType": 7, "Function": 8, "Table": 3, "PartitionOf": 3}[field]
		return
	case *[]OID:
		v.Set(reflect.ValueOf([]OID{1, 3}))
		return
	case *Ref:
		v.Set(reflect.ValueOf(Ref{Class: ClassRelation, OID: 3, Sub: 1}))
		return
	case **SequenceOptions:
		v.Set(reflect.ValueOf(&SequenceOptions{Type: "integer"}))
		return
	case *[]Grant:
		v.Set(reflect.ValueOf([]Grant{{Grantee: "x", Privilege: "SELECT"}}))
		return
	case *[]PublicationTable:
		v.Set(reflect.ValueOf([]PublicationTable{{Table: 2}}))
		return
	case *[]*Column:
		v.Set(reflect.ValueOf([]*Column{{Num: 1, Name: "x", Type: "text"}}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("other")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.ValueOf([]string{"other"}))
	}
}
