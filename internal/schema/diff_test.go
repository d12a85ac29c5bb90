package schema

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func described(cs []Change) []string {
	var out []string
	for _, c := range cs {
		out = append(out, Describe(c))
	}
	return out
}

func table(oid OID, name string, columns ...*Column) *Relation {
	return &Relation{OID: oid, Schema: "public", Name: name, Kind: Table, Owner: "o", Columns: columns}
}

func TestDiff(t *testing.T) {
	a, b := New(), New()
	a.Relations[1] = table(1, "orders", &Column{Num: 1, Name: "id", Type: "integer", TypeOID: 23}, &Column{Num: 2, Name: "mail", Type: "text", TypeOID: 25})
	b.Relations[1] = table(1, "purchases", &Column{Num: 1, Name: "id", Type: "bigint", TypeOID: 20, NotNull: true}, &Column{Num: 3, Name: "note", Type: "text", TypeOID: 25})
	a.Relations[2] = table(2, "gone")
	b.Relations[3] = table(3, "fresh")
	a.Indexes[4] = &Index{OID: 4, Table: 1, Schema: "public", Name: "i", Definition: "d", FileNode: 4}
	b.Indexes[5] = &Index{OID: 5, Table: 1, Schema: "public", Name: "i", Definition: "d", FileNode: 5}
	a.Types[6] = &Type{OID: 6, Schema: "public", Name: "mood", Kind: Enum, Labels: []string{"x"}, LabelOIDs: []OID{60}}
	b.Types[6] = &Type{OID: 6, Schema: "public", Name: "mood", Kind: Enum, Labels: []string{"y", "z"}, LabelOIDs: []OID{60, 61}}
	want := []string{
		"drop column public.orders.mail", "drop table public.gone",
		"rename table public.orders to public.purchases", "rename enum value x of public.mood to y",
		"alter column type public.purchases.id from integer to bigint", "set not null public.purchases.id",
		"add enum value z of public.mood", "add table public.fresh", "add column public.purchases.note text",
	}
	if diff := cmp.Diff(want, described(Diff(a, b))); diff != "" {
		t.Error(diff)
	}
	if r := Rebuilt(a, b); len(r) != 1 || r[0][0].OID != 4 || r[0][1].OID != 5 {
		t.Errorf("rebuilt %v", r)
	}
	if cs := Diff(a, a); cs != nil {
		t.Errorf("a catalog differs from itself: %v", described(cs))
	}
}

func TestDependents(t *testing.T) {
	c := New()
	c.Relations[1] = table(1, "t", &Column{Num: 1, Name: "a"})
	c.Relations[2] = &Relation{OID: 2, Schema: "public", Name: "v1", Kind: View}
	c.Relations[3] = &Relation{OID: 3, Schema: "public", Name: "v2", Kind: View}
	rel := func(o OID, sub int16) Ref { return Ref{Class: ClassRelation, OID: o, Sub: sub} }
	c.Depends = c.Depends.Replace(nil, []Dependency{
		{Object: rel(3, 0), On: rel(2, 1), Kind: 'n'}, {Object: rel(2, 0), On: rel(1, 1), Kind: 'n'}, {Object: rel(2, 0), On: rel(2, 0), Kind: 'i'},
	})
	var got []string
	for _, d := range c.Dependents(rel(1, 0)) {
		s := ""
		for _, v := range d.Via {
			s += ">" + c.Name(v)
		}
		got = append(got, s)
	}
	if diff := cmp.Diff([]string{">public.t>public.v1", ">public.t>public.v1>public.v2"}, got); diff != "" {
		t.Error(diff)
	}
	without := c.Depends.Replace(map[Ref]bool{rel(2, 0): true}, nil)
	if without.Len() != 1 || c.Depends.Len() != 3 {
		t.Errorf("%d and %d edges", without.Len(), c.Depends.Len())
	}
}
