package plan

import (
	"fmt"
	"strings"
)

// Refused is a statement that the server does not take.
type Refused struct {
	At       int // index of the statement
	SQL      string
	SQLState string
	Message  string
	Detail   string
}

func (e *Refused) Error() string {
	s := fmt.Sprintf("%s (SQLSTATE %s)", e.Message, e.SQLState)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s + "; statement: " + e.SQL
}

// CannotPlan names the objects that differ and that no statement of a plan can
// bring along. The run ends with exit code 3.
type CannotPlan struct {
	Reasons []Reason
}

// Reason is why one object cannot be planned.
type Reason struct {
	Object Key
	Why    string
}

func (e *CannotPlan) Error() string {
	lines := make([]string, len(e.Reasons))
	for i, r := range e.Reasons {
		lines[i] = fmt.Sprintf("cannot plan: %s: %s", r.Object, r.Why)
	}
	return strings.Join(lines, "\n")
}

// LooksLikeRename stops a plan that would drop an object and add one that looks
// the same. The run ends with exit code 4.
type LooksLikeRename struct {
	Pairs []Pair
}

// Pair is an object that would be dropped and one that would be added.
type Pair struct {
	Old, New Key
	// Renamed and Dropped are the lines for the schema file: for a rename, and for
	// a drop and an add.
	Renamed, Dropped string
}

func (e *LooksLikeRename) Error() string {
	var b strings.Builder
	for i, p := range e.Pairs {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s would be dropped and %s added: if it is a rename, write %q on the line of %s; if not, write %q there",
			p.Old, p.New, p.Renamed, p.New.Name, p.Dropped)
	}
	return b.String()
}

// HintPointsNowhere is a rename hint whose old name no longer exists in either state.
type HintPointsNowhere struct {
	Hints []Hint
}

func (e *HintPointsNowhere) Error() string {
	lines := make([]string, len(e.Hints))
	for i, h := range e.Hints {
		lines[i] = fmt.Sprintf("%s: the hint says that %s was called %q, and there is no such %s: remove the hint", h.Place, h.Object, h.Was, h.Object.Class)
	}
	return strings.Join(lines, "\n")
}
