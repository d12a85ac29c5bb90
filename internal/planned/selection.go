package planned

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/plan"
)

// Selection says which objects a plan is about.
type Selection struct {
	include, exclude []glob
	tables           map[string]bool // "schema.name" of the migration tool's own, never touched
}

type glob struct {
	name    *regexp.Regexp
	classes []string // empty: any
}

// NewSelection reads globs such as app.* and *.tmp_*[type=table|view]. A name
// without a schema is one in any schema.
func NewSelection(include, exclude, own []string) (Selection, error) {
	s := Selection{tables: map[string]bool{}}
	for _, t := range own {
		s.tables[t] = true
	}
	var err error
	if s.include, err = globs(include); err != nil {
		return s, fmt.Errorf("--include: %w", err)
	}
	if s.exclude, err = globs(exclude); err != nil {
		return s, fmt.Errorf("--exclude: %w", err)
	}
	return s, nil
}

var globForm = regexp.MustCompile(`^([^\[\]]+)(?:\[type=([a-z |]+)\])?$`)

func globs(list []string) ([]glob, error) {
	var out []glob
	for _, text := range list {
		m := globForm.FindStringSubmatch(strings.TrimSpace(text))
		if m == nil {
			return nil, fmt.Errorf("%q is no pattern: write schema.name with * and ?, and [type=table] behind it for one kind", text)
		}
		g := glob{}
		if m[2] != "" {
			for _, c := range strings.Split(m[2], "|") {
				g.classes = append(g.classes, strings.TrimSpace(c))
			}
		}
		name := m[1]
		if !strings.Contains(name, ".") {
			name = "*." + name
		}
		re := regexp.QuoteMeta(name)
		re = strings.ReplaceAll(strings.ReplaceAll(re, `\*`, `.*`), `\?`, `.`)
		g.name = regexp.MustCompile("^" + re + "$")
		out = append(out, g)
	}
	return out, nil
}

// Takes reports whether a plan is about an object.
func (s Selection) Takes(k plan.Key) bool {
	sch, name := k.Schema, k.Name
	class := string(k.Class)
	if k.Of != "" { // a column goes with its table
		name = k.Of
		if k.Schema == "" {
			sch = ""
		}
	}
	if k.Class == plan.Schema {
		sch, name = k.Name, ""
	}
	if s.tables[sch+"."+name] {
		return false
	}
	if i := strings.IndexByte(name, '('); i > 0 {
		name = name[:i]
	}
	match := func(list []glob) bool {
		for _, g := range list {
			if len(g.classes) > 0 && !takesClass(g.classes, class, k) {
				continue
			}
			if g.name.MatchString(sch + "." + name) {
				return true
			}
		}
		return false
	}
	if len(s.include) > 0 && !match(s.include) && !(k.Class == plan.Schema && s.includesSome(k.Name)) {
		return false
	}
	return !match(s.exclude)
}

func (s Selection) includesSome(name string) bool {
	for _, g := range s.include {
		if g.name.MatchString(name + ".x") {
			return true
		}
	}
	return false
}

// takesClass reports whether a pattern's types take an object: what belongs to a
// table goes with it.
func takesClass(classes []string, class string, k plan.Key) bool {
	for _, c := range classes {
		switch {
		case c == class, c == "type" && strings.HasSuffix(class, "type"), k.Of != "" && (c == "table" || c == "view" || c == "materialized view" || c == "foreign table"):
			return true
		}
	}
	return false
}

// all reports whether nothing is left out.
func (s Selection) all() bool { return len(s.include)+len(s.exclude)+len(s.tables) == 0 }

// over gives the wanted state with what is left out as it is in the other.
func (s Selection) over(have, want *plan.State) *plan.State {
	if s.all() {
		return want
	}
	out := clone(want)
	for k := range want.Objects {
		if !s.Takes(k) {
			delete(out.Objects, k)
		}
	}
	for k, o := range have.Objects {
		if !s.Takes(k) {
			out.Objects[k] = o
		}
	}
	return out
}

// Only gives the state without what is left out.
func (s Selection) Only(of *plan.State) *plan.State {
	if s.all() {
		return of
	}
	out := clone(of)
	for k := range of.Objects {
		if !s.Takes(k) {
			delete(out.Objects, k)
		}
	}
	return out
}

var named = regexp.MustCompile(`[\w$]+(?:\.[\w$]+)+`)

// leavesOut reports whether a line of the other reader is about what is left out.
func (s Selection) leavesOut(line string) bool {
	if s.all() {
		return false
	}
	name := named.FindString(line)
	if name == "" {
		return len(s.include) > 0
	}
	sch, rest, _ := strings.Cut(name, ".")
	table, _, _ := strings.Cut(rest, ".")
	return !s.Takes(plan.Key{Class: plan.Table, Schema: sch, Name: table})
}
