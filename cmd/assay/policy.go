package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
	files "github.com/assaydb/assay/internal/project"
	"github.com/assaydb/assay/policy"
)

// loadPolicies loads the policies that the configuration names; nil if it names none.
func (a *app) loadPolicies(ctx context.Context, c *config.Config, fsys fs.FS) (*policy.Policies, error) {
	o, err := a.policyOptions(c, fsys)
	if err != nil {
		return nil, usageError{err}
	}
	if len(o.Sources)+len(o.Packs) == 0 {
		return nil, nil
	}
	return a.loadPolicyOptions(ctx, c, o, true)
}

// loadPolicyOptions loads policies. Whole are those of the configuration, which
// then may name no others.
func (a *app) loadPolicyOptions(ctx context.Context, c *config.Config, o policy.Options, whole bool) (*policy.Policies, error) {
	p, err := policy.Load(ctx, o)
	if err != nil {
		return nil, usageError{fmt.Errorf("loading policies:\n%w", err)}
	}
	known := a.known()
	for _, r := range p.Rules {
		if i := slices.IndexFunc(known.Checks, func(c lint.Rule) bool { return strings.EqualFold(c.ID, r.ID) }); i >= 0 {
			return nil, usageError{fmt.Errorf("loading policies:\n%s:%d: rule id %s is taken by the built-in check %s: choose another", r.File, r.Line, r.ID, known.Checks[i].Name)}
		}
	}
	if !whole {
		return p, nil
	}
	known.Policies = p.Lint()
	if a.central != nil && a.central.policies != nil {
		known.Policies = append(known.Policies, a.central.policies.Lint()...) // a project may speak of them, without effect
	}
	if err := c.Validate(known); err != nil {
		return nil, usageError{err}
	}
	return p, nil
}

func (a *app) policyOptions(c *config.Config, fsys fs.FS) (policy.Options, error) {
	o := policy.Options{
		Files: fsys, Packs: c.PolicyPacks, Params: c.Params, Now: time.Now(), Print: a.stderr,
		ParamAt: func(id, param string) string { return c.At("rules." + id + ".params." + param) },
		Timeout: c.PolicyTimeout.Or(policy.DefaultTimeout),
		Skip:    func(r lint.Rule) bool { return c.Rules[r.ID].Level == string(lint.Off) && len(c.Overrides) == 0 },
	}
	for _, s := range c.Policies {
		o.Sources = append(o.Sources, policy.Source{
			Dir: s.Dir, Git: s.Git, Commit: s.Commit, Subdir: s.Subdir, Bundle: s.Bundle, Digest: s.Digest, Key: s.Key,
		})
	}
	pins, err := policy.ReadPins(fsys)
	if err != nil {
		return o, err
	}
	o.Store = policy.Store{Pins: pins}
	if dir := a.cacheDir(); dir != "" {
		o.Store.Dir = filepath.Join(dir, "policies")
	}
	if c.Owners != "" {
		text, err := fs.ReadFile(fsys, c.Owners)
		if err != nil {
			return o, fmt.Errorf("reading the owners: %w", err)
		}
		if o.Owners, err = policy.ReadOwners(c.Owners, text); err != nil {
			return o, err
		}
	}
	return o, nil
}

// policyRun is what the commands about policies alone share.
type policyRun struct {
	lintOptions
	fsys   fs.FS
	config *config.Config
}

