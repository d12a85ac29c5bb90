package proof

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// trace looks whether what a statement takes away has been put elsewhere by
// the change set: it runs again over rows that differ from these in nothing
// else, and compares what other tables and columns hold then.
func (p *Prover) trace(ctx context.Context, t *Task, b *builder, g goal, trial Trial, o outcome) (outcome, error) {
	query := p.state(t)
	if query == "" || b.cyclic {
		return o, nil
	}
	other := *b
	other.rows = slices.Clone(b.rows)
	last := len(other.rows) - 1
	for last >= 0 && other.rows[last].rel != g.keep.rel {
		last--
	}
	if last < 0 {
		return o, nil
	}
	untold := outcome{proof: devdb.Unknown, why: "whether it is kept elsewhere is unknown"}
	if g.keep.column == 0 {
		other.rows = slices.Delete(other.rows, last, last+1)
	} else {
		v, err := b.otherValue(ctx, other.rows[last], g.keep.column)
		if err != nil || v == "" {
			return untold, err
		}
		changed := *other.rows[last]
		changed.vals = maps.Clone(changed.vals)
		changed.vals[g.keep.column] = v
		other.rows[last] = &changed
	}
	trial.Look = &Look{After: query}
	second := trial
	second.Rows = other.inserts()
	was, ok, err := p.stateAfter(ctx, trial)
	if err != nil || !ok {
		return untold, err
	}
	is, ok, err := p.stateAfter(ctx, second)
	if err != nil || !ok {
		return untold, err
	}
	kept := differing(was, is)
	if slices.ContainsFunc(kept, func(s string) bool { return was[s] == nil }) { // values, not whole rows
		again, ok, err := p.stateAfter(ctx, trial)
		if err != nil || !ok {
			return untold, err
		}
		noise := differing(was, again) // of the clock, sequences, chance
		kept = slices.DeleteFunc(kept, func(s string) bool { return slices.Contains(noise, s) })
	}
	if len(kept) == 0 {
		return o, nil
	}
	return outcome{proof: devdb.Passes, kept: kept}, nil
}

// stateAfter is what tables hold after the change set was run over rows; ok is
// false if it cannot be seen.
func (p *Prover) stateAfter(ctx context.Context, t Trial) (state map[string][]string, ok bool, err error) {
	tried, err := p.lab.Try(ctx, t)
	if err != nil || tried.Refused != nil || tried.Failed != nil || tried.Unseen {
		return nil, false, err
	}
	return stateOf(tried.After), true, nil
}

// otherValue is one that a column may have instead of the one in a row, empty
// if there is none or if it is tied to others.
func (b *builder) otherValue(ctx context.Context, r *row, num int16) (string, error) {
	c := r.rel.Column(num)
	if c.Identity == "by default" && len(b.keysOf(r.rel, num)) == 0 {
		return "4242", nil // not one that its sequence begins with
	}
	tied := len(b.keysOf(r.rel, num)) > 0
	if tied && !c.NotNull {
		return null, nil
	}
	if tied {
		return "", nil
	}
	pool, err := b.pool(ctx, r.rel, c, 3, nil)
	if err != nil {
		return "", err
	}
	for _, v := range pool {
		if v != r.vals[num] {
			return v, nil
		}
	}
	if !c.NotNull {
		return null, nil
	}
	return "", nil
}

// state asks for what is in the tables that the change set writes, or makes,
// up to the task's statement, and in the task's own; empty if there are none.
func (p *Prover) state(t *Task) string {
	after := t.Step.After
	written := map[schema.OID]bool{t.Table: true}
steps:
	for _, m := range p.change {
		for _, s := range m.Steps {
			for _, l := range s.Locks {
				if l.Mode.Strength() >= devdb.RowExclusive.Strength() {
					written[l.Relation] = true
				}
			}
			if s == t.Step {
				break steps
			}
		}
	}
	var parts []string
	for _, r := range schema.Sorted(after.Relations) {
		if written[r.OID] && r.Kind == schema.Table && len(parts) < 20 {
			parts = append(parts, "SELECT "+quote(tableName(r))+", pg_catalog.to_jsonb(assay_t)::text FROM "+fullName(r)+" assay_t")
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, " UNION ALL ") + " ORDER BY 1, 2"
}

func stateOf(rows [][]*string) map[string][]string {
	out := map[string][]string{}
	for _, r := range rows {
		out[*r[0]] = append(out[*r[0]], *r[1])
	}
	return out
}

// differing names the tables that hold more rows in a, and the columns that
// hold other values.
func differing(a, b map[string][]string) []string {
	var out []string
	for _, table := range slices.Sorted(maps.Keys(a)) {
		if len(a[table]) != len(b[table]) {
			out = append(out, table)
			continue
		}
		cols := map[string]bool{}
		for i := range a[table] {
			var x, y map[string]json.RawMessage
			if json.Unmarshal([]byte(a[table][i]), &x) != nil || json.Unmarshal([]byte(b[table][i]), &y) != nil {
				continue
			}
			for c := range x {
				if string(x[c]) != string(y[c]) {
					cols[c] = true
				}
			}
		}
		for _, c := range slices.Sorted(maps.Keys(cols)) {
			out = append(out, table+"."+ident(c))
		}
	}
	return out
}
