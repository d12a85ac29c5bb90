package planned

import (
	"context"
	"errors"
	"strings"

	"github.com/assaydb/assay/internal/plan"
)

// Part is what is committed together, as a migration file holds it.
type Part struct {
	Up, Down []string // statements, without their semicolons
	Outside  bool     // it cannot run in the transaction of its tool, or must be committed by itself
	DownWhy  string   // why there is no down part
}

// Parts are the plan in as many pieces as must be committed one after the
// other, each with the statements that lead back from it to the one before.
func (p *Planned) Parts(ctx context.Context, down bool) (_ []Part, err error) {
	var out []Part
	at := &Side{State: p.Have.State}
	if down {
		if at.DB, err = p.server.Clone(ctx, p.Have.DB); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, at.DB.Close()) }()
	}
	for lines := p.Lines; len(lines) > 0; {
		n := 1
		for n < len(lines) && lines[n].Group == lines[0].Group {
			n++
		}
		part := Part{Up: statements(lines[:n]), Outside: lines[0].Of != nil}
		if down {
			if part.Down, part.DownWhy, err = p.partBack(ctx, at, Text(lines[:n])); err != nil {
				return nil, err
			}
		}
		out, lines = append(out, part), lines[n:]
	}
	return out, nil
}

// partBack runs a part and plans the rollback from where it leads to.
func (p *Planned) partBack(ctx context.Context, at *Side, text string) (down []string, why string, err error) {
	m, err := file(text)
	if err != nil {
		return nil, "", err
	}
	if err := run(ctx, at.DB, m); err != nil {
		return nil, "", err
	}
	was := at.State
	if err := at.Refresh(ctx); err != nil {
		return nil, "", err
	}
	back, err := plan.New(ctx, at.State, was, newTrial(p.server, at), plan.Options{RenamesOff: true, Hints: p.backHints()})
	if err != nil {
		if ctx.Err() != nil {
			return nil, "", err
		}
		return nil, err.Error(), nil
	}
	return statements(Script(unnamed(back, at.State.Role))), "", nil
}

// statements are the statements of a plan among the lines.
func statements(lines []Line) []string {
	var out []string
	for _, l := range lines {
		if l.Of != nil {
			out = append(out, strings.TrimRight(l.SQL, "; \n"))
		}
	}
	return out
}
