package planned

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
	"github.com/assaydb/assay/internal/proof"
	"github.com/assaydb/assay/internal/schema"
)

// Gate is one line of the proof.
type Gate struct {
	Name string
	Held bool
	Why  string // of one that does not hold; else what was seen
}

// Proven reports whether every gate holds.
func (p *Planned) Proven() bool {
	return len(p.Gates) > 0 && !slices.ContainsFunc(p.Gates, func(g Gate) bool { return !g.Held })
}

// Failed are the gates that do not hold.
func (p *Planned) Failed() []Gate {
	return slices.DeleteFunc(slices.Clone(p.Gates), func(g Gate) bool { return g.Held })
}

func (p *Planned) gate(name, wrong, seen string) {
	g := Gate{Name: name, Held: wrong == "", Why: wrong}
	if g.Held {
		g.Why = seen
	}
	p.Gates = append(p.Gates, g)
}

// Prove runs the text of the plan on a copy of what there is and looks at what
// comes of it. What does not hold is a gate, not an error.
func (p *Planned) Prove(ctx context.Context, down bool) error {
	m, err := file(p.Text)
	if err != nil {
		return err
	}
	return p.ProveFiles(ctx, []*migration.Migration{m}, down)
}

// Reaches proves no more than that the plan leads to the wanted schema.
func (p *Planned) Reaches(ctx context.Context) error {
	m, err := file(p.Text)
	if err != nil {
		return err
	}
	p.Gates = nil
	return p.reach(ctx, []*migration.Migration{m}, func(*Side, *schema.Catalog, *schema.Catalog) error { return nil })
}

// ProveFiles does what Prove does with the migrations that a plan was written into.
func (p *Planned) ProveFiles(ctx context.Context, all []*migration.Migration, down bool) error {
	p.Gates = nil
	return p.reach(ctx, all, func(end *Side, before, after *schema.Catalog) error {
		p.kept(before, after)
		if err := p.rows(ctx, all, before, after); err != nil {
			return err
		}
		if err := p.resumes(ctx, all); err != nil {
			return err
		}
		if !down {
			return nil
		}
		if err := p.back(ctx, end); err != nil {
			return err
		}
		p.gate("can be undone", p.DownWhy, "by "+countOf(len(statementsOf(p.Down)), "statement")+"; values that were dropped stay dropped")
		return nil
	})
}

// reach runs the plan on a copy, compares what it leads to, and goes on there.
func (p *Planned) reach(ctx context.Context, all []*migration.Migration, then func(end *Side, before, after *schema.Catalog) error) (err error) {
	d, err := p.server.Clone(ctx, p.Have.DB)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	before, err := d.Catalog(ctx)
	if err != nil {
		return err
	}
	var refused *devdb.StatementError
	if err := run(ctx, d, all...); errors.As(err, &refused) {
		p.gate("reaches the schema", fmt.Sprintf("%q fails: %s", first(refused.Statement.Text), refused.Message), "")
		return nil
	} else if err != nil {
		return err
	}
	end := &Side{Name: "the plan", DB: d}
	if err := end.Refresh(ctx); err != nil {
		return err
	}
	wrong := ""
	if left := Differences(p.want, end.State); len(left) > 0 {
		wrong = strings.Join(left[:min(len(left), 10)], "; ")
	}
	p.gate("reaches the schema", wrong, fmt.Sprintf("%d objects as wanted", len(p.want.Objects)))
	after, err := d.Catalog(ctx)
	if err != nil {
		return err
	}
	if err := p.seenByAnother(ctx, after); err != nil {
		return err
	}
	if err := p.second(ctx, end); err != nil {
		return err
	}
	return then(end, before, after)
}

func statementsOf(p *plan.Plan) []plan.Statement {
	if p == nil {
		return nil
	}
	return p.Statements
}

