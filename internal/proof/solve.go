package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// choice is a value that a column may get.
type choice struct {
	lit string // empty: the column is left out
	sql string // the value it then has
}

// condition is an expression that a row must fulfil.
type condition struct {
	sql  string
	cols []int16
	goal bool // of the goal, not of the old schema
}

// tries bounds how many rows the server is asked about at once.
const tries = 700

// solve gives the row its values: those that it must have, and where conditions
// say more, the first that the server finds to fulfil them.
func (b *builder) solve(ctx context.Context, r *row, w want, distinct map[int16]bool) error {
	conds, err := b.conditions(ctx, r.rel, w)
	if err != nil {
		return err
	}
	choices := map[int16][]choice{}
	for _, c := range r.rel.Columns {
		if c.Generated != "" {
			continue
		}
		if choices[c.Num], err = b.choices(ctx, r, c, w, distinct, conds); err != nil {
			return err
		}
	}
	if err := b.tupleKeys(ctx, r, w, distinct, choices); err != nil {
		return err
	}
	for _, c := range r.rel.Columns {
		if ch := choices[c.Num]; len(ch) > 0 && ch[0].lit != "" {
			r.vals[c.Num] = ch[0].lit
		}
	}
	for _, group := range components(conds) {
		if err := b.settle(ctx, r, w, group, choices); err != nil {
			return err
		}
	}
	return nil
}

// conditions are what the old schema and the goal say of a row.
func (b *builder) conditions(ctx context.Context, rel *schema.Relation, w want) ([]condition, error) {
	var out []condition
	for _, k := range b.checks[rel.OID] {
		if !w.free[k.OID] {
			out = append(out, condition{"(" + k.Expression + ") IS NOT FALSE", k.Columns, false})
		}
	}
	bound, err := b.bound(ctx, rel)
	if err != nil {
		return nil, err
	}
	if bound != "" {
		out = append(out, condition{"(" + bound + ")", mentioned(bound, rel, nil), false})
	}
	for _, e := range w.where {
		out = append(out, condition{"(" + e + ")", mentioned(e, rel, w.names), true})
	}
	if w.not != "" {
		out = append(out, condition{"(" + w.not + ") IS FALSE", mentioned(w.not, rel, w.names), true})
	}
	for _, i := range b.uniques[rel.OID] {
		if b.dodge[i.OID] {
			out = append(out, condition{"(" + i.Predicate + ") IS NOT TRUE", mentioned(i.Predicate, rel, nil), false})
		}
	}
	return out, nil
}

// choices are a column's possible values, the best first.
func (b *builder) choices(ctx context.Context, r *row, c *schema.Column, w want, distinct map[int16]bool, conds []condition) ([]choice, error) {
	if v, ok := w.fixed[c.Num]; ok {
		return []choice{{v, v}}, nil
	}
	var exprs []string
	for _, cond := range conds {
		if slices.Contains(cond.cols, c.Num) {
			exprs = append(exprs, cond.sql)
		}
	}
	must := slices.Contains(w.notNull, c.Num) || distinct[c.Num] || b.isRequired(r.rel, c)
	fill := b.filling(r.rel)
	fills := fill > 0 && (fill > 1 || len(b.keysOf(r.rel, c.Num)) == 0) && c.Identity == "" && !strings.Contains(c.Default, "nextval(")
	if !must && !fills && len(exprs) == 0 {
		return []choice{{"", null}}, nil
	}
	k := b.offset
	if distinct[c.Num] {
		k += len(b.siblings(r.rel)) - 1
	}
	if !c.NotNull && slices.ContainsFunc(b.keysOf(r.rel, c.Num), func(k *schema.Constraint) bool { return k.RefTable == r.rel.OID }) {
		k += 5 // not its own parent
	}
	pool, err := b.pool(ctx, r.rel, c, k, slices.Concat(exprs, b.seen))
	if err != nil {
		return nil, err
	}
	if distinct[c.Num] && b.full[r.rel.OID] {
		if pool, err = b.unused(ctx, r.rel, c, pool); err != nil {
			return nil, err
		}
	}
	if distinct[c.Num] {
		pool = slices.DeleteFunc(slices.Clone(pool), func(v string) bool {
			return slices.ContainsFunc(b.siblings(r.rel), func(o *row) bool { return o != r && o.vals[c.Num] == v })
		})
	}
	var out []choice
	for _, v := range pool {
		out = append(out, choice{v, v})
	}
	if fills && !distinct[c.Num] {
		out = slices.Insert(out, 0, b.odd(c)...)
	}
	if must {
		if len(out) == 0 {
			return nil, &errNone{why: fmt.Sprintf("no value was found for %s.%s", fullName(r.rel), ident(c.Name))}
		}
		return out, nil
	}
	left := choice{"", null}
	switch {
	case unlike(c):
		left.sql = b.types.sample(b.types.parse(c.Type), k)
	case c.Default != "":
		left.sql = c.Default
	}
	if fill == 0 {
		return slices.Insert(out, 0, left), nil
	}
	return append(out, left), nil
}

