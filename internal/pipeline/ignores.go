package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

// ignores keeps what the comments of the new migrations ask to leave out, and
// which of them did something.
type ignores struct {
	all     []*ignore
	stray   []*lint.Finding // ignores that stand before no statement
	resolve func(tool, name string) []string
}

type ignore struct {
	migration.Directive
	migration int                  // index into Record.New
	statement int                  // -1: the whole file
	back      *migration.Statement // of the way back, -1 is its statement then; nil: the way there
	ids       []string
	unknown   []string
	used      bool
}

func newIgnores(in Input) *ignores {
	ig := &ignores{resolve: in.Resolve}
	for mi, m := range in.Record.New {
		for _, d := range m.Directives {
			ig.add(d, mi, -1)
		}
		for si, s := range m.Statements {
			for _, d := range s.Directives {
				ig.add(d, mi, si)
			}
		}
		ig.back(m, mi)
		ig.strays(in.Record, m, mi)
	}
	return ig
}

// back adds the ignores of the way back. Where it was not run, none of them is unused.
func (ig *ignores) back(m *devdb.Recorded, mi int) {
	back := m.Migration.Down
	if back == nil {
		return
	}
	from := len(ig.all)
	if back.Path != m.Path { // otherwise the file's are read already
		for _, d := range back.Directives {
			ig.add(d, mi, -1)
		}
	}
	for _, s := range back.Statements {
		for _, d := range s.Directives {
			if d.Kind == migration.Ignore {
				ig.add(d, mi, -1)
				ig.all[len(ig.all)-1].back = s
			}
		}
	}
	for _, i := range ig.all[from:] {
		i.used = m.Down == nil
	}
}

// covers reports whether a finding is about what the ignore stands at.
func (i *ignore) covers(f *lint.Finding) bool {
	if i.migration != f.Migration {
		return false
	}
	if i.back != nil {
		return within(f, i.back)
	}
	return i.statement < 0 || i.statement == f.Statement
}

// within reports whether a finding is at a statement of the way back.
func within(f *lint.Finding, s *migration.Statement) bool {
	return f.Path == s.Pos.Path && f.Line >= s.Pos.Line && f.Line <= s.End.Line
}

// strays tells the ignores of a migration that no statement follows.
func (ig *ignores) strays(r *devdb.Record, m *devdb.Recorded, mi int) {
	if r.Dir == nil {
		return
	}
	for _, n := range r.Dir.Notices {
		if n.Kind == "stray-directive" && n.Pos.Path == m.Path {
			ig.stray = append(ig.stray, &lint.Finding{
				ID: lint.UnusedIgnore.ID, Name: lint.UnusedIgnore.Name, Severity: lint.UnusedIgnore.Severity, Confidence: lint.Proven,
				Path: n.Pos.Path, Line: n.Pos.Line, Column: n.Pos.Column, EndLine: n.Pos.Line,
				Message: "this ignore stands before no statement", Advice: "Remove the comment, or move it to the line before the statement it is for.",
				Migration: mi, Statement: -1,
			})
		}
	}
}

func (ig *ignores) add(d migration.Directive, mi, si int) {
	if d.Kind != migration.Ignore {
		return
	}
	if d.File {
		si = -1
	}
	i := &ignore{Directive: d, migration: mi, statement: si}
	for _, name := range d.Checks {
		if ids := ig.resolve(d.Tool, name); len(ids) > 0 {
			i.ids = append(i.ids, ids...)
		} else {
			i.unknown = append(i.unknown, name)
		}
	}
	ig.all = append(ig.all, i)
}

// match finds the ignore that a finding falls under.
func (ig *ignores) match(f *lint.Finding) (migration.Directive, bool) {
	for _, i := range ig.all {
		if !i.covers(f) {
			continue
		}
		if len(i.Checks) == 0 && i.Tool != "assay" || slices.Contains(i.ids, f.ID) {
			i.used = true
			return i.Directive, true
		}
	}
	return migration.Directive{}, false
}

// findings are those about the ignores themselves. Only our own comments are
// held to our rules: another tool's may be there for that tool.
func (ig *ignores) findings(rules map[string]lint.Rule) []*lint.Finding {
	out := ig.stray
	for _, f := range out {
		f.URL = rules[f.ID].URL
	}
	report := func(i *ignore, rule lint.Rule, object, msg, advice string) {
		out = append(out, &lint.Finding{
			ID: rule.ID, Name: rule.Name, Severity: rule.Severity, Confidence: lint.Proven, URL: rules[rule.ID].URL,
			Path: i.Pos.Path, Line: i.Pos.Line, Column: i.Pos.Column, EndLine: i.Pos.Line,
			Object: object, Message: msg, Advice: advice, Migration: i.migration, Statement: i.statement,
		})
	}
	for _, i := range ig.all {
		if i.Tool != "assay" {
			continue
		}
		what := strings.Join(i.Checks, ", ")
		for _, u := range i.unknown {
			report(i, lint.UnknownCheck, u, fmt.Sprintf("ignores %q, which is no check", u), "Run `assay checks` for the ids and names.")
		}
		if strings.TrimSpace(i.Reason) == "" {
			report(i, lint.IgnoreWithoutReason, what, fmt.Sprintf("ignores %s without a reason", what),
				"Say why, so that the next reader need not ask: -- assay:ignore "+what+" <reason>")
		}
		if !i.used && len(i.ids) > 0 {
			report(i, lint.UnusedIgnore, what, fmt.Sprintf("ignores %s, but there is nothing to ignore", what), "Remove the comment.")
		}
	}
	return out
}

// sensitive reports whether nothing of the finding's statement may be shown.
func sensitive(r *devdb.Record, f *lint.Finding) bool {
	if f.Migration < 0 || f.Migration >= len(r.New) {
		return false
	}
	m := r.New[f.Migration]
	if isSensitive(m.Directives) {
		return true
	}
	if back := m.Migration.Down; back != nil && f.Statement < 0 {
		return isSensitive(back.Directives) && f.Path == back.Path ||
			slices.ContainsFunc(back.Statements, func(s *migration.Statement) bool { return within(f, s) && isSensitive(s.Directives) })
	}
	return f.Statement >= 0 && f.Statement < len(m.Statements) && isSensitive(m.Statements[f.Statement].Directives)
}

func isSensitive(ds []migration.Directive) bool {
	return slices.ContainsFunc(ds, func(d migration.Directive) bool { return d.Kind == migration.Sensitive })
}