// openPolicies loads the named directories, or what the configuration names,
// or the directory "policies".
func (a *app) openPolicies(ctx context.Context, r *policyRun, dirs []string, strict bool) (*policy.Policies, error) {
	var err error
	if r.fsys, err = a.checkout(); err != nil {
		return nil, err
	}
	if r.config, err = a.loadConfig(&r.lintOptions, r.fsys); err != nil {
		return nil, usageError{err}
	}
	r.merge(r.config)
	o, err := a.policyOptions(r.config, r.fsys)
	if err != nil {
		return nil, usageError{err}
	}
	o.Strict = strict
	if len(dirs) > 0 {
		o.Sources = nil
	}
	for _, d := range dirs {
		o.Sources = append(o.Sources, policy.Source{Dir: path.Clean(filepath.ToSlash(d))})
	}
	if len(o.Sources)+len(o.Packs) == 0 {
		if _, err := fs.Stat(r.fsys, "policies"); err != nil {
			return nil, usagef("no policies: name directories, or list them under policies: in assay.yaml, or begin with `assay policy new NAME`")
		}
		o.Sources = []policy.Source{{Dir: "policies"}}
	}
	return a.loadPolicyOptions(ctx, r.config, o, len(dirs) == 0)
}

func (a *app) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: "Write, test and run your own rules in Rego",
		Long: `Write, test and run your own rules in Rego, over the schema before and after, the change, the
locks and scans that the server took, and the pull request. The guide is docs/policies.md.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.policyNewCommand(), a.policyTestCommand(), a.policyCheckCommand(), a.policyEvalCommand(), a.policyInputCommand(),
		a.policyDocsCommand(), a.policyFetchCommand(), a.policySchemaCommand())
	return cmd
}

func (a *app) policyNewCommand() *cobra.Command {
	var id, dir string
	cmd := &cobra.Command{
		Use: "new NAME", Short: "Begin a rule: Rego, unit test and SQL fixture",
		Example: "  assay policy new table_comment --id ORG001",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("assay policy new takes the rule's name, such as table_comment")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if id == "" {
				id = strings.ToUpper(strings.ReplaceAll(args[0], "_", "-"))
			}
			texts, err := policy.New(args[0], id)
			if err != nil {
				return usageError{err}
			}
			for _, name := range slices.Sorted(maps.Keys(texts)) {
				full := filepath.Join(a.dir, filepath.FromSlash(dir), filepath.FromSlash(name))
				_, err := os.Stat(full)
				switch {
				case err == nil && strings.HasPrefix(name, "assay/"):
					continue // the helpers are there
				case err == nil:
					return usagef("%s is there: choose another name", full)
				}
				if err := files.WriteFile(full, texts[name]); err != nil {
					return err
				}
				fmt.Fprintln(a.text(), filepath.ToSlash(filepath.Join(dir, filepath.FromSlash(name))))
			}
			return a.nextSteps(dir)
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "the rule's permanent `id`, such as ORG001 (default: made of the name)")
	cmd.Flags().StringVar(&dir, "dir", "policies", "`directory` to write into")
	return cmd
}

// nextSteps says what is left to do after a rule was begun: above all that no
// run asks it unless the configuration names its directory.
func (a *app) nextSteps(dir string) error {
	fsys, err := a.checkout()
	if err != nil {
		return err
	}
	c, err := a.loadConfig(&lintOptions{}, fsys)
	if err != nil {
		return usageError{err}
	}
	within := func(p config.Policy) bool {
		rel, err := filepath.Rel(filepath.FromSlash(p.Dir), filepath.Clean(dir))
		return p.Dir != "" && err == nil && !strings.HasPrefix(rel, "..")
	}
	if slices.ContainsFunc(c.Policies, within) {
		a.say("next: assay policy test")
		return nil
	}
	a.say("next: assay policy test %s\nassay lint asks the rule once %s has: policies: [%s]", filepath.ToSlash(dir), config.File, filepath.ToSlash(dir))
	return nil
}

func (a *app) policyTestCommand() *cobra.Command {
	r := &policyRun{}
	var o policy.TestOptions
	var noServer bool
	cmd := &cobra.Command{
		Use: "test [dir...]", Short: "Run unit tests (*_test.rego) and SQL fixtures (*.txtar)",
		Long: `Run the unit tests of policies and their fixtures: examples in SQL that run on a real server and
