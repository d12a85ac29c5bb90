package proof

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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
	found  []Found
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
	kept  []string // where what is taken away is found afterwards
	// before: the change failed on the rows for another reason than the demand.
	before bool
}

// Prepare asks what all tasks need to know, so that none of them pays for it.
func (p *Prover) Prepare(ctx context.Context) error {
	if p.base != nil {
		return nil
	}
	b, err := newBase(ctx, p.lab, p.before)
	if err == nil {
		p.base = b
	}
	return err
}

// Prove tries a task until rows are found that break its demand, or nothing is
// left to try. The error is the run's own.
func (p *Prover) Prove(ctx context.Context, t *Task) (devdb.Proof, error) {
	out := devdb.Proof{Demand: t.Demand, Target: t.Target, Table: t.Table, Column: t.column, Outcome: devdb.Unknown}
	if err := p.Prepare(ctx); err != nil {
		return out, err
	}
	run, why := p.run(t)
	if why != "" {
		out.Why = why
		return out, nil
	}
	r := &result{task: t}
	if t.Demand == devdb.DemandData {
		o, err := p.crowded(ctx, p.base, t, run)
		r.take(goal{weak: true}, o)
		r.into(&out)
		return out, err
	}
	err := p.round(ctx, p.base, r, run)
	if err == nil && r.before && r.fails == nil {
		// Other demands of the change are in the way: rows that meet them may get through.
		err = p.round(ctx, p.base.strict(t.Step.After, t.Target), r, run)
	}
	if err == nil && t.reads != nil && r.fails == nil && !r.impossible {
		// The expression may fail for what is in several columns.
		var o outcome
		if o, err = p.oneCrowd(ctx, p.base, t, run, odd); o.proof == devdb.Fails {
			r.take(goal{}, o)
		}
		if errors.Is(err, ErrTries) {
			err = nil // what was tried one by one holds
		}
	}
	r.into(&out)
	return out, err
}

// result gathers what came of the attempts at a task.
type result struct {
	task               *Task
	fails, changes     *devdb.Counterexample
	passed, impossible bool
	weak               bool // rows that may well be fine have passed
	before             bool // the change failed on the rows, but not on the demand
	kept               []string
	why                string // what was in the way first
}

func (r *result) take(g goal, o outcome) {
	switch o.proof {
	case devdb.Fails:
		r.fails = o.cx
	case devdb.Changes:
		if r.changes == nil {
			r.changes = o.cx
		}
	case devdb.Passes:
		r.kept = append(r.kept, o.kept...)
		r.passed, r.weak = r.passed || !g.weak, r.weak || g.weak
	case devdb.Impossible:
		r.impossible = r.task.Demand != devdb.DemandData // there, other rows may be possible
	default:
		r.before = r.before || o.before
		if r.why == "" || o.before {
			r.why = o.why
		}
	}
}

func (r *result) into(p *devdb.Proof) {
	switch {
	case r.fails != nil:
		p.Outcome, p.Counterexample = devdb.Fails, r.fails
	case r.changes != nil:
		p.Outcome, p.Counterexample = devdb.Changes, r.changes
	case r.passed:
		p.Outcome = devdb.Passes
	case r.impossible:
		p.Outcome = devdb.Impossible
	case r.weak && (r.why == "" || r.task.Demand == devdb.DemandData):
		p.Outcome, p.Kept = devdb.Passes, slices.Compact(slices.Sorted(slices.Values(r.kept)))
		if d := r.task.Demand; d != devdb.DemandCast && d != devdb.DemandKeep && d != devdb.DemandData {
			p.Outcome, p.Why = devdb.Unknown, "the rows that were tried all pass"
		}
	case r.why != "":
		p.Why = r.why
	default:
		p.Why = "no rows could be thought of"
	}
}

