package policy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

// result is what a rule puts into its set.
type result struct {
	Message  string          `json:"message"`
	Object   string          `json:"object"`
	Location *Location       `json:"location"`
	Advice   string          `json:"advice"`
	Fix      json.RawMessage `json:"fix"`
	Evidence []fact          `json:"evidence"`
	Severity string          `json:"severity"`
	Team     string          `json:"team"`
	User     string          `json:"user"`
	Teams    []string        `json:"teams"`
	Users    []string        `json:"users"`
	Count    int             `json:"count"`
	Reason   string          `json:"reason"`
}

// fact is a piece of evidence, the document's own or the rule's.
type fact struct {
	Fact   string   `json:"fact"`
	Text   string   `json:"text"`
	Object string   `json:"object"`
	Mode   string   `json:"mode"`
	Via    []string `json:"via"`
	SQL    string   `json:"sql"`
	Code   string   `json:"code"`
}

// fix is a fix as rules write it.
type fix struct {
	Title string `json:"title"`
	Edits []struct {
		Location Location `json:"location"`
		Text     string   `json:"text"`
	} `json:"edits"`
	Files []lint.NewFile `json:"files"`
}

var resultKeys = []string{"advice", "count", "evidence", "fix", "location", "message", "msg", "object", "reason", "severity", "team", "teams", "user", "users"}

// approvalKeys are those of require_approval alone.
var approvalKeys = []string{"count", "reason", "team", "teams", "user", "users"}

// findings turns answers into findings at the statements they are about.
func (e *evaluation) findings(answers []answer, whole *Input, subject string) []*lint.Finding {
	p := newPlaces(whole, subject)
	out := []*lint.Finding{}
	for _, a := range answers {
		f, err := a.r.finding(a)
		if err != nil {
			e.fail(a.rule, err)
			continue
		}
		p.place(f, a)
		out = append(out, f)
	}
	out = slices.DeleteFunc(out, func(f *lint.Finding) bool {
		return slices.ContainsFunc(e.failed, func(x Failure) bool { return x.Rule.ID == f.ID })
	})
	slices.SortStableFunc(out, func(a, b *lint.Finding) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), a.Line-b.Line, a.Column-b.Column, strings.Compare(a.ID, b.ID), strings.Compare(a.Message, b.Message))
	})
	return out
}

func readResult(a answer) (*result, error) {
	if s, ok := a.result.(string); ok {
		return &result{Message: s}, nil
	}
	m, ok := a.result.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("a result of %s must be an object with a message, not %s", a.verb, kindOf(a.result))
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(resultKeys, key) {
			return nil, errors.New(unknownKey(key))
		}
	}
	if msg, ok := m["msg"]; ok && m["message"] == nil {
		m["message"] = msg // as conftest calls it
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	r := &result{}
	if err := wrongShape(a.verb, slices.Collect(maps.Keys(m))); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, r); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return nil, fmt.Errorf("the %s of a result cannot be a %s", kind.Field, kind.Value)
		}
		return nil, fmt.Errorf("reading a result: %w", err)
	}
	return r, nil
}

// wrongShape says which keys a result of the verb lacks, or has and must not.
func wrongShape(verb string, keys []string) error {
	has := func(list ...string) bool {
		return slices.ContainsFunc(list, func(k string) bool { return slices.Contains(keys, k) })
	}
	switch {
	case verb != requireApproval && !has("message", "msg"):
		return errors.New("a result has no message")
	case verb != requireApproval && has("team", "user", "teams", "users", "count"):
		return fmt.Errorf("team and user belong to require_approval, not to %s", verb)
	case verb == requireApproval && !has("team", "user", "teams", "users"):
		return errors.New("require_approval needs a team or a user")
	}
	return nil
}

func (r *result) finding(a answer) (*lint.Finding, error) {
	f := &lint.Finding{
		ID: a.rule.ID, Name: a.rule.Name, Severity: severityOf(a), Confidence: lint.Observed, Object: r.Object,
		Message: r.Message, Advice: r.Advice, Migration: -1, Statement: -1,
	}
	if r.Severity != "" {
		f.Severity = lint.Severity(r.Severity)
		if f.Severity.Rank() == 0 {
			return nil, fmt.Errorf("severity %q: one of error, warning, info", r.Severity)
		}
	}
	for _, e := range r.Evidence {
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: orElse(e.Fact, "catalog"), Text: e.Text, Object: e.Object, Mode: e.Mode, Chain: e.Via, SQL: e.SQL, Code: e.Code})
	}
	if err := r.fixes(f); err != nil {
		return nil, err
	}
	if a.verb == requireApproval {
		f.Approval = &lint.Approval{Team: r.Team, User: r.User, Teams: r.Teams, Users: r.Users, Count: r.Count, Reason: r.Reason}
		if r.Count < 0 || r.Count > 10 {
			return nil, fmt.Errorf("count is %d, but must be 1 to 10", r.Count)
		}
		f.Message = "needs the approval of " + f.Approval.Who()
		if why := orElse(r.Message, r.Reason); why != "" {
			f.Message += ": " + why
		}
	}
	if f.Message == "" {
		return nil, fmt.Errorf("a result has no message")
	}
	return f, nil
}

