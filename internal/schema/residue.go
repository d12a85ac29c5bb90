package schema

import (
	"slices"
	"strings"
)

// Residue tells in what after differs from before for somebody who goes by
// names: what was dropped and made again in the same shape is no difference,
// nor is the place of a column that was dropped and added again. A column of a
// type that was made again is told by the type, if that is another.
func Residue(before, after *Catalog) []Change {
	all := Diff(before, after)
	made := map[string][]int{}
	for i, c := range all {
		if h := c.Head(); h.Op == Add {
			k, _ := shape(c, h, after)
			made[k] = append(made[k], i)
		}
	}
	same := map[int]bool{}
	for i, c := range all {
		h := c.Head()
		if h.Op != Drop {
			continue
		}
		k, gone := shape(c, h, before)
		for _, j := range made[k] {
			if _, is := shape(all[j], all[j].Head(), after); is == gone && !same[j] {
				same[i], same[j] = true, true
				break
			}
		}
	}
	var out []Change
	for i, c := range all {
		if !same[i] && !sameNames(c) {
			out = append(out, c)
		}
	}
	return out
}

// sameNames reports whether a column's type is another object of the same name.
func sameNames(c Change) bool {
	t, ok := c.(*AlterColumnType)
	return ok && t.Before.Type == t.After.Type && t.Before.Collation == t.After.Collation
}

// shape gives what an object that was dropped or added is called, and how it looks.
func shape(c Change, h Head, cat *Catalog) (name, looks string) {
	kind := h.Kind
	if h.Object.Class != ClassOther { // a table that is a partitioned one afterwards is called the same
		kind = string(h.Object.Class)
	}
	name = kind + " " + cat.Name(h.Object)
	if h.Object.Sub != 0 {
		return "column " + name, cat.looks(cat.Relations[h.Table].Column(h.Object.Sub))
	}
	o := cat.object(h.Object)
	if o == nil { // a change that only names its object
		return name, Describe(c)
	}
	looks = cat.looks(o)
	if r, ok := o.(*Relation); ok {
		var columns []string
		for _, col := range r.Columns {
			columns = append(columns, col.Name+cat.looks(col))
		}
		if r.Kind != View && r.Kind != MaterializedView {
			slices.Sort(columns) // their order is no difference
		}
		looks += strings.Join(columns, ",")
	}
	return name, looks
}

// object finds what a Ref names; nil for a column and for what the catalog does not hold.
func (c *Catalog) object(ref Ref) headed {
	switch ref.Class {
	case ClassSchema:
		return found(c.Schemas, ref)
	case ClassRelation:
		if i := found(c.Indexes, ref); i != nil {
			return i
		}
		return found(c.Relations, ref)
	case ClassConstraint:
		return found(c.Constraints, ref)
	case ClassType:
		return found(c.Types, ref)
	case ClassFunction:
		return found(c.Functions, ref)
	case ClassTrigger:
		return found(c.Triggers, ref)
	case ClassRule:
		return found(c.Rules, ref)
	case ClassPolicy:
		return found(c.Policies, ref)
	case ClassExtension:
		return found(c.Extensions, ref)
	case ClassPublication:
		return found(c.Publications, ref)
	case ClassStatistics:
		return found(c.Statistics, ref)
	case ClassEventTrigger:
		return found(c.EventTriggers, ref)
	case ClassOther:
		return found(c.Objects, ref)
	}
	return nil
}

func found[T headed](m map[OID]T, ref Ref) headed {
	if o, ok := m[ref.OID]; ok && ref.Sub == 0 {
		return o
	}
	return nil
}
