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

// sifter runs a change over the rows of a crowd, and finds those among them
// that it fails on.
type sifter struct {
	lab   Lab
	task  *Task
	crowd *crowd
	run   []*migration.Migration
	trial Trial // without the rows
	left  []string
	index map[*row]int
	needs map[*row][]*row // that rows refer to
}

// mostDropped bounds how often rows that are in the way are left out.
const mostDropped = 4

// crowded looks for rows, ordinary ones first, on which the task's statement fails.
func (p *Prover) crowded(ctx context.Context, b *base, t *Task, run []*migration.Migration) (outcome, error) {
	out, err := p.oneCrowd(ctx, b, t, run, odd)
	if err == nil && out.before && out.proof == devdb.Unknown {
		// Something else of the change is in the way: rows that meet it may get through.
		out, err = p.oneCrowd(ctx, p.base.strict(t.Step.After, t.Target), t, run, odd)
	}
	if err == nil && out.proof == devdb.Passes {
		last, err := p.oneCrowd(ctx, b, t, run, extreme)
		if err != nil && !errors.Is(err, ErrTries) {
			return out, err
		}
		if last.proof == devdb.Fails {
			return last, nil
		}
	}
	return out, err
}

// oneCrowd gathers one crowd and runs the change over it.
func (p *Prover) oneCrowd(ctx context.Context, b *base, t *Task, run []*migration.Migration, upTo oddity) (outcome, error) {
	c, err := gather(ctx, b, t.reads, t.Step.Before, upTo)
	if err != nil {
		return unmade(err)
	}
	s := &sifter{lab: p.lab, task: t, crowd: c, run: run}
	s.left = p.clear(c.builder, goal{}, false, &s.trial)
	rows, err := c.accepted(ctx, s.trial.Prepare)
	if err != nil {
		return unmade(err)
	}
	if missing(c, rows) && p.triggered(c.builder) { // a trigger refuses them; older rows it has not seen
		s.trial = Trial{}
		s.left = p.clear(c.builder, goal{}, true, &s.trial)
		if rows, err = c.accepted(ctx, s.trial.Prepare); err != nil {
			return unmade(err)
		}
	}
	if len(rows) == 0 {
		return outcome{proof: devdb.Unknown, why: "the old schema refuses the rows"}, nil
	}
	s.prepare(rows)
	return s.sift(ctx, rows)
}

// missing reports whether a table that the statement reads has got no row.
func missing(c *crowd, rows []*row) bool {
	return slices.ContainsFunc(c.reads.tables, func(t *schema.Relation) bool {
		return !slices.ContainsFunc(rows, func(r *row) bool { return r.rel == t })
	})
}

// prepare notes which rows need which.
func (s *sifter) prepare(rows []*row) {
	s.index, s.needs = map[*row]int{}, map[*row][]*row{}
	for i, r := range rows {
		s.index[r] = i
		for _, k := range s.crowd.foreignKeys[r.rel.OID] {
			at := slices.IndexFunc(rows[:i], func(o *row) bool {
				if o.rel.OID != k.RefTable {
					return false
				}
				for j, n := range k.Columns {
					if r.vals[n] == "" || r.vals[n] == null || o.vals[k.RefColumns[j]] != r.vals[n] {
						return false
					}
				}
				return true
			})
			if at >= 0 {
				s.needs[r] = append(s.needs[r], rows[at])
			}
		}
	}
}

