package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/assaydb/assay/integrations/ci"
	"github.com/assaydb/assay/policy"
)

// pullRequest is what GitHub's event file says of a pull request.
type pullRequest struct {
	PullRequest struct {
		Title string `json:"title"`
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
// are those of the time when the job was started.
func policyContext(run *ci.Run, getenv func(string) string) (policy.Context, error) {
	c := policy.Context{
		Host: string(run.Host), Repository: run.Repo, Branch: run.Branch, Number: run.Number, Environment: getenv("ASSAY_ENVIRONMENT"),
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
		c.Title, c.Author, c.Target = p.Title, p.User.Login, p.Base.Ref
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
		c.Title, c.Author, c.Target = getenv("CI_MERGE_REQUEST_TITLE"), getenv("GITLAB_USER_LOGIN"), getenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
		if b := getenv("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"); b != "" {
			c.Branch = b
		}
		c.Labels = strings.FieldsFunc(getenv("CI_MERGE_REQUEST_LABELS"), func(r rune) bool { return r == ',' })
	}
	slices.Sort(c.Labels)
	slices.Sort(c.Reviewers)
	return c, nil
}

// changedFiles are the files that differ from the target branch, from the
// repository's root; none where git did not choose the new migrations.
func (a *app) changedFiles(ctx context.Context, p *project) ([]string, error) {
	if p.changes == nil || p.changes.Base == "" {
		return nil, nil
	}
	cmd := exec.CommandContext(ctx, "git", "-C", a.dir, "diff", "--name-only", "-z", p.changes.Base, "--")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the changed files: %w: %s", err, strings.TrimSpace(errs.String()))
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}
