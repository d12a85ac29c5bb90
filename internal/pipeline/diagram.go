package pipeline

import (
	"cmp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// maxTables keeps a picture readable.
const maxTables = 20

// diagram draws the tables that the change adds, drops or alters with their
// neighbours by foreign key, and the chains of dependents that fall.
func diagram(r *devdb.Record) *lint.Diagram {
	if r.Before == nil || r.After == nil {
		return nil
	}
	d := &lint.Diagram{}
	changed := map[schema.OID]string{}
	for oid, t := range r.After.Relations {
		if before := r.Before.Relations[oid]; isTable(t) && before == nil && t.Persistence != "temporary" {
			changed[oid] = "added"
		} else if isTable(t) && before != t && !sameShape(before, t) {
			changed[oid] = "changed"
		}
	}
	for oid, t := range r.Before.Relations {
		if isTable(t) && r.After.Relations[oid] == nil {
			changed[oid] = "dropped"
		}
	}
	keys := foreignKeys(r)
	shown := map[schema.OID]bool{}
	for oid := range changed {
		shown[oid] = true
	}
	for _, k := range keys {
		if changed[k.Table] != "" || changed[k.RefTable] != "" {
			shown[k.Table], shown[k.RefTable] = true, true
		}
	}
	for oid := range shown {
		d.Tables = append(d.Tables, diagramTable(r, oid, changed[oid]))
	}
	// Those that change first, so that a cut drops neighbours.
	slices.SortFunc(d.Tables, func(a, b lint.DiagramTable) int {
		return cmp.Or(-cmp.Compare(b2i(a.Change != ""), b2i(b.Change != "")), strings.Compare(a.Name, b.Name))
	})
	d.Tables = d.Tables[:min(len(d.Tables), maxTables)]
	for _, k := range keys {
		from, to := name(r, k.Table), name(r, k.RefTable)
		has := func(n string) bool {
			return slices.ContainsFunc(d.Tables, func(t lint.DiagramTable) bool { return t.Name == n })
		}
		if has(from) && has(to) {
			d.Keys = append(d.Keys, lint.DiagramKey{From: from, To: to, Name: k.Name, Change: changeOf(r.Before.Constraints[k.OID] != nil, r.After.Constraints[k.OID] != nil)})
		}
	}
	slices.SortFunc(d.Keys, func(a, b lint.DiagramKey) int {
		return cmp.Or(strings.Compare(a.From, b.From), strings.Compare(a.To, b.To), strings.Compare(a.Name, b.Name))
	})
	for _, m := range r.New {
		for _, s := range m.Steps {
			for _, x := range s.Dropped {
				if !x.Original && x.Normal && len(x.Via) > 1 && r.Before.Has(x.Ref) {
					d.Chains = append(d.Chains, x.Via)
				}
			}
		}
	}
	if len(d.Tables) == 0 && len(d.Chains) == 0 {
		return nil
	}
	return d
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func isTable(t *schema.Relation) bool {
	return t.Kind == schema.Table || t.Kind == schema.PartitionedTable || t.Kind == schema.ForeignTable
}

// sameShape reports whether two versions of a table look the same in a picture.
func sameShape(a, b *schema.Relation) bool {
	if a == nil || b == nil || a.Schema != b.Schema || a.Name != b.Name || len(a.Columns) != len(b.Columns) {
		return false
	}
	for i, c := range a.Columns {
		if columnChange(c, b.Columns[i]) != "" {
			return false
		}
	}
	return true
}

func columnChange(before, after *schema.Column) string {
	switch {
	case before == nil:
		return "added"
	case after == nil:
		return "dropped"
	case before.Name != after.Name || before.Type != after.Type || before.NotNull != after.NotNull || before.Default != after.Default ||
		before.Identity != after.Identity || before.Generated != after.Generated:
		return "changed"
	}
	return ""
}

func changeOf(before, after bool) string {
	switch {
	case !before:
		return "added"
	case !after:
		return "dropped"
	}
	return ""
}

func foreignKeys(r *devdb.Record) []*schema.Constraint {
	var out []*schema.Constraint
	for _, k := range r.After.Constraints {
		if k.Kind == schema.ForeignKey && k.Parent == 0 {
			out = append(out, k)
		}
	}
	for oid, k := range r.Before.Constraints {
		if k.Kind == schema.ForeignKey && k.Parent == 0 && r.After.Constraints[oid] == nil {
			out = append(out, k)
		}
	}
	return out
}

func name(r *devdb.Record, oid schema.OID) string {
	t := r.After.Relations[oid]
	if t == nil {
		t = r.Before.Relations[oid]
	}
	if t == nil {
		return ""
	}
	return t.Schema + "." + t.Name
}

func diagramTable(r *devdb.Record, oid schema.OID, change string) lint.DiagramTable {
	before, after := r.Before.Relations[oid], r.After.Relations[oid]
	out := lint.DiagramTable{Name: name(r, oid), Change: change}
	t, cat := after, r.After
	if t == nil {
		t, cat = before, r.Before
	}
	if t == nil {
		return out
	}
	roles := keyRoles(cat, oid)
	add := func(c *schema.Column, change string) {
		out.Columns = append(out.Columns, lint.DiagramColumn{Name: c.Name, Type: c.Type, Key: roles[c.Num], Change: change})
	}
	for _, c := range t.Columns {
		ch := ""
		if change == "changed" && before != nil {
			ch = columnChange(before.Column(c.Num), c)
		}
		// A neighbour is drawn with its keys alone.
		if change != "" || roles[c.Num] != "" {
			add(c, ch)
		}
	}
	if change == "changed" && before != nil && after != nil {
		for _, c := range before.Columns {
			if after.Column(c.Num) == nil {
				add(c, "dropped")
			}
		}
	}
	return out
}

func keyRoles(cat *schema.Catalog, table schema.OID) map[int16]string {
	out := map[int16]string{}
	for _, k := range cat.Constraints {
		if k.Table == table && k.Kind == schema.PrimaryKey {
			for _, n := range k.Columns {
				out[n] = "PK"
			}
		}
	}
	for _, k := range cat.Constraints {
		if k.Table == table && k.Kind == schema.ForeignKey {
			for _, n := range k.Columns {
				switch out[n] {
				case "PK":
					out[n] = "PK, FK"
				case "":
					out[n] = "FK"
				}
			}
		}
	}
	return out
}