func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// first is the first line of a statement.
func first(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// seenByAnother compares the catalogs that the reader of the checks reads.
func (p *Planned) seenByAnother(ctx context.Context, after *schema.Catalog) error {
	if err := p.Want.DB.Disconnect(ctx); err != nil {
		return err
	}
	want, err := p.Want.DB.Catalog(ctx)
	if err != nil {
		return err
	}
	wrong := slices.DeleteFunc(schema.Differences(after, want), p.sel.leavesOut)
	p.gate("seen by another reader", strings.Join(wrong[:min(len(wrong), 10)], "; "), "the catalog of the checks agrees")
	return nil
}

// second plans again from the end.
func (p *Planned) second(ctx context.Context, end *Side) error {
	next, err := p.again(ctx, end.State, newTrial(p.server, end))
	wrong := ""
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		wrong = err.Error()
	case len(next.Statements) > 0:
		wrong = fmt.Sprintf("it has %s, the first is %q", countOf(len(next.Statements), "statement"), first(next.Statements[0].SQL))
	}
	p.gate("second plan is empty", wrong, "nothing is left to do")
	return nil
}

// kept compares the identity of the tables and columns that are there before and after.
func (p *Planned) kept(before, after *schema.Catalog) {
	renamed := map[plan.Key]plan.Key{}
	for _, r := range p.Plan.Renamed {
		renamed[r.From] = r.To
	}
	said := map[plan.Key]bool{}
	for _, k := range p.Plan.Replaced {
		said[k] = true
	}
	tables := 0
	var wrong []string
	for _, was := range before.Relations {
		if !was.IsTable() {
			continue
		}
		to, ok := renamed[plan.Key{Class: plan.Table, Schema: was.Schema, Name: was.Name}]
		if !ok {
			to = plan.Key{Class: plan.Table, Schema: was.Schema, Name: was.Name}
		}
		is := after.RelationNamed(to.Schema, to.Name)
		if is == nil || said[to] {
			continue
		}
		tables++
		if is.OID != was.OID {
			wrong = append(wrong, "table "+was.QualifiedName()+" is another one after the plan")
			continue
		}
		for _, c := range was.Columns {
			for _, n := range is.Columns {
				if n.Name == c.Name && n.Num != c.Num && !said[plan.Key{Class: plan.Column, Schema: to.Schema, Of: to.Name, Name: c.Name}] && renamed[plan.Key{Class: plan.Column, Schema: was.Schema, Of: was.Name, Name: c.Name}] == (plan.Key{}) {
					wrong = append(wrong, "column "+was.QualifiedName()+"."+c.Name+" is another one after the plan")
				}
			}
		}
	}
	slices.Sort(wrong)
	p.gate("nothing replaced", strings.Join(wrong, "; "), countOf(tables, "table")+" and their columns keep their identity")
}

// rows runs the plan over generated rows of the tables that it touches.
func (p *Planned) rows(ctx context.Context, all []*migration.Migration, before, after *schema.Catalog) (err error) {
	touched := map[schema.OID]bool{}
	for _, c := range schema.Diff(before, after) {
		touched[c.Head().Table] = true
	}
	var tables []*schema.Relation
	for _, r := range before.Relations {
		if touched[r.OID] && r.IsTable() && after.Relations[r.OID] != nil {
			tables = append(tables, r)
		}
	}
	slices.SortFunc(tables, func(a, b *schema.Relation) int { return strings.Compare(a.QualifiedName(), b.QualifiedName()) })
	if len(tables) == 0 {
		p.gate("rows kept", "", "no table that stays is touched")
		return nil
	}
	bench := p.server.Bench(p.Have.DB)
	defer func() { err = errors.Join(err, bench.Close()) }()
	why := ""
	// Rows that what depends on the tables refuses, such as a unique index of a
	// materialized view, are made with less freedom.
	for _, how := range []proof.Filling{proof.FillKept, proof.FillPlain, proof.FillOne} {
		inserts, err := proof.Fill(ctx, bench, before, after, tables, how)
		if err != nil {
			return fmt.Errorf("making rows to run the plan over: %w", err)
		}
		if len(inserts) == 0 {
			continue
		}
		run, err := p.server.Rehearse(ctx, p.Have.DB, inserts, all)
		if err != nil {
			return err
		}
		if run.Err != nil {
			why = fmt.Sprintf("with rows, %q fails: %s", first(run.Err.Statement.Text), run.Err.Message)
			if devdb.OfRows(run.Err.Code) {
				continue
			}
			break
		}
		wrong, n := p.lost(&run.States[0], run.Last(), before, after)
		p.gate("rows kept", strings.Join(wrong, "; "), countOf(n, "generated row")+" come through")
		return nil
	}
	p.gate("rows kept", why, "no rows can be made for the tables that are touched")
	return nil
}

