package integrations

import (
	"context"
	"slices"
	"time"

	"github.com/assaydb/assay/internal/lint"
)

// rounds bounds how often Publish looks again. Two are enough where nothing
// goes wrong and nobody else writes.
const rounds = 12

// Publish makes the pull request say what the review says. It lists the notes,
// plans, carries the plan out, and looks again until nothing is left to do: so
// a request that failed after the host had carried it out is not repeated, and
// of two runs at the same time one takes its duplicates back. What cannot be
// done, for want of a right or of time, is in the outcome; the error is for a
// context that ended.
func Publish(ctx context.Context, h Host, r Review) (Outcome, error) {
	p := publisher{host: h, review: r, left: r.Patience, foreign: map[string]bool{}, refused: map[string]bool{}, stored: map[string]bool{}, updated: map[string]bool{}}
	if p.left == 0 {
		p.left = time.Minute
	}
	if p.review.Sleep == nil {
		p.review.Sleep = sleep
	}
	if !r.NoSummary || !r.NoInline {
		if err := p.notes(ctx); err != nil {
			return p.out, err
		}
	}
	if r.Status != nil {
		if err := p.status(ctx); err != nil {
			return p.out, err
		}
	}
	return p.out, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

type publisher struct {
	host   Host
	review Review
	out    Outcome
	left   time.Duration // of the patience
	tries  int           // failures in a row
	wrote  int           // requests that wrote

	foreign map[string]bool // ids that this token may not touch
	refused map[string]bool // bodies that the host does not accept
	stored  map[string]bool // bodies that were surely created
	updated map[string]bool // ids whose text was surely written
}

// notes brings the notes to what the review says.
func (p *publisher) notes(ctx context.Context) error {
	var lines map[string]Lines
	for range rounds {
		existing, err := p.host.Notes(ctx)
		if err == nil && lines == nil && !p.review.NoInline && len(p.review.Findings) > 0 {
			lines, err = p.host.Lines(ctx)
			if f, ok := reason(err); ok && (f.Reason == Denied || f.Reason == Gone || f.Reason == Refused) {
				p.leave("the comments on lines", f)
				p.review.NoInline, err = true, nil
			}
		}
		if err != nil {
			if again, err := p.again(ctx, err, "the comments"); again {
				continue
			} else {
				return err
			}
		}
		plan := p.plan(existing, lines)
		if plan.Empty() {
			p.finish(existing, plan)
			return nil
		}
		if done, err := p.carryOut(ctx, plan); done || err != nil {
			return err
		}
	}
	p.leave("a part of the comments", &Failure{Reason: Busy, What: "posting comments", Text: "others kept changing them"})
	return nil
}

// plan is NewPlan less what is known not to work or to be done already.
func (p *publisher) plan(existing []Note, lines map[string]Lines) Plan {
	existing = slices.DeleteFunc(slices.Clone(existing), func(n Note) bool { return p.foreign[n.ID] })
	runs := map[string]int64{}
	for _, n := range existing {
		m, _ := parseMark(n.Body)
		runs[n.ID] = m.run
	}
	plan := NewPlan(existing, lines, p.review, p.host.Traits())
	plan.Put = slices.DeleteFunc(plan.Put, func(n Note) bool {
		if n.ID != "" {
			// Written already. That it reads otherwise is the host's way with text,
			// unless an older run wrote over it.
			return p.updated[n.ID] && (n.Path != "" || runs[n.ID] == p.review.Run)
		}
		return p.refused[n.Body] || p.stored[n.Body] // not listed yet: hosts' lists lag
	})
	return plan
}

// carryOut does what the plan says; done means that there is no use in looking
// again.
func (p *publisher) carryOut(ctx context.Context, plan Plan) (done bool, err error) {
	summary, inline := split(plan.Put)
	for _, batch := range [][]Note{summary, inline} {
		if len(batch) == 0 {
			continue
		}
		if err := p.pace(ctx, len(batch)); err != nil {
			return false, err
		}
		stored, err := p.host.PutNotes(ctx, batch)
		p.count(batch, stored)
		if err == nil {
			p.tries = 0
			if batch[0].Path == "" && batch[0].ID == "" && len(inline) > 0 {
				return false, nil // a newer run may have spoken meanwhile: look before saying more
			}
			continue
		}
		if stop, err := p.failed(ctx, err, batch, stored); stop || err != nil {
			return stop, err
		}
		return false, nil // look before going on
	}
	for _, n := range plan.Remove {
		if err := p.pace(ctx, 1); err != nil {
			return false, err
		}
		err := p.host.RemoveNote(ctx, n)
		if err == nil {
			p.out.Removed++
			p.foreign[n.ID] = true // a list may still have it
			continue
		}
		if f, ok := reason(err); ok && (f.Reason == Denied || f.Reason == Gone || f.Reason == Refused) {
			p.foreign[n.ID] = true
			if f.Reason != Gone {
				p.leave("removing a comment that is out of date", f)
			}
			continue
		}
		again, err := p.again(ctx, err, "removing a comment")
		return !again, err
	}
	return false, nil
}

func split(notes []Note) (summary, inline []Note) {
	for _, n := range notes {
		if n.Path == "" {
			summary = append(summary, n)
		} else {
			inline = append(inline, n)
		}
	}
	return summary, inline
}

// failed decides after a failed PutNotes.
func (p *publisher) failed(ctx context.Context, err error, batch, stored []Note) (stop bool, _ error) {
	f, ok := reason(err)
	if !ok {
		return true, err
	}
	what := "the comments on lines"
	if batch[0].Path == "" {
		what = "the summary comment"
	}
	switch f.Reason {
	case Denied, Gone:
		old := false
		for _, n := range batch {
			if n.ID != "" && !slices.ContainsFunc(stored, func(s Note) bool { return s.ID == n.ID }) {
				p.foreign[n.ID], old = true, true // somebody else's, or deleted meanwhile: make a new one
			}
		}
		if old {
			return false, nil
		}
		p.leave(what, f)
		if batch[0].Path == "" {
			p.review.NoSummary = true
		} else {
			p.review.NoInline = true
		}
		return p.review.NoSummary && p.review.NoInline, nil
	case Refused:
		for _, b := range f.Bodies {
			p.refused[b] = true
		}
		for _, n := range batch {
			if len(f.Bodies) == 0 {
				p.refused[n.Body] = true
				if n.ID != "" {
					p.foreign[n.ID] = true
				}
			}
		}
		if len(f.Bodies) == 0 || batch[0].Path == "" {
			p.leave(what, f)
		}
		return false, nil
	}
	again, err := p.again(ctx, err, what)
	return !again, err
}

// again says whether to try once more after an error, and waits before that.
func (p *publisher) again(ctx context.Context, err error, what string) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	f, ok := reason(err)
	if !ok {
		return false, err
	}
	if f.Reason != Broken && f.Reason != Busy {
		p.leave(what, f)
		return false, nil
	}
	wait := f.After
	if wait == 0 {
		wait = time.Second << min(p.tries, 5)
	}
	p.tries++
	if wait > p.left || p.tries > 6 {
		p.leave(what, f)
		return false, nil
	}
	p.left -= wait
	return true, p.review.Sleep(ctx, wait)
}

