// Package analyzers holds every built-in check: one value, one pure function
// over the recorded facts, one fixture that explains and proves it.
package analyzers

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// Analyzer is a check. Run looks at finished facts and reports; it has no
// database, no files, no clock and no error.
type Analyzer struct {
	lint.Rule
	Run func(*Pass)
	// Fix offers the mechanical fix of a finding, nil if the check has none.
	Fix func(*offer) *lint.Fix
}

// Pass is one check's view of a record.
type Pass struct {
	*devdb.Record
	rule     *lint.Rule
	findings []*lint.Finding
	facts    *facts
}

// At is where a finding is reported.
type At struct {
	Migration *devdb.Recorded
	Step      *devdb.Step        // nil: the finding is about the file
	Pos, End  migration.Position // zero: the step's range, or the file's first line
}

// Checks judges a record with the built-in checks. It is a pipeline judge.
type Checks struct {
	// Skip tells which checks not to run at all; nil runs all but the optional ones.
	Skip func(lint.Rule) bool
	// Alone judges each migration as a change set of its own, on a base of all
	// before it. Otherwise the new migrations are one change set, and what one
	// of them makes is new to the others.
	Alone bool
	// Sizes weigh findings by the statistics of production, where there are any.
	Sizes Sizes
}

// Judge runs every check over the record. It returns no error.
func (c Checks) Judge(_ context.Context, r *devdb.Record, _ []*lint.Finding) ([]*lint.Finding, error) {
	if !c.Alone {
		return c.judge(r), nil
	}
	var out []*lint.Finding
	for i, sub := range alone(r) {
		for _, f := range c.judge(sub) {
			if f.Migration == 0 {
				f.Migration = i
			}
			out = append(out, f)
		}
	}
	return out, nil
}

func (c Checks) judge(r *devdb.Record) []*lint.Finding {
	var out []*lint.Finding
	f := newFacts(r, c.Sizes)
	for _, a := range All {
		if c.Skip == nil && a.Optional || c.Skip != nil && c.Skip(a.Rule) {
			continue
		}
		p := &Pass{Record: r, rule: &a.Rule, facts: f}
		a.Run(p)
		out = append(out, p.findings...)
	}
	c.Sizes.sized(r, out)
	return out
}

// alone splits a record into one for each migration, on a base of all before it.
func alone(r *devdb.Record) []*devdb.Record {
	var out []*devdb.Record
	before, broken := r.Before, brokenBy(r)
	filled := maps.Clone(r.Filled)
	for i, m := range r.New {
		sub := *r
		sub.Filled = maps.Clone(filled)
		for _, s := range m.Steps {
			for _, n := range s.Rows {
				if filled != nil && n.Inserted > 0 {
					filled[n.Relation] = true
				}
			}
		}
		sub.New, sub.Broken = []*devdb.Recorded{freed(m)}, broken[m]
		sub.Before, sub.After = before, before
		if n := len(m.Steps); n > 0 {
			sub.Before, sub.After = m.Steps[0].Before, m.Steps[n-1].After
		}
		before = sub.After
		if i > 0 { // what is about the directory as a whole is told once
			sub.Edited, sub.Dir = nil, nil
		}
		out = append(out, &sub)
	}
	return out
}

// freed is a migration without the locks that earlier files of its transaction
// hold: where each file is judged alone, they ran long ago.
func freed(m *devdb.Recorded) *devdb.Recorded {
	out := *m
	out.Steps = slices.Clone(m.Steps)
	for i, s := range m.Steps {
		if slices.ContainsFunc(s.Held, earlier) {
			c := *s
			c.Held = slices.DeleteFunc(slices.Clone(s.Held), earlier)
			out.Steps[i] = &c
		}
	}
	return &out
}

func earlier(l devdb.Lock) bool { return l.Step < 0 }

// Report adds a finding. The check gives Object, Message, Evidence and Advice;
// what it leaves empty is filled in: the rule's id, name and severity, the
// place, and "observed" as the confidence.
func (p *Pass) Report(at At, f lint.Finding) {
	f.ID, f.Name = p.rule.ID, p.rule.Name
	if f.Severity == "" {
		f.Severity = p.rule.Severity
	}
	if f.Confidence == "" {
		f.Confidence = lint.Observed
	}
	f.Migration, f.Statement = -1, -1
	if at.Migration != nil {
		f.Migration = p.facts.index[at.Migration]
		f.Path, f.Line, f.EndLine = at.Migration.Path, 1, 1
	}
	pos, end := at.Pos, at.End
	if at.Step != nil {
		f.Statement = at.Step.Index
		if pos.Line == 0 {
			pos, end = at.Step.Stmt.Pos, at.Step.Stmt.End
		}
	}
	if pos.Line > 0 {
		f.Path, f.Line, f.Column, f.EndLine, f.EndColumn = pos.Path, pos.Line, pos.Column, end.Line, end.Column
	}
	p.findings = append(p.findings, &f)
}

// Steps yields every recorded step with its migration.
func (p *Pass) Steps() iter.Seq2[*devdb.Recorded, *devdb.Step] {
	return func(yield func(*devdb.Recorded, *devdb.Step) bool) {
		for _, m := range p.New {
			for _, s := range m.Steps {
				if !yield(m, s) {
					return
				}
			}
		}
	}
}

// Each yields the changes of type C, a pointer to a type of package schema,
// with the place that made them: the step, or the subcommand of it.
func Each[C schema.Change](p *Pass) iter.Seq2[At, C] {
	return func(yield func(At, C) bool) {
		for m, s := range p.Steps() {
			for _, c := range s.Changes {
				if c, ok := c.(C); ok && !yield(At{Migration: m, Step: s}.of(c), c) {
					return
				}
			}
		}
	}
}

// Has returns the step's first change of type C.
func Has[C schema.Change](s *devdb.Step) (C, bool) {
	for _, c := range s.Changes {
		if c, ok := c.(C); ok {
			return c, true
		}
	}
	var none C
	return none, false
}

// Changes returns the step's changes of type C.
func Changes[C schema.Change](s *devdb.Step) []C {
	var out []C
	for _, c := range s.Changes {
		if c, ok := c.(C); ok {
			out = append(out, c)
		}
	}
	return out
}
