package proof

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// base is what is known of the schema before the change set.
type base struct {
	lab         Asker
	cat         *schema.Catalog
	types       *types
	uniques     map[schema.OID][]*schema.Index      // of a table
	foreignKeys map[schema.OID][]*schema.Constraint // of the referencing table
	checks      map[schema.OID][]*schema.Constraint // of a table or domain
	triggers    map[schema.OID][]*schema.Trigger    // enabled ones
	full        map[schema.OID]bool                 // tables that hold rows
	bounds      map[schema.OID]string               // of a table that is or has partitions: what its rows must be like
	notNull     map[schema.Ref]bool                 // columns that the change set makes so before the statement
	pools       map[string][]string
	keys        map[string][]string
}

// newBase looks at the catalog, and at the server for what it does not tell.
func newBase(ctx context.Context, lab Asker, cat *schema.Catalog) (*base, error) {
	b := &base{
		lab: lab, cat: cat, types: newTypes(cat), uniques: map[schema.OID][]*schema.Index{}, full: map[schema.OID]bool{},
		foreignKeys: map[schema.OID][]*schema.Constraint{}, checks: map[schema.OID][]*schema.Constraint{},
		triggers: map[schema.OID][]*schema.Trigger{}, bounds: map[schema.OID]string{}, pools: map[string][]string{}, keys: map[string][]string{},
	}
	for _, i := range schema.Sorted(cat.Indexes) {
		if (i.Unique || i.Exclusion) && i.Ready {
			b.uniques[i.Table] = append(b.uniques[i.Table], i)
		}
	}
	for _, k := range schema.Sorted(cat.Constraints) {
		switch {
		case !k.Enforced:
		case k.Kind == schema.ForeignKey:
			b.foreignKeys[k.Table] = append(b.foreignKeys[k.Table], k)
		case k.Kind == schema.Check && k.Domain != 0:
			b.checks[k.Domain] = append(b.checks[k.Domain], k)
		case k.Kind == schema.Check:
			b.checks[k.Table] = append(b.checks[k.Table], k)
		}
	}
	for _, t := range schema.Sorted(cat.Triggers) {
		if t.Enabled != "disabled" && t.Enabled != "replica" {
			b.triggers[t.Table] = append(b.triggers[t.Table], t)
		}
	}
	got, err := lab.Query(ctx, `SELECT format('%I.%I', nspname, relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE relkind = 'r' AND nspname !~ '^pg_|^information_schema$' AND pg_catalog.pg_relation_size(c.oid) > 0`)
	if err != nil {
		return nil, fmt.Errorf("looking for tables with rows: %w", err)
	}
	names := map[string]bool{}
	for _, r := range got {
		names[*r[0]] = true
	}
	for _, r := range cat.Relations {
		if names[fullName(r)] {
			for o := r; o != nil; o = cat.Relations[o.PartitionOf] {
				b.full[o.OID] = true
			}
		}
	}
	return b, nil
}