// lost compares rows before and after: how many there are, and the values of
// each column that keeps its type.
func (p *Planned) lost(was, is *devdb.State, before, after *schema.Catalog) (wrong []string, rows int) {
	for i := range was.Tables {
		t := &was.Tables[i]
		sch, name, _ := strings.Cut(t.Name, ".")
		old := before.RelationNamed(sch, name)
		if old == nil || after.Relations[old.OID] == nil {
			continue
		}
		now := after.Relations[old.OID]
		got := is.Table(now.QualifiedName())
		rows += len(t.Rows)
		if got == nil || len(got.Rows) != len(t.Rows) && !t.Cut {
			wrong = append(wrong, "rows of "+t.Name+" are lost")
			continue
		}
		for at, c := range t.Columns {
			from := columnNamed(old, c)
			if from == nil || now.Column(from.Num) == nil || now.Column(from.Num).Type != from.Type {
				continue
			}
			to := got.Column(now.Column(from.Num).Name)
			if to < 0 || !slices.Equal(values(t, at), values(got, to)) {
				wrong = append(wrong, "values of "+t.Name+"."+c+" are others")
			}
		}
	}
	return wrong, rows
}

func columnNamed(r *schema.Relation, name string) *schema.Column {
	for _, c := range r.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// values are the values of a column, sorted: the order of rows is no difference.
func values(t *devdb.TableState, at int) []string {
	var out []string
	for _, r := range t.Rows {
		if r[at] == nil {
			out = append(out, "\x00")
		} else {
			out = append(out, *r[at])
		}
	}
	slices.Sort(out)
	return out
}

// mostStops bounds at how many places a plan is stopped.
const mostStops = 6

// stop is a place at which everything before it is committed.
type stop struct {
	done []*migration.Migration
	last *migration.Statement
}

// stops are the places between the statements of the plan at which a run of it
// can end. Within a transaction there is none: it is rolled back.
func stops(all []*migration.Migration) []stop {
	var out []stop
	for n, m := range all {
		open := m.TxMode != migration.TxNone
		for i, st := range m.Statements {
			switch st.Syntax.Transaction {
			case "BEGIN":
				open = true
			case "COMMIT":
				open = false
			}
			end := i == len(m.Statements)-1
			if open && !end || st.Syntax.Set != nil && !end || end && n == len(all)-1 {
				continue
			}
			half := *m
			half.Statements = m.Statements[:i+1]
			out = append(out, stop{append(slices.Clone(all[:n]), &half), st})
		}
	}
	return out
}

// resumes stops the plan after each commit and plans again from there.
func (p *Planned) resumes(ctx context.Context, all []*migration.Migration) error {
	places := stops(all)
	for _, at := range places[:min(len(places), mostStops)] {
		wrong, err := p.resume(ctx, at.done)
		if err != nil {
			return err
		}
		if wrong != "" {
			p.gate("can be resumed", fmt.Sprintf("stopped after %q: %s", first(at.last.Text), wrong), "")
			return nil
		}
	}
	seen := "all of it is one transaction"
	if len(places) > 0 {
		seen = fmt.Sprintf("stopped at %d of %s", min(len(places), mostStops), countOf(len(places), "place"))
	}
	p.gate("can be resumed", "", seen)
	return nil
}

func (p *Planned) resume(ctx context.Context, done []*migration.Migration) (wrong string, err error) {
	d, err := p.server.Clone(ctx, p.Have.DB)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := run(ctx, d, done...); err != nil {
		return "", err
	}
	at := &Side{Name: "a stopped plan", DB: d}
	if err := at.Refresh(ctx); err != nil {
		return "", err
	}
	rest, err := p.again(ctx, at.State, newTrial(p.server, at))
	if err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		return err.Error(), nil
	}
	next, err := file(Text(Script(rest)))
	if err != nil {
		return "", err
	}
	var refused *devdb.StatementError
	if err := run(ctx, d, next); errors.As(err, &refused) {
		return refused.Message, nil
	} else if err != nil {
		return "", err
	}
	if err := at.Refresh(ctx); err != nil {
		return "", err
	}
	if left := Differences(p.want, at.State); len(left) > 0 {
		return left[0], nil
	}
	return "", nil
}