// pace keeps many writing requests a second apart, as GitHub asks.
func (p *publisher) pace(ctx context.Context, n int) error {
	p.wrote += n
	if p.wrote <= MaxInline+2 {
		return nil
	}
	return p.review.Sleep(ctx, time.Second)
}

func (p *publisher) leave(what string, f *Failure) {
	if !slices.ContainsFunc(p.out.Left, func(l Left) bool { return l.What == what }) {
		p.out.Left = append(p.out.Left, Left{what, f})
	}
}

func (p *publisher) count(batch, stored []Note) {
	for _, n := range stored {
		if n.Path == "" && n.URL != "" {
			p.out.URL = n.URL
		}
		if slices.ContainsFunc(batch, func(b Note) bool { return b.ID != "" && b.ID == n.ID }) {
			p.out.Updated++
		} else {
			p.out.Created++
		}
		p.stored[n.Body] = true
		if n.ID != "" {
			p.updated[n.ID] = true
		}
	}
}

func (p *publisher) finish(existing []Note, plan Plan) {
	p.out.Superseded = plan.Superseded
	p.out.Kept = 0
	for _, n := range plan.Keep {
		if !p.updated[n.ID] {
			p.out.Kept++
		}
	}
	for _, n := range existing {
		m, ok := parseMark(n.Body)
		if !ok || !n.Mine || m.scope != p.review.Scope || p.foreign[n.ID] {
			continue
		}
		if m.summary() && p.out.URL == "" {
			p.out.URL = n.URL
		}
		if !m.summary() {
			p.out.Inline++
		}
	}
}

// status sets the commit's status. Setting it twice does no harm.
func (p *publisher) status(ctx context.Context) error {
	s := *p.review.Status
	if limit := p.host.Traits().StatusLimit; limit > 0 {
		s.Description = lint.Cut(s.Description, limit)
	}
	p.tries = 0
	for {
		err := p.host.SetStatus(ctx, s)
		if err == nil {
			return nil
		}
		again, err := p.again(ctx, err, "the commit status")
		if !again || err != nil {
			return err
		}
	}
}