// strict is the base with what else the change set demands before and beside
// the target, as far as it is about tables and columns that are there: rows
// that meet it get as far as the statement.
func (b *base) strict(after *schema.Catalog, target schema.Ref) *base {
	out := *b
	out.foreignKeys, out.checks, out.notNull = maps.Clone(b.foreignKeys), maps.Clone(b.checks), map[schema.Ref]bool{}
	out.uniques, out.pools = maps.Clone(b.uniques), map[string][]string{}
	for _, k := range schema.Sorted(after.Constraints) {
		rel := b.cat.Relations[k.Table]
		if rel == nil || !k.Enforced || target == (schema.Ref{Class: schema.ClassConstraint, OID: k.OID}) || b.cat.Constraints[k.OID] != nil ||
			slices.ContainsFunc(k.Columns, func(n int16) bool { return rel.Column(n) == nil }) {
			continue
		}
		switch {
		case k.Kind == schema.Check && len(renamed(rel, after)) == 0:
			out.checks[rel.OID] = append(slices.Clone(out.checks[rel.OID]), k)
		case k.Kind == schema.ForeignKey && b.cat.Relations[k.RefTable] != nil && !slices.ContainsFunc(k.RefColumns, func(n int16) bool { return b.cat.Relations[k.RefTable].Column(n) == nil }):
			out.foreignKeys[rel.OID] = append(slices.Clone(out.foreignKeys[rel.OID]), k)
		}
	}
	for _, i := range schema.Sorted(after.Indexes) {
		if b.cat.Relations[i.Table] != nil && b.cat.Indexes[i.OID] == nil && i.Unique && target.OID != i.OID && (i.Constraint == 0 || target.OID != i.Constraint) {
			out.uniques[i.Table] = append(slices.Clone(out.uniques[i.Table]), i)
		}
	}
	for _, r := range b.cat.Relations {
		now := after.Relations[r.OID]
		if now == nil {
			continue
		}
		for _, c := range r.Columns {
			if n := now.Column(c.Num); n != nil && n.NotNull && !c.NotNull && target != columnRef(r.OID, c.Num) {
				out.notNull[columnRef(r.OID, c.Num)] = true
			}
		}
	}
	return &out
}

// bound is what rows of a partition, or of a partitioned table, must be like.
func (b *base) bound(ctx context.Context, rel *schema.Relation) (string, error) {
	if rel.PartitionOf == 0 && rel.Kind != schema.PartitionedTable {
		return "", nil
	}
	if s, ok := b.bounds[rel.OID]; ok {
		return s, nil
	}
	sql := "SELECT pg_catalog.pg_get_partition_constraintdef(" + quote(fullName(rel)) + "::pg_catalog.regclass)"
	if rel.Kind == schema.PartitionedTable {
		sql = "SELECT pg_catalog.string_agg('(' || coalesce(pg_catalog.pg_get_partition_constraintdef(relid), 'true') || ')', ' OR ' ORDER BY relid) FROM pg_catalog.pg_partition_tree(" +
			quote(fullName(rel)) + ") WHERE isleaf"
	}
	got, err := b.lab.Query(ctx, "SET LOCAL search_path = pg_catalog; "+sql)
	if err != nil {
		return "", err
	}
	s := ""
	if len(got) > 0 && got[0][0] != nil {
		s = *got[0][0]
	} else if rel.Kind == schema.PartitionedTable {
		s = "false" // no partition takes any row
	}
	b.bounds[rel.OID] = s
	return s, nil
}

// pool gives values for a column, the k-th plain one first. The column a
// foreign key leads to decides, so that the parent takes them as well.
func (b *base) pool(ctx context.Context, rel *schema.Relation, c *schema.Column, k int, exprs []string) ([]string, error) {
	rel, c = b.root(rel, c)
	x := b.types.parse(c.Type)
	var own []string
	var checks []string
	for _, ch := range b.checks[rel.OID] {
		if ch.Validated && len(ch.Columns) == 1 && ch.Columns[0] == c.Num {
			checks = append(checks, "("+ch.Expression+")")
		}
	}
	own = append(own, checks...)
	for u := x.user; u != nil && u.Kind == schema.Domain; u = b.types.parse(u.Base).user {
		for _, ch := range b.checks[u.OID] {
			own = append(own, ch.Expression)
			checks = append(checks, "("+value.ReplaceAllString(ch.Expression, ident(c.Name))+")")
		}
	}
	out := b.values(x, k, append(own, exprs...))
	if len(checks) == 0 {
		return out, nil
	}
	key := fullName(rel) + "." + c.Name + " " + strings.Join(out, ",")
	if got, ok := b.pools[key]; ok {
		return got, nil
	}
	pick, err := b.filter(ctx, []column{{c.Name, b.types.base(x).plain()}}, tuples(out), nil, holds(checks), len(out))
	if err != nil {
		return nil, err
	}
	var fit []string
	for _, i := range pick {
		fit = append(fit, out[i])
	}
	b.pools[key] = fit
	return fit, nil
}