// sift runs the change over the rows. What fails elsewhere, or for what the
// author knows, is taken out, and the others are tried.
func (s *sifter) sift(ctx context.Context, rows []*row) (outcome, error) {
	var why outcome
	for range mostDropped {
		failed, err := s.try(ctx, rows)
		switch {
		case err != nil:
			return outcome{}, err
		case failed == nil:
			return outcome{proof: devdb.Passes}, nil
		case failed.Canceled != "":
			return outcome{proof: devdb.Unknown, why: failed.Canceled}, nil
		}
		here := s.here(failed)
		if here && !(meets(s.task.Demand, failed.Code) && s.task.named(failed.Message)) {
			return outcome{proof: devdb.Unknown, before: true, why: fmt.Sprintf("the statement fails on the rows for another reason: %s (SQLSTATE %s)", failed.Message, failed.Code)}, nil
		}
		if here && known(s.task.Step, failed) {
			return outcome{proof: devdb.Passes}, nil // whoever writes a key down knows that it is there
		}
		few, last, err := s.shrink(ctx, rows, failed)
		if err != nil {
			return outcome{}, err
		}
		clash := s.clash(few, last)
		if here && len(clash) == 0 {
			return outcome{proof: devdb.Fails, cx: s.example(few, last)}, nil
		}
		if !here {
			why = outcome{
				proof: devdb.Unknown, before: true,
				why: fmt.Sprintf("such rows make the change fail before, at line %d: %s (SQLSTATE %s)", last.Statement.Pos.Line, last.Message, last.Code),
			}
			clash = few[len(few)-1:]
		} else {
			why = outcome{proof: devdb.Passes}
		}
		rows = s.without(rows, clash)
		if len(rows) == 0 {
			break
		}
	}
	return why, nil
}

// here reports whether it is the task's statement that failed.
func (s *sifter) here(f *devdb.StatementError) bool {
	return f.Statement != nil && f.Statement.Pos == s.task.Step.Stmt.Pos
}

// try runs the change over rows; nil if it passes, or the rows are refused.
func (s *sifter) try(ctx context.Context, rows []*row) (*devdb.StatementError, error) {
	t := s.trial
	t.Run, t.Rows = s.run, s.script(rows)
	tried, err := s.lab.Try(ctx, t)
	if err != nil || tried.Refused != nil {
		return nil, err
	}
	return tried.Failed, nil
}

// script is the rows as SQL, with sequences where they would be.
func (s *sifter) script(rows []*row) []string {
	b := *s.crowd.builder
	b.rows, b.cyclic = rows, false
	out := b.inserts()
	done := map[schema.Ref]bool{}
	for _, r := range rows {
		for _, c := range r.rel.Columns {
			ref := columnRef(r.rel.OID, c.Num)
			if r.vals[c.Num] == "" || done[ref] {
				continue
			}
			seq := ""
			if m := nextval.FindStringSubmatch(c.Default); m != nil {
				seq = m[1]
			} else if c.Identity != "" {
				seq = fmt.Sprintf("pg_get_serial_sequence(%s, %s)", quote(fullName(r.rel)), quote(c.Name))
			}
			if done[ref] = true; seq != "" && inserts.MatchString(s.task.reads.text) {
				out = append(out, fmt.Sprintf("SELECT setval(%s, max(%s)) FROM %s;", seq, ident(c.Name), tableName(r.rel)))
			}
		}
	}
	return out
}

var (
	nextval = regexp.MustCompile(`^nextval\(('(?:[^']|'')+')::regclass\)$`)
	inserts = regexp.MustCompile(`(?i)\b(INSERT|MERGE|COPY)\b`)
)

