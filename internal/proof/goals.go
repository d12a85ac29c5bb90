package proof

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// goal is one idea of rows that a demand refuses.
type goal struct {
	make func(context.Context, *builder) error
	// weak: the rows may well be fine, so that a run which passes proves nothing.
	weak bool
	// look are the column's values before and after; loses tells whether one became another.
	look  *Look
	loses func(before, after *string) bool
	// free is a constraint that old rows were not held to.
	free *schema.Constraint
	// keep are rows that should be after the run as they were before.
	keep *keep
}

// impossible is the goal of a demand that the old schema itself fulfils.
func impossible() []goal {
	return []goal{{make: func(context.Context, *builder) error { return errImplied }}}
}

// one makes a goal of a single row.
func one(rel *schema.Relation, w want) goal {
	return goal{make: func(ctx context.Context, b *builder) error {
		_, err := b.add(ctx, rel, w)
		return err
	}}
}

// renamed are the columns that are called otherwise after the change set.
func renamed(rel *schema.Relation, after *schema.Catalog) map[int16]string {
	out := map[int16]string{}
	now := after.Relations[rel.OID]
	if now == nil {
		return out
	}
	for _, c := range rel.Columns {
		if n := now.Column(c.Num); n != nil && n.Name != c.Name {
			out[c.Num] = n.Name
		}
	}
	return out
}

// added are the columns that an expression names and the change set adds, as
// the values they get in existing rows.
func added(expr string, rel *schema.Relation, after *schema.Catalog) []string {
	var out []string
	now := after.Relations[rel.OID]
	if now == nil {
		return nil
	}
	for _, n := range mentioned(expr, now, nil) {
		if c := now.Column(n); rel.Column(n) == nil {
			v := null
			if c.Default != "" {
				v = c.Default
			}
			out = append(out, "CAST("+v+" AS "+c.Type+") AS "+ident(c.Name))
		}
	}
	return out
}