say on each line what is wanted of it; and say how much of each rule they reach. Exit code 1 if one fails.`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx := cmd.Context()
			p, err := a.openPolicies(ctx, r, args, false)
			if err != nil {
				return err
			}
			if !noServer {
				rec := &caseRecorder{app: a, run: r}
				defer func() { err = errors.Join(err, rec.close()) }()
				o.Record = rec.record
			}
			report, err := p.Test(ctx, o)
			if err != nil {
				return err
			}
			if err := report.Write(a.text(), o.Verbose); err != nil {
				return err
			}
			switch {
			case report.Failed() > 0:
				return findingsError{exitFindings}
			case len(report.Units)+len(report.Cases) == 0 && o.Run != "":
				return usagef("--run %s: no test is called so", o.Run)
			}
			return nil
		},
	}
	f := cmd.Flags()
	r.serverFlags(cmd)
	f.StringVar(&o.Run, "run", "", "regular `expression` on the names of tests to run")
	f.BoolVar(&o.Coverage, "coverage", false, "list the lines of the rules that no test reaches, too")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "list what passed, too")
	f.BoolVar(&noServer, "no-server", false, "run the unit tests alone")
	return cmd
}

// serverFlags are those of lint that choose the configuration and the server.
func (r *policyRun) serverFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.lintOptions.config, "config", "", "configuration `file` (default: assay.yaml where it exists)")
	f.StringVar(&r.postgres, "postgres", "", "PostgreSQL `major` to run (13 to 18), or the directory with its programs")
	f.StringVar(&r.devURL, "dev-url", "", "existing `server` to run on, in a database of assay's own")
}

// caseRecorder runs fixtures on a server that is started for the first of them.
type caseRecorder struct {
	app    *app
	run    *policyRun
	server recordingServer
}

func (c *caseRecorder) close() error {
	if c.server == nil {
		return nil
	}
	return c.server.Close()
}

func (c *caseRecorder) record(ctx context.Context, base *migration.Migration, dir *migration.Dir) (rec *devdb.Record, found []*lint.Finding, err error) {
	if c.server == nil {
		s, err := c.app.openServer(ctx, &project{fsys: c.run.fsys, config: c.run.config}, &c.run.lintOptions)
		if err != nil {
			return nil, nil, err
		}
		c.server = s
	}
	db, err := c.server.Create(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if base != nil {
		if err := pipeline.Replay(ctx, db, []*migration.Migration{base}); err != nil {
			return nil, nil, err
		}
	}
	rec = &devdb.Record{Version: c.server.Version(), Dir: dir, New: recorded(dir.Migrations, true)}
	if err := pipeline.RecordAll(ctx, db, rec); err != nil {
		return nil, nil, err
	}
	found, err = analyzers.Checks{}.Judge(ctx, rec, nil)
	return rec, found, err
}

func (a *app) policyCheckCommand() *cobra.Command {
	r := &policyRun{}
	cmd := &cobra.Command{
		Use: "check [dir...]", Short: "Compile policies strictly, with the types of the input",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.openPolicies(cmd.Context(), r, args, true)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.text(), "%s OK\n", counting(len(p.Rules), "rule"))
			return nil
		},
	}
	cmd.Flags().StringVar(&r.lintOptions.config, "config", "", "configuration `file` (default: assay.yaml where it exists)")
	return cmd
}

func (a *app) policyDocsCommand() *cobra.Command {
	r := &policyRun{}
	var out string
	cmd := &cobra.Command{
		Use: "docs [dir...]", Short: "Write a Markdown page for each rule, from its METADATA and fixture",
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.openPolicies(cmd.Context(), r, args, false)
			if err != nil {
				return err
			}
			pages, err := p.Docs(cmd.Context(), nil)
			if err != nil {
				return err
			}
			dir := filepath.Join(a.dir, out)
			for _, name := range slices.Sorted(maps.Keys(pages)) {
				if err := files.WriteFile(filepath.Join(dir, name), pages[name]); err != nil {
					return err
				}
				fmt.Fprintln(a.text(), filepath.ToSlash(filepath.Join(out, name)))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&r.lintOptions.config, "config", "", "configuration `file` (default: assay.yaml where it exists)")
	cmd.Flags().StringVarP(&out, "output", "o", "docs/policies", "`directory` to write into")
	return cmd
}

func (a *app) policyFetchCommand() *cobra.Command {
	r := &policyRun{}
	cmd := &cobra.Command{
		Use: "fetch", Short: "Fetch remote policies and pin them in " + policy.LockFile, Args: noArgs,
		Long: `Fetch the policies that the configuration takes from git and from HTTPS, and write what they are
