package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// Prover proves the tasks of one change set.
type Prover struct {
	lab    Lab
	before *schema.Catalog
	change []*devdb.Recorded
	base   *base
}

// New makes a prover for a change set on a base with the given catalog.
func New(lab Lab, before *schema.Catalog, change []*devdb.Recorded) *Prover {
	return &Prover{lab: lab, before: before, change: change}
}

// outcome of one attempt.
type outcome struct {
	proof devdb.Outcome
	why   string
	cx    *devdb.Counterexample
}

// Prove tries a task until rows are found that break its demand, or nothing is
// left to try. The error is the run's own.
func (p *Prover) Prove(ctx context.Context, t *Task) (devdb.Proof, error) {
	out := devdb.Proof{Demand: t.Demand, Target: t.Target, Table: t.Table, Outcome: devdb.Unknown}
	if p.base == nil {
		b, err := newBase(ctx, p.lab, p.before)
		if err != nil {
			return out, err
		}
		p.base = b
	}
	run, why := p.run(t)
	if why != "" {
		out.Why = why
		return out, nil
	}
	goals := t.goals(p.base)
	var passed, impossible bool
	for fill := range 3 {
		for _, g := range goals {
			o, err := p.attempt(ctx, t, g, fill, run)
			if err != nil {
				return out, err
			}
			switch o.proof {
			case devdb.Fails:
				out.Outcome, out.Counterexample, out.Why = devdb.Fails, o.cx, ""
				return out, nil
			case devdb.Changes:
				if out.Counterexample == nil {
					out.Counterexample = o.cx
				}
			case devdb.Passes:
				passed = passed || !g.weak
				if g.weak && out.Why == "" {
					out.Why = "the rows that were tried all pass"
				}
			case devdb.Impossible:
				impossible = true
			default:
				if out.Why == "" || strings.HasPrefix(out.Why, "the rows that") {
					out.Why = o.why
				}
			}
		}
		if !passed || impossible {
			break // other values elsewhere in the row would change nothing
		}
	}
	switch {
	case out.Counterexample != nil:
		out.Outcome, out.Why = devdb.Changes, ""
	case passed:
		out.Outcome, out.Why = devdb.Passes, ""
	case impossible:
		out.Outcome, out.Why = devdb.Impossible, ""
	case t.Demand == devdb.DemandCast && out.Why == "the rows that were tried all pass":
		out.Outcome, out.Why = devdb.Passes, ""
	case out.Why == "":
		out.Why = "no rows could be thought of"
	}
	return out, nil
}

// run is the change set up to and with the task's statement. Migrations that
// fail on no rows at all are left out, as their tool would leave nothing of them.
func (p *Prover) run(t *Task) ([]*migration.Migration, string) {
	var out []*migration.Migration
	for _, m := range p.change {
		if m != t.Migration {
			if m.Err == nil {
				out = append(out, m.Migration)
			}
			continue
		}
		cut := *m.Migration
		i := slices.Index(m.Statements, t.Step.Stmt)
		if i < 0 {
			return nil, "the statement is not in its file"
		}
		cut.Statements = m.Statements[:i+1]
		if cut.TxMode == migration.TxFile {
			return append(out, &cut), ""
		}
		return append(out, &cut), ""
	}
	return out, ""
}

// attempt makes the rows of a goal, mends them while the old schema refuses
// them, and runs the change set over them.
func (p *Prover) attempt(ctx context.Context, t *Task, g goal, fill int, run []*migration.Migration) (outcome, error) {
	required := map[schema.Ref]bool{}
	offset := 0
	why := ""
	quiet := false // triggers are out of the way
	for range 6 {
		b := &builder{base: p.base, fill: fill, offset: offset, required: required}
		if err := g.make(ctx, b); err != nil {
			return unmade(err)
		}
		trial := Trial{Rows: b.inserts(), Run: run, Look: g.look}
		left := p.clear(b, g, quiet, &trial)
		tried, err := p.lab.Try(ctx, trial)
		if err != nil {
			return outcome{}, err
		}
		if tried.Refused == nil {
			o := judge(t, g, tried, trial.Rows, left)
			if o.proof == devdb.Passes && !quiet && p.triggered(b) {
				quiet = true // a trigger may have mended the rows; older ones it has not seen
				continue
			}
			return o, nil
		}
		why = "the old schema refuses the rows: " + tried.Refused.Error()
		switch again := p.mend(b, tried.Refused, required); {
		case tried.Refused.Code == "23505" && offset == 0:
			offset = 100
		case again:
		case !quiet && p.triggered(b):
			quiet = true
		default:
			return outcome{proof: devdb.Unknown, why: why}, nil
		}
	}
	return outcome{proof: devdb.Unknown, why: why}, nil
}