// shrink finds few rows on which the same statement fails in the same way, the
// ordinary ones if there is a choice.
func (s *sifter) shrink(ctx context.Context, rows []*row, f *devdb.StatementError) ([]*row, *devdb.StatementError, error) {
	last := f
	fails := func(some []*row) (bool, error) {
		if len(some) == 0 {
			return false, nil
		}
		got, err := s.try(ctx, s.whole(some))
		if err != nil || got == nil || got.Statement == nil || got.Statement.Pos != f.Statement.Pos || got.Code != f.Code {
			return false, err
		}
		last = got
		return true, nil
	}
	var chosen []*row
	rest := s.likely(rows, f)
	for len(chosen) < 8 {
		done, err := fails(chosen)
		hi := len(rest)
		if err == nil && !done {
			hi, err = smallest(len(rest), func(n int) (bool, error) { return fails(slices.Concat(chosen, rest[:n])) })
		}
		if errors.Is(err, ErrTries) {
			return s.whole(slices.Concat(chosen, rest[:hi])), last, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if done || hi == 0 {
			break
		}
		chosen, rest = append(chosen, rest[hi-1]), rest[:hi-1]
	}
	return s.whole(chosen), last, nil
}

// smallest finds the smallest n up to most for which fails holds, which it does
// for most. It begins with small ones. An error comes with what is known then.
func smallest(most int, fails func(int) (bool, error)) (int, error) {
	low, high := 0, 1
	for high < most {
		yes, err := fails(high)
		if err != nil {
			return most, err
		}
		if yes {
			break
		}
		low, high = high, high*2
	}
	high = min(high, most)
	for high-low > 1 {
		mid := (low + high) / 2
		yes, err := fails(mid)
		if err != nil {
			return high, err
		}
		if yes {
			high = mid
		} else {
			low = mid
		}
	}
	return high, nil
}

var mentionedValue = regexp.MustCompile(`"([^"]*)"|\(([^()]*)\)`)

// likely puts those rows first that hold a value which the error names.
func (s *sifter) likely(rows []*row, f *devdb.StatementError) []*row {
	values := map[string]bool{}
	for _, m := range mentionedValue.FindAllStringSubmatch(f.Message+" "+f.Detail, -1) {
		values[m[1]+m[2]] = true
	}
	named := func(r *row) bool {
		for _, v := range r.vals {
			if values[bareValue(v)] {
				return true
			}
		}
		return false
	}
	var first, rest []*row
	for _, r := range rows {
		if named(r) {
			first = append(first, r)
		} else {
			rest = append(rest, r)
		}
	}
	return append(first, rest...)
}

// bareValue is a literal without its quotes.
func bareValue(lit string) string {
	lit = strings.TrimSpace(lit)
	if strings.HasPrefix(lit, "'") && len(lit) > 1 {
		return strings.ReplaceAll(lit[1:len(lit)-1], "''", "'")
	}
	return lit
}

// whole is some rows and those that they need, in their order.
func (s *sifter) whole(some []*row) []*row {
	in := map[*row]bool{}
	var visit func(*row)
	visit = func(r *row) {
		if !in[r] {
			in[r] = true
			for _, n := range s.needs[r] {
				visit(n)
			}
		}
	}
	for _, r := range some {
		visit(r)
	}
	out := make([]*row, 0, len(in))
	for r := range in {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b *row) int { return s.index[a] - s.index[b] })
	return out
}

// without leaves out rows, and those that need them.
func (s *sifter) without(rows, gone []*row) []*row {
	return slices.DeleteFunc(slices.Clone(rows), func(r *row) bool {
		return slices.ContainsFunc(s.whole([]*row{r}), func(o *row) bool { return slices.Contains(gone, o) })
	})
}

// example is the counterexample of a failure.
func (s *sifter) example(rows []*row, f *devdb.StatementError) *devdb.Counterexample {
	x := &devdb.Counterexample{Kind: "fails", Rows: strings.Join(s.script(rows), "\n"), Code: f.Code, Message: f.Message, Left: s.left}
	switch {
	case slices.ContainsFunc(rows, func(r *row) bool { return s.crowd.odds[r] == extreme }):
		x.Unlikely = "for a value that is seldom stored"
	case f.Code == "21000" && picked(s.task.reads.given):
		x.Unlikely = "if two rows have what the statement picks one by"
	}
	return x
}

// picked reports whether a statement writes given values, some of which it
// looks up: the author knows of one such row.
func picked(text string) bool {
	outside := flat(textConst.ReplaceAllString(text, "''"))
	return inserts.MatchString(outside) && word(outside, "VALUES") && !selects.MatchString(outside)
}

// clash are rows that hold, where they must be unique, what the statement's
// author wrote into it: of such rows he knows.
func (s *sifter) clash(rows []*row, f *devdb.StatementError) []*row {
	m := constraintName.FindStringSubmatch(f.Message)
	if f.Code != "23505" || m == nil {
		return nil
	}
	text := s.task.reads.given
	constants := map[string]bool{}
	for _, c := range textConst.FindAllString(text, -1) {
		constants[c] = true
	}
	if inserts.MatchString(text) {
		for _, c := range numberConst.FindAllStringSubmatch(textConst.ReplaceAllString(text, ""), -1) {
			constants[c[1]] = true
		}
	}
	var out []*row
	for _, i := range schema.Sorted(s.crowd.cat.Indexes) {
		if i.Name != m[1] {
			continue
		}
		for _, r := range rows {
			if r.rel.OID == i.Table && slices.ContainsFunc(i.Keys, func(k schema.IndexKey) bool { return k.Column != 0 && constants[r.vals[k.Column]] }) {
				out = append(out, r)
			}
		}
	}
	return out
}
