package proof

import (
	"context"
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// castGoals are values of the old type that the new one does not take, or cuts.
func castGoals(b *base, rel *schema.Relation, after *schema.Catalog, c *schema.AlterColumnType) []goal {
	old := rel.Column(c.After.Num)
	from, to := b.types.parse(old.Type), newTypes(after).parse(c.After.Type)
	col, now := ident(old.Name), after.Relations[rel.OID]
	look := &Look{
		Before: "SELECT " + col + "::text FROM " + fullName(rel) + " ORDER BY ctid",
		After:  "SELECT " + ident(c.After.Name) + "::text FROM " + fullName(now) + " ORDER BY ctid",
	}
	if rel.Kind == schema.PartitionedTable {
		look = nil
	}
	var out []goal
	for _, v := range castValues(b, from, newTypes(after).base(to), to, domainChecks(after, to)) {
		if !takes(b.types.base(from), v) {
			continue
		}
		g := one(rel, want{fixed: map[int16]string{old.Num: v}})
		g.weak = true // the type may take this value
		g.look, g.loses = look, loses
		out = append(out, g)
	}
	return out
}

// domainChecks are the checks of a domain and of those below it.
func domainChecks(after *schema.Catalog, x typ) []string {
	var out []string
	for x.user != nil && x.user.Kind == schema.Domain {
		for _, k := range schema.Sorted(after.Constraints) {
			if k.Domain == x.user.OID && k.Kind == schema.Check {
				out = append(out, k.Expression)
			}
		}
		x = newTypes(after).parse(x.user.Base)
	}
	return out
}

// castValues are values of one type that may be none of another, or be another
// there; the server decides.
func castValues(b *base, from, to, named typ, checks []string) []string {
	from = b.types.base(from)
	var out []string
	add := func(v ...string) { out = append(out, v...) }
	if from.array && !to.array {
		return []string{"'{}'", b.types.sample(from, 1)}
	}
	if from.array {
		elem, other := from, to
		elem.array, other.array = false, false
		for _, v := range castValues(b, elem, other, other, nil) {
			add("ARRAY[" + v + "]::" + from.name + "[]")
		}
		return out
	}
	switch {
	case from.user != nil && from.user.Kind == schema.Enum:
		for _, l := range from.user.Labels {
			if to.user == nil || !slices.Contains(to.user.Labels, l) {
				add(quote(l))
			}
		}
		if len(out) == 0 && len(from.user.Labels) > 0 {
			add(quote(from.user.Labels[len(from.user.Labels)-1]))
		}
	case from.texty():
		if l := to.limit(); l > 0 && to.texty() {
			n := l + 1
			if m := from.limit(); m > 0 {
				n = min(n, m)
			}
			add(quote(strings.Repeat("a", n)))
		} else {
			add("'a'", "'zzz'", "''", "'1.5'", "'2024-02-30'")
		}
	case from.numeric():
		add(numbersFor(from, to)...)
	case from.temporal():
		add("'2024-01-01 12:34:56.5'", "'infinity'", "'0044-03-15 BC'")
	case from.name == "json" || from.name == "jsonb":
		add(`'"a"'`, "'1'", "'{}'", "'[]'", `'{"a": 1}'`, "'null'")
	case from.name == "uuid":
		add(b.types.sample(from, 0))
	default:
		add(b.types.sample(from, 0), b.types.sample(from, 1))
	}
	if named.user != nil && named.user.Kind == schema.Domain {
		add(b.values(from, 0, checks)...)
	}
	if to.user == nil || to.user.Kind != schema.Enum {
		return out
	}
	return append(out, b.types.sample(from, 0))
}

// numbersFor are numbers at and beyond the bounds of a type, the smallest first.
func numbersFor(from, to typ) []string {
	var out []string
	scale := func(t typ) int {
		switch {
		case t.name == "numeric" && len(t.mods) == 2:
			return t.mods[1]
		case t.name == "numeric" && len(t.mods) == 1:
			return 0
		case t.name == "numeric" || t.name == "real" || t.name == "double precision":
			return 20
		case t.name == "money":
			return 2
		}
		return 0
	}
	switch to.name {
	case "smallint":
		out = append(out, "32768")
	case "integer":
		out = append(out, "2147483648")
	case "bigint":
		out = append(out, "9223372036854775808")
	case "numeric":
		if len(to.mods) > 0 {
			out = append(out, "1"+strings.Repeat("0", max(0, to.mods[0]-scale(to))))
		}
	case "boolean":
		out = append(out, "2")
	default:
		if to.texty() && to.limit() > 0 {
			out = append(out, "1"+strings.Repeat("0", to.limit()))
		}
	}
	if s := scale(to); scale(from) > s && to.numeric() {
		out = append(out, "1."+strings.Repeat("1", min(s, 15))+"5")
	}
	return append(out, "1")
}

// takes reports whether a number is not too big for its type.
func takes(x typ, lit string) bool {
	v, ok := new(big.Rat).SetString(lit)
	if !ok || x.array {
		return true
	}
	bits := map[string]uint{"smallint": 15, "integer": 31, "bigint": 63}[x.name]
	limit := new(big.Int).Lsh(big.NewInt(1), bits)
	if bits == 0 {
		if x.name != "numeric" || len(x.mods) == 0 {
			return true
		}
		digits := x.mods[0]
		if len(x.mods) == 2 {
			digits -= x.mods[1]
		}
		limit = new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(0, digits))), nil)
	}
	return v.Cmp(new(big.Rat).SetInt(limit)) < 0
}

