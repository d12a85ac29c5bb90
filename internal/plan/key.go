package plan

import (
	"cmp"
	"strings"
)

// Compare orders keys by class, then by name.
func Compare(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Of, b.Of), cmp.Compare(a.Name, b.Name))
}

// String names the object for a person: `column public.orders.note`.
func (k Key) String() string {
	var parts []string
	for _, p := range []string{k.Schema, k.Of, k.Name} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return string(k.Class) + " " + strings.Join(parts, ".")
}
