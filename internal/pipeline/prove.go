package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	// Guard is how long one set of rows, or one question, may take before it
	// counts as a hang; 0 is DefaultGuard. Work bounds the search, not this.
	Guard time.Duration
	// Only chooses what is tried; nil tries all.
	Only func(*proof.Task) bool
	// Work is for tests; zero is proof.Most.
	Work proof.Work
	// AfterFunc is time.AfterFunc, for tests: it gives how to stop it.
	AfterFunc func(time.Duration, func()) (stop func() bool)
}

// DefaultGuard is how long one set of rows may take, and LeastGuard what can be
// asked for: anything less would find out how busy the machine is.
const (
	DefaultGuard = 5 * time.Minute
	LeastGuard   = 30 * time.Second
)

// Prove looks, for every statement of a record that demands something of rows
// that were there before the change, for rows that break it, and adds what came
// of it to the steps. It must come after RecordAll; the bench must have been
// made before it.
func Prove(ctx context.Context, b Bench, r *devdb.Record, o Proving) error {
	o = o.filled()
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

// filled gives what was not said its default.
func (o Proving) filled() Proving {
	if o.Guard == 0 {
		o.Guard = DefaultGuard
	}
	if o.Work == (proof.Work{}) {
		o.Work = proof.Most
	}
	if o.AfterFunc == nil {
		o.AfterFunc = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	return o
}

// prove tries the tasks of one change set, each within the same work.
func prove(ctx context.Context, b Bench, before *schema.Catalog, change []*devdb.Recorded, o Proving) error {
	tasks := proof.Tasks(before, change)
	if o.Only != nil {
		tasks = slices.DeleteFunc(tasks, func(t *proof.Task) bool { return !o.Only(t) })
	}
	if len(tasks) == 0 {
		return nil
	}
	lab := &guarded{Lab: b, limit: o.Guard, afterFunc: o.AfterFunc}
	limit := &proof.Limit{Lab: lab, Left: proof.Work{Queries: 1}}
	p := proof.New(limit, before, change)
	if err := p.Prepare(ctx); err != nil && !errors.Is(err, errHang) {
		return searching(tasks[0], err)
	}
	twins := proof.NewTwins(before, tasks)
	for _, t := range tasks {
		out, known := twins.Known(t)
		if !known {
			var err error
			if out, err = tryTask(ctx, p, limit, lab, t, o); err != nil {
				return err
			}
			twins.Note(t, out)
		}
		t.Step.Proofs = append(t.Step.Proofs, out)
		if out.Counterexample != nil {
			t.Step.Counterexamples = append(t.Step.Counterexamples, out.Counterexample)
		}
	}
	addFound(p.Found())
	return nil
}

// tryTask tries one task. Where a try does not come back, the others of its
// statement are not begun; after two such statements none is.
func tryTask(ctx context.Context, p *proof.Prover, limit *proof.Limit, lab *guarded, t *proof.Task, o Proving) (devdb.Proof, error) {
	if lab.gaveUp(t.Step) {
		return hung(t, o), nil
	}
	limit.Left = o.Work
	out, err := p.Prove(ctx, t)
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case errors.Is(err, proof.ErrTries) && out.Outcome == devdb.Changes, err == nil:
		return out, nil
	case errors.Is(err, proof.ErrTries):
		out.Outcome, out.Counterexample, out.Kept, out.GaveUp = devdb.Unknown, nil, nil, true
		out.Why = "the tries for a statement were used up"
		return out, nil
	case errors.Is(err, errHang):
		lab.hung = append(lab.hung, t.Step)
		return hung(t, o), nil
	}
	return out, searching(t, err)
}

func searching(t *proof.Task, err error) error {
	st := t.Step.Stmt
	return fmt.Errorf("%s:%d: looking for rows on which the statement fails: %w", st.Pos.Path, st.Pos.Line, err)
}

// hung is the proof of a task whose rows never came back.
func hung(t *proof.Task, o Proving) devdb.Proof {
	return devdb.Proof{
		Demand: t.Demand, Target: t.Target, Table: t.Table, Outcome: devdb.Unknown, GaveUp: true, Hung: true,
		Why: fmt.Sprintf("running the change over a few rows took longer than %s (proofs: timeout)", o.Guard),
	}
}

// addFound adds what was found besides what was looked for.
func addFound(found []proof.Found) {
	for _, f := range found {
		if old := f.Step.Proof(f.Proof.Demand, f.Proof.Target); old == nil {
			f.Step.Proofs = append(f.Step.Proofs, f.Proof)
		} else if old.Outcome == devdb.Fails {
			continue
		} else {
			*old = f.Proof
		}
		f.Step.Counterexamples = append(f.Step.Counterexamples, f.Proof.Counterexample)
	}
}

// errHang says that a lab did not answer.
var errHang = errors.New("the rows that were tried did not come back")

// guarded is a lab whose calls are ended when they hang. The context has no
// deadline of its own: a connection would take it for its socket, and fail a
// moment before it with an error that says nothing of it.
type guarded struct {
	proof.Lab
	limit     time.Duration
	afterFunc func(time.Duration, func()) func() bool
	hung      []*devdb.Step // whose tries did not come back
}

// gaveUp reports whether a statement's rows are not to be tried any more.
func (g *guarded) gaveUp(s *devdb.Step) bool {
	return len(g.hung) > 1 || slices.Contains(g.hung, s)
}

// Query asks the lab, or gives errHang.
func (g *guarded) Query(ctx context.Context, sql string) (rows [][]*string, err error) {
	err = g.call(ctx, func(ctx context.Context) (err error) { rows, err = g.Lab.Query(ctx, sql); return })
	return rows, err
}

// Try asks the lab, or gives errHang.
func (g *guarded) Try(ctx context.Context, t proof.Trial) (tried *proof.Tried, err error) {
	err = g.call(ctx, func(ctx context.Context) (err error) { tried, err = g.Lab.Try(ctx, t); return })
	return tried, err
}

func (g *guarded) call(ctx context.Context, f func(context.Context) error) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := g.afterFunc(g.limit, func() { cancel(errHang) })
	err := f(inner)
	stop()
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(inner), errHang) {
		return errHang // whatever the connection made of it
	}
	return err
}
