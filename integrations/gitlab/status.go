package gitlab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/xanzy/go-gitlab"

	"github.com/assaydb/assay/integrations"
)

var states = map[integrations.State]gitlab.BuildStateValue{
	integrations.Success: gitlab.Success, integrations.Failed: gitlab.Failed,
	integrations.Errored: gitlab.Failed, integrations.Pending: gitlab.Pending,
}

// SetStatus sets the head commit's status. GitLab refuses to set the state
// that there is already: that is as good as done. It looks a pipeline up by
// commit, ref and id together, and the ref of a merge request's pipeline is no
// branch: a known pipeline is named by its id alone.
func (c *Client) SetStatus(ctx context.Context, s integrations.Status) error {
	opt := &gitlab.SetCommitStatusOptions{State: states[s.State], Name: &s.Name, Description: &s.Description}
	if s.URL != "" {
		opt.TargetURL = &s.URL
	}
	head := c.opt.Head
	switch {
	case c.opt.Pipeline != 0:
		opt.PipelineID, head = &c.opt.Pipeline, cmp.Or(c.opt.PipelineHead, head)
	case c.opt.Ref != "":
		opt.Ref = &c.opt.Ref
	}
	_, resp, err := c.gl.Commits.SetCommitStatus(c.opt.Project, head, opt, gitlab.WithContext(ctx))
	err = c.fail("setting the commit status", mayComment, resp, err)
	var f *integrations.Failure
	if errors.As(err, &f) && f.Reason == integrations.Refused && strings.Contains(f.Text, "Cannot transition status") {
		return nil
	}
	return err
}

// Votes are the approvals given after the last push, and comments of others
// than the author with a line "assay approve SET".
func (c *Client) Votes(ctx context.Context) ([]integrations.Vote, error) {
	mr, resp, err := c.gl.MergeRequests.GetMergeRequest(c.opt.Project, c.opt.Number, nil, gitlab.WithContext(ctx))
	if err != nil {
		return nil, c.fail("reading the merge request", mayRead, resp, err)
	}
	author := ""
	if mr.Author != nil {
		author = mr.Author.Username
	}
	out, err := c.approvals(ctx)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Author = out[i].User == author
	}
	err = c.discussions(ctx, func(d *gitlab.Discussion) error {
		for _, n := range d.Notes {
			set := approves(n.Body)
			if n.System || n.Author.Username == author || set == "" {
				continue
			}
			c.ids[n.Author.Username] = n.Author.ID
			out = append(out, integrations.Vote{User: n.Author.Username, Bot: robot.MatchString(n.Author.Username), Set: set})
		}
		return nil
	})
	return out, err
}

// Describe reads the merge request and its approvals.
func (c *Client) Describe(ctx context.Context) (integrations.Pull, error) {
	mr, resp, err := c.gl.MergeRequests.GetMergeRequest(c.opt.Project, c.opt.Number, nil, gitlab.WithContext(ctx))
	if err != nil {
		return integrations.Pull{}, c.fail("reading the merge request", mayRead, resp, err)
	}
	out := integrations.Pull{Title: mr.Title, Body: mr.Description, Draft: mr.Draft, Branch: mr.SourceBranch, Target: mr.TargetBranch, Labels: mr.Labels}
	if mr.Author != nil {
		out.Author = mr.Author.Username
		c.ids[out.Author] = mr.Author.ID
	}
	for _, u := range mr.Reviewers {
		out.Reviewers = append(out.Reviewers, u.Username)
	}
	if out.Approvals, err = c.approvals(ctx); err != nil {
		return out, err
	}
	out.Approvals = slices.DeleteFunc(out.Approvals, func(v integrations.Vote) bool { return v.User == out.Author })
	for _, v := range out.Approvals {
		if !slices.Contains(out.Reviewers, v.User) {
			out.Reviewers = append(out.Reviewers, v.User)
		}
	}
	return out, nil
}