// loses reports whether a value is not only written otherwise but is another.
func loses(before, after *string) bool {
	if before == nil {
		return false
	}
	if after == nil {
		return true
	}
	b, a := *before, *after
	if b == a {
		return false
	}
	x, okx := new(big.Rat).SetString(b)
	y, oky := new(big.Rat).SetString(a)
	if okx && oky {
		return x.Cmp(y) != 0
	}
	// "2024-01-01 23:59:59" to "2024-01-01", "aaaa" to "aaa".
	return len(a) < len(b) && strings.HasPrefix(b, strings.TrimRight(a, " ")) && strings.Trim(strings.TrimPrefix(b, a), " 0:.+-") != ""
}

// generatedGoals are rows for which the expression of a stored column fails.
func generatedGoals(rel *schema.Relation, c *schema.Column) []goal {
	g := failingGoal(rel, c.Default, "CAST("+c.Default+" AS "+c.Type+")")
	if c.NotNull {
		return []goal{one(rel, want{where: []string{"(" + c.Default + ") IS NULL"}}), g}
	}
	return []goal{g}
}

// failingGoal is a row for which an expression, and what is made of it, fails.
func failingGoal(rel *schema.Relation, expr, calc string) goal {
	return goal{weak: true, make: func(ctx context.Context, b *builder) error {
		fixed, err := failing(ctx, b, rel, expr, calc, oldColumns(rel, mentioned(expr, rel, nil)))
		if err != nil {
			return err
		}
		_, err = b.add(ctx, rel, want{fixed: fixed})
		return err
	}}
}

// failing asks the server for values for which an expression fails. It tries
// ordinary values first. That some number is too big for what is made of it
// (22003) could be said of every product and sum, and is no answer.
func failing(ctx context.Context, b *builder, rel *schema.Relation, expr, calc string, nums []int16) (map[int16]string, error) {
	var cols []column
	var lists [][]choice
	for _, n := range nums {
		old := rel.Column(n)
		x := b.types.base(b.types.parse(old.Type))
		cols = append(cols, column{old.Name, x.plain()})
		var l []choice
		for _, v := range slices.Concat(b.values(x, 0, []string{expr}), extremes(x)) {
			l = append(l, choice{v, v})
		}
		lists = append(lists, l)
	}
	var where []string // rows that the table does not take are no answer
	for _, k := range b.checks[rel.OID] {
		if !slices.ContainsFunc(k.Columns, func(n int16) bool { return !slices.Contains(nums, n) }) {
			where = append(where, "("+k.Expression+") IS NOT FALSE")
		}
	}
	where = append(where, "(assay_g IS NULL OR assay_g IS NOT NULL)")
	for n, combo := range product(lists) {
		if n > 80 {
			break
		}
		vals := []string{}
		for i, j := range combo {
			vals = append(vals, lists[i][j].sql)
		}
		_, err := b.lab.Query(ctx, filterSQL(cols, [][]string{vals}, 0, []string{calc + " AS assay_g"}, where, 1))
		var refused *Refusal
		if errors.As(err, &refused) && strings.HasPrefix(refused.Code, "22") && refused.Code != "22003" {
			fixed := map[int16]string{}
			for i, n := range nums {
				fixed[n] = vals[i]
			}
			return fixed, nil
		}
		if err != nil && refused == nil {
			return nil, err
		}
	}
	return nil, errImplied
}

