package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/gitdiff"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/policy"
)

// central is the policy configuration of --policy-config: rules of another
// place than the project, which nothing in the project can weaken.
type central struct {
	config   *config.Config
	policies *policy.Policies // nil: it names none
	fsys     fs.FS            // where it and its policies were read
	name     string           // of its file there
}

// loadCentral reads the policy configuration, if one was named.
func (a *app) loadCentral(ctx context.Context, o *lintOptions) error {
	if o.policyConfig == "" || a.central != nil {
		return nil
	}
	fsys, name, err := a.centralFiles(ctx, o.policyConfig)
	if err != nil {
		return usageError{fmt.Errorf("--policy-config: %w", err)}
	}
	c, err := config.Load(fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("there is no such file: it is a file or an https address")
	case err == nil:
		err = errors.Join(c.OnlyPolicies(), c.Validate(a.known()))
	}
	if err == nil && len(c.Policies)+len(c.PolicyPacks)+len(c.Enforce)+len(c.Rules)+len(c.Checks) == 0 {
		err = errors.New("it has no rule: write policies, policy-packs or checks, and enforce")
	}
	if err != nil {
		return usageError{fmt.Errorf("--policy-config %s: %w", shownAddress(o.policyConfig), err)}
	}
	x := &central{config: c, fsys: fsys, name: name}
	if x.policies, err = a.loadPolicies(ctx, c, fsys); err != nil {
		return err
	}
	a.central = x
	return nil
}

// centralFiles gives the directory and the name of a policy configuration: of a
// file anywhere outside of the project's repository, or of an address, which is
// fetched.
func (a *app) centralFiles(ctx context.Context, where string) (fs.FS, string, error) {
	if !strings.Contains(where, "://") {
		where = a.fileNamed(where)
		if full, err := filepath.Abs(where); err == nil {
			where = full // git runs in the project's directory
		}
		if gitdiff.Tracked(ctx, a.dir, where, a.getenv) {
			return nil, "", fmt.Errorf("%s is a file of the project's own repository, where a change can edit it: keep it in another repository, or write enforce: into assay.yaml, which the target branch then decides", where)
		}
		return os.DirFS(filepath.Dir(where)), filepath.Base(where), nil
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "https" {
		return nil, "", fmt.Errorf("%s is not an https address or a file", shownAddress(where))
	}
	want := strings.TrimPrefix(u.Fragment, "sha256:")
	u.Fragment = ""
	text, err := policy.Fetch(ctx, http.DefaultClient, u.String(), 1<<20)
	if err != nil {
		return nil, "", err
	}
	if sum := digestOf(text); want != "" && want != sum {
		return nil, "", fmt.Errorf("%s has digest sha256:%s, but is pinned to sha256:%s", u.Redacted(), sum, want)
	}
	name := path.Base(u.Path)
	if !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml") {
		name = config.File
	}
	return fstest.MapFS{name: {Data: text}}, name, nil
}

// shownAddress is an address without its password.
func shownAddress(where string) string {
	if u, err := url.Parse(where); err == nil && u.User != nil {
		return u.Redacted()
	}
	return where
}

// governed gives the project as it is on the target branch if rules are
// enforced there or by the policy configuration: what judges a change is then
// not the change's own. nil: nothing is enforced, or there is no target.
func (a *app) governed(ctx context.Context, o *lintOptions) (fs.FS, error) {
	if !a.inCI || o.trust {
		return nil, nil
	}
	enforcing := a.central != nil && len(a.central.config.Enforce) > 0
	set, err := gitdiff.Changes(ctx, gitdiff.Options{Root: a.dir, Base: o.gitBase, Env: a.getenv})
	if errors.Is(err, gitdiff.ErrNoGit) && !enforcing {
		return nil, nil
	}
	var target fs.FS
	if err == nil {
		target, err = set.TargetFS(ctx)
	}
	if err != nil {
		if a.context.Number == 0 && !enforcing {
			return nil, nil // no pull request: there is nothing to hold it against
		}
		return nil, fmt.Errorf("finding the target branch, whose assay.yaml says which rules are enforced (--trust-checkout takes the checkout's): %w", err)
	}
	c, err := config.Load(target, filepath.ToSlash(o.config))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c = &config.Config{}
	case err != nil:
		return nil, fmt.Errorf("the target branch: %w", err)
	}
	if len(c.Enforce) == 0 && !enforcing {
		return nil, nil
	}
	a.say("assay: rules are enforced: configuration, policies, owners and baseline are those of %.12s", set.Target)
	return target, nil
}

