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
	last := len(b.rows) - 1
	for last >= 0 && b.rows[last].rel != g.keep.rel {
		last--
	}
	if last < 0 {
		return o, nil
	}
	untold := outcome{proof: devdb.Unknown, why: "whether it is kept elsewhere is unknown"}
	var other *builder
	if g.keep.column == 0 {
		without := *b
		without.rows = slices.Delete(slices.Clone(b.rows), last, last+1)
		other = &without
	} else {
		v, err := b.otherValue(ctx, b.rows[last], g.keep.column)
		if err != nil || v == "" {
			return untold, err
		}
		other = b.with(last, g.keep.column, v)
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
	if g.keep.column != 0 {
		if blurred, err := p.blurred(ctx, b, last, g.keep, trial, kept); err != nil || blurred != nil {
			return outcome{proof: devdb.Changes, cx: blurred}, err
		}
	}
	return outcome{proof: devdb.Passes, kept: kept}, nil
}

// blurred is a row whose value is not in the places that keep others: they hold
// the same for a value that is nearly it. A copy that rounds, cuts or folds the
// case does that. Values that the old schema refuses are not tried.
func (p *Prover) blurred(ctx context.Context, b *builder, at int, k *keep, trial Trial, kept []string) (*devdb.Counterexample, error) {
	c := k.rel.Column(k.column)
	for _, pair := range nearlyEqual(b.types.base(b.types.parse(c.Type))) {
		var states [2]map[string][]string
		var rows [2][]string
		for i, v := range pair {
			t := trial
			t.Rows = b.with(at, k.column, v).inserts()
			state, ok, err := p.stateAfter(ctx, t)
			if err != nil {
				return nil, err
			}
			if ok {
				states[i], rows[i] = state, t.Rows
			}
		}
		if states[0] == nil || states[1] == nil {
			continue
		}
		if !slices.ContainsFunc(differing(states[0], states[1]), func(s string) bool { return slices.Contains(kept, s) }) {
			return &devdb.Counterexample{
				Kind: "lost", Rows: strings.Join(rows[0], "\n"), Before: ident(c.Name) + " " + pair[0] + ", of which the copy is that of " + pair[1],
				After: ident(c.Name) + " NULL",
			}, nil
		}
	}
	return nil, nil
}

// with is the same set of rows but for the value of a column in one of them.
func (b *builder) with(at int, column int16, value string) *builder {
	out := *b
	out.rows = slices.Clone(b.rows)
	changed := *b.rows[at]
	changed.vals = maps.Clone(changed.vals)
	changed.vals[column] = value
	out.rows[at] = &changed
	return &out
}

// nearlyEqual are pairs of values of a type that a careless copy makes equal.
func nearlyEqual(x typ) (out [][2]string) {
	switch {
	case x.array:
	case x.texty():
		n := x.limit()
		if n == 0 || n > 60 {
			n = 60
		}
		long := strings.Repeat("Quick Fox ", 6)[:n]
		if x.name != "citext" {
			out = append(out, [2]string{quote(long[:min(n, 5)]), quote(strings.ToLower(long[:min(n, 5)]))})
		}
		if n > 1 {
			out = append(out, [2]string{quote(long[:n-1] + "x"), quote(long[:n-1] + "y")})
		}
	case x.name == "numeric" || x.name == "real" || x.name == "double precision" || x.name == "money":
		scale := 2
		switch len(x.mods) {
		case 1: // numeric(10)
			scale = 0
		case 2:
			scale = x.mods[1]
		}
		switch {
		case scale > 1:
			out = append(out, [2]string{"1.23", "1.21"})
		case scale == 1:
			out = append(out, [2]string{"1.2", "1.1"})
		}
	case last(x.name) == "interval":
		out = append(out, [2]string{"'1 day 02:03:04'", "'1 day'"})
	case strings.HasPrefix(x.name, "timestamp"):
		out = append(out, [2]string{"'2001-02-03 04:05:06'", "'2001-02-03 04:00:00'"})
	case strings.HasPrefix(x.name, "time"):
		out = append(out, [2]string{"'04:05:06'", "'04:00:00'"})
	}
	return out
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