// unmade tells why no rows could be made.
func unmade(err error) (outcome, error) {
	var none *errNone
	var refused *Refusal
	switch {
	case errors.Is(err, errImplied):
		return outcome{proof: devdb.Impossible}, nil
	case errors.As(err, &none):
		return outcome{proof: devdb.Unknown, why: none.why}, nil
	case errors.As(err, &refused):
		return outcome{proof: devdb.Unknown, why: "asking the server for values: " + refused.Error()}, nil
	}
	return outcome{}, err
}

// mend learns from a refusal; it reports whether another try may do.
func (p *Prover) mend(b *builder, r *Refusal, required map[schema.Ref]bool) bool {
	rel := byName(b, r.Table)
	if rel == nil {
		return false
	}
	if r.Code == "23502" {
		if c := rel.ColumnNamed(r.Column); c != nil {
			ref := columnRef(rel.OID, c.Num)
			if !required[ref] {
				required[ref] = true
				return true
			}
		}
	}
	return false
}

func byName(b *builder, name string) *schema.Relation {
	for _, r := range b.rows {
		if r.rel.Name == name {
			return r.rel
		}
	}
	return nil
}

// triggered reports whether a table of the rows has triggers of the users' own.
func (p *Prover) triggered(b *builder) bool {
	return slices.ContainsFunc(b.rows, func(r *row) bool { return len(p.base.triggers[r.rel.OID]) > 0 })
}

// clear takes out of the way what old rows were not held to, and says so.
func (p *Prover) clear(b *builder, g goal, quiet bool, t *Trial) []string {
	var left []string
	seen := map[schema.OID]bool{}
	for _, r := range b.rows {
		if seen[r.rel.OID] {
			continue
		}
		seen[r.rel.OID] = true
		if r.rel.RowSecurity {
			left = append(left, "row security of "+fullName(r.rel))
		}
		if !quiet {
			continue
		}
		for _, tr := range p.base.triggers[r.rel.OID] {
			alter := "ALTER TABLE " + fullName(r.rel)
			t.Prepare = append(t.Prepare, alter+" DISABLE TRIGGER "+ident(tr.Name))
			back := " ENABLE TRIGGER "
			if tr.Enabled == "always" {
				back = " ENABLE ALWAYS TRIGGER "
			}
			t.Restore = append(t.Restore, alter+back+ident(tr.Name))
			left = append(left, "trigger "+ident(tr.Name)+" on "+fullName(r.rel))
		}
	}
	if k := g.free; k != nil {
		on := "DOMAIN " + p.base.cat.Name(schema.Ref{Class: schema.ClassType, OID: k.Domain})
		if rel := p.base.cat.Relations[k.Table]; rel != nil {
			on = "TABLE " + fullName(rel)
		}
		t.Prepare = append(t.Prepare, "ALTER "+on+" DROP CONSTRAINT "+ident(k.Name))
		t.Restore = append(t.Restore, "ALTER "+on+" ADD CONSTRAINT "+ident(k.Name)+" "+k.Definition)
		left = append(left, "constraint "+ident(k.Name)+", which does not hold for rows that are older")
	}
	return left
}

// judge says what a run means for the task.
func judge(t *Task, g goal, tried *Tried, rows, left []string) outcome {
	text := strings.Join(rows, "\n")
	if f := tried.Failed; f != nil {
		cx := &devdb.Counterexample{Kind: "fails", Rows: text, Code: f.Code, Message: f.Message, Left: left}
		switch {
		case f.Canceled != "":
			return outcome{proof: devdb.Unknown, why: f.Canceled}
		case f.Statement != nil && f.Statement.Pos == t.Step.Stmt.Pos && f.Statement.Text == t.Step.Stmt.Text || f.Statement != nil && f.Statement.Text == "COMMIT" && f.Statement.Pos == t.Step.Stmt.Pos:
			if meets(t.Demand, f.Code) {
				return outcome{proof: devdb.Fails, cx: cx}
			}
			return outcome{proof: devdb.Unknown, why: fmt.Sprintf("the statement fails on the rows for another reason: %s (SQLSTATE %s)", f.Message, f.Code)}
		}
		return outcome{proof: devdb.Unknown, why: fmt.Sprintf("such rows make the change fail before, at line %d: %s (SQLSTATE %s)", f.Statement.Pos.Line, f.Message, f.Code)}
	}
	if g.look != nil && len(tried.Before) > 0 && len(tried.Before) == len(tried.After) {
		for i := range tried.Before {
			b, a := tried.Before[i][0], tried.After[i][0]
			if g.loses(b, a) {
				return outcome{proof: devdb.Changes, cx: &devdb.Counterexample{Kind: "changed", Rows: text, Before: shown(b), After: shown(a), Left: left}}
			}
		}
	}
	return outcome{proof: devdb.Passes}
}

func shown(v *string) string {
	if v == nil {
		return null
	}
	return quote(*v)
}