// severityOf is what the set says unless METADATA does. A warn never weighs
// more than a warning.
func severityOf(a answer) lint.Severity {
	if a.verb == warn && a.rule.Severity == lint.Error {
		return lint.Warning
	}
	return a.rule.Severity
}

// fixes reads a fix: words are advice, an object is a mechanical one.
func (r *result) fixes(f *lint.Finding) error {
	if len(r.Fix) == 0 {
		return nil
	}
	var words string
	if json.Unmarshal(r.Fix, &words) == nil {
		f.Advice = orElse(f.Advice, words)
		return nil
	}
	var x fix
	dec := json.NewDecoder(bytes.NewReader(r.Fix))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&x); err != nil {
		return fmt.Errorf("a fix is words, or an object with title, edits and files: %w", err)
	}
	f.Fix = &lint.Fix{Title: x.Title, Files: x.Files}
	for _, e := range x.Edits {
		l := e.Location
		f.Fix.Edits = append(f.Fix.Edits, lint.Edit{
			Pos:  migration.Position{Path: l.Path, Line: l.Line, Column: l.Column},
			End:  migration.Position{Path: l.Path, Line: l.EndLine, Column: l.EndColumn},
			Text: e.Text,
		})
	}
	return nil
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// places finds where a finding belongs.
type places struct {
	in         *Input
	subject    string
	added      map[string]bool
	byObject   map[string]*Change // the change that made the object, else the first one of it
	byTable    map[string]*Change // last change of anything of the table
	migrations map[string]int
}

func newPlaces(in *Input, subject string) *places {
	p := &places{in: in, subject: subject, added: map[string]bool{}, byObject: map[string]*Change{}, byTable: map[string]*Change{}, migrations: map[string]int{}}
	for _, name := range in.Added {
		p.added[name] = true
	}
	for i, m := range in.Migrations {
		p.migrations[m.Path] = i
	}
	for _, c := range in.Changes {
		if p.byObject[c.Object] == nil || makes(c) {
			p.byObject[c.Object] = c
		}
		if c.Table != "" && c.Table != c.Object {
			p.byTable[c.Table] = c
		}
	}
	return p
}

// makes reports whether the change makes its object or drops it: the last of
// these is where it is reported.
func makes(c *Change) bool {
	return strings.HasPrefix(c.Type, "add_") && c.Type != "add_grant" && c.Type != "add_enum_value" ||
		strings.HasPrefix(c.Type, "drop_") && c.Type != "drop_grant" && c.Type != "drop_not_null"
}

// place fills in path, lines and statement: those that the result names, of the
// statement since which it holds, of the change of its object, or of the first
// migration.
func (p *places) place(f *lint.Finding, a answer) {
	switch {
	case a.r.Location != nil:
		p.at(f, a.r.Location)
		return
	case len(p.in.Migrations) == 0:
		f.Path, f.Line, f.EndLine = p.subject, 1, 1
		return
	case a.cause != nil:
		p.at(f, location(a.cause.Stmt.Pos, a.cause.Stmt.End))
		return
	}
	if c := p.change(f.Object); c != nil {
		p.at(f, c.Location)
		if c.Object != f.Object && p.added[f.Object] {
			p.inside(f)
		}
		return
	}
	if len(a.in.Migrations) > 0 {
		p.at(f, a.in.Migrations[0].Location)
	}
}

// change is the change that made or touched the object.
func (p *places) change(object string) *Change {
	if c := p.byObject[object]; c != nil {
		return c
	}
	if c := p.byTable[object]; c != nil {
		return c
	}
	if i := strings.LastIndexByte(object, '.'); i > 0 && p.added[object] {
		return p.byObject[object[:i]] // a column of a table that the change makes
	}
	return nil
}

// inside moves a finding about a column to the line of the statement that
// begins with its name, if there is one.
func (p *places) inside(f *lint.Finding) {
	name := f.Object[strings.LastIndexByte(f.Object, '.')+1:]
	for _, s := range p.in.Statements {
		if s.Location.Line != f.Line || s.Location.Path != f.Path || s.Location.Column != f.Column {
			continue
		}
		for i, line := range strings.Split(s.Text, "\n") {
			text := strings.TrimSpace(line)
			if i > 0 && (strings.HasPrefix(text, name+" ") || strings.HasPrefix(text, strconv.Quote(name)+" ")) {
				f.Line, f.EndLine = f.Line+i, f.Line+i
				f.Column, f.EndColumn = 0, 0
				return
			}
		}
	}
}

// at puts a finding at a location, and at the statement that lies there.
func (p *places) at(f *lint.Finding, l *Location) {
	f.Path, f.Line, f.Column, f.EndLine, f.EndColumn = l.Path, max(l.Line, 1), l.Column, max(l.EndLine, l.Line, 1), l.EndColumn
	if i, ok := p.migrations[l.Path]; ok {
		f.Migration = i
	}
	for _, s := range p.in.Statements {
		if s.Location.Path == l.Path && s.Location.Line <= f.Line && f.Line <= s.Location.EndLine &&
			(l.Column == 0 || s.Location.Line < f.Line || s.Location.Column <= l.Column) {
			if i, ok := p.migrations[s.Migration]; ok {
				f.Migration, f.Statement = i, s.Index
			}
			if l.Column == s.Location.Column {
				return
			}
		}
	}
}
