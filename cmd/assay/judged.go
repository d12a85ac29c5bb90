package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/queries"
	"github.com/assaydb/assay/policy"
)

// judgingFile is one kind of file that the verdict depends on.
type judgingFile struct {
	what string
	has  func(c *config.Config, o *lintOptions, name string) bool // whether the name is one of them
	// without judges as if the change had left the files alone; nil where that
	// would take another replay.
	without func(ctx context.Context, a *app, p *project, before fs.FS) (*variant, error)
}

// variant is what a run is judged by.
type variant struct {
	project  *project
	policies *policy.Policies
}

func isFile(names ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return n != "" && path.Clean(filepath.ToSlash(n)) == name })
	}
}

// below reports whether a file is one of the named ones or in a named directory.
func below(name string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool {
		d = path.Clean(filepath.ToSlash(d))
		return d != "" && d != "." && (name == d || strings.HasPrefix(name, d+"/"))
	})
}

// ruling is how many of the kinds are read from the target branch where rules are enforced.
const ruling = 3

// judgingFiles are all kinds, in the order in which they are reported.
var judgingFiles = []judgingFile{
	{"the configuration", func(_ *config.Config, o *lintOptions, name string) bool {
		return isFile(o.config)(name) || o.config == "" && name == config.File
	}, withoutConfig},
	{"the baseline", func(c *config.Config, _ *lintOptions, name string) bool {
		return isFile(c.Baseline)(name) || c.Baseline == "" && name == config.BaselineFile
	}, func(ctx context.Context, a *app, p *project, before fs.FS) (*variant, error) {
		q := *p
		q.baseline = before
		return &variant{&q, a.policies}, nil
	}},
	{"a policy", func(c *config.Config, _ *lintOptions, name string) bool {
		for _, s := range c.Policies {
			if s.Dir == "." && strings.HasSuffix(name, ".rego") || below(name, s.Dir, s.Bundle, s.Key) {
				return !strings.HasSuffix(name, "_test.rego") && !strings.HasSuffix(name, ".txtar")
			}
		}
		return name == policy.LockFile || isFile(c.Owners)(name)
	}, func(ctx context.Context, a *app, p *project, before fs.FS) (*variant, error) {
		policies, err := a.loadPolicies(ctx, p.config, before)
		return &variant{p, policies}, err
	}},
	{"the statistics", func(c *config.Config, _ *lintOptions, name string) bool {
		return isFile(c.Stats)(name) || c.Stats == "" && name == config.StatsFile
	}, withoutStats},
	{"the setup", func(_ *config.Config, o *lintOptions, name string) bool {
		return isFile(o.setup...)(name) || len(o.setup) == 0 && name == "setup.sql"
	}, nil},
	{"the base", func(_ *config.Config, o *lintOptions, name string) bool { return isFile(o.base)(name) }, nil},
	{"the seed", func(_ *config.Config, o *lintOptions, name string) bool { return o.seed != "" && below(name, o.seed) }, nil},
	{"a query of the application", func(c *config.Config, _ *lintOptions, name string) bool { return queries.Matches(c.Queries, name) }, nil},
	{"SQL in the place of a migration", func(c *config.Config, _ *lintOptions, name string) bool {
		for _, sql := range c.Steps {
			if isFile(sql)(name) {
				return true
			}
		}
		return false
	}, nil},
}

func withoutConfig(ctx context.Context, a *app, p *project, before fs.FS) (*variant, error) {
	c, err := config.Load(before, filepath.ToSlash(p.config.Path))
	if errors.Is(err, fs.ErrNotExist) || p.config.Path == "" {
		c, err = config.Load(before, "")
	}
	if err != nil {
		return nil, err
	}
	q := *p
	q.config = c
	policies, err := a.loadPolicies(ctx, c, p.rules)
	return &variant{&q, policies}, err
}

func withoutStats(_ context.Context, a *app, p *project, before fs.FS) (*variant, error) {
	q := *p
	q.data, q.stats, q.notices = before, nil, nil
	if err := q.loadStats(time.Now()); err != nil {
		return nil, err
	}
	q.data = p.data
	return &variant{&q, a.policies}, nil
}

