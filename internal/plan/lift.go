package plan

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// planner plans one round: from a state that the server has to the wanted one.
type planner struct {
	have, want *State
	o          Options
	hints      // what the server's refusals have taught

	users     map[Key][]Key // by what they need, in have
	parts     map[Key][]Key // wanted objects by schema and name of what they belong to
	sequences map[Key][]Key // wanted sequences of identity columns
	gone      map[Key]Key   // objects of have that do not stay, with what makes them go
	implicit  map[Key]bool  // they go with another object
	swaps     map[Key]bool  // types that columns with rows are converted to another of
	converted map[Key]bool  // columns of swapped types
	folded    map[Key]bool  // created in the statement of another object
	given     map[Key]bool  // created by somebody else
	reasons   map[Key]string
}

// hints are what a trial has shown.
type hints struct {
	forced       map[Key]bool // cannot be changed in place
	using        map[Key]bool // columns whose values need an explicit cast
	castDefaults map[Key]bool // columns whose default cannot be cast
	labelsAlone  bool         // new enum labels are used by the plan
	bodiesLater  bool         // routines refer to what is created later
}

func newHints() hints {
	return hints{forced: map[Key]bool{}, using: map[Key]bool{}, castDefaults: map[Key]bool{}}
}

func newPlanner(have, want *State, o Options, h hints) *planner {
	p := &planner{have: have, want: want, o: o, hints: h, users: map[Key][]Key{}, parts: map[Key][]Key{}, sequences: map[Key][]Key{}, gone: map[Key]Key{},
		implicit: map[Key]bool{}, swaps: map[Key]bool{}, converted: map[Key]bool{}, folded: map[Key]bool{}, given: map[Key]bool{}, reasons: map[Key]string{}}
	for _, k := range have.Keys() {
		for _, n := range have.Objects[k].Needs {
			p.users[n] = append(p.users[n], k)
		}
	}
	for _, k := range want.Keys() {
		o := want.Objects[k]
		if k.Of != "" {
			of := Key{Schema: k.Schema, Name: k.Of}
			p.parts[of] = append(p.parts[of], k)
		}
		if k.Class == Sequence && o.Facts["identity"] == "true" {
			c := Key{Column, o.Facts["table schema"], o.Facts["column"], o.Facts["table"]}
			p.sequences[c] = append(p.sequences[c], k)
		}
	}
	return p
}

func (p *planner) refuse(k Key, why string) { p.reasons[k] = why }

func (p *planner) isGone(k Key) bool { _, ok := p.gone[k]; return ok }