// extremes are values at the ends of a type.
func extremes(x typ) []string {
	switch x.name {
	case "smallint":
		return []string{"32767", "0"}
	case "integer":
		return []string{"2147483647", "0"}
	case "bigint":
		return []string{"9223372036854775807", "0"}
	case "numeric", "real", "double precision":
		return []string{"0", "-1"}
	}
	if x.texty() {
		return []string{"''", "'a'"}
	}
	return nil
}

// boundValues are the constants of a partition bound, those inside it first.
func boundValues(b *base, rel *schema.Relation, num int16, bound string, inside bool) []string {
	c := rel.Column(num)
	if c == nil {
		return nil
	}
	x := b.types.base(b.types.parse(c.Type))
	var out []string
	for _, m := range textConst.FindAllStringSubmatch(bound, -1) {
		out = append(out, "'"+m[1]+"'")
	}
	if x.numeric() {
		for _, m := range numberConst.FindAllStringSubmatch(bound, -1) {
			out = append(out, m[1])
		}
	}
	for i, v := range out {
		if n, err := strconv.Atoi(strings.Trim(v, "'")); x.numeric() && err == nil {
			out[i] = strconv.Itoa(n)
		}
	}
	if inside {
		return out
	}
	slices.Reverse(out)
	near := b.types.constants(x, []string{bound})
	return slices.Concat(out, near, b.values(x, 0, nil), b.values(x, 20, nil))
}

// attachGoals are rows that do not belong in the partition that their table becomes.
func attachGoals(b *base, rel *schema.Relation, after *schema.Catalog, c *schema.AttachPartition) []goal {
	now := after.Relations[rel.OID]
	var out []goal
	for _, n := range c.Parent.PartitionColumns {
		p := c.Parent.Column(n)
		if p == nil || now == nil {
			continue
		}
		col := rel.ColumnNamed(p.Name)
		if col == nil {
			continue
		}
		seen := map[string]bool{}
		for _, v := range boundValues(b, rel, col.Num, now.PartitionBound, false) {
			if !seen[v] && len(out) < 8 {
				g := one(rel, want{fixed: map[int16]string{col.Num: v}})
				g.weak = true
				out = append(out, g)
			}
			seen[v] = true
		}
		if !col.NotNull {
			out = append(out, one(rel, want{fixed: map[int16]string{col.Num: null}}))
		}
	}
	return out
}

// defaultGoals are rows of the DEFAULT partition that belong in a new one.
func defaultGoals(b *base, parent *schema.Relation, c *schema.AttachPartition) []goal {
	nums := parent.PartitionColumns
	if len(nums) == 0 || slices.Contains(nums, 0) {
		return nil
	}
	var out []goal
	if len(nums) == 1 {
		for _, v := range boundValues(b, parent, nums[0], c.Partition.PartitionBound, true) {
			g := one(parent, want{fixed: map[int16]string{nums[0]: v}})
			g.weak = true
			out = append(out, g)
		}
		return out
	}
	fixed := map[int16]string{}
	from, _, _ := strings.Cut(c.Partition.PartitionBound, ") TO (")
	for i, v := range strings.Split(strings.TrimPrefix(from, "FOR VALUES FROM ("), ", ") {
		if i < len(nums) {
			fixed[nums[i]] = v
		}
	}
	return []goal{one(parent, want{fixed: fixed})}
}
