package plan

import (
	"cmp"
	"container/heap"
	"maps"
	"slices"
	"strings"
)

type phase int

const (
	dropping phase = iota
	altering
	creating
	finishing
)

// node is what happens to one object in one phase.
type node struct {
	key     Key
	phase   phase
	sql     []string
	act     Act
	why     string
	waits   int
	release []*node
	edges   map[*node]bool
}

func (n *node) after(m *node) {
	if m == nil || m == n || m.edges[n] {
		return
	}
	m.edges[n] = true
	m.release = append(m.release, n)
	n.waits++
}

type graph struct {
	drop, alter, create, end map[Key]*node
	all                      []*node
}

func (g *graph) add(in map[Key]*node, n *node) {
	n.edges = map[*node]bool{}
	in[n.key] = n
	g.all = append(g.all, n)
}

// statements plans the round: every object that differs becomes a node, and what
// an object needs becomes an edge.
func (p *planner) statements() []Statement {
	p.settle()
	return p.ordered()
}

// ordered gives the statements for what is settled.
func (p *planner) ordered() []Statement {
	g := &graph{map[Key]*node{}, map[Key]*node{}, map[Key]*node{}, map[Key]*node{}, nil}
	for _, k := range p.have.Keys() {
		p.haveNode(g, k)
	}
	p.fold()
	for _, k := range p.want.Keys() {
		if p.have.Objects[k] == nil || p.isGone(k) {
			p.createNode(g, k)
		}
	}
	for k := range p.folded {
		g.create[k] = g.create[container(p, k)]
	}
	p.edges(g)
	return p.sorted(g)
}

func (p *planner) haveNode(g *graph, k Key) {
	h, w := p.have.Objects[k], p.want.Objects[k]
	if cause, ok := p.gone[k]; ok {
		n := &node{key: k, phase: dropping, act: Drop}
		if w != nil && cause != k {
			n.act, n.why = Lift, "in the way of the change of "+cause.String()
		}
		switch {
		case p.swaps[k]:
			n.sql, n.act = []string{"ALTER " + h.address() + " RENAME TO " + ident(old(h))}, Alter
			end := &node{key: k, phase: finishing, act: Drop, sql: []string{"DROP " + h.Class.kind() + " " + ident(h.Schema) + "." + ident(old(h))}}
			g.add(g.end, end)
		case !p.implicit[k]:
			n.sql = p.drop(h)
		}
		if !k.Class.supported() {
			p.refuse(k, "assay does not plan changes of a "+string(k.Class)+" yet")
		}
		g.add(g.drop, n)
		return
	}
	sql := p.alter(h, w).sql
	if p.converted[k] {
		sql = append(p.convert(w), sql...)
	}
	sql = append(sql, p.attachedOf(h, w)...)
	if len(sql) > 0 {
		if !k.Class.supported() {
			p.refuse(k, "assay does not plan changes of a "+string(k.Class)+" yet")
		}
		g.add(g.alter, &node{key: k, phase: altering, act: Alter, sql: sql})
	}
}

func (p *planner) attachedOf(h, w *Object) []string {
	if w.Class == DefaultACL {
		if h == nil {
			return nil
		}
		return defaultACL(h, w, p.want.Major)
	}
	return attached(h, w, p.have.Role, p.have.Major)
}

func (p *planner) createNode(g *graph, k Key) {
	w := p.want.Objects[k]
	n := &node{key: k, phase: creating, act: Create}
	if p.folded[k] {
		return
	}
	if !k.Class.supported() {
		p.refuse(k, "assay does not plan changes of a "+string(k.Class)+" yet")
	}
	if cause := p.gone[k]; p.have.Objects[k] != nil && cause != k {
		n.act, n.why = PutBack, "dropped because of "+cause.String()
	}
	if !p.given[k] {
		n.sql = p.create(w)
	}
	n.sql = append(n.sql, p.attachedOf(nil, w)...)
	for _, f := range p.foldedIn(k) {
		n.sql = append(n.sql, p.attachedOf(nil, p.want.Objects[f])...)
		n.sql = append(n.sql, indexComment(nil, p.want.Objects[f])...)
	}
	g.add(g.create, n)
}

