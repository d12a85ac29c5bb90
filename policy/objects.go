package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/assaydb/assay/internal/schema"
)

// objectsOf are the names that a result of the document can be about: objects of
// its catalogs, of those between, and what its changes and evidence name.
func (in *Input) objectsOf() map[string]bool {
	out := map[string]bool{}
	put := func(name string) {
		if name != "" {
			out[name] = true
		}
	}
	s := in.span
	for _, list := range []map[string]bool{nameSet(s.b.namesOf(orEmpty(s.before))), nameSet(s.b.namesOf(orEmpty(s.after)))} {
		maps.Copy(out, list)
	}
	for _, c := range in.Changes {
		put(c.Object)
		put(c.Table)
		if c.Was != "" && strings.HasPrefix(c.Type, "rename_") {
			put(join(c.Schema, c.Was))
		}
	}
	e := in.Evidence
	for _, x := range e.Locks {
		put(x.Object)
		put(x.Table)
	}
	for _, x := range e.Rewrites {
		put(x.Object)
	}
	for _, x := range e.Scans {
		put(x.Object)
	}
	for _, x := range e.Rows {
		put(x.Object)
	}
	for _, x := range e.Dropped {
		put(x.Object)
	}
	for _, x := range in.Findings {
		put(x.Object)
	}
	for _, list := range []*Catalog{in.Before, in.After} { // also what a fixture sets
		for _, g := range list.Grants {
			put(g.Object)
		}
		for _, r := range list.Roles {
			put(r.Object)
		}
	}
	return out
}

func nameSet(all map[schema.Ref]named) map[string]bool {
	out := make(map[string]bool, len(all))
	for _, n := range all {
		out[n.name] = true
	}
	return out
}

// strange refuses results about objects that there are not: they would be lost
// without a word, or put where they do not belong.
func (e *evaluation) strange(in *Input, answers []answer) []answer {
	if in.span == nil {
		return answers
	}
	var known map[string]bool
	return slices.DeleteFunc(answers, func(a answer) bool {
		if a.r.Object == "" {
			return false
		}
		if known == nil {
			known = in.objectsOf()
		}
		if known[a.r.Object] || in.span.between(a.r.Object) {
			return false
		}
		e.fail(a.rule, fmt.Errorf("a result's object %q names nothing in the schema%s", a.r.Object, nearest(a.r.Object, known)))
		return true
	})
}

// between reports whether an object is in a catalog between the statements only.
func (s *span) between(name string) bool {
	for _, step := range s.steps {
		for _, n := range s.b.namesOf(step.After) {
			if n.name == name {
				return true
			}
		}
	}
	return false
}

// nearest proposes the name that is most like a wrong one, with or without its schema.
func nearest(wrong string, known map[string]bool) string {
	low := strings.ToLower(wrong)
	best, far := "", len(low)/3+1
	for _, name := range slices.Sorted(maps.Keys(known)) {
		forms := []string{strings.ToLower(name)}
		if _, rest, ok := strings.Cut(forms[0], "."); ok {
			forms = append(forms, rest)
		}
		for _, form := range forms {
			if d := levenshtein.ComputeDistance(low, form); d < far {
				best, far = name, d
			}
		}
	}
	if best == "" {
		return ": write its qualified name, such as public.orders or public.orders.total, as the object of the input has it"
	}
	return ": did you mean " + best + "?"
}
