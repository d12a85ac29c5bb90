package schema

import (
	"fmt"
	"reflect"
	"slices"
)

// Stale compares a catalog that was kept up statement by statement with one
// read as a whole, object by object and edge by edge, OIDs and storage included.
// It gives a line for each difference, none if they are the same. Objects of
// the whole server are left out: other sessions make them too.
func Stale(kept, read *Catalog) []string {
	var out []string
	a, b := reflect.ValueOf(*kept), reflect.ValueOf(*read)
	for i := range a.NumField() {
		if a.Field(i).Kind() == reflect.Map {
			out = append(out, staleMap(a.Type().Field(i).Name, a.Field(i), b.Field(i))...)
		}
	}
	edges := map[Dependency]int{}
	for e := range kept.Depends.All() {
		edges[e]++
	}
	for e := range read.Depends.All() {
		edges[e]--
	}
	for e, n := range edges {
		if n != 0 {
			out = append(out, fmt.Sprintf("Depends: %s %v on %s %v (%c) is kept %d times more than it is there", kept.Name(e.Object), e.Object, kept.Name(e.On), e.On, e.Kind, n))
		}
	}
	slices.Sort(out)
	return out
}

func staleMap(name string, kept, read reflect.Value) []string {
	var out []string
	seen := map[any]bool{}
	for _, m := range []reflect.Value{kept, read} {
		for _, k := range m.MapKeys() {
			if seen[k.Interface()] {
				continue
			}
			seen[k.Interface()] = true
			a, b := kept.MapIndex(k), read.MapIndex(k)
			if shared(a) || shared(b) {
				continue
			}
			switch {
			case !a.IsValid():
				out = append(out, fmt.Sprintf("%s: %s is missing", name, objectName(b.Interface())))
			case !b.IsValid():
				out = append(out, fmt.Sprintf("%s: %s is kept and not there", name, objectName(a.Interface())))
			case !reflect.DeepEqual(a.Interface(), b.Interface()):
				out = append(out, fmt.Sprintf("%s: %s is kept as %s, is %s", name, objectName(a.Interface()), spelled(a), spelled(b)))
			}
		}
	}
	return out
}

func shared(v reflect.Value) bool {
	if !v.IsValid() {
		return false
	}
	o, ok := v.Interface().(*Object)
	return ok && o.Shared
}

// spelled writes an object with all its fields.
func spelled(v reflect.Value) string {
	if r, ok := v.Interface().(*Relation); ok {
		s := fmt.Sprintf("%+v", *r)
		for _, c := range r.Columns {
			s += fmt.Sprintf(" %+v", *c)
		}
		return s
	}
	return fmt.Sprintf("%+v", v.Elem().Interface())
}
