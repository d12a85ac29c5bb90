package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/ci"
	"github.com/assaydb/assay/integrations/github"
	"github.com/assaydb/assay/integrations/gitlab"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/report"
)

// openHost makes the client of the run's host. The pull request of a
// workflow_run that a fork set off is looked up by its commit: a report that a
// stranger's job made is not asked.
func openHost(ctx context.Context, run *ci.Run, checkRun bool) (integrations.Host, error) {
	client, err := integrations.HTTPClient(run.CA)
	if err != nil {
		return nil, err
	}
	number := run.Number
	if !run.Comments() {
		number = 0
	}
	if run.Host == ci.GitLab {
		return gitlab.New(gitlab.Options{
			API: run.API, Token: run.Token, Project: run.Repo, Number: number, Head: run.Head,
			Ref: run.Branch, Pipeline: run.Pipeline, PipelineHead: run.PipelineHead, HTTP: client,
		})
	}
	gh, err := github.New(github.Options{API: run.API, Token: run.Token, Repo: run.Repo, Number: number, Head: run.Head, CheckRun: checkRun, HTTP: client})
	if err != nil || run.Event != "workflow_run" || run.Number != 0 {
		return gh, err
	}
	if run.Number, err = gh.FindPull(ctx, run.Head, run.HeadBranch); err != nil {
		return nil, err
	}
	gh.At(run.Number)
	return gh, nil
}

// publish tells host and runner, and gives the exit code.
func (p *publication) publish(ctx context.Context, res *lint.Result, outs []output) error {
	findings := p.placed(res.Findings)
	own := p.ownIgnores(res)
	consent, err := integrations.Approve(ctx, p.asker, slices.Concat(findings, own))
	if err != nil {
		return err
	}
	code := p.verdict(findings, own, consent)
	if p.o.evidence.file != "" {
		if err := p.writeEvidence(ctx, p.o.evidence.file, p.signer, p.project, p.run, res, p.o.failOn, &consent, code == exitClean && incomplete(res) == nil); err != nil {
			return err
		}
	}
	left := slices.Clone(consent.Left)
	status := p.status(res, findings, consent, code)
	inline := 0
	if p.host != nil {
		o, err := integrations.Publish(ctx, p.host, p.review(res, findings, consent, status))
		if err != nil {
			return err
		}
		left, inline = append(left, o.Left...), o.Inline
		if o.Superseded {
			p.say("assay: a newer run has commented already; its comments stay")
		} else if o.URL != "" {
			p.say("assay: the summary is at %s", o.URL)
		}
	}
	if p.host == nil && p.run.ReadOnly != "" {
		p.runner.Notice("no comment and no commit status: " + p.run.ReadOnly)
	}
	if p.run.Host == ci.None {
		p.say("assay: not running in a supported CI (GitHub Actions, GitLab CI or CircleCI, for a project on GitHub or GitLab): nothing was posted")
	}
	for _, l := range left {
		p.runner.Notice(l.String())
	}
	if inline == 0 {
		p.runner.Annotate(ci.Annotations(findings))
	}
	if err := p.tell(res, consent, status, outs); err != nil {
		return err
	}
	if p.o.required && (len(left) > 0 || p.host == nil) {
		return errors.New("--comment-required: not everything could be published")
	}
	if err := incomplete(res); err != nil {
		return err
	}
	if code != exitClean {
		return findingsError{code}
	}
	return nil
}

// ownIgnores are the findings that an untrusted change suppresses by comments of
// its own: they count until somebody of the project approves.
func (p *publication) ownIgnores(res *lint.Result) []*lint.Finding {
	var out []*lint.Finding
	for _, s := range res.Suppressed {
		if counts(s, lint.Severity(p.o.failOn)) {
			f := *s.Finding
			f.Approval = &lint.Approval{Anybody: true, Reason: "the change itself suppresses it"}
			out = append(out, &f)
		}
	}
	return out
}

// verdict is the exit code; approved findings do not count.
func (p *publication) verdict(findings, own []*lint.Finding, c integrations.Consent) int {
	limit := lint.Severity(p.o.failOn)
	for _, f := range own {
		if slices.Contains(c.Waiting, f) {
			return exitFindings
		}
	}
	for _, f := range findings {
		if f.Fails(limit) {
			return exitFindings
		}
	}
	if len(c.Waiting) > 0 {
		return exitWaiting
	}
	return exitClean
}

