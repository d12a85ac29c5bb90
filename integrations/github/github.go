// Package github speaks with GitHub and GitHub Enterprise about one pull
// request, or about one commit. It knows the requests; what to say is
// integrations' business.
package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/assaydb/assay/integrations"
)

// Options say what to speak about.
type Options struct {
	API    string // "https://api.github.com", or https://HOST/api/v3 of an enterprise's server
	Token  string
	Repo   string // "owner/name"
	Number int    // of the pull request; 0: there is none
	Head   string // the pull request's head commit, never the merge commit
	// CheckRun sets a check run with annotations in the place of a commit status.
	CheckRun bool
	HTTP     *http.Client // nil: a default one
}

// Client is an integrations.Host, integrations.Approvers and integrations.Describer.
type Client struct {
	opt         Options
	owner, name string
	gh          *github.Client
	login       string // of the token's owner; "" if not asked or not told
	asked       bool
}

var (
	_ integrations.Host      = (*Client)(nil)
	_ integrations.Approvers = (*Client)(nil)
	_ integrations.Describer = (*Client)(nil)
)

// New makes a client. It asks the host nothing.
func New(o Options) (*Client, error) {
	owner, name, ok := strings.Cut(o.Repo, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return nil, fmt.Errorf("the repository is %q: give it as owner/name", o.Repo)
	}
	base, err := url.Parse(strings.TrimSuffix(cmp.Or(o.API, "https://api.github.com"), "/") + "/")
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, fmt.Errorf("GitHub's API address is %q: give it as https://HOST/api/v3", o.API)
	}
	if o.Token == "" {
		return nil, errors.New("there is no GitHub token: set GITHUB_TOKEN")
	}
	gh := github.NewClient(integrations.Guarded(o.HTTP)).WithAuthToken(o.Token)
	gh.BaseURL = base
	gh.UserAgent = "assay"
	return &Client{opt: o, owner: owner, name: name, gh: gh}, nil
}

// bodyLimit is GitHub's 65,536 characters of a comment. It is held as bytes:
// GitHub's count of characters outside of Unicode's first plane is not
// documented.
const bodyLimit = 65536

// Traits are GitHub's.
func (c *Client) Traits() integrations.Traits {
	return integrations.Traits{
		BodyLimit: bodyLimit, StatusLimit: 140,
		Suggestion: func(_ int, text string) string { return integrations.Fenced("suggestion", text) },
	}
}

const (
	mayComment = "the permission pull-requests: write"
	mayStatus  = "the permission statuses: write"
	mayCheck   = "the permission checks: write (and the job's own token, not a personal one)"
)

// fail makes a Failure of an error of the library, nil of nil.
func (c *Client) fail(what, permission string, resp *github.Response, err error) error {
	if err == nil {
		return nil
	}
	var r *http.Response
	if resp != nil {
		r = resp.Response
	}
	var limit *github.RateLimitError
	var secondary *github.AbuseRateLimitError
	switch { // the library refuses by itself while a limit lasts
	case errors.As(err, &limit):
		r = limit.Response
	case errors.As(err, &secondary):
		r = secondary.Response
	}
	f := integrations.Answer(what, r, err, c.opt.Token)
	if secondary != nil {
		f.Reason = integrations.Busy
		if secondary.RetryAfter != nil {
			f.After = *secondary.RetryAfter
		}
	}
	if limit != nil {
		f.Reason = integrations.Busy
	}
	f.Permission = permission
	var answer *github.ErrorResponse
	if errors.As(err, &answer) {
		f.Text = words(answer, c.opt.Token)
	}
	return f
}

// words is GitHub's message with its details, without the request's address.
func words(e *github.ErrorResponse, token string) string {
	text := e.Message
	for _, d := range e.Errors {
		if d.Message != "" {
			text += "; " + d.Message
		}
	}
	if e.Response != nil {
		text = fmt.Sprintf("%s (%d)", cmp.Or(text, http.StatusText(e.Response.StatusCode)), e.Response.StatusCode)
	}
	return integrations.Clean(errors.New(text), token)
}

// Notes lists the comments of the conversation and those on lines.
func (c *Client) Notes(ctx context.Context) ([]integrations.Note, error) {
	if c.opt.Number == 0 {
		return nil, nil
	}
	notes, err := c.conversation(ctx)
	if err != nil {
		return nil, err
	}
	inline, err := c.reviewComments(ctx)
	return append(notes, inline...), err
}

