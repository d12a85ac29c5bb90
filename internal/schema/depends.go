package schema

import (
	"cmp"
	"iter"
	"slices"
)

// shards is how many parts a Dependencies is kept in, so that a statement that
// touches one table copies a sixty-fourth of the edges.
const shards = 64

// Dependencies is the set of edges of a catalog. It is immutable; the zero
// value is empty.
type Dependencies struct {
	parts [shards][]Dependency // by OID of Object, each sorted
}

// Len is the number of edges.
func (d *Dependencies) Len() int {
	n := 0
	for _, p := range d.parts {
		n += len(p)
	}
	return n
}

// All yields every edge, in an order that depends on the edges alone.
func (d *Dependencies) All() iter.Seq[Dependency] {
	return func(yield func(Dependency) bool) {
		for _, p := range d.parts {
			for _, e := range p {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// Replace gives the set without the edges of the objects in gone, and with added.
// Parts that do not change are shared with d.
func (d *Dependencies) Replace(gone map[Ref]bool, added []Dependency) Dependencies {
	out := *d
	var dirty [shards]bool
	for r := range gone {
		dirty[r.OID%shards] = true
	}
	for _, e := range added {
		dirty[e.Object.OID%shards] = true
	}
	var fresh [shards][]Dependency
	for _, e := range added {
		fresh[e.Object.OID%shards] = append(fresh[e.Object.OID%shards], e)
	}
	for i := range dirty {
		if !dirty[i] {
			continue
		}
		var part []Dependency
		for _, e := range d.parts[i] {
			if !gone[Ref{Class: e.Object.Class, OID: e.Object.OID}] {
				part = append(part, e)
			}
		}
		part = append(part, fresh[i]...)
		slices.SortFunc(part, compareDependency)
		part = slices.Compact(part)
		if !slices.Equal(part, d.parts[i]) {
			out.parts[i] = slices.Clip(part)
		}
	}
	return out
}

func compareRef(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.OID, b.OID), cmp.Compare(a.Sub, b.Sub))
}

func compareDependency(a, b Dependency) int {
	return cmp.Or(compareRef(a.Object, b.Object), compareRef(a.On, b.On), cmp.Compare(a.Kind, b.Kind))
}

// Dependent is an object that needs another one.
type Dependent struct {
	Ref  Ref
	Kind byte  // deptype of the last edge of Via
	Via  []Ref // from the object asked for to this one, both included
}

// Dependents tells what needs ref, directly or through others, each once, by
// the shortest chain and breadth first. A relation stands for all its columns;
// the indexes, constraints, triggers and policies of a table are among its
// dependents.
func (c *Catalog) Dependents(ref Ref) []Dependent {
	by := map[Ref][]Dependency{}
	for e := range c.Depends.All() {
		by[e.On] = append(by[e.On], e)
		if e.On.Sub != 0 {
			whole := Ref{Class: e.On.Class, OID: e.On.OID}
			by[whole] = append(by[whole], e)
		}
	}
	seen := map[Ref]bool{ref: true}
	queue := []Dependent{{Ref: ref, Via: []Ref{ref}}}
	var out []Dependent
	for len(queue) > 0 {
		d := queue[0]
		queue = queue[1:]
		es := by[d.Ref] // each is come to once
		slices.SortFunc(es, func(a, b Dependency) int {
			return cmp.Or(cmp.Compare(c.Name(a.Object), c.Name(b.Object)), compareDependency(a, b))
		})
		for _, e := range es {
			if seen[e.Object] || e.Object.Class == ref.Class && e.Object.OID == ref.OID && ref.Sub == 0 {
				continue
			}
			seen[e.Object] = true
			n := Dependent{Ref: e.Object, Kind: e.Kind, Via: append(slices.Clone(d.Via), e.Object)}
			out = append(out, n)
			queue = append(queue, n)
		}
	}
	return out
}