// round tries every goal, with other values in the other columns if rows pass:
// a back-fill may have missed those.
func (p *Prover) round(ctx context.Context, b *base, r *result, run []*migration.Migration) error {
	goals := r.task.goals(b)
	fills := 1
	if p.writes(r.task) {
		fills = 3
	}
	for fill := range fills {
		for _, g := range goals {
			o, err := p.attempt(ctx, b, r.task, g, fill, run)
			if err != nil {
				return err
			}
			if r.take(g, o); r.fails != nil || g.keep != nil && r.changes != nil {
				return nil
			}
		}
		if !r.passed && len(r.kept) == 0 || r.impossible {
			return nil
		}
	}
	return nil
}

// writes reports whether a statement before the task's may write rows, or one
// inside it: a DO block, a function, or a WITH that moves rows.
func (p *Prover) writes(t *Task) bool {
	for _, m := range p.change {
		for _, s := range m.Steps {
			if s == t.Step && t.then == "" {
				return s.Tag == "DO" || s.Tag == "SELECT" || s.Tag == "CALL" || word(s.Stmt.Text, "with")
			}
			switch s.Tag {
			case "UPDATE", "DELETE", "MERGE", "INSERT", "DO", "SELECT", "CALL", "COPY", "TRUNCATE TABLE":
				return true
			}
		}
	}
	return false
}

// run is the change set up to and with the task's statement, the whole of it
// where something comes then, without what fails on no rows at all.
func (p *Prover) run(t *Task) ([]*migration.Migration, string) {
	var out []*migration.Migration
	for _, m := range p.change {
		if m != t.Migration || t.then != "" {
			all := *m.Migration
			all.Statements = worth(m, m.Statements)
			out = append(out, &all)
			continue
		}
		cut := *m.Migration
		i := slices.Index(m.Statements, t.Step.Stmt)
		if i < 0 {
			return nil, "the statement is not in its file"
		}
		cut.Statements = worth(m, m.Statements[:i+1])
		return append(out, &cut), ""
	}
	return out, ""
}

var sleeps = regexp.MustCompile(`(?is)^\s*SELECT\s+(pg_catalog\.)?pg_sleep(_for|_until)?\s*\([^()]*\)\s*$`)