// enforcement knows for each rule which configuration decides about it, and
// how firmly it holds.
type enforcement struct {
	central   *config.Config // nil: there is none
	ofCentral map[string]bool
	project   *config.Config
	checkout  *config.Config // of the change itself, where another one judges it; nil: the same
	frozen    *config.Baseline
}

func (a *app) enforcement(p *project) *enforcement {
	e := &enforcement{project: p.config, ofCentral: map[string]bool{}}
	if a.central != nil {
		e.central = a.central.config
		if a.central.policies != nil {
			for _, r := range a.central.policies.Rules {
				e.ofCentral[r.ID] = true
			}
		}
	}
	if a.target != nil {
		e.checkout, e.frozen = checkoutConfig(p)
	}
	return e
}

// checkoutConfig is the configuration that the change itself would have, as
// far as it can be read.
func checkoutConfig(p *project) (*config.Config, *config.Baseline) {
	c, err := config.Load(p.fsys, p.config.Path)
	if err != nil {
		return nil, nil
	}
	file := c.BaselineFile(p.fsys)
	if file == "" {
		return c, nil
	}
	b, err := config.ReadBaseline(p.fsys, file)
	if err != nil {
		return c, nil
	}
	return c, b
}

// config is the configuration that decides about a rule.
func (e *enforcement) config(r lint.Rule) *config.Config {
	if e.central != nil && (e.ofCentral[r.ID] || e.central.Enforced(r).Level != "") {
		return e.central
	}
	return e.project
}

// of is how firmly a rule holds.
func (e *enforcement) of(r lint.Rule) pipeline.Enforcement {
	x := e.config(r).Enforced(r)
	out := pipeline.Enforcement{Level: x.Level}
	if x.Level == config.Overridable {
		out.Approval = &lint.Approval{Team: x.Team, Count: x.Count}
	}
	return out
}

// attempts are the places in the change's own files, and in the project's where
// the central configuration decides, that would weaken an enforced finding.
func (e *enforcement) attempts(r lint.Rule, f *lint.Finding, today time.Time) []pipeline.Attempt {
	var out []pipeline.Attempt
	tried := []*config.Config{e.checkout}
	if e.config(r) != e.project {
		tried = append(tried, e.project)
	}
	add := func(where, format string, args ...any) {
		file, rest, _ := strings.Cut(where, ":")
		line, _, _ := strings.Cut(rest, ":")
		n, _ := strconv.Atoi(line)
		if a := (pipeline.Attempt{Path: file, Line: n, Text: fmt.Sprintf(format, args...)}); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	for _, c := range tried {
		if c == nil {
			continue
		}
		if sev, where := c.Severity(r, f.Path, config.About(f)...); where != "" && sev.Rank() < f.Severity.Rank() {
			add(where, "sets %s to %s", r.ID, sev)
		}
		if i := c.Ignored(r, f, today); i >= 0 {
			add(c.At(fmt.Sprintf("ignore.%d", i)), "ignores %s", r.ID)
		}
	}
	if e.frozen.Has(f) {
		add(e.frozen.Path()+":1", "freezes a finding of %s", r.ID)
	}
	return out
}

// projectPolicies loads the project's policies, those that the central
// configuration has left out.
func (a *app) projectPolicies(ctx context.Context, c *config.Config, fsys fs.FS) (*policy.Policies, error) {
	p, err := a.loadPolicies(ctx, c, fsys)
	if err != nil || p == nil || a.central == nil || a.central.policies == nil {
		return p, err
	}
	return p.Without(ctx, a.central.policies.Lint())
}

// allPolicies are the central policies and the project's, as far as there are any.
func (a *app) allPolicies() []*policy.Policies {
	var out []*policy.Policies
	if a.central != nil && a.central.policies != nil {
		out = append(out, a.central.policies)
	}
	if a.policies != nil && len(a.policies.Rules) > 0 {
		out = append(out, a.policies)
	}
	return out
}