var value = regexp.MustCompile(`\bVALUE\b`)

func tuples(values []string) [][]string {
	var out [][]string
	for _, v := range values {
		out = append(out, []string{v})
	}
	return out
}

func holds(exprs []string) []string {
	var out []string
	for _, e := range exprs {
		out = append(out, e+" IS NOT FALSE")
	}
	return out
}

// root follows foreign keys to the column that values come from.
func (b *base) root(rel *schema.Relation, c *schema.Column) (*schema.Relation, *schema.Column) {
	for range 20 {
		var next *schema.Column
		for _, k := range b.foreignKeys[rel.OID] {
			i := slices.Index(k.Columns, c.Num)
			to := b.cat.Relations[k.RefTable]
			if i < 0 || to == nil || to == rel {
				continue
			}
			if next = to.Column(k.RefColumns[i]); next != nil {
				rel = to
				break
			}
		}
		if next == nil {
			return rel, c
		}
		c = next
	}
	return rel, c
}

// values are some of a type, the k-th plain one first.
func (b *base) values(x typ, k int, exprs []string) []string {
	var out []string
	add := func(v string) {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	n := 3
	if e := b.types.base(x); e.user != nil && e.user.Kind == schema.Enum && !e.array {
		n = min(len(e.user.Labels), 40)
	}
	for i := range n {
		if v := b.types.sample(x, k+i); fitsIn(b.types.base(x), v) {
			add(v)
		}
	}
	for _, v := range b.types.constants(x, exprs) {
		add(v)
	}
	if len(out) == 0 {
		add(b.types.sample(x, 0))
	}
	return out
}

// fitsIn reports whether a text literal is short enough.
func fitsIn(x typ, lit string) bool {
	l := x.limit()
	return l == 0 || !x.texty() || len(lit)-2 <= l
}

// existing gives the keys of rows that are in the referenced table already.
func (b *base) existing(ctx context.Context, k *schema.Constraint) ([][]string, error) {
	to := b.cat.Relations[k.RefTable]
	if to == nil || !b.full[to.OID] {
		return nil, nil
	}
	var cols []string
	for _, n := range k.RefColumns {
		c := to.Column(n)
		if c.Type == "uuid" && strings.Contains(c.Default, "(") {
			return nil, nil // made up anew in each replay: what is shown must hold in the next
		}
		cols = append(cols, ident(c.Name)+"::text")
	}
	list := strings.Join(cols, ", ")
	got, err := b.lab.Query(ctx, "SELECT "+list+" FROM "+fullName(to)+" ORDER BY "+list+" LIMIT 5")
	if err != nil {
		return nil, err
	}
	var out [][]string
	for _, r := range got {
		var tuple []string
		for i, v := range r {
			switch {
			case v == nil:
				tuple = append(tuple, null)
			case b.types.base(b.types.parse(to.Column(k.RefColumns[i]).Type)).numeric():
				tuple = append(tuple, *v)
			default:
				tuple = append(tuple, quote(*v))
			}
		}
		if !slices.Contains(tuple, null) {
			out = append(out, tuple)
		}
	}
	return out, nil
}

// mentioned are the columns whose names stand in an expression. names are
// those of columns that are called otherwise in it.
func mentioned(expr string, rel *schema.Relation, names map[int16]string) []int16 {
	bare := textConst.ReplaceAllString(expr, "''")
	var out []int16
	for _, c := range rel.Columns {
		name := c.Name
		if n, ok := names[c.Num]; ok {
			name = n
		}
		if regexp.MustCompile(`(^|[^\w"])` + regexp.QuoteMeta(ident(name)) + `($|[^\w"])`).MatchString(bare) {
			out = append(out, c.Num)
		}
	}
	return out
}