func (c *Client) conversation(ctx context.Context) ([]integrations.Note, error) {
	var out []integrations.Note
	opt := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for {
		list, resp, err := c.gh.Issues.ListComments(ctx, c.owner, c.name, c.opt.Number, opt)
		if err != nil {
			return nil, c.fail("reading the comments", "the permission pull-requests: read", resp, err)
		}
		for _, m := range list {
			if integrations.Marked(m.GetBody()) {
				mine, err := c.mine(ctx, m.User)
				if err != nil {
					return nil, err
				}
				out = append(out, integrations.Note{ID: strconv.FormatInt(m.GetID(), 10), Body: m.GetBody(), URL: m.GetHTMLURL(), Mine: mine})
			}
		}
		if resp.NextPage == 0 {
			sortNotes(out)
			return out, nil
		}
		opt.Page = resp.NextPage
	}
}

func (c *Client) reviewComments(ctx context.Context) ([]integrations.Note, error) {
	var out []integrations.Note
	answered := map[string]bool{}
	opt := &github.PullRequestListCommentsOptions{ListOptions: github.ListOptions{PerPage: 100}}
	for {
		list, resp, err := c.gh.PullRequests.ListComments(ctx, c.owner, c.name, c.opt.Number, opt)
		if err != nil {
			return nil, c.fail("reading the comments on lines", "the permission pull-requests: read", resp, err)
		}
		for _, m := range list {
			if m.InReplyTo != nil {
				answered[strconv.FormatInt(m.GetInReplyTo(), 10)] = true
				continue
			}
			if !integrations.Marked(m.GetBody()) {
				continue
			}
			mine, err := c.mine(ctx, m.User)
			if err != nil {
				return nil, err
			}
			out = append(out, integrations.Note{
				ID: strconv.FormatInt(m.GetID(), 10), Path: m.GetPath(), Body: m.GetBody(), URL: m.GetHTMLURL(), Mine: mine,
				Line: m.GetLine(), Start: cmp.Or(m.GetStartLine(), m.GetLine()),
			})
		}
		if resp.NextPage == 0 {
			break
		}
		opt.Page = resp.NextPage
	}
	for i := range out {
		out[i].Answered = answered[out[i].ID]
	}
	sortNotes(out)
	return out, nil
}

// sortNotes puts the oldest first: numbers only grow.
func sortNotes(notes []integrations.Note) {
	slices.SortFunc(notes, func(a, b integrations.Note) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
}

// mine says whether a marked comment's author may speak for assay: a bot (the
// token may have changed from the job's to an app's), or the token's owner.
// Anybody else may have pasted a summary, which is theirs.
func (c *Client) mine(ctx context.Context, u *github.User) (bool, error) {
	if u.GetType() == "Bot" {
		return true, nil
	}
	if !c.asked {
		me, resp, err := c.gh.Users.Get(ctx, "")
		var f *integrations.Failure
		if err = c.fail("asking whose token it is", "", resp, err); errors.As(err, &f) && (f.Reason == integrations.Busy || f.Reason == integrations.Broken) {
			return false, err
		}
		c.login, c.asked = me.GetLogin(), true // a job's token is not told: it is a bot
	}
	return c.login != "" && strings.EqualFold(c.login, u.GetLogin()), nil
}

// Lines reads the patches of the changed files. GitHub gives at most 3,000
// files, and no patch of a binary or very large one.
func (c *Client) Lines(ctx context.Context) (map[string]integrations.Lines, error) {
	out := map[string]integrations.Lines{}
	opt := &github.ListOptions{PerPage: 100}
	for c.opt.Number != 0 {
		files, resp, err := c.gh.PullRequests.ListFiles(ctx, c.owner, c.name, c.opt.Number, opt)
		if err != nil {
			return nil, c.fail("reading the changed files", "the permission pull-requests: read", resp, err)
		}
		for _, f := range files {
			if l, _ := integrations.ParsePatch(f.GetPatch()); len(l) > 0 {
				out[f.GetFilename()] = l
			}
		}
		if resp.NextPage == 0 {
			break
		}
		opt.Page = resp.NextPage
	}
	return out, nil
}
