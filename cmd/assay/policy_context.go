package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/ci"
	"github.com/assaydb/assay/internal/gitdiff"
	"github.com/assaydb/assay/policy"
)

// pullRequest is what GitHub's event file says of a pull request.
type pullRequest struct {
	PullRequest struct {
		Title string `json:"title"`
		Body  string `json:"body"`
		Draft bool   `json:"draft"`
		User  struct {
			Login string `json:"login"`
		} `json:"user"`
		Base struct {
			Ref string `json:"ref"`
		} `json:"base"`
		Head struct {
			Ref string `json:"ref"`
		} `json:"head"`
		Labels []struct {
			Name string `json:"name"`
		} `json:"labels"`
		Reviewers []struct {
			Login string `json:"login"`
		} `json:"requested_reviewers"`
	} `json:"pull_request"`
}

// policyContext is what the CI's environment knows of the pull request. Labels
// and reviewers are those of the time when the job was made.
func policyContext(run *ci.Run, getenv func(string) string) (policy.Context, error) {
	c := policy.Context{
		Host: string(run.Host), Repository: run.Repo, Branch: run.Branch, Number: run.Number,
	}
	switch run.CI {
	case "github":
		file := getenv("GITHUB_EVENT_PATH")
		if file == "" {
			return c, nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return c, fmt.Errorf("reading the event file: %w", err)
		}
		var e pullRequest
		if err := json.Unmarshal(text, &e); err != nil {
			return c, fmt.Errorf("reading the event file %s: %w", file, err)
		}
		p := e.PullRequest
		c.Title, c.Body, c.Draft, c.Author, c.Target = p.Title, p.Body, p.Draft, p.User.Login, p.Base.Ref
		if p.Head.Ref != "" {
			c.Branch = p.Head.Ref
		}
		for _, l := range p.Labels {
			c.Labels = append(c.Labels, l.Name)
		}
		for _, r := range p.Reviewers {
			c.Reviewers = append(c.Reviewers, r.Login)
		}
	case "gitlab":
		c.Title, c.Target = getenv("CI_MERGE_REQUEST_TITLE"), getenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME") // GITLAB_USER_LOGIN is who ran the pipeline
		c.Body, c.Draft = getenv("CI_MERGE_REQUEST_DESCRIPTION"), getenv("CI_MERGE_REQUEST_DRAFT") == "true"
		if b := getenv("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"); b != "" {
			c.Branch = b
		}
		c.Labels = strings.FieldsFunc(getenv("CI_MERGE_REQUEST_LABELS"), func(r rune) bool { return r == ',' })
	}
	slices.Sort(c.Labels)
	slices.Sort(c.Reviewers)
	return c, nil
}

// pull asks the host what the pull request is now: labels and approvals change
// after the job was made. A host that does not tell leaves what the CI said.
func (p *publication) pull(ctx context.Context) error {
	d, ok := p.reader.(integrations.Describer)
	if !ok {
		return nil
	}
	got, err := integrations.Ask(ctx, func() (integrations.Pull, error) { return d.Describe(ctx) })
	if err != nil {
		return p.untold("reading the pull request's labels, reviewers and approvals for the policies", err)
	}
	c := &p.context
	c.Number = p.run.Number // a workflow_run finds it by its commit
	c.Title, c.Body, c.Draft, c.Author, c.Labels, c.Reviewers = got.Title, got.Body, got.Draft, got.Author, got.Labels, got.Reviewers
	c.Branch, c.Target = cmp.Or(got.Branch, c.Branch), cmp.Or(got.Target, c.Target)
	slices.Sort(c.Labels)
	slices.Sort(c.Reviewers)
	var asks policy.Asks
	for _, x := range p.allPolicies() {
		more := x.Asks()
		asks.Teams = append(asks.Teams, more.Teams...)
		asks.Approvals, asks.Author = asks.Approvals || more.Approvals, asks.Author || more.Author
	}
	slices.Sort(asks.Teams)
	asks.Teams = slices.Compact(asks.Teams)
	if asks.Author && c.Author != "" {
		if c.AuthorTeams, err = p.teamsOf(ctx, c.Author, asks.Teams); err != nil {
			return p.untold("reading the author's teams for the policies", err)
		}
	}
	if !asks.Approvals {
		return nil
	}
	for _, v := range got.Approvals {
		if strings.EqualFold(v.User, c.Author) {
			continue
		}
		a := policy.Approved{User: v.User, Type: "person", Current: v.Current}
		if v.Bot {
			a.Type = "bot"
		} else if a.Writes, err = integrations.Ask(ctx, func() (bool, error) { return p.asker.Writes(ctx, v.User) }); err != nil {
			if err := p.untold("asking whether "+v.User+" may write to the project", err); err != nil {
				return err
			}
		}
		c.Approvals = append(c.Approvals, a)
	}
	slices.SortFunc(c.Approvals, func(a, b policy.Approved) int { return strings.Compare(a.User, b.User) })
	for i := range c.Approvals {
		if c.Approvals[i].Teams, err = p.teamsOf(ctx, c.Approvals[i].User, asks.Teams); err != nil {
			return p.untold("reading the approvers' teams for the policies", err)
		}
	}
	return nil
}

// teamsOf are those of the teams that a user belongs to.
func (p *publication) teamsOf(ctx context.Context, user string, teams []string) ([]string, error) {
	var out []string
	for _, team := range teams {
		member, err := integrations.Ask(ctx, func() (bool, error) { return p.asker.Member(ctx, user, team) })
		if err != nil {
			return nil, err
		}
		if member {
			out = append(out, team)
		}
	}
	return out, nil
}

// untold says what policies do without, if it was the host who refused.
func (p *publication) untold(what string, err error) error {
	var f *integrations.Failure
	if !errors.As(err, &f) {
		return err
	}
	p.runner.Notice(integrations.Left{What: what, Why: f}.String())
	return nil
}

// changedFiles are the files that differ from the target branch, from the
// repository's root; none where git did not choose the new migrations.
func (a *app) changedFiles(ctx context.Context, p *project) ([]string, error) {
	if p.changes == nil || p.changes.Base == "" {
		return nil, nil
	}
	return gitdiff.ChangedFiles(ctx, a.dir, p.changes.Base, a.getenv)
}