// container is the object whose statement creates a folded one.
func container(p *planner, k Key) Key {
	column := Key{Column, k.Schema, k.Name, k.Of}
	if k.Class == Default && !p.folded[column] {
		return column
	}
	for _, c := range []Class{Table, ForeignTable, Composite, Domain} {
		if t := (Key{c, k.Schema, k.Of, ""}); p.want.Objects[t] != nil {
			return t
		}
	}
	return Key{}
}

func (p *planner) foldedIn(k Key) []Key {
	var out []Key
	if k.Class != Table && k.Class != ForeignTable && k.Class != Composite && k.Class != Domain {
		return nil
	}
	for _, x := range p.parts[Key{Schema: k.Schema, Name: k.Name}] {
		if p.folded[x] {
			out = append(out, x)
		}
	}
	return out
}

// fold decides what is written in the statement that creates a table, a column or a type.
func (p *planner) fold() {
	created := func(k Key) bool {
		return p.want.Objects[k] != nil && (p.have.Objects[k] == nil || p.isGone(k))
	}
	for _, k := range p.want.Keys() {
		o := p.want.Objects[k]
		if !created(k) || k.Of == "" {
			continue
		}
		t := container(p, k)
		simple := !slices.ContainsFunc(o.Needs, func(n Key) bool {
			return n.Class.isRoutine() && uses(p.want, n, t, map[Key]bool{}) || k.Class == Constraint && (n.Class.isRoutine() || n.Class == Table && n != t)
		})
		switch {
		case k.Class == Column && created(t) && t.Name != "":
			p.folded[k] = true
		case k.Class == Default && simple && o.Facts["inherited column"] != "true" && o.Facts["relation"] != "v" && created(Key{Column, k.Schema, k.Name, k.Of}):
			p.folded[k] = true
		case k.Class == DomainConstraint && created(t) && simple && o.Facts["validated"] == "true":
			p.folded[k] = true
		case k.Class == Constraint && created(t) && simple && !o.Inherited && o.Facts["kind"] != "f" && o.Facts["validated"] == "true":
			p.folded[k] = true
		}
	}
}

func (p *planner) edges(g *graph) {
	taken := map[Key]*node{}
	for k, n := range g.drop {
		taken[takes(k, p.have.Objects[k])] = n
	}
	for k, n := range g.drop {
		if k.Class == Column {
			p.afterParents(g, k, n)
		}
		for _, u := range p.users[k] {
			n.after(p.dropOf(g, u, k))
			if a := g.alter[u]; a != nil && !slices.Contains(p.want.Objects[u].Needs, k) {
				n.after(a)
			}
		}
	}
	for k, n := range g.end {
		for _, u := range p.users[k] {
			n.after(g.end[u])
			n.after(g.end[Key{Composite, u.Schema, u.Of, ""}])
		}
	}
	for k, n := range g.alter {
		for _, u := range p.users[k] {
			n.after(g.drop[u])
		}
		p.needs(g, k, n)
		o := p.have.Objects[k]
		if k.Class == Sequence && o.Facts["table"] != "" {
			for _, t := range []Key{{Column, o.Facts["table schema"], o.Facts["column"], o.Facts["table"]}, {Table, o.Facts["table schema"], o.Facts["table"], ""}} {
				if d := g.drop[t]; d != nil && p.want.Objects[k].Facts["table"] != o.Facts["table"] {
					d.after(n)
				}
			}
		}
	}
	for k, n := range g.create {
		n.after(g.drop[k])
		n.after(taken[takes(k, p.want.Objects[k])])
		p.needs(g, k, n)
	}
	for c, list := range p.sequences {
		for _, s := range list {
			if n := g.create[s]; n != nil {
				n.after(g.create[c])
				n.after(g.alter[c])
			}
		}
	}
}