// approves is the set that a comment approves: by a line of its own, which
// quoting the summary does not make.
func approves(body string) string {
	for line := range strings.Lines(body) {
		if set, ok := strings.CutPrefix(strings.TrimSpace(line), "assay approve "); ok && !strings.ContainsAny(set, " \t") {
			return set
		}
	}
	return ""
}

// approvals asks itself: the library does not know when each was given.
func (c *Client) approvals(ctx context.Context) ([]integrations.Vote, error) {
	var answer struct {
		ApprovedBy []struct {
			User       gitlab.BasicUser `json:"user"`
			ApprovedAt *time.Time       `json:"approved_at"`
		} `json:"approved_by"`
	}
	path := fmt.Sprintf("projects/%s/merge_requests/%d/approvals", gitlab.PathEscape(c.opt.Project), c.opt.Number)
	req, err := c.gl.NewRequest(http.MethodGet, path, nil, []gitlab.RequestOptionFunc{gitlab.WithContext(ctx)})
	if err != nil {
		return nil, fmt.Errorf("reading the approvals: %s", integrations.Clean(err, c.opt.Token))
	}
	if resp, err := c.gl.Do(req, &answer); err != nil {
		return nil, c.fail("reading the approvals", mayRead, resp, err)
	}
	if len(answer.ApprovedBy) == 0 {
		return nil, nil
	}
	versions, resp, err := c.gl.MergeRequests.GetMergeRequestDiffVersions(c.opt.Project, c.opt.Number, nil, gitlab.WithContext(ctx))
	if err != nil {
		return nil, c.fail("reading the merge request's versions", mayRead, resp, err)
	}
	var pushed *time.Time // when the head came
	for _, v := range versions {
		if v.HeadCommitSHA == c.opt.Head {
			pushed = v.CreatedAt
			break
		}
	}
	var out []integrations.Vote
	for _, a := range answer.ApprovedBy {
		c.ids[a.User.Username] = a.User.ID
		current := pushed != nil && a.ApprovedAt != nil && !a.ApprovedAt.Before(*pushed)
		out = append(out, integrations.Vote{User: a.User.Username, Bot: robot.MatchString(a.User.Username), Current: current})
	}
	return out, nil
}

// robot is what GitLab calls the accounts of its tokens and services.
var robot = regexp.MustCompile(`^(project|group)_\d+_bot|^service_account_`)

// Writes asks whether a user who voted may push to the project: developers and
// those above them may.
func (c *Client) Writes(ctx context.Context, user string) (bool, error) {
	m, resp, err := c.gl.ProjectMembers.GetInheritedProjectMember(c.opt.Project, c.ids[user], gitlab.WithContext(ctx))
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusNotFound {
			return false, nil // no member
		}
		return false, c.fail("reading what "+user+" may do", mayRead, resp, err)
	}
	return m.AccessLevel >= gitlab.DeveloperPermissions && (m.State == "" || m.State == "active"), nil
}

// Member asks whether a user who voted belongs to a group or one above it.
func (c *Client) Member(ctx context.Context, user, team string) (bool, error) {
	team = strings.TrimPrefix(team, "@")
	m, resp, err := c.gl.GroupMembers.GetInheritedGroupMember(team, c.ids[user], gitlab.WithContext(ctx))
	if err == nil {
		return m.State == "" || m.State == "active", nil
	}
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		// 404 also means that the token may not see the group.
		if _, resp, err := c.gl.Groups.GetGroup(team, &gitlab.GetGroupOptions{WithProjects: ptr(false)}, gitlab.WithContext(ctx)); err != nil {
			return false, c.fail("reading the group "+team, mayGroups, resp, err)
		}
		return false, nil
	}
	return false, c.fail("reading the group "+team, mayGroups, resp, err)
}

const mayGroups = "a token that may read the group's members, given as ASSAY_GITLAB_TOKEN"
