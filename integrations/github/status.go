package github

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/assaydb/assay/integrations"
)

// SetStatus sets the head commit's status, or its check run.
func (c *Client) SetStatus(ctx context.Context, s integrations.Status) error {
	if c.opt.CheckRun {
		return c.checkRun(ctx, s)
	}
	state := string(s.State)
	st := &github.RepoStatus{State: &state, Context: &s.Name, Description: &s.Description}
	if s.URL != "" {
		st.TargetURL = &s.URL
	}
	_, resp, err := c.gh.Repositories.CreateStatus(ctx, c.owner, c.name, c.opt.Head, st)
	return c.fail("setting the commit status", mayStatus, resp, err)
}

// annotationsPerRequest is GitHub's limit; more come by updates.
const annotationsPerRequest = 50

// textLimit is GitHub's limit of a check run's summary, in bytes to be safe.
const textLimit = 65535

func (c *Client) checkRun(ctx context.Context, s integrations.Status) error {
	conclusion := map[integrations.State]string{
		integrations.Success: "success", integrations.Failed: "failure",
		integrations.Errored: "failure", integrations.Pending: "action_required",
	}[s.State]
	var marks []*github.CheckRunAnnotation
	for _, a := range s.Annotations {
		level := map[string]string{"error": "failure", "warning": "warning"}[a.Level]
		if level == "" {
			level = "notice"
		}
		marks = append(marks, &github.CheckRunAnnotation{
			Path: &a.Path, StartLine: ptr(max(a.Line, 1)), EndLine: ptr(max(a.End, a.Line, 1)),
			AnnotationLevel: &level, Title: ptr(cut(a.Title, 255)), Message: ptr(cut(a.Msg, 60000)),
		})
	}
	output := func() *github.CheckRunOutput {
		n := min(len(marks), annotationsPerRequest)
		o := &github.CheckRunOutput{Title: &s.Description, Summary: ptr(integrations.Cut(s.Summary, textLimit, "")), Annotations: marks[:n]}
		marks = marks[n:]
		return o
	}
	opt := github.CreateCheckRunOptions{Name: s.Name, HeadSHA: c.opt.Head, Status: ptr("completed"), Conclusion: &conclusion, Output: output()}
	if s.URL != "" {
		opt.DetailsURL = &s.URL
	}
	run, resp, err := c.gh.Checks.CreateCheckRun(ctx, c.owner, c.name, opt)
	if err != nil {
		return c.fail("making the check run", mayCheck, resp, err)
	}
	for len(marks) > 0 {
		_, resp, err := c.gh.Checks.UpdateCheckRun(ctx, c.owner, c.name, run.GetID(), github.UpdateCheckRunOptions{Name: s.Name, Output: output()})
		if err != nil {
			return c.fail("adding annotations to the check run", mayCheck, resp, err)
		}
	}
	return nil
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit-3], "") + "…"
}

// reviews are each reviewer's last word, in order of the first.
func (c *Client) reviews(ctx context.Context) ([]*github.PullRequestReview, error) {
	last := map[string]*github.PullRequestReview{}
	var order []string
	opt := &github.ListOptions{PerPage: 100}
	for {
		list, resp, err := c.gh.PullRequests.ListReviews(ctx, c.owner, c.name, c.opt.Number, opt)
		if err != nil {
			return nil, c.fail("reading the reviews", "the permission pull-requests: read", resp, err)
		}
		for _, r := range list {
			who, state := r.GetUser().GetLogin(), r.GetState()
			if who == "" || state == "PENDING" || state == "COMMENTED" && last[who] != nil {
				continue // says nothing about an earlier approval
			}
			if last[who] == nil {
				order = append(order, who)
			}
			last[who] = r
		}
		if resp.NextPage == 0 {
			break
		}
		opt.Page = resp.NextPage
	}
	out := make([]*github.PullRequestReview, 0, len(order))
	for _, who := range order {
		out = append(out, last[who])
	}
	return out, nil
}

const approved = "APPROVED"

// Votes are the approving reviews that stand: each reviewer's last word.
func (c *Client) Votes(ctx context.Context) ([]integrations.Vote, error) {
	reviews, err := c.reviews(ctx)
	if err != nil {
		return nil, err
	}
	var out []integrations.Vote
	sets := map[string]string{}
	for _, r := range reviews {
		if r.GetState() != approved {
			continue
		}
		v := c.vote(r)
		sha := r.GetCommitID()
		if _, ok := sets[sha]; !ok && sha != "" && !v.Current {
			if sets[sha], err = c.setAt(ctx, sha); err != nil {
				return nil, err
			}
		}
		v.Set = sets[sha]
		out = append(out, v)
	}
	return out, nil
}

func (c *Client) vote(r *github.PullRequestReview) integrations.Vote {
	u := r.GetUser()
	return integrations.Vote{User: u.GetLogin(), Bot: u.GetType() == "Bot" || strings.HasSuffix(u.GetLogin(), "[bot]"), Current: r.GetCommitID() == c.opt.Head, Body: r.GetBody(), URL: r.GetHTMLURL()}
}

