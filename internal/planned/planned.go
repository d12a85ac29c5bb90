package planned

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/plan"
)

// Options say how to plan.
type Options struct {
	RenamesOff bool
	Select     Selection // of the objects that are planned; what is left out stays as it is
	Down       bool      // plan and prove the rollback as well
}

// Planned is a plan with what is known of it.
type Planned struct {
	Plan       *plan.Plan
	Have, Want *Side
	Lines      []Line
	Text       string // what psql runs
	Gates      []Gate
	Down       *plan.Plan // the rollback; nil if it was not asked for or cannot be planned
	DownText   string
	DownWhy    string // why there is no rollback

	want    *plan.State
	options plan.Options
	server  *postgres.Server
	sel     Selection
}

// Make plans the way from one side to the other. The errors of internal/plan
// come as they are.
func Make(ctx context.Context, s *postgres.Server, have, want *Side, o Options) (*Planned, error) {
	if err := have.Adopt(ctx, want); err != nil {
		return nil, err
	}
	p := &Planned{Have: have, Want: want, server: s, sel: o.Select}
	p.want = o.Select.over(have.State, want.State)
	p.options = plan.Options{Hints: want.Hints, RenamesOff: o.RenamesOff}
	for _, h := range want.Hints {
		if h.Label == "" && have.State.Objects[h.Object] != nil {
			want.Notices = append(want.Notices, h.Place+": the name is in the current schema already: take the comment out")
		}
	}
	var err error
	p.Plan, err = plan.New(ctx, have.State, p.want, newTrial(s, have), p.options)
	var asked *plan.LooksLikeRename
	if errors.As(err, &asked) {
		open := slices.DeleteFunc(slices.Clone(asked.Pairs), func(x plan.Pair) bool { return slices.Contains(want.New, x.New) })
		if len(open) > 0 {
			return nil, &plan.LooksLikeRename{Pairs: open}
		}
		p.options.RenamesOff = true
		p.Plan, err = plan.New(ctx, have.State, p.want, newTrial(s, have), p.options)
	}
	if err != nil {
		return nil, err
	}
	p.Lines = Script(unnamed(p.Plan, have.State.Role))
	p.Text = Text(p.Lines)
	return p, nil
}

// Empty reports whether there is nothing to do.
func (p *Planned) Empty() bool { return len(p.Plan.Statements) == 0 }

// again plans from a state that the plan has led to. A hint whose old name is
// gone by now has done its work.
func (p *Planned) again(ctx context.Context, from *plan.State, try plan.Trial) (*plan.Plan, error) {
	o := p.options
	for range len(o.Hints) + 1 {
		next, err := plan.New(ctx, from, p.want, try, o)
		var gone *plan.HintPointsNowhere
		if !errors.As(err, &gone) {
			return next, err
		}
		o.Hints = slices.DeleteFunc(slices.Clone(o.Hints), func(h plan.Hint) bool { return slices.Contains(gone.Hints, h) })
	}
	return nil, fmt.Errorf("planning again: hints that point nowhere do not end")
}

// backHints are the hints by which the renamings of the plan are undone.
func (p *Planned) backHints() []plan.Hint {
	var out []plan.Hint
	for _, r := range p.Plan.Renamed {
		if !r.Hinted {
			continue
		}
		was := r.To.Name
		if r.From.Schema != r.To.Schema {
			was = r.To.Schema + "." + was
		}
		out = append(out, plan.Hint{Object: r.From, Was: was, Place: "the rollback"})
	}
	return out
}

// back plans the rollback and proves it on the database that the plan led to.
func (p *Planned) back(ctx context.Context, there *Side) error {
	opts := plan.Options{RenamesOff: true, Hints: p.backHints()}
	down, err := plan.New(ctx, there.State, p.Have.State, newTrial(p.server, there), opts)
	var cannot *plan.CannotPlan
	var nowhere *plan.HintPointsNowhere
	switch {
	case errors.As(err, &cannot), errors.As(err, &nowhere):
		p.DownWhy = err.Error()
		return nil
	case err != nil:
		return err
	}
	text := Text(Script(unnamed(down, there.State.Role)))
	m, err := file(text)
	if err != nil {
		return err
	}
	d, err := p.server.Clone(ctx, there.DB)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := run(ctx, d, m); err != nil {
		var refused *devdb.StatementError
		if errors.As(err, &refused) {
			p.DownWhy = "a statement fails: " + refused.Message
			return nil
		}
		return err
	}
	end, err := Read(ctx, d)
	if err != nil {
		return err
	}
	if left := Differences(p.Have.State, end); len(left) > 0 {
		p.DownWhy = "it does not lead back: " + left[0]
		return nil
	}
	p.Down, p.DownText = down, text
	return nil
}
