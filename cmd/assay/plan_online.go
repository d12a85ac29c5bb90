package main

import (
	"context"
	"strings"
	"testing/fstest"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/planned"
)

// onlineRounds is how often a plan is recorded, judged and fixed at most.
const onlineRounds = 5

// planSession is a session in which the parts of a plan are the new migrations,
// in a format whose files say by themselves how they are run.
func (r *planRun) planSession(ctx context.Context, p *planned.Planned) (*session, error) {
	parts, err := p.Parts(ctx, false)
	if err != nil {
		return nil, err
	}
	proj, conf := *r.project, *r.project.config
	conf.Down = "off"
	proj.config, proj.fsys, proj.options = &conf, fstest.MapFS{}, migration.Options{Format: migration.Atlas}
	proj.base, proj.setup, proj.dump, proj.edited, proj.changes = nil, nil, nil, nil, nil
	proj.dir = &migration.Dir{Path: "plan", Format: migration.Atlas}
	made, _, err := intoFiles(&proj, "plan", parts)
	if err != nil {
		return nil, err
	}
	return &session{project: made, server: r.server, base: r.have.DB, build: &builder{server: r.server, project: made, gone: map[*migration.Statement]bool{}}}, nil
}

// online records the plan, judges it with the checks, and applies their fixes
// until no fix holds any more.
func (a *app) online(ctx context.Context, o *planOptions, r *planRun, out *planOutput) error {
	s, err := r.planSession(ctx, out.Planned)
	if err != nil {
		return err
	}
	rec, res, err := a.review(ctx, s, &o.lintOptions, stages{downs: true})
	if err != nil {
		return err
	}
	for range onlineRounds {
		if o.asPlanned || len(res.Findings) == 0 {
			break
		}
		if err := a.fixes(ctx, s, &o.lintOptions, rec, res); err != nil {
			return err
		}
		take, err := a.together(ctx, s, &o.lintOptions, rec, res)
		if err != nil {
			return err
		}
		if len(take) == 0 {
			break
		}
		if s, err = s.fixed(fixesOf(take)); err != nil {
			return err
		}
		for _, f := range take {
			out.fixed = append(out.fixed, f)
		}
		if rec, res, err = a.review(ctx, s, &o.lintOptions, stages{downs: true}); err != nil {
			return err
		}
	}
	out.Text = planText(s.project.dir.Migrations)
	out.record, out.findings = rec, findings(res)
	return nil
}

// planText is what psql runs as the tool of the files would.
func planText(all []*migration.Migration) string {
	var b strings.Builder
	for i, m := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		in := m.TxMode != migration.TxNone
		if in {
			b.WriteString("BEGIN;\n")
		}
		for _, st := range m.Statements {
			b.WriteString(strings.TrimRight(st.Text, "; \n") + ";\n")
		}
		if in {
			b.WriteString("COMMIT;\n")
		}
	}
	return b.String()
}

// steps are the recorded statements of a plan.
func steps(rec *devdb.Record) []*devdb.Step {
	if rec == nil {
		return nil
	}
	var out []*devdb.Step
	for _, m := range rec.New {
		out = append(out, m.Steps...)
	}
	return out
}

// atOrAbove counts the findings that make a review fail.
func atOrAbove(all []*lint.Finding, limit lint.Severity) int {
	n := 0
	for _, f := range all {
		if f.Fails(limit) {
			n++
		}
	}
	return n
}