// settle finds all objects that do not stay.
func (p *planner) settle() {
	for _, k := range p.have.Keys() {
		h, w := p.have.Objects[k], p.want.Objects[k]
		switch {
		case w == nil:
			p.remove(k, k)
		case p.forced[k] && !k.Class.holdsRows():
			p.remove(k, k)
		default:
			c := p.alter(h, w)
			if c.replace {
				p.remove(k, k)
			} else if c.lift {
				p.liftUsers(k)
			}
		}
	}
	for _, k := range p.have.Keys() {
		h := p.have.Objects[k]
		c := Key{Column, h.Facts["table schema"], h.Facts["column"], h.Facts["table"]}
		if k.Class == Sequence && p.want.Objects[k] == nil && p.isGone(c) {
			p.implicit[k] = true // it is owned by the column
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(p.swaps), Compare) {
		p.swapNeeds(k)
	}
	clear(p.reasons)
}

// swapNeeds keeps the old types that an exchanged one is made of until its own
// columns are converted.
func (p *planner) swapNeeds(k Key) {
	needs := slices.Clone(p.have.Objects[k].Needs)
	for _, a := range attributes(p.have.Objects[k]) {
		needs = append(needs, p.have.Objects[Key{Column, k.Schema, a, k.Name}].Needs...)
	}
	for _, n := range needs {
		if (n.Class.isType() || n.Class == Collation) && p.isGone(n) && p.want.Objects[n] != nil && !p.swaps[n] {
			p.swaps[n] = true
			p.swapNeeds(n)
		}
	}
}

// remove takes an object away, and what cannot be without it.
func (p *planner) remove(k, cause Key) {
	if p.isGone(k) {
		return
	}
	p.gone[k] = cause
	if p.have.Objects[k].Inherited {
		p.implicit[k] = true
	}
	for _, u := range p.users[k] {
		p.release(u, k)
	}
}

// release decides about an object that needs one that goes.
func (p *planner) release(u, k Key) {
	h, w := p.have.Objects[u], p.want.Objects[u]
	if belongs(u, k) {
		p.implicit[u] = h.Inherited || h.Facts["kind"] != "f" // a foreign key is dropped before either table
		p.remove(u, k)
		return
	}
	if k.Class == Column && u.Of == k.Of && u.Schema == k.Schema && (u.Class == Index || u.Class == Constraint || u.Class == Default) {
		p.implicit[u] = h.Inherited || h.Facts["kind"] != "f"
		p.remove(u, k)
		return
	}
	if p.isGone(u) || w == nil {
		return
	}
	if p.want.Objects[k] == nil && !slices.Contains(w.Needs, k) && len(differing(h, w)) > 0 && !p.forced[u] && !p.alter(h, w).replace {
		return // its own change lets go of it
	}
	switch {
	case u.Class != Column && !u.Class.holdsRows():
		p.remove(u, k)
	case u.Class != Column:
		// A table keeps its rows: its own ALTER, or the server's refusal, decides.
	case h.Facts["relation"] == "c":
		p.remove(Key{Composite, u.Schema, u.Of, ""}, k)
	case h.Facts["relation"] == "v":
		p.remove(Key{View, u.Schema, u.Of, ""}, k)
	case h.Facts["relation"] == "m":
		p.remove(Key{MaterializedView, u.Schema, u.Of, ""}, k)
	case h.Parts["generated"] != "":
		p.remove(u, k)
	case (k.Class.isType() || k.Class == Collation) && p.want.Objects[k] != nil:
		p.swaps[k] = true
		p.converted[u] = true
		p.liftUsers(u)
	}
}

// belongs reports whether an object is part of another and goes with it.
func belongs(u, k Key) bool {
	switch k.Class {
	case Table, ForeignTable, View, MaterializedView, Composite, Domain:
		return u.Of == k.Name && u.Schema == k.Schema && u.Class != PublishedTable || u.Class == PublishedTable && u.Name == k.Name && u.Schema == k.Schema
	case Publication:
		return u.Of == k.Name && (u.Class == PublishedTable || u.Class == PublishedSchema)
	case Server:
		return u.Of == k.Name && u.Class == UserMapping
	}
	return false
}

// liftUsers takes away what keeps a column's type from being changed.
func (p *planner) liftUsers(k Key) {
	for _, u := range p.users[k] {
		h, w := p.have.Objects[u], p.want.Objects[u]
		switch u.Class {
		case View, MaterializedView, Policy, Trigger, Rule, Function, Procedure, PublishedTable:
			p.remove(u, k)
		case Column:
			if h.Parts["generated"] != "" {
				p.remove(u, k)
			}
		case Default:
			if p.converted[k] || p.castDefaults[k] || w == nil || h.Parts["definition"] != w.Parts["definition"] {
				p.remove(u, k)
			}
		case Constraint:
			if p.converted[k] && strings.HasPrefix(h.Parts["definition"], "FOREIGN KEY") {
				p.remove(u, k)
			}
		}
	}
}

// swapped reports whether a column's type is exchanged for another of its name.
func (p *planner) swapped(c *Object) bool { return p.converted[c.Key] }

// drop gives the statements that drop an object.
func (p *planner) drop(o *Object) []string {
	switch o.Class {
	case Column:
		word := " DROP COLUMN "
		if o.Facts["relation"] == "c" {
			word = " DROP ATTRIBUTE "
		}
		return []string{"ALTER " + o.ofTable() + word + ident(o.Name)}
	case Default:
		return []string{"ALTER " + o.ofTable() + " ALTER COLUMN " + ident(o.Name) + " DROP DEFAULT"}
	case Constraint:
		return []string{"ALTER " + o.ofTable() + " DROP CONSTRAINT " + ident(o.Name)}
	case DomainConstraint:
		return []string{"ALTER DOMAIN " + o.table() + " DROP CONSTRAINT " + ident(o.Name)}
	case PublishedTable:
		return []string{"ALTER PUBLICATION " + ident(o.Of) + " DROP TABLE " + o.name()}
	case PublishedSchema:
		return []string{"ALTER PUBLICATION " + ident(o.Of) + " DROP TABLES IN SCHEMA " + ident(o.Name)}
	case DefaultACL:
		return defaultACL(o, nil, p.have.Major)
	}
	return []string{"DROP " + o.address()}
}

// old is the name that a swapped type or collation has until the last column is
// converted. The server cuts a longer one.
func old(o *Object) string {
	const end = "__old"
	name := o.Name
	for len(name)+len(end) > 63 {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name + end
}

// convert gives the statement that converts a column to the type that took the place of its own.
func (p *planner) convert(c *Object) []string {
	if c.Inherited {
		return nil
	}
	t := c.Parts["type"]
	s := "ALTER " + c.ofTable() + " ALTER COLUMN " + ident(c.Name) + " TYPE " + t + with(" COLLATE ", c.Parts["collation"])
	for _, k := range slices.SortedFunc(maps.Keys(p.swaps), Compare) {
		switch {
		case k.Class == Collation || !slices.Contains(p.have.Objects[c.Key].Needs, k):
			continue
		case k.Class == Composite && p.have.Objects[k].Parts["attributes"] != p.want.Objects[k].Parts["attributes"]:
			if strings.HasSuffix(t, "[]") {
				p.refuse(c.Key, "the attributes of its type change their order, and no expression converts an array of it")
			}
			return []string{s + " USING " + p.rebuilt(c, k)}
		case strings.HasSuffix(t, "[]"):
			return []string{s + " USING " + ident(c.Name) + "::text[]::" + t}
		}
		return []string{s + " USING " + ident(c.Name) + "::text::" + t}
	}
	return []string{s}
}

// rebuilt is a value of a composite type with the attributes in the wanted order.
func (p *planner) rebuilt(c *Object, of Key) string {
	have := attributes(p.have.Objects[of])
	var list []string
	for _, a := range attributes(p.want.Objects[of]) {
		if slices.Contains(have, a) {
			value := "(" + ident(c.Name) + ")." + ident(a)
			at := Key{Column, of.Schema, a, of.Name}
			if slices.ContainsFunc(p.have.Objects[at].Needs, func(n Key) bool { return p.swaps[n] }) {
				value += "::text::" + p.want.Objects[at].Parts["type"] // from the type that is exchanged as well
			}
			list = append(list, value)
		} else {
			list = append(list, "NULL")
		}
	}
	return "CASE WHEN " + ident(c.Name) + " IS DISTINCT FROM NULL THEN ROW(" + strings.Join(list, ", ") + ")::" + c.Parts["type"] + " END"
}

// lifted is the tree of what is dropped and created again, by what is changed.
func (p *planner) lifted() []Lifted {
	children := map[Key][]Key{}
	roots := map[Key]bool{}
	for _, k := range slices.SortedFunc(maps.Keys(p.gone), Compare) {
		if p.want.Objects[k] == nil || p.implicit[k] && k.Class == Column {
			continue
		}
		cause := p.gone[k]
		if cause != k {
			children[cause] = append(children[cause], k)
		}
		for !p.isGone(cause) == false && p.gone[cause] != cause {
			cause = p.gone[cause]
		}
		if cause != k {
			roots[cause] = true
		}
	}
	var tree func(k Key, depth int) Lifted
	tree = func(k Key, depth int) Lifted {
		l := Lifted{Object: k}
		for _, c := range children[k] {
			if depth < 100 {
				l.Dependents = append(l.Dependents, tree(c, depth+1))
			}
		}
		return l
	}
	var out []Lifted
	for _, k := range slices.SortedFunc(maps.Keys(roots), Compare) {
		if l := tree(k, 0); l.Dependents != nil {
			out = append(out, l)
		}
	}
	return out
}
