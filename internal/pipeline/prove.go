package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/proof"
	"github.com/assaydb/assay/internal/schema"
)

// Bench is where the rows of a proof are tried. It stands at the base that
// the record began with.
type Bench interface {
	proof.Lab
	// Advance goes on to the state after a migration.
	Advance(context.Context, *migration.Migration) error
}

// Proving says how to look for rows on which the new migrations fail.
type Proving struct {
	// Alone takes each migration as a change set of its own, on a base of all before it.
	Alone bool
	// Timeout is the time for one statement; 0 is a second. Before it runs out
	// proof.Tries are used up, as a rule, on every machine at the same place.
	Timeout time.Duration
	// Tries is for tests; 0 is proof.Tries.
	Tries int
}

// Prove looks, for every statement of a record that demands something of rows
// that were there before the change, for rows that break it, and adds what came
// of it to the steps. It must come after RecordAll; the bench must have been
// made before it.
func Prove(ctx context.Context, b Bench, r *devdb.Record, o Proving) error {
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	if o.Tries == 0 {
		o.Tries = proof.Tries
	}
	if !o.Alone {
		return prove(ctx, b, r.Before, r.New, o)
	}
	behind := 0 // migrations that the bench has yet to run
	for i, m := range r.New {
		if len(m.Steps) == 0 {
			continue
		}
		change := r.New[i : i+1]
		before := m.Steps[0].Before
		if len(proof.Tasks(before, change)) == 0 {
			continue
		}
		for ; behind < i; behind++ {
			var refused *devdb.StatementError
			if err := b.Advance(ctx, r.New[behind].Migration); err != nil && !errors.As(err, &refused) {
				return fmt.Errorf("replaying %s to try rows after it: %w", r.New[behind].Path, err)
			}
		}
		if err := prove(ctx, b, before, change, o); err != nil {
			return err
		}
	}
	return nil
}

// prove tries the tasks of one change set, those of a statement in the time for one.
func prove(ctx context.Context, b Bench, before *schema.Catalog, change []*devdb.Recorded, o Proving) error {
	tasks := proof.Tasks(before, change)
	if len(tasks) == 0 {
		return nil
	}
	limit := &proof.Limit{Lab: b}
	p := proof.New(limit, before, change)
	var step *devdb.Step
	var deadline time.Time
	for _, t := range tasks {
		if t.Step != step {
			step, deadline = t.Step, time.Now().Add(o.Timeout)
			limit.Left = o.Tries
		}
		limited, cancel := context.WithDeadline(ctx, deadline)
		out, err := p.Prove(limited, t)
		late := limited.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, proof.ErrTries) && out.Outcome == devdb.Changes:
		case errors.Is(err, proof.ErrTries):
			out.Outcome, out.Counterexample, out.Kept, out.GaveUp = devdb.Unknown, nil, nil, true
			out.Why = "the tries for a statement were used up"
		case err != nil && late:
			out.Outcome, out.Counterexample, out.Kept, out.GaveUp = devdb.Unknown, nil, nil, true
			out.Why = fmt.Sprintf("it took longer than %s (proofs: timeout)", o.Timeout)
		case err != nil:
			return fmt.Errorf("%s:%d: looking for rows on which the statement fails: %w", step.Stmt.Pos.Path, step.Stmt.Pos.Line, err)
		}
		step.Proofs = append(step.Proofs, out)
		if out.Counterexample != nil {
			step.Counterexamples = append(step.Counterexamples, out.Counterexample)
		}
	}
	for _, f := range p.Found() {
		if old := f.Step.Proof(f.Proof.Demand, f.Proof.Target); old == nil {
			f.Step.Proofs = append(f.Step.Proofs, f.Proof)
		} else if old.Outcome == devdb.Fails {
			continue
		} else {
			*old = f.Proof
		}
		f.Step.Counterexamples = append(f.Step.Counterexamples, f.Proof.Counterexample)
	}
	return nil
}
