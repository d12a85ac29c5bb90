package github

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/go-github/v62/github"

	"github.com/assaydb/assay/integrations"
)

// PutNotes updates notes one by one, and creates those on lines as one review.
func (c *Client) PutNotes(ctx context.Context, notes []integrations.Note) (stored []integrations.Note, err error) {
	var fresh []integrations.Note
	for _, n := range notes {
		switch {
		case n.ID != "":
			n, err = c.edit(ctx, n)
		case n.Path == "":
			n, err = c.create(ctx, n)
		default:
			fresh = append(fresh, n)
			continue
		}
		if err != nil {
			return stored, err
		}
		stored = append(stored, n)
	}
	if len(fresh) == 0 {
		return stored, nil
	}
	posted, err := c.review(ctx, fresh)
	return append(stored, posted...), err
}

func (c *Client) create(ctx context.Context, n integrations.Note) (integrations.Note, error) {
	m, resp, err := c.gh.Issues.CreateComment(ctx, c.owner, c.name, c.opt.Number, &github.IssueComment{Body: &n.Body})
	if err != nil {
		return n, c.fail("posting the comment", mayComment, resp, err)
	}
	n.ID, n.URL = strconv.FormatInt(m.GetID(), 10), m.GetHTMLURL()
	return n, nil
}

func (c *Client) edit(ctx context.Context, n integrations.Note) (integrations.Note, error) {
	id, err := strconv.ParseInt(n.ID, 10, 64)
	if err != nil {
		return n, fmt.Errorf("updating the comment %q: %w", n.ID, err)
	}
	var resp *github.Response
	if n.Path == "" {
		_, resp, err = c.gh.Issues.EditComment(ctx, c.owner, c.name, id, &github.IssueComment{Body: &n.Body})
	} else {
		_, resp, err = c.gh.PullRequests.EditComment(ctx, c.owner, c.name, id, &github.PullRequestComment{Body: &n.Body})
	}
	return n, c.fail("updating a comment", mayComment, resp, err)
}

// RemoveNote deletes a comment.
func (c *Client) RemoveNote(ctx context.Context, n integrations.Note) error {
	id, err := strconv.ParseInt(n.ID, 10, 64)
	if err != nil {
		return fmt.Errorf("removing the comment %q: %w", n.ID, err)
	}
	var resp *github.Response
	if n.Path == "" {
		resp, err = c.gh.Issues.DeleteComment(ctx, c.owner, c.name, id)
	} else {
		resp, err = c.gh.PullRequests.DeleteComment(ctx, c.owner, c.name, id)
	}
	return c.fail("removing a comment", mayComment, resp, err)
}

// review posts notes on lines as one review. GitHub refuses a whole review for
// one comment whose line it does not take, so they are then posted singly.
func (c *Client) review(ctx context.Context, notes []integrations.Note) ([]integrations.Note, error) {
	text, event := "assay has "+count(len(notes))+" on lines of this change; its summary is in the conversation.", "COMMENT"
	r := &github.PullRequestReviewRequest{CommitID: &c.opt.Head, Body: &text, Event: &event}
	for _, n := range notes {
		d := &github.DraftReviewComment{Path: &n.Path, Body: &n.Body, Side: ptr("RIGHT"), Line: &n.Line}
		if n.Start < n.Line {
			d.StartLine, d.StartSide = &n.Start, ptr("RIGHT")
		}
		r.Comments = append(r.Comments, d)
	}
	_, resp, err := c.gh.PullRequests.CreateReview(ctx, c.owner, c.name, c.opt.Number, r)
	err = c.fail("posting the comments on lines", mayComment, resp, err)
	var f *integrations.Failure
	if errors.As(err, &f) && f.Reason == integrations.Refused && !strings.Contains(f.Text, "commit_id") {
		return c.singly(ctx, notes)
	}
	if err != nil {
		return nil, err
	}
	return notes, nil
}

func (c *Client) singly(ctx context.Context, notes []integrations.Note) (stored []integrations.Note, _ error) {
	var refused *integrations.Failure
	for _, n := range notes {
		m := &github.PullRequestComment{Path: &n.Path, Body: &n.Body, CommitID: &c.opt.Head, Side: ptr("RIGHT"), Line: &n.Line}
		if n.Start < n.Line {
			m.StartLine, m.StartSide = &n.Start, ptr("RIGHT")
		}
		made, resp, err := c.gh.PullRequests.CreateComment(ctx, c.owner, c.name, c.opt.Number, m)
		err = c.fail("posting a comment on "+n.Path, mayComment, resp, err)
		var f *integrations.Failure
		switch {
		case err == nil:
			n.ID, n.URL = strconv.FormatInt(made.GetID(), 10), made.GetHTMLURL()
			stored = append(stored, n)
		case errors.As(err, &f) && f.Reason == integrations.Refused:
			if refused == nil {
				refused = f
			}
			refused.Bodies = append(refused.Bodies, n.Body)
		default:
			return stored, err
		}
	}
	if refused != nil {
		return stored, refused
	}
	return stored, nil
}

func count(n int) string {
	if n == 1 {
		return "1 finding"
	}
	return fmt.Sprintf("%d findings", n)
}

func ptr[T any](v T) *T { return &v }
