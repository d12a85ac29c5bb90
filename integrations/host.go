// Package integrations tells a pull request what was found. What to say and
// what to take back is decided here, once, by a pure function (Plan); carrying
// it out, with retries that cannot duplicate, is Publish. The hosts' clients
// only know their requests.
package integrations

import (
	"context"
	"strings"
)

// Host is a pull request (GitLab: merge request) or, without one, a commit. An
// error of a request is a *Failure, which says whether to try again. A Host
// never tries again by itself.
type Host interface {
	// Traits are the host's constants.
	Traits() Traits
	// Notes are all comments on the pull request whose first line is a marker of
	// assay's, oldest first.
	Notes(context.Context) ([]Note, error)
	// PutNotes creates the notes that have no ID, those on lines in one review
	// where the host has reviews, and updates the others. It returns those that
	// are surely stored. A note that the host refuses for its place does not keep
	// the others from being posted: the error then is a Failure with Refused.
	PutNotes(context.Context, []Note) ([]Note, error)
	// RemoveNote takes a note away.
	RemoveNote(context.Context, Note) error
	// Lines are the lines of each changed file that a note can be put on.
	Lines(context.Context) (map[string]Lines, error)
	// SetStatus sets the status of the head commit.
	SetStatus(context.Context, Status) error
}

// Approvers is a Host that can say who approved.
type Approvers interface {
	// Votes are the approvals that stand, as the host has them.
	Votes(context.Context) ([]Vote, error)
	// Member says whether a user belongs to a team (GitLab: group).
	Member(ctx context.Context, user, team string) (bool, error)
	// Writes says whether a user who voted may write to the project: anybody may
	// approve a public one.
	Writes(ctx context.Context, user string) (bool, error)
}

// Describer is a Host that can say what its pull request is, as it is now: what
// a CI says of it is as old as the job, also when the job is run again.
type Describer interface {
	Describe(context.Context) (Pull, error)
}

// Pull is what a host knows of a pull request.
type Pull struct {
	Title, Body    string
	Draft          bool
	Author         string
	Branch, Target string
	Labels         []string
	// Reviewers are users who were asked for a review or gave one; a team that
	// was asked is "org/team".
	Reviewers []string
	// Approvals stand; those of comments, which are of findings, are not among them.
	Approvals []Vote
}

// Vote is one reviewer's standing approval.
type Vote struct {
	User    string
	Bot     bool   // a program's account
	Author  bool   // of the pull request
	Current bool   // given for the head commit as it is now
	Body    string // what the reviewer wrote
	Set     string // the set of findings that assay's status named at the approved commit; "" if not known
	URL     string
}

// Traits are what differs between hosts in writing notes.
type Traits struct {
	BodyLimit   int // bytes of a comment
	StatusLimit int // characters of a status's description
	// Suggestion is a fenced block that proposes text in the place of the n
	// lines that the note is on.
	Suggestion func(n int, text string) string
}

// Note is a comment on a pull request.
type Note struct {
	ID     string // the host's; "" if it is not there yet
	Thread string // the host's, where it has threads
	Path   string // "" for one that is on no line
	Start  int    // first line; Line if it is about one line
	Line   int    // last line, 0 when the host lost it ("outdated")
	Body   string // the whole text, with the marker on its first line
	URL    string
	// Mine: written by an account that may speak for assay. A note that merely
	// has the marker is not to be believed.
	Mine bool
	// Answered: somebody replied to it.
	Answered bool
}

// Span is a range of lines, both ends in it.
type Span struct{ From, To int }

// Lines are the lines of a file that a note can be put on, as spans within
// which a note can have several lines.
type Lines []Span

// Within returns the part of from..to that a note can be put on: all of it, or
// its first line alone when the range leaves the span; ok is false if there is
// none.
func (l Lines) Within(from, to int) (Span, bool) {
	to = max(from, to)
	for _, s := range l {
		if s.From <= from && to <= s.To {
			return Span{from, to}, true
		}
	}
	for _, s := range l {
		if s.From <= from && from <= s.To {
			return Span{from, from}, true
		}
	}
	return Span{}, false
}

// State is the state of a commit's status.
type State string

// The states. Pending means waiting for an approval.
const (
	Success State = "success"
	Failed  State = "failure"
	Errored State = "error"
	Pending State = "pending"
)

// Status is a commit's status.
type Status struct {
	Name        string // "assay"
	State       State
	Description string
	URL         string
	// Annotations and Summary are shown where the host's statuses have room for
	// them (GitHub's check runs).
	Annotations []Annotation
	Summary     string
}

// Annotation is a finding in plain text, for a host's own kind of marks.
type Annotation struct {
	Path       string
	Line, End  int
	Level      string // "error", "warning", "notice"
	Title, Msg string
}

// Old is where a line of the new side stands on the old side: the line that it
// is there, or for an added one the line that comes next.
type Old struct {
	Line  int
	Added bool
}

// ParsePatch reads the hunks of a unified diff of one file, as GitHub and
// GitLab give it. It returns the spans of lines on the new side, and for every
// line of them where it stands on the old side.
func ParsePatch(patch string) (Lines, map[int]Old) {
	var spans Lines
	old := map[int]Old{}
	o, n, oLeft, nLeft := 0, 0, 0, 0
	for line := range strings.Lines(patch) {
		if oLeft <= 0 && nLeft <= 0 {
			var ok bool
			if o, oLeft, n, nLeft, ok = hunk(line); ok && nLeft > 0 {
				spans = append(spans, Span{n, n + nLeft - 1})
			}
			continue
		}
		switch {
		case strings.HasPrefix(line, "+"):
			old[n] = Old{o, true}
			n, nLeft = n+1, nLeft-1
		case strings.HasPrefix(line, "-"):
			o, oLeft = o+1, oLeft-1
		case strings.HasPrefix(line, `\`): // no newline at the end
		default:
			old[n] = Old{o, false}
			o, oLeft, n, nLeft = o+1, oLeft-1, n+1, nLeft-1
		}
	}
	return spans, old
}

// hunk reads "@@ -1,2 +3,4 @@".
func hunk(line string) (o, oLen, n, nLen int, ok bool) {
	rest, ok := strings.CutPrefix(line, "@@ -")
	if !ok {
		return 0, 0, 0, 0, false
	}
	before, rest, ok := strings.Cut(rest, " +")
	if !ok {
		return 0, 0, 0, 0, false
	}
	after, _, ok := strings.Cut(rest, " @@")
	if !ok {
		return 0, 0, 0, 0, false
	}
	o, oLen, ok1 := startLen(before)
	n, nLen, ok2 := startLen(after)
	return o, oLen, n, nLen, ok1 && ok2
}
