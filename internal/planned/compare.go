package planned

import (
	"fmt"
	"maps"
	"slices"

	"github.com/assaydb/assay/internal/plan"
)

// Differences are what two states differ in, one clause each, by object:
// "missing: …" is not in b, "extra: …" not in a.
func Differences(a, b *plan.State) []string {
	var out []string
	for _, d := range Objects(a, b) {
		switch d.Op {
		case "missing", "extra":
			out = append(out, d.Op+": "+d.Key.String())
		default:
			for _, w := range d.What {
				out = append(out, fmt.Sprintf("differs: %s: %s", d.Key, w))
			}
		}
	}
	return out
}

// Difference is one object in which two states differ.
type Difference struct {
	Key  plan.Key
	Op   string   // "missing" (of the second), "extra", "differs"
	What []string // the parts of one that differs
}

// Objects are the objects in which two states differ, in the order of their keys.
func Objects(a, b *plan.State) []Difference {
	var out []Difference
	for _, k := range (&plan.State{Objects: union(a, b)}).Keys() {
		x, y := a.Objects[k], b.Objects[k]
		switch {
		case y == nil:
			out = append(out, Difference{k, "missing", nil})
		case x == nil:
			out = append(out, Difference{k, "extra", nil})
		default:
			if w := parts(x, y); len(w) > 0 {
				out = append(out, Difference{k, "differs", w})
			}
		}
	}
	return out
}

func union(a, b *plan.State) map[plan.Key]*plan.Object {
	out := maps.Clone(a.Objects)
	maps.Copy(out, b.Objects)
	return out
}

// parts are the parts in which an object differs, by name.
func parts(x, y *plan.Object) []string {
	names := map[string]bool{}
	for n := range x.Parts {
		names[n] = true
	}
	for n := range y.Parts {
		names[n] = true
	}
	var out []string
	for _, n := range slices.Sorted(maps.Keys(names)) {
		if x.Parts[n] != y.Parts[n] {
			out = append(out, n)
		}
	}
	if x.Owner != y.Owner {
		out = append(out, "owner")
	}
	if x.Comment != y.Comment {
		out = append(out, "comment")
	}
	if !sameGrants(x.ACL, y.ACL) {
		out = append(out, "privileges")
	}
	return out
}

func sameGrants(a, b []plan.Grant) bool {
	set := map[plan.Grant]bool{}
	for _, g := range a {
		set[g] = true
	}
	for _, g := range b {
		if !set[g] {
			return false
		}
		delete(set, g)
	}
	return len(set) == 0
}
