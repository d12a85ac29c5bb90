package plan

import (
	"context"
	"strings"
)

// renames plans what only gets another name, and gives the state after it.
func renames(ctx context.Context, have, want *State, try Trial, o Options, plan *Plan) (*State, error) {
	var gone []Hint
	for _, h := range o.Hints {
		from, ok := source(have, h)
		if h.Label != "" {
			if e := have.Objects[h.Object]; e != nil && strings.Contains(e.Parts["labels"], `"`+h.Was+`"`) {
				plan.Statements = append(plan.Statements, Statement{SQL: "ALTER TYPE " + e.name() + " RENAME VALUE " + strings.TrimSpace(literal(h.Was)) + " TO " + strings.TrimSpace(literal(h.Label)), Object: h.Object, Act: Rename})
				continue
			} else if e != nil && strings.Contains(e.Parts["labels"], `"`+h.Label+`"`) {
				continue
			}
		}
		switch {
		case ok && have.Objects[h.Object] == nil:
			plan.rename(have.Objects[from], h.Object, true)
		case have.Objects[h.Object] == nil:
			gone = append(gone, h)
		}
	}
	if gone != nil {
		return nil, &HintPointsNowhere{gone}
	}
	have, err := after(ctx, have, try, plan)
	if err != nil {
		return nil, err
	}
	n := len(plan.Statements)
	twins(have, want, plan)
	if len(plan.Statements) > n {
		if have, err = after(ctx, have, try, plan); err != nil {
			return nil, err
		}
	}
	if !o.RenamesOff {
		if pairs := lookalikes(have, want, o); pairs != nil {
			return nil, &LooksLikeRename{pairs}
		}
	}
	return have, nil
}

func after(ctx context.Context, have *State, try Trial, plan *Plan) (*State, error) {
	if try == nil || len(plan.Statements) == 0 {
		return have, nil
	}
	return try.Run(ctx, plan.Statements)
}

// source finds the object that a hint means.
func source(have *State, h Hint) (Key, bool) {
	k := h.Object
	k.Name = h.Was
	if have.Objects[k] != nil {
		return k, true
	}
	if s, n, ok := strings.Cut(h.Was, "."); ok && k.Of == "" {
		k.Schema, k.Name = s, n
	}
	return k, have.Objects[k] != nil
}

// rename adds the statements that give an object another name, and schema.
func (plan *Plan) rename(h *Object, to Key, hinted bool) {
	add := func(sql string) {
		plan.Statements = append(plan.Statements, Statement{SQL: sql, Object: to, Act: Rename})
	}
	name := to.Name
	if to.Class.isRoutine() {
		name, _, _ = strings.Cut(name, "(")
	}
	switch h.Class {
	case Column:
		word := " RENAME COLUMN "
		if h.Facts["relation"] == "c" {
			word = " RENAME ATTRIBUTE "
		}
		add("ALTER " + h.ofTable() + word + ident(h.Name) + " TO " + ident(name))
	case Constraint:
		add("ALTER " + h.ofTable() + " RENAME CONSTRAINT " + ident(h.Name) + " TO " + ident(name))
	case DomainConstraint:
		add("ALTER DOMAIN " + h.table() + " RENAME CONSTRAINT " + ident(h.Name) + " TO " + ident(name))
	default:
		moved := *h
		if to.Schema != h.Schema && h.Of == "" {
			add("ALTER " + h.address() + " SET SCHEMA " + ident(to.Schema))
			moved.Schema = to.Schema
		}
		if to.Name != h.Name {
			add("ALTER " + moved.address() + " RENAME TO " + ident(name))
		}
	}
	plan.Renamed = append(plan.Renamed, Renaming{From: h.Key, To: to, Hinted: hinted})
}

// twins renames what is the same but for its name, where nothing can be lost.
func twins(have, want *State, plan *Plan) {
	type shape struct {
		class               Class
		schema, of, content string
	}
	shapes := func(s, other *State) map[shape][]Key {
		out := map[shape][]Key{}
		for _, k := range s.Keys() {
			o := s.Objects[k]
			if other.Objects[k] != nil || o.Inherited {
				continue
			}
			var content string
			switch k.Class {
			case Index, Trigger, Statistics:
				content = o.Facts["shape"] + o.Parts["enabled"] + o.Parts["valid"]
			case Constraint, DomainConstraint:
				content = o.Parts["definition"]
			case Policy:
				for _, n := range sortedKeys(o.Parts) {
					content += n + o.Parts[n]
				}
			default:
				continue
			}
			x := shape{k.Class, k.Schema, k.Of, content}
			out[x] = append(out[x], k)
		}
		return out
	}
	adds := shapes(want, have)
	drops := shapes(have, want)
	for _, k := range have.Keys() {
		for x, list := range drops {
			if len(list) == 1 && list[0] == k && len(adds[x]) == 1 {
				plan.rename(have.Objects[k], adds[x][0], false)
			}
		}
	}
}

// lookalikes are the objects to drop and to add that look like a rename.
func lookalikes(have, want *State, o Options) []Pair {
	settled := map[Key]bool{}
	for _, h := range o.Hints {
		settled[h.Object] = true
	}
	var out []Pair
	for _, k := range want.Keys() {
		w := want.Objects[k]
		if have.Objects[k] != nil || settled[k] {
			continue
		}
		for _, x := range have.Keys() {
			h := have.Objects[x]
			if want.Objects[x] == nil && x.Class == k.Class && alike(have, want, h, w) {
				out = append(out, Pair{x, k, "-- assay:was " + x.Name, "-- assay:new"})
				break
			}
		}
	}
	return out
}

func alike(have, want *State, h, w *Object) bool {
	switch w.Class {
	case Column:
		if h.Schema != w.Schema || h.Of != w.Of || h.Parts["type"] == "" || h.Parts["type"] != w.Parts["type"] {
			return false
		}
		return ordinal(have, h) == ordinal(want, w)
	case Table:
		a, b := shapeOf(have, h), shapeOf(want, w)
		same := 0
		for c := range a {
			if b[c] {
				same++
			}
		}
		return same > 1 && same*5 >= 4*max(len(a), len(b)) && h.Parts["bound"] == "" && w.Parts["bound"] == ""
	case Enum:
		return h.Parts["labels"] == w.Parts["labels"]
	case Sequence:
		return false
	}
	return false
}

func shapeOf(s *State, table *Object) map[string]bool {
	out := map[string]bool{}
	for k, o := range s.Objects {
		if k.Class == Column && k.Of == table.Name && k.Schema == table.Schema {
			out[k.Name+" "+o.Parts["type"]] = true
		}
	}
	return out
}

func ordinal(s *State, c *Object) int {
	n := 0
	for k, o := range s.Objects {
		if k.Class == Column && k.Of == c.Of && k.Schema == c.Schema && position(o) < position(c) {
			n++
		}
	}
	return n
}
