// Package gitlab speaks with GitLab about one merge request, or about one
// commit. It knows the requests; what to say is integrations' business.
package gitlab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/xanzy/go-gitlab"

	"github.com/assaydb/assay/integrations"
)

// Options say what to speak about.
type Options struct {
	API     string // CI_API_V4_URL: "https://gitlab.com/api/v4", also below a path
	Token   string // of a project, group or person, scope api
	Project string // the merge request's target: its number or path
	Number  int    // of the merge request; 0: there is none
	Head    string // the source branch's commit, never that of a merged result
	Ref     string // the branch of a status that goes to no known pipeline; "" lets GitLab choose
	// Pipeline is the pipeline that the status goes to; 0 lets GitLab choose.
	Pipeline int
	// PipelineHead is the commit of Pipeline: that of a merged result is not Head. "" is Head.
	PipelineHead string
	HTTP         *http.Client // nil: a default one
}

// Client is an integrations.Host, integrations.Approvers and integrations.Describer.
type Client struct {
	opt   Options
	gl    *gitlab.Client
	me    string // the token's owner; "" if not told
	asked bool
	files map[string]file
	refs  refs
	ids   map[string]int // of users, by name
}

// file is a changed file.
type file struct {
	old   string // its path before
	lines integrations.Lines
	sides map[int]integrations.Old
}

// refs are the three commits that a place in a merge request's diff is given
// by.
type refs struct{ base, start, head string }

var (
	_ integrations.Host      = (*Client)(nil)
	_ integrations.Approvers = (*Client)(nil)
	_ integrations.Describer = (*Client)(nil)
)

// New makes a client. It asks the host nothing.
func New(o Options) (*Client, error) {
	api := strings.TrimSuffix(cmp.Or(o.API, "https://gitlab.com/api/v4"), "/")
	u, err := url.Parse(api)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("GitLab's API address is %q: give it as https://HOST/api/v4", o.API)
	}
	if o.Project == "" {
		return nil, errors.New("there is no GitLab project: set CI_PROJECT_ID")
	}
	if o.Token == "" {
		return nil, errors.New("there is no GitLab token: set ASSAY_GITLAB_TOKEN")
	}
	gl, err := gitlab.NewClient(o.Token, gitlab.WithBaseURL(api), gitlab.WithHTTPClient(integrations.Guarded(o.HTTP)),
		gitlab.WithoutRetries(), gitlab.WithCustomLimiter(patient{}))
	if err != nil {
		return nil, fmt.Errorf("speaking with GitLab: %s", integrations.Clean(err, o.Token))
	}
	return &Client{opt: o, gl: gl, ids: map[string]int{}}, nil
}

// patient never waits. The library's own limiter would sleep without bound.
type patient struct{}

func (patient) Wait(context.Context) error { return nil }

// Traits are GitLab's.
func (c *Client) Traits() integrations.Traits {
	return integrations.Traits{
		BodyLimit: 1_000_000, StatusLimit: 255,
		Suggestion: func(n int, text string) string {
			return integrations.Fenced(fmt.Sprintf("suggestion:-%d+0", n-1), text)
		},
	}
}

const (
	mayComment = "a token with the scope api and the role Developer, given as ASSAY_GITLAB_TOKEN"
	mayRead    = "a token with the scope read_api, given as ASSAY_GITLAB_TOKEN"
)

// fail makes a Failure of an error of the library, nil of nil.
func (c *Client) fail(what, permission string, resp *gitlab.Response, err error) error {
	if err == nil {
		return nil
	}
	var r *http.Response
	if resp != nil {
		r = resp.Response
	}
	f := integrations.Answer(what, r, err, c.opt.Token)
	f.Permission = permission
	var answer *gitlab.ErrorResponse
	if errors.As(err, &answer) && r != nil {
		// The library shows an answer of one text as {message: text}.
		text := strings.TrimPrefix(answer.Message, "{message: ")
		if text != answer.Message {
			text = strings.TrimSuffix(text, "}")
		}
		f.Text = integrations.Clean(fmt.Errorf("%s (%d)", cmp.Or(text, http.StatusText(r.StatusCode)), r.StatusCode), c.opt.Token)
	}
	return f
}