func (p *publication) status(res *lint.Result, findings []*lint.Finding, c integrations.Consent, code int) integrations.Status {
	s := integrations.Status{Name: p.o.status, URL: p.url(), State: integrations.Success, Description: counted(res.Summary)}
	switch {
	case len(res.Failed) > 0:
		s.State, s.Description = integrations.Errored, "the review is not complete: "+counting(len(res.Failed), "policy rule")+" could not judge"
	case code == exitFindings:
		s.State = integrations.Failed
	case code == exitWaiting:
		s.State = integrations.Pending
		s.Description = "waits for an approval of set " + c.Set + " by " + strings.Join(approvers(c.Waiting), ", ")
	}
	if len(c.By) > 0 && code == exitClean {
		s.Description += ", approved by " + strings.Join(c.By, ", ")
	}
	if p.o.checkRun {
		s.Annotations = ci.Annotations(findings)
		s.Summary = p.markdown(res, c, 65000)
	}
	return s
}

func counted(s lint.Summary) string {
	var parts []string
	for _, c := range []struct {
		n    int
		noun string
	}{{s.Errors, "error"}, {s.Warnings, "warning"}, {s.Infos, "info"}} {
		if c.n > 0 {
			parts = append(parts, counting(c.n, c.noun))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "nothing found")
	}
	if s.OwnErrors > 0 {
		parts = append(parts, counting(s.OwnErrors, "error")+" suppressed by the change itself")
	}
	return strings.Join(parts, ", ")
}

// counting is a number and its noun.
func counting(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func approvers(waiting []*lint.Finding) []string {
	var out []string
	for _, f := range waiting {
		names := slices.Concat(f.Approval.AllTeams(), f.Approval.AllUsers())
		who := strings.Join(names, " or ")
		if who == "" {
			who = "an owner: there is none"
		}
		if n := f.Approval.Need(); n > 1 {
			who = fmt.Sprintf("%d of %s", n, who)
		}
		if !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	return out
}

// markdown is the report for the host, or for the runner's page.
func (p *publication) markdown(res *lint.Result, c integrations.Consent, limit int) string {
	footer := ""
	if len(c.Waiting) > 0 {
		footer = "To approve, approve this pull request as it is now, or write `assay approve " + c.Set + "` on a line of its own with your approval. Another finding asks again."
	} else if len(c.By) > 0 {
		footer = "Approved by " + integrations.Text(strings.Join(c.By, ", ")) + " (set " + c.Set + ")."
	}
	for _, l := range c.Left {
		footer += "\n\n⚠ " + integrations.Text(strings.ToUpper(l.String()[:1])+l.String()[1:]) + ". Nobody counts as approving by it."
	}
	link := func(file string, line int) string { return p.run.Link(path.Join(p.prefix, file), line) }
	return report.Markdown(res, report.MarkdownOptions{Link: link, Limit: limit, ReportURL: p.url(), Footer: footer, Timing: p.o.timing})
}

func (p *publication) review(res *lint.Result, findings []*lint.Finding, c integrations.Consent, status integrations.Status) integrations.Review {
	sources := map[string]string{}
	for _, m := range res.Migrations {
		sources[path.Join(p.prefix, m.Path)] = m.Source
	}
	r := integrations.Review{
		// The CI is part of it because each counts its runs in its own way.
		Scope: integrations.Scope(p.run.CI, p.prefix, res.Dir, p.o.scope), Run: p.run.Order, Findings: findings,
		Body:      p.markdown(res, c, p.host.Traits().BodyLimit-200),
		Source:    func(file string) string { return sources[file] },
		NoSummary: p.o.comment == "never" || !p.run.Comments(),
		NoInline:  !p.o.inline || !p.run.Comments(),
		Always:    p.o.comment == "always",
	}
	if p.o.status != "" {
		r.Status = &status
	}
	return r
}

// tell gives the runner its step summary and outputs.
func (p *publication) tell(res *lint.Result, c integrations.Consent, s integrations.Status, outs []output) error {
	file := ""
	for _, o := range outs {
		if o.format.Name == "json" && o.file != "" {
			file = p.fileNamed(o.file)
			if abs, err := filepath.Abs(file); err == nil {
				file = abs
			}
		}
	}
	for _, o := range [][2]string{
		{"findings", strconv.Itoa(len(res.Findings))},
		{"errors", strconv.Itoa(res.Summary.Errors)},
		{"report", file},
		{"status", string(s.State)},
	} {
		if err := p.runner.Output(o[0], o[1]); err != nil {
			return err
		}
	}
	return p.runner.StepSummary(p.markdown(res, c, 1000_000))
}