// dropOf is the drop by which a user of k goes. What goes with its table is gone
// when that is dropped; where the table can only be dropped after k, such as one
// whose check calls a function over its rows, the user is dropped by itself.
func (p *planner) dropOf(g *graph, u, k Key) *node {
	n := g.drop[u]
	if n == nil || p.implicit[k] || !p.implicit[u] || u.Class != Default && u.Class != Constraint && u.Class != Trigger && u.Class != Policy && u.Class != Column {
		return n
	}
	var x Key // with what the user goes
	for _, with := range append([]Key{{Table, u.Schema, u.Of, ""}, {ForeignTable, u.Schema, u.Of, ""}}, p.have.Objects[u].Needs...) {
		if (with.Of == "" || with.Class == Column && with.Of == u.Of && with.Schema == u.Schema) && belongs(u, with) == (with.Class != Column) && g.drop[with] != nil && !p.implicit[with] {
			x = with
			break
		}
	}
	if x == (Key{}) || x == k || belongs(k, x) {
		return n
	}
	if u.Class != Column && uses(p.have, k, x, map[Key]bool{}) {
		if !p.have.Objects[u].Inherited {
			n.sql = p.drop(p.have.Objects[u])
		}
		return n
	}
	return g.drop[x]
}

// uses reports whether an object of a state needs another, directly or not.
func uses(s *State, from, to Key, seen map[Key]bool) bool {
	if from == to || from.Of == to.Name && from.Schema == to.Schema {
		return true
	}
	if seen[from] || s.Objects[from] == nil {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(s.Objects[from].Needs, func(n Key) bool { return uses(s, n, to, seen) })
}

// afterParents drops a column of a child after the parent's, whose drop lets go of it.
func (p *planner) afterParents(g *graph, k Key, n *node) {
	t := p.have.Objects[Key{Table, k.Schema, k.Of, ""}]
	if t == nil {
		return
	}
	for _, x := range t.Needs {
		if x.Class == Table {
			n.after(g.drop[Key{Column, x.Schema, k.Name, x.Name}])
		}
	}
}

// needs puts a node after those of all that its object needs in the wanted state.
func (p *planner) needs(g *graph, k Key, n *node) {
	w := p.want.Objects[k]
	for _, x := range w.Needs {
		n.after(g.create[x])
		if a := g.alter[x]; k.Class == Column && x.Class == Table && p.beforeAttach(w) && a != nil {
			a.after(n)
			continue
		}
		n.after(g.alter[x])
	}
}

// takes is the name that an object takes: relations, types and constraints with
// an index share one space of names.
func takes(k Key, o *Object) Key {
	switch {
	case k.Class == Constraint && o.Facts["index"] != "", k.Class == Index, k.Class == Sequence, k.Class == Table, k.Class == ForeignTable, k.Class == View, k.Class == MaterializedView, k.Class.isType():
		return Key{"relation", k.Schema, k.Name, ""}
	case k.Class.isRoutine():
		return Key{Function, k.Schema, k.Name, ""}
	}
	return k
}

type queue []*node

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	a, b := q[i], q[j]
	r := cmp.Compare(rank[a.key.Class], rank[b.key.Class])
	if a.phase == dropping {
		r = -r
	}
	return cmp.Or(cmp.Compare(a.phase, b.phase), r, Compare(a.key, b.key)) < 0
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*node)) }
func (q *queue) Pop() any {
	n := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return n
}

func (p *planner) sorted(g *graph) []Statement {
	var q queue
	for _, n := range g.all {
		if n.waits == 0 {
			heap.Push(&q, n)
		}
	}
	var out []Statement
	left := map[Key]bool{}
	for _, n := range g.all {
		left[n.key] = true
	}
	done := 0
	for q.Len() > 0 {
		n := heap.Pop(&q).(*node)
		done++
		for _, s := range n.sql {
			if s == "" {
				continue
			}
			out = append(out, Statement{SQL: s, Why: n.why, Object: n.key, Act: n.act, Alone: p.labelsAlone && strings.Contains(s, " ADD VALUE ") && n.key.Class == Enum})
		}
		for _, m := range n.release {
			if m.waits--; m.waits == 0 {
				heap.Push(&q, m)
			}
		}
		if n.waits == 0 {
			delete(left, n.key)
		}
	}
	if done < len(g.all) {
		keys := slices.SortedFunc(maps.Keys(left), Compare)
		p.refuse(keys[0], "it and others need each other: "+joinKeys(keys))
	}
	return out
}

func joinKeys(keys []Key) string {
	var out []string
	for _, k := range keys {
		out = append(out, k.String())
	}
	return strings.Join(out, ", ")
}
