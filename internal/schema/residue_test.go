package schema

import "testing"

func TestResidue(t *testing.T) {
	table := func(oid OID, columns ...*Column) *Relation {
		return &Relation{OID: oid, Schema: "public", Name: "t", Kind: Table, Columns: columns}
	}
	id, note := &Column{Num: 1, Name: "id", Type: "bigint"}, &Column{Num: 2, Name: "note", Type: "text"}
	before := New()
	before.Relations[1] = table(1, id, note)
	before.Indexes[5] = &Index{OID: 5, Table: 1, Schema: "public", Name: "i", Definition: "CREATE INDEX i ON t (id)"}

	again := New()
	again.Relations[9] = table(9, note, id)
	again.Indexes[10] = &Index{OID: 10, Table: 9, Schema: "public", Name: "i", Definition: "CREATE INDEX i ON t (id)"}
	if left := Residue(before, again); len(left) != 0 {
		t.Errorf("a table made again is a difference: %s", Describe(left[0]))
	}

	moved := New()
	moved.Relations[1] = table(1, id, &Column{Num: 3, Name: "note", Type: "text"})
	moved.Indexes[5] = before.Indexes[5]
	if left := Residue(before, moved); len(left) != 0 {
		t.Errorf("a column added again is a difference: %s", Describe(left[0]))
	}

	other := New()
	other.Relations[1] = table(1, id, &Column{Num: 3, Name: "note", Type: "varchar"})
	other.Indexes[5] = before.Indexes[5]
	if left := Residue(before, other); len(left) != 2 {
		t.Errorf("a column that comes back with another type: %d differences, want 2", len(left))
	}
}
