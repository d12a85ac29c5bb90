package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/ci"
	"github.com/assaydb/assay/internal/evidence"
	"github.com/assaydb/assay/internal/lint"
	files "github.com/assaydb/assay/internal/project"
	"github.com/assaydb/assay/internal/report"
)

// ciOptions are the flags of assay ci.
type ciOptions struct {
	lintOptions
	from, comment, status, scope, reportURL string
	inline, checkRun, required              bool
	evidence                                evidenceOptions
}

func (a *app) ciCommand() *cobra.Command {
	o := &ciOptions{}
	cmd := &cobra.Command{
		Use:   "ci [file...]",
		Short: "Review the new migrations and tell the pull request",
		Long: `Review the new migrations as lint does, and tell the pull request: one summary comment that is
kept up to date, comments on the changed lines, and a commit status. Where the job has no right to
that, as for a fork's pull request, the findings become annotations, a step summary and the log.

What the CI is, which pull request and which commit comes from its environment: GitHub Actions,
GitLab CI and CircleCI. Tokens are read from GITHUB_TOKEN or ASSAY_GITHUB_TOKEN, and from
ASSAY_GITLAB_TOKEN. The exit code is that of lint; publishing does not change it unless
--comment-required is given.`,
		Example: "  assay ci\n  assay ci -o json=assay.json\n  assay ci --from assay.json",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.ci(cmd.Context(), o, args) },
	}
	o.flags(cmd.Flags())
	f := cmd.Flags()
	f.StringArrayVarP(&o.outputs, "output", "o", nil, "`format` of the report, or format=file; repeatable: "+report.Names())
	f.StringVar(&o.failOn, "fail-on", "", "lowest `severity` that makes the exit code 1: error, warning, info or off (default error)")
	f.StringVar(&o.from, "from", "", "publish the report in this JSON `file`, made by another job, and lint nothing")
	f.StringVar(&o.comment, "comment", "findings", "`when` to write the summary comment: always, findings (also when they are gone) or never")
	f.BoolVar(&o.inline, "inline", true, "comment on the changed lines")
	f.StringVar(&o.status, "status", "assay", "`name` of the commit status; empty for none")
	f.BoolVar(&o.checkRun, "check-run", false, "set a check run with annotations in the place of the commit status (GitHub)")
	f.StringVar(&o.scope, "scope", "", "`name` that keeps this run's comments apart from those of others of the same directory")
	f.StringVar(&o.reportURL, "report-url", "", "`address` of the full report, for the summary (default: that of the CI's run)")
	f.StringVar(&o.evidence.file, "evidence", "", "`file` for the review as an attestation, which assay verify holds files against")
	o.evidence.flags(f, "evidence-key")
	f.BoolVar(&o.required, "comment-required", false, "exit with 3 when something could not be published")
	return cmd
}

func (o *ciOptions) checkCI(args []string) error {
	if o.from != "" && o.evidence.file != "" {
		return usagef("--evidence is written by the job that reviews: --from only publishes what that job has found")
	}
	if o.evidence.file == "" && o.evidence.key != "" {
		return usagef("--evidence-key signs what --evidence writes: name a file with --evidence")
	}
	if o.from != "" && len(args) > 0 {
		return usagef("--from %s publishes a report that is there: it takes no files", o.from)
	}
	if err := oneOf("--comment", o.comment, "always", "findings", "never"); err != nil {
		return err
	}
	return o.check(args)
}

// ci is the whole command.
func (a *app) ci(ctx context.Context, o *ciOptions, args []string) error {
	if err := o.checkCI(args); err != nil {
		return err
	}
	outs, err := parseOutputs(o.outputs)
	if err != nil {
		return err
	}
	run, err := ci.Read(a.getenv)
	if err != nil {
		return usageError{err}
	}
	a.hideTokens()
	a.untrusted, a.inCI = run.Untrusted && !o.trust, true
	environment := a.context.Environment
	if a.context, err = policyContext(run, a.getenv); err != nil {
		return usageError{err}
	}
	a.context.Environment = environment
	p := &publication{app: a, o: o, run: run, runner: ci.NewRunner(run, a.getenv, a.stdout)}
	if p.signer, err = a.signer(&o.evidence); err != nil {
		return err
	}
	if err := p.open(ctx); err != nil {
		return err
	}
	var res *lint.Result
	p.project, res, err = a.result(ctx, o)
	if err != nil {
		p.failed(ctx)
		return err
	}
	if err := a.write(res, outs, o.timing, false); err != nil {
		return err
	}
	return p.publish(ctx, lint.Redacted(res), outs)
}

