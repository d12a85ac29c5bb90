package plan

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
)

// The bounds of planning: rounds that go on from the state that the last one led
// to, and attempts after statements that the server refused.
const (
	maxRounds   = 6
	maxAttempts = 60
)

func newPlan(ctx context.Context, have, want *State, try Trial, o Options) (*Plan, error) {
	plan := &Plan{}
	have, err := renames(ctx, have, want, try, o, plan)
	if err != nil {
		return nil, err
	}
	h := newHints()
	rounds := 0
	for range maxAttempts {
		p := newPlanner(have, want, o, h)
		statements := p.statements()
		if len(p.reasons) > 0 {
			return nil, p.cannot()
		}
		if len(statements) == 0 {
			if left := Differences(have, want); left != nil {
				return nil, &CannotPlan{left}
			}
			return plan, nil
		}
		if h.bodiesLater && rounds == 0 {
			statements = slices.Concat([]Statement{{SQL: "SET check_function_bodies = off", Act: Set, Why: "routines refer to each other"}}, statements,
				[]Statement{{SQL: "RESET check_function_bodies", Act: Set}})
		}
		if try == nil {
			p.note(plan, statements)
			return plan, nil
		}
		all := append(slices.Clone(plan.Statements), statements...)
		got, err := try.Run(ctx, all)
		var refused *Refused
		if errors.As(err, &refused) {
			if refused.At < len(plan.Statements) || !p.learn(&h, all[refused.At], refused) {
				return nil, &CannotPlan{[]Reason{{all[refused.At].Object, refused.Error()}}}
			}
			continue
		} else if err != nil {
			return nil, err
		}
		p.note(plan, statements)
		if Differences(got, want) == nil {
			return plan, nil
		}
		if rounds++; rounds == maxRounds {
			return nil, &CannotPlan{Differences(got, want)}
		}
		have = got
	}
	return nil, &CannotPlan{[]Reason{{Key{}, "too many statements fail"}}}
}

// note adds a round that the server took to the plan.
func (p *planner) note(plan *Plan, statements []Statement) {
	plan.Statements = append(plan.Statements, statements...)
	plan.Lifted = append(plan.Lifted, p.lifted()...)
	for _, k := range slices.SortedFunc(maps.Keys(p.gone), Compare) {
		h := p.have.Objects[k]
		table := k.Class == Table || k.Class == ForeignTable || k.Class == Column && strings.Contains("rpf", h.Facts["relation"])
		if table && p.want.Objects[k] != nil {
			plan.Replaced = append(plan.Replaced, k)
		}
	}
}

func (p *planner) cannot() error {
	var out []Reason
	for _, k := range slices.SortedFunc(maps.Keys(p.reasons), Compare) {
		out = append(out, Reason{k, p.reasons[k]})
	}
	return &CannotPlan{out}
}

// learn draws from a refusal what to do otherwise; false if nothing is left.
func (p *planner) learn(h *hints, s Statement, r *Refused) bool {
	k := s.Object
	flag := func(m map[Key]bool, k Key) bool {
		if m[k] {
			return false
		}
		m[k] = true
		return true
	}
	switch {
	case r.SQLState == "55P04":
		was := h.labelsAlone
		h.labelsAlone = true
		return !was
	case r.SQLState == "42804" && strings.HasPrefix(r.Message, "default for column"):
		return flag(h.castDefaults, k)
	case r.SQLState == "42804" && k.Class == Column && strings.Contains(r.SQL, " TYPE "):
		return flag(h.using, k)
	case (k.Class == Function || k.Class == Procedure) && !h.bodiesLater && slices.Contains([]string{"42P01", "42883", "42703", "42704", "3F000", "42P13"}, r.SQLState) && s.Act != Drop:
		h.bodiesLater = true
		return true
	case k.Class == DomainConstraint && r.SQLState == "0A000": // an array or a composite type holds the domain
		return flag(h.forced, Key{Domain, k.Schema, k.Of, ""})
	case k.Class == Column && p.have.Objects[k] != nil && p.have.Objects[k].Facts["relation"] == "c":
		return flag(h.forced, Key{Composite, k.Schema, k.Of, ""})
	case s.Act == Alter && p.have.Objects[k] != nil && !k.Class.holdsRows():
		return flag(h.forced, k)
	}
	return false
}

// Differences names what two states do not share. None if they are equal.
func Differences(have, want *State) []Reason {
	var out []Reason
	for _, k := range have.Keys() {
		h, w := have.Objects[k], want.Objects[k]
		switch {
		case w == nil:
			out = append(out, Reason{k, "is there, and is not wanted"})
		case len(differing(h, w)) > 0:
			out = append(out, Reason{k, "differs: " + strings.Join(differing(h, w), ", ")})
		case h.Owner != w.Owner:
			out = append(out, Reason{k, "differs: owner"})
		case h.Comment != w.Comment:
			out = append(out, Reason{k, "differs: comment"})
		case !slices.Equal(h.ACL, w.ACL):
			out = append(out, Reason{k, "differs: privileges"})
		}
	}
	for _, k := range want.Keys() {
		if have.Objects[k] == nil {
			out = append(out, Reason{k, "is missing"})
		}
	}
	return out
}