// oldColumns are those of the numbers that the old table has, with a generated
// one replaced by those it is computed from.
func oldColumns(rel *schema.Relation, nums []int16) []int16 {
	var out []int16
	add := func(n int16) {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	for _, n := range nums {
		c := rel.Column(n)
		switch {
		case c == nil:
		case c.Generated != "":
			for _, m := range mentioned(c.Default, rel, nil) {
				add(m)
			}
		default:
			add(n)
		}
	}
	return out
}

func indexColumns(rel *schema.Relation, after *schema.Catalog, i *schema.Index) (plain, all []int16) {
	now := after.Relations[rel.OID]
	for _, k := range i.Keys {
		if k.Column != 0 {
			plain, all = append(plain, k.Column), append(all, k.Column)
		} else if now != nil {
			all = append(all, mentioned(k.Text, now, nil)...)
		}
	}
	return plain, oldColumns(rel, all)
}

// pair makes two rows that agree in the columns, but for what alter changes.
func pair(rel *schema.Relation, w want, cols []int16, alter func(*builder, int16, string) string) goal {
	return goal{make: func(ctx context.Context, b *builder) error {
		w := w
		w.notNull = slices.Concat(w.notNull, cols)
		first, err := b.add(ctx, rel, w)
		if err != nil {
			return err
		}
		second := w
		second.fixed = map[int16]string{}
		for n, v := range w.fixed {
			second.fixed[n] = v
		}
		for _, n := range cols {
			v := first.vals[n]
			if alter != nil {
				v = alter(b, n, v)
			}
			if v != "" {
				second.fixed[n] = v
			}
		}
		_, err = b.add(ctx, rel, second)
		return err
	}}
}

func uniqueGoals(rel *schema.Relation, after *schema.Catalog, i *schema.Index) []goal {
	plain, cols := indexColumns(rel, after, i)
	w := want{names: renamed(rel, after)}
	upper := func(b *builder, n int16, v string) string {
		if b.types.base(b.types.parse(rel.Column(n).Type)).texty() && !slices.Contains(plain, n) {
			return strings.ToUpper(v)
		}
		return v
	}
	var out []goal
	if i.Predicate != "" {
		in := w
		in.where, in.calc = []string{i.Predicate}, added(i.Predicate, rel, after)
		out = append(out, pair(rel, in, cols, nil))
		if len(plain) < len(i.Keys) {
			out = append(out, pair(rel, in, cols, upper))
		}
		last := pair(rel, w, cols, nil)
		last.weak = len(added(i.Predicate, rel, after)) == 0
		return append(out, last)
	}
	out = append(out, pair(rel, w, cols, nil))
	if len(plain) < len(i.Keys) {
		out = append(out, pair(rel, w, cols, upper))
	}
	return out
}

// viewKeyGoals asks the server whether the query of a materialized view gives
// each key once: it leaves a join out that can then add no row (Left Join Removal
// in src/backend/optimizer/README). Rows of a view cannot be made.
func viewKeyGoals(v *schema.Relation, i *schema.Index) []goal {
	return []goal{{make: func(ctx context.Context, b *builder) error {
		unknown := &errNone{why: "the rows of a materialized view are those of its query"}
		var on []string
		for _, k := range i.Keys {
			c := v.Column(k.Column)
			if c == nil {
				return unknown
			}
			on = append(on, "q."+ident(c.Name)+" = v."+ident(c.Name))
		}
		query := strings.TrimSuffix(strings.TrimSpace(v.Definition), ";")
		plan, err := b.lab.Query(ctx, "EXPLAIN (COSTS off) SELECT 1 FROM "+fullName(v)+" v LEFT JOIN ("+query+") q ON "+strings.Join(on, " AND "))
		var refused *Refusal
		switch {
		case errors.As(err, &refused):
			return unknown
		case err != nil:
			return err
		case len(plan) == 1 && plan[0][0] != nil && strings.HasPrefix(*plan[0][0], "Seq Scan on"):
			return errImplied
		}
		return unknown
	}}}
}

var withOperator = regexp.MustCompile(` WITH (\S+?)[,)](?:\s|$|\))?`)

func exclusionGoals(rel *schema.Relation, after *schema.Catalog, i *schema.Index) []goal {
	_, cols := indexColumns(rel, after, i)
	w := want{names: renamed(rel, after)}
	if i.Predicate != "" {
		w.where, w.calc = append(w.where, i.Predicate), added(i.Predicate, rel, after)
	}
	def := i.Definition
	if k := after.Constraints[i.Constraint]; k != nil {
		def = k.Definition
	}
	differs := map[int16]bool{}
	full := w
	for n, m := range withOperator.FindAllStringSubmatch(def, -1) {
		if n >= len(i.Keys) {
			break
		}
		switch k := i.Keys[n]; {
		case m[1] == "<>" || m[1] == "!=":
			differs[k.Column] = true
		case m[1] == "&&":
			full.where = append(slices.Clone(full.where), "NOT isempty("+k.Text+")")
		}
	}
	alter := func(b *builder, n int16, v string) string {
		if differs[n] {
			return b.types.sample(b.types.parse(rel.Column(n).Type), 1)
		}
		return v
	}
	return []goal{pair(rel, full, cols, alter), pair(rel, w, cols, alter)}
}

func notNullGoals(rel *schema.Relation, num int16, was *schema.Constraint) []goal {
	c := rel.Column(num)
	if c == nil {
		return []goal{one(rel, want{})}
	}
	if c.Generated != "" {
		return []goal{one(rel, want{where: []string{"(" + c.Default + ") IS NULL"}})}
	}
	if was == nil && (c.NotNull || c.Identity != "") {
		return impossible()
	}
	g := one(rel, want{fixed: map[int16]string{num: null}})
	g.free = was
	return []goal{g}
}

// same reports whether an old, valid constraint says what k says.
func same(b *base, k *schema.Constraint) bool {
	for _, o := range schema.Sorted(b.cat.Constraints) {
		if o.Table != k.Table || o.Kind != k.Kind || !o.Validated || !o.Enforced || o.Domain != k.Domain {
			continue
		}
		switch k.Kind {
		case schema.ForeignKey:
			if slices.Equal(o.Columns, k.Columns) && o.RefTable == k.RefTable && slices.Equal(o.RefColumns, k.RefColumns) {
				return true
			}
		case schema.Check:
			if o.Expression == k.Expression {
				return true
			}
		}
	}
	return false
}

func checkGoals(b *base, rel *schema.Relation, after *schema.Catalog, k, was *schema.Constraint) []goal {
	if was == nil && same(b, k) {
		return impossible()
	}
	w := want{not: k.Expression, names: renamed(rel, after), calc: added(k.Expression, rel, after), free: free(was)}
	g := one(rel, w)
	g.free = was
	plain := one(rel, want{free: free(was)})
	plain.free = was
	plain.weak = len(w.calc) == 0
	if was == nil {
		if listed(b, rel, k) || onlyNulls(k.Expression) {
			g.make = proven(g.make)
			return []goal{g}
		}
		if len(w.names) == 0 && len(w.calc) == 0 {
			g.make = unlessRefuted(rel, k, g.make)
		}
	}
	return []goal{g, plain}
}

func free(k *schema.Constraint) map[schema.OID]bool {
	if k == nil {
		return nil
	}
	return map[schema.OID]bool{k.OID: true}
}

// proven turns "no values were found" into "there are none", where every value
// that the old schema takes has been asked about.
func proven(f func(context.Context, *builder) error) func(context.Context, *builder) error {
	return func(ctx context.Context, b *builder) error {
		err := f(ctx, b)
		var none *errNone
		if errors.As(err, &none) && none.goal && b.fill == 0 {
			return errImplied
		}
		return err
	}
}

// unlessRefuted asks the server, where no values were found, whether the checks
// that are there leave any: constraint exclusion (ddl-partitioning) finds out
// whether a row that breaks k is refuted by them.
func unlessRefuted(rel *schema.Relation, k *schema.Constraint, f func(context.Context, *builder) error) func(context.Context, *builder) error {
	return func(ctx context.Context, b *builder) error {
		err := f(ctx, b)
		var none *errNone
		if !errors.As(err, &none) || !none.goal || b.fill != 0 {
			return err
		}
		plan, asked := b.lab.Query(ctx, "SET LOCAL constraint_exclusion = on; EXPLAIN (COSTS off) SELECT 1 FROM ONLY "+fullName(rel)+" WHERE NOT ("+k.Expression+")")
		var refused *Refusal
		if asked != nil && !errors.As(asked, &refused) {
			return asked
		}
		for _, row := range plan {
			if row[0] != nil && strings.TrimSpace(*row[0]) == "One-Time Filter: false" {
				return errImplied
			}
		}
		return err
	}
}

// listed reports whether the old schema takes only listed values for each
// column of a check: enums, booleans, and those of a check with a list.
func listed(b *base, rel *schema.Relation, k *schema.Constraint) bool {
	for _, n := range k.Columns {
		c := rel.Column(n)
		if c == nil {
			return false
		}
		x := b.types.base(b.types.parse(c.Type))
		if x.name == "boolean" || x.user != nil && x.user.Kind == schema.Enum && !x.array {
			continue
		}
		if !slices.ContainsFunc(b.checks[rel.OID], func(o *schema.Constraint) bool {
			return len(o.Columns) == 1 && o.Columns[0] == n && o.Validated && onlyList.MatchString(o.Expression)
		}) {
			return false
		}
	}
	return len(k.Columns) > 0
}

var nullTest = regexp.MustCompile(`(?:"[^"]+"|\w+) IS (?:NOT )?NULL|\b(?:AND|OR|NOT)\b|[()\s]|num_nonnulls|num_nulls`)

// onlyNulls reports whether an expression asks only which columns are NULL.
func onlyNulls(expr string) bool { return nullTest.ReplaceAllString(expr, "") == "" }

var onlyList = regexp.MustCompile(`^\(+[\w".]+\)?(?:::[\w ]+)?\)? = (?:ANY \(.*ARRAY\[[^\]]*\].*\)|'(?:[^']|'')*'(?:::[\w ]+)?\))$`)

func foreignGoals(b *base, rel *schema.Relation, k, was *schema.Constraint) []goal {
	if was == nil && same(b, k) {
		return impossible()
	}
	for _, n := range k.Columns {
		if rel.Column(n) == nil {
			return []goal{one(rel, want{}), one(rel, want{notNull: oldColumns(rel, k.Columns)})}
		}
	}
	w := want{notNull: k.Columns, free: free(was), orphan: k.OID}
	if to := b.cat.Relations[k.RefTable]; to != nil && b.full[to.OID] {
		var conds []string
		for i, n := range k.Columns {
			if c := to.Column(k.RefColumns[i]); c != nil {
				conds = append(conds, "assay_p."+ident(c.Name)+" = assay_w."+ident(rel.Column(n).Name))
			}
		}
		w.where = []string{"NOT EXISTS (SELECT 1 FROM " + fullName(to) + " assay_p WHERE " + strings.Join(conds, " AND ") + ")"}
	}
	apart := func(at int) goal {
		return goal{free: was, make: func(ctx context.Context, b *builder) error {
			w := w
			w.fixed, w.notNull, w.where = map[int16]string{}, nil, nil
			for _, n := range k.Columns {
				pool, err := b.pool(ctx, rel, rel.Column(n), at, nil)
				if err != nil {
					return err
				}
				if len(pool) == 0 {
					return &errNone{why: fmt.Sprintf("no value was found for %s.%s", fullName(rel), ident(rel.Column(n).Name))}
				}
				w.fixed[n] = pool[0]
			}
			_, err := b.add(ctx, rel, w)
			return err
		}}
	}
	g := one(rel, w)
	g.free = was
	return []goal{g, apart(1), apart(8)}
}

func domainGoals(b *base, d *schema.Type, k, was *schema.Constraint) []goal {
	if k != nil && was == nil {
		for _, o := range b.checks[d.OID] {
			if o.Validated && o.Expression == k.Expression {
				return impossible()
			}
		}
	}
	var out []goal
	for _, rel := range schema.Sorted(b.cat.Relations) {
		if rel.Kind != schema.Table && rel.Kind != schema.PartitionedTable {
			continue
		}
		for _, c := range rel.Columns {
			if c.TypeOID != d.OID || c.Generated != "" || len(out) > 3 {
				continue
			}
			w := want{free: free(was)}
			if k == nil {
				if c.NotNull {
					continue
				}
				w.fixed = map[int16]string{c.Num: null}
			} else {
				w.not = value.ReplaceAllString(k.Expression, ident(c.Name))
				if strings.Contains(k.Expression, "VALUE IS NOT NULL") && !c.NotNull {
					w.fixed, w.not = map[int16]string{c.Num: null}, ""
				}
			}
			g := one(rel, w)
			g.free = was
			out = append(out, g)
		}
	}
	if len(out) == 0 {
		return impossible() // no table has a column of it
	}
	return out
}