// unused leaves out the values that rows which are there have.
func (b *builder) unused(ctx context.Context, rel *schema.Relation, c *schema.Column, pool []string) ([]string, error) {
	x := b.types.base(b.types.parse(c.Type)).plain()
	for _, at := range []int{50, 1000, 20000, 400000} { // a few more, should these be taken
		for _, v := range b.values(b.types.parse(c.Type), at, nil) {
			if !slices.Contains(pool, v) {
				pool = append(slices.Clone(pool), v)
			}
		}
	}
	where := []string{"NOT EXISTS (SELECT 1 FROM " + fullName(rel) + " assay_t WHERE assay_t." + ident(c.Name) + " = assay_w." + ident(c.Name) + ")"}
	pick, err := b.filter(ctx, []column{{c.Name, x}}, tuples(pool), nil, where, len(pool))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, i := range pick {
		out = append(out, pool[i])
	}
	return out, nil
}

// odd are values that a back-fill may not have thought of.
func (b *builder) odd(c *schema.Column) []choice {
	x := b.types.base(b.types.parse(c.Type))
	var v []string
	switch {
	case x.temporal():
		v = []string{"'2000-01-01'", "'2999-12-31'"}
	case x.name == "boolean" && !x.array:
		v = []string{"true", "false"}
	case x.user != nil && x.user.Kind == schema.Enum && !x.array && len(x.user.Labels) > 0:
		v = []string{quote(x.user.Labels[0]), quote(x.user.Labels[len(x.user.Labels)-1])}
	default:
		return nil
	}
	s := v[(b.fill-1)%2]
	return []choice{{s, s}}
}

// tupleKeys puts the keys of existing rows first where a row must refer to one.
func (b *builder) tupleKeys(ctx context.Context, r *row, w want, distinct map[int16]bool, choices map[int16][]choice) error {
	for _, k := range b.foreignKeys[r.rel.OID] {
		if k.OID == w.orphan || w.free[k.OID] || !b.full[k.RefTable] {
			continue
		}
		free := slices.DeleteFunc(slices.Clone(k.Columns), func(n int16) bool { _, ok := w.fixed[n]; return ok })
		if len(free) != len(k.Columns) || slices.ContainsFunc(k.Columns, func(n int16) bool { return distinct[n] && len(k.Columns) > 1 }) {
			continue
		}
		keys, err := b.existing(ctx, k)
		if err != nil {
			return err
		}
		for i := len(keys) - 1; i >= 0; i-- {
			for j, n := range k.Columns {
				at := 0
				if ch := choices[n]; len(ch) == 0 || ch[0].lit == "" {
					at = min(1, len(ch))
				}
				if len(choices[n]) == 1 && choices[n][0].lit == "" {
					continue // stays NULL
				}
				if distinct[n] && (b.offset > 0 || b.full[r.rel.OID]) || distinct[n] && slices.ContainsFunc(b.siblings(r.rel), func(o *row) bool { return o.vals[n] == keys[i][j] }) {
					continue
				}
				choices[n] = slices.Insert(slices.Clone(choices[n]), at, choice{keys[i][j], keys[i][j]})
			}
		}
	}
	return nil
}

// components groups conditions that share columns.
func components(conds []condition) [][]condition {
	var out [][]condition
	for _, c := range conds {
		group := []condition{c}
		var rest [][]condition
		for _, g := range out {
			if slices.ContainsFunc(g, func(o condition) bool {
				return slices.ContainsFunc(c.cols, func(n int16) bool { return slices.Contains(o.cols, n) })
			}) {
				group = append(g, group...)
			} else {
				rest = append(rest, g)
			}
		}
		out = append(slices.Clip(rest), group)
	}
	return out
}

// column is a named and typed one of a list of values.
type column struct{ name, typ string }