// worth leaves out the statements that are refused without any rows, and those
// that only wait: over and over, that is all they cost.
func worth(m *devdb.Recorded, sts []*migration.Statement) []*migration.Statement {
	idle := map[*migration.Statement]bool{}
	for _, s := range m.Steps {
		if s.Err != nil {
			idle[s.Stmt] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(sts), func(s *migration.Statement) bool { return idle[s] || sleeps.MatchString(s.Text) })
}

// attempt makes the rows of a goal, mends them while the old schema refuses
// them, and runs the change set over them.
func (p *Prover) attempt(ctx context.Context, from *base, t *Task, g goal, fill int, run []*migration.Migration) (outcome, error) {
	required, dodge := map[schema.Ref]bool{}, map[schema.OID]bool{}
	offset := 0
	why := ""
	quiet := false // triggers are out of the way
	for range 6 {
		b := &builder{base: from, fill: fill, offset: offset, required: required, dodge: dodge}
		if g.keep != nil {
			b.only = g.keep.rel // equal values elsewhere would look like copies
		}
		if err := g.make(ctx, b); err != nil {
			return unmade(err)
		}
		trial := Trial{Rows: b.inserts(), Run: run, Look: g.look, Then: t.then}
		left := p.clear(b, g, quiet, &trial)
		tried, err := p.lab.Try(ctx, trial)
		if err != nil {
			return outcome{}, err
		}
		if tried.Refused == nil {
			o := judge(t, g, tried, trial.Rows, left)
			if o.proof == devdb.Unknown {
				p.note(tried, trial.Rows, left)
			}
			if o.proof == devdb.Passes && !quiet && p.triggered(b) {
				quiet = true // a trigger may have mended the rows; older ones it has not seen
				continue
			}
			if o.cx != nil && o.cx.Kind == "lost" && p.writes(t) {
				return p.trace(ctx, t, b, g, trial, o)
			}
			return o, nil
		}
		why = "the old schema refuses the rows: " + tried.Refused.Error()
		switch again := p.mend(b, tried.Refused, required); {
		case again:
		case tried.Refused.Code == "23505" && offset == 0:
			offset = 100
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
	if r.Code == "23505" {
		for _, i := range b.uniques[rel.OID] {
			if i.Name == r.Constraint && i.Predicate != "" && !b.dodge[i.OID] {
				b.dodge[i.OID] = true
				return true
			}
		}
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
		t.Tables = append(t.Tables, fullName(r.rel))
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
		here := f.Statement != nil && f.Statement.Pos == t.Step.Stmt.Pos
		switch {
		case f.Canceled != "":
			return outcome{proof: devdb.Unknown, why: f.Canceled}
		case here && meets(t.Demand, f.Code) && t.named(f.Message):
			return outcome{proof: devdb.Fails, cx: cx}
		case here:
			return outcome{proof: devdb.Unknown, before: true, why: fmt.Sprintf("the statement fails on the rows for another reason: %s (SQLSTATE %s)", f.Message, f.Code)}
		}
		return outcome{
			proof: devdb.Unknown, before: true,
			why: fmt.Sprintf("such rows make the change fail before, at line %d: %s (SQLSTATE %s)", f.Statement.Pos.Line, f.Message, f.Code),
		}
	}
	if r := tried.Then; r != nil && meets(t.Demand, r.Code) && t.named(r.Message) {
		return outcome{proof: devdb.Fails, cx: &devdb.Counterexample{Kind: "fails", Rows: text, Code: r.Code, Message: r.Message, Left: left}}
	}
	if g.keep != nil {
		return g.keep.judge(tried, text, left)
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

// named reports whether an error is about the task's target, where errors name theirs.
func (t *Task) named(message string) bool {
	after := t.Step.After
	name := ""
	switch t.Demand {
	case devdb.DemandNotNull:
		if r := after.Relations[t.Table]; r != nil && r.Column(t.Target.Sub) != nil {
			name = r.Column(t.Target.Sub).Name
		}
	case devdb.DemandCheck, devdb.DemandForeign, devdb.DemandExclusion:
		if k := after.Constraints[t.Target.OID]; k != nil {
			name = k.Name
		}
	case devdb.DemandLater:
		name = laterName(after, after.Constraints[t.Target.OID])
	case devdb.DemandUnique:
		if k := after.Constraints[t.Target.OID]; k != nil && t.Target.Class == schema.ClassConstraint {
			name = k.Name
		} else if i := after.Indexes[t.Target.OID]; i != nil {
			name = i.Name
		}
	case devdb.DemandCast, devdb.DemandGenerated:
		return !t.elsewhere(message)
	}
	return name == "" || strings.Contains(message, `"`+name) // a partition's index adds to the name
}

var nullColumn = regexp.MustCompile(`column "([^"]+)" of relation "[^"]+" contains null values`)

// elsewhere reports whether an error is about another column than the task's,
// or about a constraint or index that the same statement adds: the values of
// the task's column are not to blame then.
func (t *Task) elsewhere(message string) bool {
	if m := nullColumn.FindStringSubmatch(message); m != nil {
		r := t.Step.After.Relations[t.Table]
		return r == nil || r.ColumnNamed(m[1]) == nil || r.ColumnNamed(m[1]).Num != t.Target.Sub
	}
	for _, c := range t.Step.Changes {
		name := ""
		switch c := c.(type) {
		case *schema.AddConstraint:
			name = c.Constraint.Name
		case *schema.AddIndex:
			name = c.Index.Name
		}
		if name != "" && strings.Contains(message, `"`+name) && !t.hadIndex(name) {
			return true
		}
	}
	return false
}

// hadIndex reports whether the table had an index of that name before: another
// type makes it anew, and then it is not what the statement adds.
func (t *Task) hadIndex(name string) bool {
	for _, i := range t.Step.Before.Indexes {
		if i.Table == t.Table && i.Name == name {
			return true
		}
	}
	return false
}

func shown(v *string) string {
	if v == nil {
		return null
	}
	return quote(*v)
}