// hideTokens keeps the tokens from programs that are started: git and the
// database need none.
func (a *app) hideTokens() {
	getenv := a.getenv
	a.getenv = func(key string) string {
		if ci.Secret(key) {
			return ""
		}
		return getenv(key)
	}
	for _, key := range ci.Secrets {
		_ = os.Unsetenv(key) // what is started later inherits the process's environment
	}
	hideProcess()
}

// result lints, or reads what another job found.
func (a *app) result(ctx context.Context, o *ciOptions) (*project, *lint.Result, error) {
	if o.from == "" {
		return a.lint(ctx, &o.lintOptions)
	}
	if o.failOn == "" {
		o.failOn = string(lint.Error)
	}
	text, err := files.ReadNamed(a.fileNamed(o.from))
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("--from: %w", err)}
	}
	res, err := lint.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("--from %s: %w", o.from, err)}
	}
	if a.untrusted {
		unlink(res)
	}
	return nil, res, nil
}

// unlink takes the addresses out of a stranger's report that do not lead to
// assay's own pages: a comment of ours is not to send people anywhere else.
func unlink(res *lint.Result) {
	findings := slices.Clone(res.Findings)
	for _, s := range res.Suppressed {
		findings = append(findings, s.Finding)
	}
	for _, f := range findings {
		if !strings.HasPrefix(f.URL, "https://github.com/assaydb/assay/") {
			f.URL = ""
		}
	}
}

// publication is one run's way to the pull request.
type publication struct {
	*app
	o      *ciOptions
	run    *ci.Run
	runner *ci.Runner
	host   integrations.Host // nil: there is none, or it may only be read
	reader integrations.Host // nil: there is none
	asker  integrations.Approvers
	prefix string // from the repository's root to the project's

	project *project         // nil: another job has reviewed
	signer  *evidence.Signer // nil: evidence is not signed
}

func (p *publication) open(ctx context.Context) error {
	if p.prefix = repositoryPrefix(p.dir, p.getenv("GITHUB_WORKSPACE")); p.run.Host == ci.None || p.run.Token == "" {
		return nil
	}
	h, err := openHost(ctx, p.run, p.o.checkRun)
	var f *integrations.Failure
	if errors.As(err, &f) {
		p.run.ReadOnly = f.Error()
		return nil
	}
	if err != nil {
		return usageError{err}
	}
	if p.run.ReadOnly == "" {
		p.host = h
	}
	if p.run.Number != 0 {
		p.reader = h
		p.asker, _ = h.(integrations.Approvers)
		p.describe = p.pull
	}
	return nil
}

// repositoryPrefix is the way from the checkout's root to dir: hosts name
// files from the root. A job that only publishes has no checkout; its directory
// is where it would be in the workspace.
func repositoryPrefix(dir, workspace string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	for at := abs; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			rel, _ := filepath.Rel(at, abs)
			return strings.TrimPrefix(filepath.ToSlash(rel), ".")
		}
		if at == filepath.Dir(at) {
			if rel, err := filepath.Rel(workspace, abs); err == nil && workspace != "" && filepath.IsLocal(rel) {
				return strings.TrimPrefix(filepath.ToSlash(rel), ".")
			}
			return ""
		}
	}
}

// failed sets the status of a run that could not be made.
func (p *publication) failed(ctx context.Context) {
	if p.host == nil || p.o.status == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_, err := integrations.Publish(ctx, p.host, integrations.Review{NoSummary: true, NoInline: true, Status: &integrations.Status{
		Name: p.o.status, State: integrations.Errored, Description: "the migrations could not be reviewed: see the job's log", URL: p.url(),
	}})
	if err != nil {
		p.say("assay: the commit status was left out: %v", err)
	}
}

func (p *publication) url() string {
	if p.o.reportURL != "" {
		return p.o.reportURL
	}
	return p.run.URL
}

// placed are the findings with paths as the host knows them.
func (p *publication) placed(list []*lint.Finding) []*lint.Finding {
	if p.prefix == "" {
		return list
	}
	out := make([]*lint.Finding, len(list))
	for i, f := range list {
		c := *f
		c.Path = path.Join(p.prefix, f.Path)
		if f.Fix != nil {
			fix := *f.Fix
			fix.Edits = make([]lint.Edit, len(f.Fix.Edits))
			for j, e := range f.Fix.Edits {
				e.Pos.Path, e.End.Path = path.Join(p.prefix, e.Pos.Path), path.Join(p.prefix, e.End.Path)
				fix.Edits[j] = e
			}
			c.Fix = &fix
		}
		out[i] = &c
	}
	return out
}