now to ` + policy.LockFile + `. Later runs take them from the cache, without a network, and refuse another content.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if r.fsys, err = a.checkout(); err != nil {
				return err
			}
			c, err := a.loadConfig(&r.lintOptions, r.fsys)
			if err != nil {
				return usageError{err}
			}
			o, err := a.policyOptions(c, r.fsys)
			if err != nil {
				return usageError{err}
			}
			pins, err := o.Store.Fetch(cmd.Context(), r.fsys, o.Sources)
			if err != nil {
				return err
			}
			text, err := pins.Encode()
			if err != nil {
				return err
			}
			for _, pin := range pins.Policies {
				fmt.Fprintln(a.text(), pin.Source, pin.Digest)
			}
			return files.WriteFile(filepath.Join(a.dir, policy.LockFile), text)
		},
	}
	cmd.Flags().StringVar(&r.lintOptions.config, "config", "", "configuration `file` (default: assay.yaml where it exists)")
	return cmd
}

func (a *app) policySchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the input, for editors and opa check", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := policy.InputSchema()
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(s)
			return err
		},
	}
}

func (a *app) policyInputCommand() *cobra.Command {
	o := &lintOptions{noFixes: true}
	var each bool
	cmd := &cobra.Command{
		Use: "input [file...]", Short: "Print the document that rules see, of the new migrations",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			facts, _, err := a.policyFacts(cmd.Context(), o)
			if err != nil {
				return err
			}
			var doc any = policy.NewInput(facts)
			if each {
				doc = policy.MigrationInputs(facts)
			}
			e := json.NewEncoder(a.stdout)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(doc)
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().BoolVar(&each, "per-migration", false, "print a list of one document for each migration, as rules with custom.per: migration see them")
	return cmd
}

func (a *app) policyEvalCommand() *cobra.Command {
	o := &lintOptions{noFixes: true}
	var explain string
	var rules []string
	cmd := &cobra.Command{
		Use: "eval [file...]", Short: "Ask rules about the new migrations, and tell how they came to their answers",
		Example: "  assay policy eval --rule ORG001 --explain full",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			if err := oneOf("--explain", explain, policy.Explanations...); err != nil {
				return err
			}
			facts, p, err := a.policyFacts(cmd.Context(), o)
			if err != nil {
				return err
			}
			if p == nil {
				return usagef("the configuration names no policies: list directories under policies: in assay.yaml")
			}
			if err := p.Has(rules); err != nil {
				return usageError{err}
			}
			found, err := p.Eval(cmd.Context(), &policy.Rules{Policies: p, Context: facts.Context, Stats: facts.Stats}, facts.Record, facts.Findings, rules, explain, a.stderr)
			if err != nil {
				return err
			}
			for _, f := range found {
				fmt.Fprintf(a.text(), "%s:%d: %s %s: %s\n", f.Path, f.Line, f.Severity, f.ID, f.Message)
			}
			if len(found) == 0 {
				a.say("assay: the rules say nothing about %s", counting(len(facts.Record.New), "new migration"))
			}
			return nil
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringArrayVar(&rules, "rule", nil, "`id` of a rule to ask (default: all); repeatable")
	cmd.Flags().StringVar(&explain, "explain", "off", "`how` much to tell: "+strings.Join(policy.Explanations, ", "))
	return cmd
}
