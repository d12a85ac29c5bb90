package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/policy"
)

// known is what the configuration may name.
func (a *app) known() config.Known {
	return config.Known{Checks: analyzers.Rules(), Formats: formats(), Packs: []string{"conventions"}, PolicyPacks: policy.Packs()}
}

// lint reads the project, records the new migrations and judges them.
func (a *app) lint(ctx context.Context, o *lintOptions) (*project, *lint.Result, error) {
	p, err := a.configured(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	dirs, err := a.directories(p, o)
	if err != nil {
		return nil, nil, err
	}
	if dirs == nil {
		if err := a.readProject(ctx, p, o); err != nil {
			return nil, nil, err
		}
	}
	ctx, cancel := limited(ctx, o.timeout)
	defer cancel()
	var res *lint.Result
	if dirs == nil {
		res, err = a.lintProject(ctx, p, o)
	} else {
		p, res, err = a.lintAll(ctx, p, o, dirs)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		return nil, nil, err
	}
	return p, res, nil
}

// limited ends a run that takes too long. The context has no deadline: a
// connection would take it for its socket, and fail a moment before it with an
// error that does not say why.
func limited(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := time.AfterFunc(d, func() { cancel(fmt.Errorf("the run took longer than %s (--timeout)", d)) })
	return ctx, func() { t.Stop(); cancel(nil) }
}

func (a *app) lintProject(ctx context.Context, p *project, o *lintOptions) (res *lint.Result, err error) {
	s, rec, err := a.gathered(ctx, p, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if res, err = a.judgeWhole(ctx, p, o, rec); err != nil {
		return nil, err
	}
	if err := a.fixes(ctx, s, o, rec, res); err != nil {
		return nil, err
	}
	if o.fix || o.diff {
		left, err := a.applyFixes(ctx, s, o, rec, res)
		if o.diff { // nothing is written: what was found is still there
			return res, err
		}
		return left, err
	}
	return res, nil
}

// judge turns a record into a result, with the built-in checks and the policies.
func (a *app) judge(ctx context.Context, p *project, o *lintOptions, rec *devdb.Record) (*lint.Result, error) {
	return a.judgeWith(ctx, p, o, rec, a.judges(p, o))
}

// judgeWith turns a record into a result.
func (a *app) judgeWith(ctx context.Context, p *project, o *lintOptions, rec *devdb.Record, judges []pipeline.Judge) (*lint.Result, error) {
	rules := analyzers.Rules()
	for _, x := range a.allPolicies() {
		rules = append(rules, x.Lint()...)
	}
	enf := a.enforcement(p)
	byID := map[string]lint.Rule{}
	for _, r := range rules {
		byID[r.ID] = r
	}
	used := map[int]bool{}
	in := pipeline.Input{
		Tool:    lint.Tool{Name: "assay", Version: buildVersion()},
		Against: against(p, rec), Record: rec, Rules: rules, Timing: o.timing, Notices: p.notices, Stubs: p.stubs,
		Change: p.changes != nil || a.untrusted, Untrusted: a.untrusted,
		Judges: judges,
		Override: func(f *lint.Finding) (lint.Severity, string, bool) {
			rule := byID[f.ID]
			sev, where := enf.config(rule).Severity(rule, f.Path, config.About(f)...)
			if only := o.chosen(rule, sev); only != sev {
				return only, "", true
			}
			return sev, where, where != "" || sev == lint.Off
		},
		Enforced: func(f *lint.Finding) pipeline.Enforcement { return enf.of(byID[f.ID]) },
		Attempts: func(f *lint.Finding) []pipeline.Attempt { return enf.attempts(byID[f.ID], f, time.Now()) },
		Ignored: func(f *lint.Finding) (string, string, bool) {
			c := enf.config(byID[f.ID])
			i := c.Ignored(byID[f.ID], f, time.Now())
			if i < 0 {
				return "", "", false
			}
			if c == p.config {
				used[i] = true
			}
			return c.Ignore[i].Reason, c.At(fmt.Sprintf("ignore.%d", i)), true
		},
		Resolve: func(tool, name string) []string {
			var ids []string
			for _, r := range rules {
				if r.Matches(tool, name) {
					ids = append(ids, r.ID)
				}
			}
			return ids
		},
	}
	var baseline *config.Baseline
	from := p.baseline
	if from == nil {
		from = p.rules
	}
	if file := p.config.BaselineFile(from); file != "" && !o.writeBaseline {
		b, err := config.ReadBaseline(from, file)
		if err != nil {
			return nil, usageError{err}
		}
		baseline = b
		in.Baseline = func(f *lint.Finding) bool { return enf.config(byID[f.ID]) == p.config && b.Has(f) }
	}
	res, err := pipeline.Run(ctx, in)
	if err != nil {
		return nil, err
	}
	res.Failed = failedRules(judges)
	for _, line := range res.Failed {
		res.Notices = append(res.Notices, lint.Notice{Text: line + "; the other rules judged"})
	}
	res.Notices = untold(res)
	if o.selected == nil { // else an ignore may be for a check that did not judge
		res.Notices = append(res.Notices, leftovers(p, o, used, baseline)...)
	}
	if p.config.Path != "" {
		res.Config = path.Join(filepath.ToSlash(a.dir), p.config.Path)
		if a.below == "" {
			res.Config = p.config.Path
		}
	}
	asStdin(res, p.stdin)
	return res, nil
}

// failedRules are the policy rules that could not judge, one line each.
func failedRules(judges []pipeline.Judge) []string {
	var out []string
	for _, j := range judges {
		if r, ok := j.(*policy.Rules); ok {
			for _, f := range r.Failed {
				out = append(out, f.Error())
			}
		}
	}
	return out
}

// named reports whether the configuration speaks of the rule by name, which
// switches an optional one on for some paths or objects.
func named(c *config.Config, r lint.Rule) bool {
	for _, o := range c.Overrides {
		for name := range o.Checks {
			if r.Matches("", name) {
				return true
			}
		}
	}
	for name := range c.Checks {
		if r.Matches("", name) {
			return true
		}
	}
	return false
}

func against(p *project, rec *devdb.Record) string {
	n := len(p.new)
	s := fmt.Sprintf("%d new migrations", n)
	if n == 1 {
		s = "1 new migration"
	}
	return fmt.Sprintf("%s on a base of %d, PostgreSQL %s", s, len(p.base), rec.Version.Text)
}

func (a *app) openServer(ctx context.Context, p *project, o *lintOptions) (*postgres.Server, error) {
	url := o.devURL
	if url == "" && p.config.DevURL != "" {
		var err error
		if url, err = p.config.DevServer(a.getenv); err != nil {
			return nil, usageError{err}
		}
	}
	if url == "" {
		url = a.getenv("ASSAY_DEV_URL")
	}
	var stubs []postgres.Declared
	var names []string
	for i, e := range p.config.Extensions {
		d := postgres.Declared{Name: e.Name, Schema: e.Schema, Types: e.Types, Functions: e.Functions}
		if err := postgres.CheckStub(d); err != nil {
			return nil, usagef("%s: extension %q: %w", p.config.At(fmt.Sprintf("extensions.%d", i)), e.Name, err)
		}
		stubs, names = append(stubs, d), append(names, e.Name)
	}
	return postgres.Open(ctx, postgres.Config{
		Stubs:    stubs,
		Postgres: o.postgres, URL: url, CacheDir: a.getenv("ASSAY_CACHE_DIR"), Env: a.getenv,
		Superuser: o.superuser, Schemas: o.schemas || p.config.Schema.Dir != "", StrangersSetup: a.untrusted && p.data == p.fsys, Extensions: names, WALLevel: p.config.WALLevel,
		StatementTimeout: p.config.StatementTimeout.Or(config.DefaultStatementTimeout),
		TimeZone:         p.config.TimeZone, Settings: p.config.Settings,
		Progress: a.progress(),
	})
}

// cacheDir is where policies that come from elsewhere are kept; empty if there
// is no place for them (no HOME).
func (a *app) cacheDir() string {
	if d := a.getenv("ASSAY_CACHE_DIR"); d != "" {
		return d
	}
	if d, err := os.UserCacheDir(); err == nil {
		return filepath.Join(d, "assay")
	}
	return ""
}

// progress prints a line at a time to standard error.
func (a *app) progress() func(string) {
	return func(line string) {
		if !a.quiet {
			a.say("assay: %s", line)
		}
	}
}

// explained adds what to do about a statement of the base or the setup that the server refused.
func explained(err error, dump *migration.Migration, server devdb.Version) error {
	var refused *devdb.StatementError
	if !errors.As(err, &refused) {
		return err
	}
	err = fmt.Errorf("replaying what is merged: %w", err)
	text := newerDump(dump, refused, server)
	if text == "" {
		text = postgres.Explain(refused)
	}
	if text != "" {
		err = fmt.Errorf("%w\n%s", err, text)
	}
	return err
}

// baseKey names all that the replayed base depends on, beside the server.
func baseKey(p *project) string {
	h := sha256.New()
	for _, m := range p.setup {
		fmt.Fprintln(h, "setup", m.Hash)
	}
	for _, m := range baseScripts(p) {
		fmt.Fprintln(h, m.TxMode, m.Hash)
	}
	if len(p.dir.Migrations) > 0 {
		fmt.Fprintln(h, p.dir.Migrations[0].Bookkeeping)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func baseScripts(p *project) []*migration.Migration {
	if p.dump == nil {
		return p.base
	}
	return slices.Concat([]*migration.Migration{p.dump}, p.base)
}
