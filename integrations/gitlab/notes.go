package gitlab

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/xanzy/go-gitlab"

	"github.com/assaydb/assay/integrations"
)

// PutNotes updates and creates notes one by one: GitLab's way of publishing
// many at once would also publish what the token's owner drafted by hand.
func (c *Client) PutNotes(ctx context.Context, notes []integrations.Note) (stored []integrations.Note, _ error) {
	var refused *integrations.Failure
	for _, n := range notes {
		n, err := c.put(ctx, n)
		var f *integrations.Failure
		switch {
		case err == nil:
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

func (c *Client) put(ctx context.Context, n integrations.Note) (integrations.Note, error) {
	with := gitlab.WithContext(ctx)
	switch {
	case n.ID != "" && n.Path == "":
		id, err := number(n.ID)
		if err != nil {
			return n, err
		}
		_, resp, err := c.gl.Notes.UpdateMergeRequestNote(c.opt.Project, c.opt.Number, id, &gitlab.UpdateMergeRequestNoteOptions{Body: &n.Body}, with)
		return n, c.fail("updating the comment", mayComment, resp, err)
	case n.ID != "":
		id, err := number(n.ID)
		if err != nil {
			return n, err
		}
		_, resp, err := c.gl.Discussions.UpdateMergeRequestDiscussionNote(c.opt.Project, c.opt.Number, n.Thread, id, &gitlab.UpdateMergeRequestDiscussionNoteOptions{Body: &n.Body}, with)
		return n, c.fail("updating a comment on "+n.Path, mayComment, resp, err)
	case n.Path == "":
		m, resp, err := c.gl.Notes.CreateMergeRequestNote(c.opt.Project, c.opt.Number, &gitlab.CreateMergeRequestNoteOptions{Body: &n.Body}, with)
		if err != nil {
			return n, c.fail("posting the comment", mayComment, resp, err)
		}
		n.ID = strconv.Itoa(m.ID)
		return n, nil
	}
	if err := c.diff(ctx); err != nil {
		return n, err
	}
	d, resp, err := c.gl.Discussions.CreateMergeRequestDiscussion(c.opt.Project, c.opt.Number,
		&gitlab.CreateMergeRequestDiscussionOptions{Body: &n.Body, Position: c.position(n)}, with)
	if err != nil {
		return n, c.fail("posting a comment on "+n.Path, mayComment, resp, err)
	}
	n.Thread = d.ID
	if len(d.Notes) > 0 {
		n.ID = strconv.Itoa(d.Notes[0].ID)
	}
	return n, nil
}

func number(id string) (int, error) {
	n, err := strconv.Atoi(id)
	if err != nil {
		return 0, fmt.Errorf("speaking of the comment %q: %w", id, err)
	}
	return n, nil
}

// position is a place in the diff as GitLab wants it: an added line has only
// its new number, an unchanged one both.
func (c *Client) position(n integrations.Note) *gitlab.PositionOptions {
	f := c.files[n.Path]
	p := &gitlab.PositionOptions{
		PositionType: ptr("text"), BaseSHA: &c.refs.base, StartSHA: &c.refs.start, HeadSHA: &c.refs.head,
		NewPath: &n.Path, OldPath: &f.old, NewLine: &n.Line,
	}
	if s := f.sides[n.Line]; !s.Added {
		p.OldLine = &s.Line
	}
	if n.Start < n.Line {
		p.LineRange = &gitlab.LineRangeOptions{Start: c.linePosition(n.Path, n.Start), End: c.linePosition(n.Path, n.Line)}
	}
	return p
}

// linePosition names a line by its code, HASH-OF-PATH_OLD_NEW.
func (c *Client) linePosition(path string, line int) *gitlab.LinePositionOptions {
	sum := sha1.Sum([]byte(path)) // GitLab's choice
	s := c.files[path].sides[line]
	code := fmt.Sprintf("%s_%d_%d", hex.EncodeToString(sum[:]), s.Line, line)
	kind := "new"
	if !s.Added {
		kind = "old" // GitLab's word for an unchanged line's end of a range
	}
	return &gitlab.LinePositionOptions{LineCode: &code, Type: &kind}
}

// RemoveNote deletes a note, and resolves its thread if it may not.
func (c *Client) RemoveNote(ctx context.Context, n integrations.Note) error {
	id, err := number(n.ID)
	if err != nil {
		return err
	}
	with := gitlab.WithContext(ctx)
	if n.Path == "" {
		resp, err := c.gl.Notes.DeleteMergeRequestNote(c.opt.Project, c.opt.Number, id, with)
		return c.fail("removing a comment", mayComment, resp, err)
	}
	resp, err := c.gl.Discussions.DeleteMergeRequestDiscussionNote(c.opt.Project, c.opt.Number, n.Thread, id, with)
	if err != nil && resp != nil && resp.StatusCode == http.StatusForbidden {
		_, resp, err = c.gl.Discussions.ResolveMergeRequestDiscussion(c.opt.Project, c.opt.Number, n.Thread,
			&gitlab.ResolveMergeRequestDiscussionOptions{Resolved: ptr(true)}, with)
	}
	return c.fail("removing a comment on "+n.Path, mayComment, resp, err)
}

func ptr[T any](v T) *T { return &v }