// judgedBy reports the files of a trusted change that decide what counts, each
// with the findings that count without the edit alone.
func (a *app) judgedBy(ctx context.Context, p *project, o *lintOptions, rec *devdb.Record, res *lint.Result) error {
	if a.untrusted || p.changes == nil {
		return nil
	}
	touched, err := p.changes.Touched(ctx)
	if err != nil || len(touched) == 0 {
		return err
	}
	var before fs.FS
	var found []*lint.Finding
	for i, kind := range judgingFiles {
		if i < ruling && a.target != nil {
			continue // those of the target branch count, and SQ908 reports what was tried
		}
		names := slices.DeleteFunc(slices.Clone(touched), func(name string) bool {
			return p.isMigration(name) || !kind.has(p.config, o, name)
		})
		if len(names) == 0 {
			continue
		}
		if before == nil {
			if before, err = p.changes.BaseFS(ctx); err != nil {
				return err
			}
		}
		effect, err := a.effect(ctx, kind, p, o, rec, res, before)
		if err != nil {
			return err
		}
		for i, name := range names {
			message := fmt.Sprintf("this change edits %s, which is %s that it is judged by", name, strings.TrimPrefix(kind.what, "the "))
			if strings.HasPrefix(kind.what, "the ") {
				message = fmt.Sprintf("this change edits %s, %s that it is judged by", name, kind.what)
			}
			if i == 0 && effect != "" {
				message += ": " + effect
			}
			found = append(found, &lint.Finding{
				ID: lint.JudgeChanged.ID, Name: lint.JudgeChanged.Name, Severity: lint.JudgeChanged.Severity, Confidence: lint.Proven,
				Path: name, Line: 1, EndLine: 1, Object: "", Message: message, Migration: -1, Statement: -1, Evidence: []lint.Evidence{},
				Advice: "Look at the edit as you look at code, or make it in a change of its own.",
			})
		}
	}
	a.add(p, res, found)
	return nil
}

// add puts findings into a result that is done, at the severity that the
// configuration gives them.
func (a *app) add(p *project, res *lint.Result, found []*lint.Finding) {
	rules := a.known().Checks
	for _, f := range found {
		rule := rules[slices.IndexFunc(rules, func(r lint.Rule) bool { return r.ID == f.ID })]
		severity, where := p.config.Severity(rule, f.Path)
		if severity == lint.Off {
			continue
		}
		if where != "" {
			f.Severity = severity
		}
		f.URL = rule.URL
		res.Findings = append(res.Findings, f)
		info := lint.RuleInfo{ID: rule.ID, Name: rule.Name, Title: rule.Title, Severity: rule.Severity, URL: rule.URL, Help: rule.Help}
		if !slices.Contains(res.Rules, info) {
			res.Rules = append(res.Rules, info)
			slices.SortFunc(res.Rules, func(a, b lint.RuleInfo) int { return strings.Compare(a.ID, b.ID) })
		}
	}
	lint.Sort(res)
	lint.Fingerprints(res)
	lint.Summarize(res)
}

// effect says what counts if the change had left the files of a kind alone.
func (a *app) effect(ctx context.Context, kind judgingFile, p *project, o *lintOptions, rec *devdb.Record, res *lint.Result, before fs.FS) (string, error) {
	if kind.without == nil {
		return "", nil
	}
	v, err := kind.without(ctx, a, p, before)
	if err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		return "what follows cannot be said, as the file of before is not right", nil
	}
	now := a.policies
	defer func() { a.policies = now }()
	a.policies = v.policies
	again := *rec
	again.Stats = v.project.stats
	old, err := a.judge(ctx, v.project, o, &again)
	if err != nil {
		return "", err
	}
	counts := map[string]lint.Severity{}
	for _, f := range res.Findings {
		counts[f.Fingerprint] = f.Severity
	}
	var lost []string
	for _, f := range old.Findings {
		switch now, still := counts[f.Fingerprint]; {
		case !still:
			lost = append(lost, fmt.Sprintf("%s %s at %s:%d", f.Severity, f.ID, f.Path, f.Line))
		case now.Rank() < f.Severity.Rank():
			lost = append(lost, fmt.Sprintf("%s %s at %s:%d, now %s", f.Severity, f.ID, f.Path, f.Line, now))
		}
	}
	if len(lost) == 0 {
		return "no finding counts less by that", nil
	}
	const shown = 5
	text := fmt.Sprintf("without the edit %s more would count (%s", counting(len(lost), "finding"), strings.Join(lost[:min(len(lost), shown)], "; "))
	if n := len(lost) - shown; n > 0 {
		text += fmt.Sprintf("; and %d more", n)
	}
	return text + ")", nil
}

// isMigration reports whether a file is one of the project's migrations.
func (p *project) isMigration(name string) bool {
	for _, m := range p.dir.Migrations {
		if m.Path == name || m.Down != nil && m.Down.Path == name {
			return true
		}
	}
	return false
}