// Notes lists the merge request's discussions: comments of the conversation
// and threads on lines.
func (c *Client) Notes(ctx context.Context) ([]integrations.Note, error) {
	var out []integrations.Note
	err := c.discussions(ctx, func(d *gitlab.Discussion) error {
		if len(d.Notes) == 0 || d.Notes[0].System || !integrations.Marked(d.Notes[0].Body) {
			return nil
		}
		first := d.Notes[0]
		mine, err := c.mine(ctx, first.Author.Username)
		if err != nil {
			return err
		}
		n := integrations.Note{
			ID: strconv.Itoa(first.ID), Thread: d.ID, Body: first.Body, Mine: mine,
			Answered: slices.ContainsFunc(d.Notes[1:], func(m *gitlab.Note) bool { return !m.System }),
			URL:      "",
		}
		if p := first.Position; p != nil {
			n.Path, n.Line, n.Start = p.NewPath, p.NewLine, p.NewLine
			if p.LineRange != nil && p.LineRange.StartRange != nil {
				n.Start = cmp.Or(lineOf(p.LineRange.StartRange.LineCode), n.Line)
			}
		}
		out = append(out, n)
		return nil
	})
	slices.SortFunc(out, func(a, b integrations.Note) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return out, err
}

// lineOf is the new line of a line code, HASH_OLD_NEW.
func lineOf(code string) int {
	_, after, _ := strings.Cut(code, "_")
	_, line, _ := strings.Cut(after, "_")
	n, _ := strconv.Atoi(line)
	return n
}

func (c *Client) discussions(ctx context.Context, each func(*gitlab.Discussion) error) error {
	opt := &gitlab.ListMergeRequestDiscussionsOptions{PerPage: 100}
	for c.opt.Number != 0 {
		list, resp, err := c.gl.Discussions.ListMergeRequestDiscussions(c.opt.Project, c.opt.Number, opt, gitlab.WithContext(ctx))
		if err != nil {
			return c.fail("reading the comments", mayRead, resp, err)
		}
		for _, d := range list {
			if err := each(d); err != nil {
				return err
			}
		}
		if resp.NextPage == 0 {
			break
		}
		opt.Page = resp.NextPage
	}
	return nil
}

// bot matches the users that project and group access tokens act as. A token
// that is made anew is another one of them.
var bot = regexp.MustCompile(`^(project|group)_\d+_bot(_?[0-9a-f]*)?$`)

// mine says whether a marked comment's author may speak for assay.
func (c *Client) mine(ctx context.Context, author string) (bool, error) {
	if bot.MatchString(author) {
		return true, nil
	}
	if !c.asked {
		u, resp, err := c.gl.Users.CurrentUser(gitlab.WithContext(ctx))
		var f *integrations.Failure
		if err = c.fail("asking whose token it is", mayRead, resp, err); errors.As(err, &f) && (f.Reason == integrations.Busy || f.Reason == integrations.Broken) {
			return false, err
		}
		c.asked = true
		if u != nil {
			c.me = u.Username
		}
	}
	return c.me != "" && c.me == author, nil
}

// Lines reads the merge request's diffs.
func (c *Client) Lines(ctx context.Context) (map[string]integrations.Lines, error) {
	if err := c.diff(ctx); err != nil {
		return nil, err
	}
	out := map[string]integrations.Lines{}
	for path, f := range c.files {
		out[path] = f.lines
	}
	return out, nil
}

func (c *Client) diff(ctx context.Context) error {
	if c.files != nil || c.opt.Number == 0 {
		return nil
	}
	mr, resp, err := c.gl.MergeRequests.GetMergeRequest(c.opt.Project, c.opt.Number, nil, gitlab.WithContext(ctx))
	if err != nil {
		return c.fail("reading the merge request", mayRead, resp, err)
	}
	files := map[string]file{}
	opt := &gitlab.ListMergeRequestDiffsOptions{ListOptions: gitlab.ListOptions{PerPage: 100}}
	for {
		list, resp, err := c.gl.MergeRequests.ListMergeRequestDiffs(c.opt.Project, c.opt.Number, opt, gitlab.WithContext(ctx))
		if err != nil {
			return c.fail("reading the changed files", mayRead, resp, err)
		}
		for _, d := range list {
			if d.DeletedFile {
				continue
			}
			lines, sides := integrations.ParsePatch(d.Diff)
			files[d.NewPath] = file{old: cmp.Or(d.OldPath, d.NewPath), lines: lines, sides: sides}
		}
		if resp.NextPage == 0 {
			break
		}
		opt.Page = resp.NextPage
	}
	c.files = files
	c.refs = refs{mr.DiffRefs.BaseSha, mr.DiffRefs.StartSha, mr.DiffRefs.HeadSha}
	return nil
}