// settle finds values for the columns of some conditions.
func (b *builder) settle(ctx context.Context, r *row, w want, conds []condition, choices map[int16][]choice) error {
	var nums []int16
	var where, texts []string
	for _, c := range conds {
		where = append(where, c.sql)
		texts = append(texts, c.sql)
		for _, n := range c.cols {
			if !slices.Contains(nums, n) {
				nums = append(nums, n)
			}
		}
	}
	var cols []column
	var calc []string
	var lists [][]choice
	for _, n := range nums {
		c := r.rel.Column(n)
		if c == nil {
			continue
		}
		if c.Generated != "" {
			calc = append(calc, "("+c.Default+") AS "+ident(c.Name))
			for _, m := range mentioned(c.Default, r.rel, nil) {
				if !slices.Contains(nums, m) {
					return b.settle(ctx, r, w, append(conds, condition{"true", []int16{m}, false}), choices)
				}
			}
			continue
		}
		cols = append(cols, column{c.Name, b.types.base(b.types.parse(c.Type)).plain()})
		lists = append(lists, choices[n])
		if now := w.names[n]; now != "" && now != c.Name {
			calc = append(calc, ident(c.Name)+" AS "+ident(now))
		}
	}
	if slices.ContainsFunc(conds, func(c condition) bool { return c.goal }) {
		calc = append(calc, w.calc...)
	}
	combos := product(lists)
	var rows [][]string
	for _, combo := range combos {
		var vals []string
		for i, j := range combo {
			vals = append(vals, lists[i][j].sql)
		}
		rows = append(rows, vals)
	}
	pick, err := b.filter(ctx, cols, rows, calc, where, 1)
	if err != nil {
		return err
	}
	if len(pick) == 0 {
		return &errNone{"no values were found that fulfil " + clip(strings.Join(texts, " AND ")), slices.ContainsFunc(conds, func(c condition) bool { return c.goal })}
	}
	i := 0
	for _, n := range nums {
		if c := r.rel.Column(n); c == nil || c.Generated != "" {
			continue
		}
		if v := lists[i][combos[pick[0]][i]].lit; v != "" {
			r.vals[n] = v
		} else {
			delete(r.vals, n)
		}
		i++
	}
	return nil
}

func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 160 {
		return string(r[:159]) + "…"
	}
	return s
}

// product gives the combinations of choices, those of the first choices first.
func product(lists [][]choice) [][]int {
	sizes := make([]int, len(lists))
	total := 1
	for i, l := range lists {
		sizes[i] = len(l)
		total *= max(1, len(l))
		if total > 1<<30 {
			total = 1 << 30
		}
	}
	for total > tries {
		big := 0
		for i := range sizes {
			if sizes[i] > sizes[big] {
				big = i
			}
		}
		if sizes[big] <= 2 {
			break
		}
		sizes[big]--
		total = 1
		for _, n := range sizes {
			total = min(1<<30, total*max(1, n))
		}
	}
	out := [][]int{{}}
	for i := range lists {
		var next [][]int
		for _, head := range out {
			for j := range sizes[i] {
				if len(next) < 4*tries {
					next = append(next, append(slices.Clone(head), j))
				}
			}
		}
		out = next
	}
	sum := func(c []int) int {
		n := 0
		for _, v := range c {
			n += v
		}
		return n
	}
	sort.SliceStable(out, func(i, j int) bool { return sum(out[i]) < sum(out[j]) })
	return out[:min(len(out), tries)]
}

// filter gives the indexes of rows that fulfil all conditions, the first limit of them.
func (b *base) filter(ctx context.Context, cols []column, rows [][]string, calc, where []string, limit int) ([]int, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ask := func(from, to int) ([]int, error) {
		got, err := b.lab.Query(ctx, filterSQL(cols, rows[from:to], from, calc, where, limit))
		if err != nil {
			return nil, err
		}
		var out []int
		for _, r := range got {
			n, err := strconv.Atoi(*r[0])
			if err != nil {
				return nil, err
			}
			out = append(out, n)
		}
		return out, nil
	}
	out, err := ask(0, len(rows))
	var refused *Refusal
	if err == nil || !errors.As(err, &refused) {
		return out, err
	}
	// Some value is none of its type, or the expression fails for one: ask one by one.
	for i := 0; i < min(len(rows), 120) && len(out) < limit; i++ {
		got, err := ask(i, i+1)
		if err != nil && !errors.As(err, &refused) {
			return out, err
		}
		out = append(out, got...)
	}
	return out, nil
}

func filterSQL(cols []column, rows [][]string, from int, calc, where []string, limit int) string {
	var s strings.Builder
	s.WriteString("SELECT assay_i FROM (SELECT assay_v.*")
	for _, c := range calc {
		s.WriteString(", " + c)
	}
	s.WriteString(" FROM (VALUES ")
	for i, r := range rows {
		if i > 0 {
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, "(%d", from+i)
		for j, v := range r {
			if i == 0 || !strings.HasPrefix(v, "'") && !strings.HasPrefix(v, " E'") {
				s.WriteString(", CAST(" + v + " AS " + cols[j].typ + ")")
			} else {
				s.WriteString(", " + v)
			}
		}
		s.WriteString(")")
	}
	s.WriteString(") AS assay_v(assay_i")
	for _, c := range cols {
		s.WriteString(", " + ident(c.name))
	}
	s.WriteString(")) AS assay_w WHERE " + strings.Join(where, " AND "))
	fmt.Fprintf(&s, " ORDER BY assay_i LIMIT %d", limit)
	return s.String()
}