// Describe reads the pull request and its reviews.
func (c *Client) Describe(ctx context.Context) (integrations.Pull, error) {
	p, resp, err := c.gh.PullRequests.Get(ctx, c.owner, c.name, c.opt.Number)
	if err != nil {
		return integrations.Pull{}, c.fail("reading the pull request", "the permission pull-requests: read", resp, err)
	}
	out := integrations.Pull{Title: p.GetTitle(), Body: p.GetBody(), Draft: p.GetDraft(), Author: p.GetUser().GetLogin(), Branch: p.GetHead().GetRef(), Target: p.GetBase().GetRef()}
	for _, l := range p.Labels {
		out.Labels = append(out.Labels, l.GetName())
	}
	for _, u := range p.RequestedReviewers {
		out.Reviewers = append(out.Reviewers, u.GetLogin())
	}
	for _, t := range p.RequestedTeams {
		out.Reviewers = append(out.Reviewers, c.owner+"/"+t.GetSlug())
	}
	reviews, err := c.reviews(ctx)
	if err != nil {
		return out, err
	}
	for _, r := range reviews { // who has given one is not asked any more
		if who := r.GetUser().GetLogin(); who != out.Author && !slices.Contains(out.Reviewers, who) {
			out.Reviewers = append(out.Reviewers, who)
		}
		if r.GetState() == approved {
			out.Approvals = append(out.Approvals, c.vote(r))
		}
	}
	return out, nil
}

var namesSet = regexp.MustCompile(`\bset ([0-9a-f]{12})\b`)

// setAt is the set of findings that waited at a commit, as assay's own pending
// status there says. Who may write a status may turn it green anyway.
func (c *Client) setAt(ctx context.Context, sha string) (string, error) {
	list, resp, err := c.gh.Repositories.ListStatuses(ctx, c.owner, c.name, sha, &github.ListOptions{PerPage: 100})
	if err != nil {
		return "", c.fail("reading the status of an approved commit", "the permission statuses: read", resp, err)
	}
	for _, s := range list { // newest first
		if m := namesSet.FindStringSubmatch(s.GetDescription()); m != nil && s.GetState() == "pending" {
			return m[1], nil
		}
	}
	return "", nil
}

// Member asks whether a user is an active member of a team, "org/team" or a
// team of the repository's owner. A job's token may not ask.
func (c *Client) Member(ctx context.Context, user, team string) (bool, error) {
	team = strings.TrimPrefix(team, "@")
	org, slug, ok := strings.Cut(team, "/")
	if !ok {
		org, slug = c.owner, team
	}
	m, resp, err := c.gh.Teams.GetTeamMembershipBySlug(ctx, org, slug, user)
	if err == nil {
		return m.GetState() == "active", nil
	}
	if resp != nil && resp.StatusCode == http.StatusNotFound {
		// 404 also means that the token may not see the team.
		if _, resp, err := c.gh.Teams.GetTeamBySlug(ctx, org, slug); err != nil {
			return false, c.fail("reading the team "+org+"/"+slug, mayTeams, resp, err)
		}
		return false, nil
	}
	return false, c.fail("reading the team "+org+"/"+slug, mayTeams, resp, err)
}

// Writes asks what a user may do in the repository.
func (c *Client) Writes(ctx context.Context, user string) (bool, error) {
	level, resp, err := c.gh.Repositories.GetPermissionLevel(ctx, c.owner, c.name, user)
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusNotFound {
			return false, nil // no collaborator
		}
		return false, c.fail("reading what "+user+" may do", "the permission metadata: read", resp, err)
	}
	person := level.GetUser().GetType() != "Bot"
	return person && slices.Contains([]string{"admin", "maintain", "write"}, level.GetPermission()), nil
}

const mayTeams = "a token that may read the organization's members (read:org), given as ASSAY_GITHUB_TOKEN"

// FindPull finds the open pull request of a commit: for a workflow_run of a
// fork, whose event names no pull request. branch is "owner:branch". It is 0
// if there is none.
func (c *Client) FindPull(ctx context.Context, sha, branch string) (int, error) {
	list, resp, err := c.gh.PullRequests.ListPullRequestsWithCommit(ctx, c.owner, c.name, sha, &github.ListOptions{PerPage: 100})
	if err != nil && (resp == nil || resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusUnprocessableEntity) {
		return 0, c.fail("finding the pull request", mayComment, resp, err)
	}
	if n := c.pull(list, sha); n != 0 || branch == "" {
		return n, nil
	}
	list, resp, err = c.gh.PullRequests.List(ctx, c.owner, c.name, &github.PullRequestListOptions{State: "open", Head: branch, ListOptions: github.ListOptions{PerPage: 100}})
	if err != nil {
		return 0, c.fail("finding the pull request", mayComment, resp, err)
	}
	return c.pull(list, sha), nil
}

func (c *Client) pull(list []*github.PullRequest, sha string) int {
	for _, p := range list {
		if p.GetState() == "open" && p.GetHead().GetSHA() == sha && strings.EqualFold(p.GetBase().GetRepo().GetFullName(), c.opt.Repo) {
			return p.GetNumber()
		}
	}
	return 0
}

// At makes the client speak about another pull request.
func (c *Client) At(number int) { c.opt.Number = number }
