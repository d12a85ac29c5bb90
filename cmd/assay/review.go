package main

import (
	"context"
	"errors"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/internal/planned"
	"github.com/assaydb/assay/policy"
)

// stages are the parts of a review that a command does without. What every
// review has, whoever asks: the recorded statements, the edited files and the
// application's queries.
type stages struct {
	rows     bool // rows on which a statement fails
	uses     bool // uses of what the change touches, before and after it
	downs    bool // down migrations, over rows too unless those are switched off
	measured bool // times, where the configuration asks for them
	lifts    bool // ways around what depends on what a statement changes
}

// whole are the stages of a review of these options.
func (o *lintOptions) whole() stages {
	return stages{rows: true, uses: true, downs: !o.quick, measured: true, lifts: !o.noFixes && !o.all}
}

// gathered opens a session for a project and gathers all that its judges are
// given. The session is the caller's to close, if there is no error.
func (a *app) gathered(ctx context.Context, p *project, o *lintOptions) (_ *session, rec *devdb.Record, err error) {
	if a.policies, err = a.projectPolicies(ctx, p.config, p.rules); err != nil {
		return nil, nil, err
	}
	if err := a.selectRules(o); err != nil {
		return nil, nil, err
	}
	if a.context.ChangedFiles, err = a.changedFiles(ctx, p); err != nil {
		return nil, nil, err
	}
	if len(a.allPolicies()) > 0 && a.describe != nil {
		if err := a.describe(ctx); err != nil {
			return nil, nil, err
		}
	}
	seed, err := a.loadSeed(p, o)
	if err != nil {
		return nil, nil, err
	}
	s, err := a.openSession(ctx, p, o)
	if err != nil {
		return nil, nil, err
	}
	s.seed = seed
	if rec, err = a.first(ctx, s, o); err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return s, rec, nil
}

// first is the first record of a session, with what the dev server misses
// provided and the notices of the run collected.
func (a *app) first(ctx context.Context, s *session, o *lintOptions) (*devdb.Record, error) {
	p, st := s.project, o.whole()
	rec, err := s.record(ctx, p.dir, p.new, st.downs)
	for again := true; err == nil && again; {
		if again, err = s.missing(ctx, o, rec); err == nil && again {
			rec, err = s.record(ctx, p.dir, p.new, st.downs)
		}
	}
	if err != nil {
		return nil, err
	}
	p.notices = append(p.notices, s.notices(rec)...)
	p.stubs = s.stubs(rec)
	if err := s.complete(ctx, o, rec, st); err != nil {
		return nil, err
	}
	if x := rec.Exercise; o.verbose && x != nil {
		a.say("assay: used %d tables, views and functions that the change touches, in %d statements", x.Subjects, x.Uses)
		for _, left := range x.Left {
			a.say("assay: not used: %s", left)
		}
	}
	if err := a.schemaFollows(ctx, s, rec); err != nil {
		return nil, err
	}
	p.unknownTables(rec.Before)
	p.usedUp(rec.Before)
	p.unasked(rec)
	return rec, nil
}

// complete adds to recorded statements all else that judges are given.
func (s *session) complete(ctx context.Context, o *lintOptions, rec *devdb.Record, st stages) error {
	rec.Edited = s.project.edited
	if st.rows {
		if err := s.prove(ctx, o, s.seed, rec); err != nil {
			return err
		}
	}
	if st.uses {
		if err := s.exercise(ctx, o, rec); err != nil {
			return err
		}
	}
	if st.downs {
		if err := s.downs(ctx, rec, st.rows && !o.noProofs && !o.all); err != nil {
			return err
		}
	}
	if err := s.askQueries(ctx, rec); err != nil {
		return err
	}
	if st.lifts {
		if err := planned.Lifts(ctx, s.server, s.base, rec); err != nil {
			return err
		}
	}
	if st.measured && s.project.config.Measure && s.project.stats != nil {
		return s.measureAll(ctx, rec, func(*devdb.Recorded, *devdb.Step, *devdb.Measurement) {})
	}
	return nil
}

// review records and judges the new migrations of a session's project with fixes applied.
func (a *app) review(ctx context.Context, s *session, o *lintOptions, st stages) (*devdb.Record, *lint.Result, error) {
	rec, err := s.record(ctx, s.project.dir, s.project.new, st.downs)
	if err != nil {
		return nil, nil, err
	}
	if err := s.complete(ctx, o, rec, st); err != nil {
		return nil, nil, err
	}
	judge := a.judge
	if st == o.whole() {
		judge = a.judgeWhole
	}
	res, err := judge(ctx, s.project, o, rec)
	return rec, res, err
}

// judgeWhole judges a whole review, with the files of the change that it is judged
// by and with the times that were measured.
func (a *app) judgeWhole(ctx context.Context, p *project, o *lintOptions, rec *devdb.Record) (*lint.Result, error) {
	res, err := a.judge(ctx, p, o, rec)
	if err != nil {
		return nil, err
	}
	if err := a.judgedBy(ctx, p, o, rec, res); err != nil {
		return nil, err
	}
	measured(rec, res)
	return res, nil
}

// judges are the built-in checks and then the policies, in the order in which they judge.
func (a *app) judges(p *project, o *lintOptions) []pipeline.Judge {
	return append([]pipeline.Judge{analyzers.Checks{Alone: o.all, Sizes: sizes(p.config), Skip: func(r lint.Rule) bool {
		sev, where := p.config.Severity(r, "", "")
		return sev == lint.Off && where == "" && r.Optional && !named(p.config, r) && !o.selected[r.ID]
	}}}, a.policyJudges(p, "")...)
}

// policyJudges are the policies alone. Subject is the path of what no migration causes.
func (a *app) policyJudges(p *project, subject string) (out []pipeline.Judge) {
	for _, x := range a.allPolicies() {
		out = append(out, &policy.Rules{Policies: x, Context: a.context, Stats: policyStats(p.stats), Subject: subject})
	}
	return out
}

// policyFacts is what the project's policies are given: the record of a review
// and the findings of the judges before them.
func (a *app) policyFacts(ctx context.Context, o *lintOptions) (f policy.Facts, p *policy.Policies, err error) {
	pr, err := a.openProject(ctx, o)
	if err != nil {
		return f, nil, err
	}
	ctx, cancel := limited(ctx, o.timeout)
	defer cancel()
	s, rec, err := a.gathered(ctx, pr, o)
	if err != nil {
		return f, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var found []*lint.Finding
	for _, j := range a.judges(pr, o) {
		if r, ok := j.(*policy.Rules); ok && r.Policies == a.policies {
			break
		}
		more, err := j.Judge(ctx, rec, found)
		if err != nil {
			return f, nil, err
		}
		found = append(found, more...)
	}
	if a.policies == nil {
		return policy.Facts{Record: rec, Findings: found, Context: a.context, Stats: policyStats(pr.stats)}, nil, nil
	}
	return a.policies.Facts(rec, found, a.context, policyStats(pr.stats)), a.policies, nil
}
