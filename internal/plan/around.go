package plan

// Around gives the statements that drop what depends on the changed objects,
// dependents first, and those that create it again with all that is attached to
// it. A changed table or column stays. Any other changed object is created in
// between by somebody else: it is dropped, and of what comes back it has what is
// attached to it alone. all are the objects that are dropped, sorted.
func Around(s *State, changed []Key) (drop, back []Statement, all []Key, err error) {
	p := newPlanner(s, s, Options{RenamesOff: true}, newHints())
	for _, k := range changed {
		if k.Class.holdsRows() {
			p.liftUsers(k)
			continue
		}
		p.given[k] = true
		p.remove(k, k)
	}
	clear(p.reasons)
	statements := p.ordered()
	if len(p.reasons) > 0 {
		return nil, nil, nil, p.cannot()
	}
	for _, st := range statements {
		if st.Act == Lift || st.Act == Drop {
			drop = append(drop, st)
		} else {
			back = append(back, st)
		}
	}
	for _, k := range s.Keys() {
		if p.isGone(k) {
			all = append(all, k)
		}
	}
	return drop, back, all, nil
}
