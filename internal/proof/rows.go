package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// row is one row to insert. A column without a value is left to its default.
type row struct {
	rel  *schema.Relation
	vals map[int16]string
}

// want is what a row must be like, beside being accepted.
type want struct {
	fixed   map[int16]string
	notNull []int16 // have an explicit value that is not NULL
	where   []string
	// not must be false for the row; its columns may be called as after the change set.
	not    string
	calc   []string            // columns that the change set adds: `0 AS "total"`
	names  map[int16]string    // of columns, after the change set
	orphan schema.OID          // foreign key that is to have no parent
	free   map[schema.OID]bool // constraints that old rows were not held to
}

// errImplied says that the old schema itself rules such rows out.
var errImplied = errors.New("the schema before the change refuses every such row")

// errNone says that no values were found.
type errNone struct {
	why  string
	goal bool // for what the goal asks, not for what the old schema does
}

func (e *errNone) Error() string { return e.why }

// builder makes one set of rows, parents first.
type builder struct {
	*base
	fill     int              // 0: as few columns as can be; 1 and 2: all, with other values
	only     *schema.Relation // that fill is for; nil: all
	offset   int              // of the numbering of values
	required map[schema.Ref]bool
	dodge    map[schema.OID]bool // partial unique indexes that the rows must stay out of
	rows     []*row
	open     []*row // in the making
	cyclic   bool
	seen     []string // constants of the expressions concerned
}

// filling is how the columns of a table's rows are filled.
func (b *builder) filling(rel *schema.Relation) int {
	if b.only != nil && b.only != rel {
		return 0
	}
	return b.fill
}

// add makes a row of rel and what it refers to.
func (b *builder) add(ctx context.Context, rel *schema.Relation, w want) (*row, error) {
	if len(b.open) > 60 || len(b.rows) > 200 {
		return nil, &errNone{why: fmt.Sprintf("the foreign keys of %s lead to more than 200 rows", fullName(rel))}
	}
	if rel.Kind == schema.ForeignTable {
		return nil, &errNone{why: fmt.Sprintf("%s is a foreign table", fullName(rel))}
	}
	r := &row{rel: rel, vals: map[int16]string{}}
	b.open = append(b.open, r)
	defer func() { b.open = b.open[:len(b.open)-1] }()
	distinct, err := b.distinct(rel, w)
	if err != nil {
		return nil, err
	}
	if err := b.solve(ctx, r, w, distinct); err != nil {
		return nil, err
	}
	for _, k := range b.foreignKeys[rel.OID] {
		if k.OID == w.orphan || w.free[k.OID] {
			continue
		}
		if err := b.parent(ctx, r, k); err != nil {
			return nil, err
		}
	}
	b.rows = append(b.rows, r)
	return r, nil
}

// siblings are the rows of the same table that are made or in the making.
func (b *builder) siblings(rel *schema.Relation) []*row {
	var out []*row
	for _, r := range slices.Concat(b.rows, b.open) {
		if r.rel == rel || r.rel.PartitionOf == rel.OID || rel.PartitionOf == r.rel.OID && rel.PartitionOf != 0 {
			out = append(out, r)
		}
	}
	return out
}

// distinct chooses for each unique key the column in which a further row
// differs, and gives these columns.
func (b *builder) distinct(rel *schema.Relation, w want) (map[int16]bool, error) {
	out := map[int16]bool{}
	var others []*row
	for _, o := range b.siblings(rel) {
		if o != b.open[len(b.open)-1] {
			others = append(others, o)
		}
	}
	if len(others) == 0 && b.offset == 0 && !b.full[rel.OID] {
		return out, nil
	}
	for _, i := range b.uniques[rel.OID] {
		if w.free[i.OID] || i.Constraint != 0 && w.free[i.Constraint] {
			continue
		}
		if err := b.differ(rel, i, w, others, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *builder) differ(rel *schema.Relation, i *schema.Index, w want, others []*row, out map[int16]bool) error {
	var cols []int16
	plain := map[int16]bool{}
	for _, k := range i.Keys {
		if k.Column != 0 {
			cols = append(cols, k.Column)
			plain[k.Column] = true
		} else {
			cols = append(cols, mentioned(k.Text, rel, nil)...)
		}
	}
	best, bestRank := int16(0), 100
	for _, n := range cols {
		c := rel.Column(n)
		if c == nil || c.Generated != "" {
			continue
		}
		v, fixed := w.fixed[n]
		explicit := slices.Contains(w.notNull, n) || b.isRequired(rel, c) || b.filling(rel) > 0
		rank := 0
		switch {
		case out[n]:
			return nil
		case fixed && v == null && !i.NullsNotDistinct && plain[n]:
			return nil
		case fixed && plain[n] && !slices.ContainsFunc(others, func(o *row) bool { return o.vals[n] == v || o.vals[n] == "" }):
			return nil
		case fixed:
			continue
		case !explicit && plain[n] && (unlike(c) || c.Default == "" && !i.NullsNotDistinct):
			return nil
		case b.few(c):
			rank = 3
		case len(b.keysOf(rel, n)) > 0:
			rank = 2
		}
		if !plain[n] {
			rank += 4
		}
		if rank < bestRank {
			best, bestRank = n, rank
		}
	}
	if best == 0 {
		if len(others) == 0 || i.Predicate != "" {
			return nil
		}
		return errImplied
	}
	out[best] = true
	return nil
}

// few reports whether a column's type has few values.
func (b *builder) few(c *schema.Column) bool {
	x := b.types.base(b.types.parse(c.Type))
	return !x.array && (x.name == "boolean" || x.user != nil && x.user.Kind == schema.Enum)
}

// unlike reports whether the column's default gives each row another value.
func unlike(c *schema.Column) bool {
	d := strings.ToLower(c.Default)
	return c.Identity != "" || strings.Contains(d, "nextval(") || strings.Contains(d, "uuid") || strings.Contains(d, "clock_timestamp") || strings.Contains(d, "random")
}

// isRequired reports whether the column must be given a value.
func (b *builder) isRequired(rel *schema.Relation, c *schema.Column) bool {
	if ref := columnRef(rel.OID, c.Num); b.required[ref] || b.notNull[ref] {
		return true
	}
	if c.Default != "" || c.Identity != "" || c.Generated != "" {
		return false
	}
	u := b.cat.Types[c.TypeOID]
	if u != nil && u.Kind == schema.Domain && u.Default != "" {
		return false
	}
	for ; u != nil && u.Kind == schema.Domain; u = b.types.parse(u.Base).user {
		if u.NotNull {
			return true
		}
	}
	return c.NotNull || slices.Contains(rel.PartitionColumns, c.Num)
}

// keysOf are the foreign keys that a column is in.
func (b *builder) keysOf(rel *schema.Relation, num int16) []*schema.Constraint {
	var out []*schema.Constraint
	for _, k := range b.foreignKeys[rel.OID] {
		if slices.Contains(k.Columns, num) {
			out = append(out, k)
		}
	}
	return out
}

// parent makes the row that r refers to by a foreign key, unless it is there.
func (b *builder) parent(ctx context.Context, r *row, k *schema.Constraint) error {
	to := b.cat.Relations[k.RefTable]
	if to == nil {
		return nil
	}
	fixed := map[int16]string{}
	for i, n := range k.Columns {
		v := r.vals[n]
		if c := r.rel.Column(n); v == "" && c != nil {
			v = c.Default
			if c.Generated != "" || c.Identity != "" {
				return &errNone{why: fmt.Sprintf("foreign key %s starts at a column that the server fills", ident(k.Name))}
			}
		}
		if v == "" || strings.HasPrefix(v, null) {
			return nil
		}
		fixed[k.RefColumns[i]] = v
	}
	if b.made(r, to, fixed) {
		return nil
	}
	if b.full[to.OID] {
		var conds []string
		for _, n := range k.RefColumns {
			conds = append(conds, ident(to.Column(n).Name)+" = "+fixed[n])
		}
		got, err := b.lab.Query(ctx, "SELECT 1 FROM "+fullName(to)+" WHERE "+strings.Join(conds, " AND ")+" LIMIT 1")
		if err != nil {
			return err
		}
		if len(got) > 0 {
			return nil
		}
	}
	_, err := b.add(ctx, to, want{fixed: fixed})
	return err
}

// made looks for the row among those that are made. One that is still in the
// making can be made to fit; it is then inserted in the same statement.
func (b *builder) made(from *row, to *schema.Relation, fixed map[int16]string) bool {
	for i, o := range slices.Concat(b.rows, b.open) {
		if o.rel != to && o.rel.PartitionOf != to.OID {
			continue
		}
		open := i >= len(b.rows)
		if o == from && selfApart(from.rel, fixed, from) {
			continue
		}
		fits := true
		for n, v := range fixed {
			have := o.vals[n]
			c := to.Column(n)
			fits = fits && (have == v || have == "" && open && c != nil && (c.Default != "" || c.Identity != ""))
		}
		if !fits {
			continue
		}
		for n, v := range fixed {
			o.vals[n] = v
		}
		b.cyclic = b.cyclic || open && o != from
		return true
	}
	return false
}

// selfApart reports whether a row need not be its own parent: it has a key
// already, which is another.
func selfApart(rel *schema.Relation, fixed map[int16]string, r *row) bool {
	for n, v := range fixed {
		if c := rel.Column(n); c != nil && r.vals[n] == "" && unlike(c) && v != "1" {
			return true
		}
	}
	return false
}

// inserts renders the rows: one INSERT for neighbours of one table, one
// statement for all if they refer to each other in a circle.
func (b *builder) inserts() []string {
	type group struct {
		rel  *schema.Relation
		cols []int16
		rows [][]string
	}
	var groups []*group
	for _, r := range b.rows {
		var cols []int16
		var vals []string
		for _, c := range r.rel.Columns {
			if v, ok := r.vals[c.Num]; ok && v != "" {
				cols, vals = append(cols, c.Num), append(vals, v)
			}
		}
		at := slices.IndexFunc(groups, func(g *group) bool { return g.rel == r.rel && len(cols) > 0 && slices.Equal(g.cols, cols) })
		if at >= 0 && !b.cyclic {
			for _, later := range groups[at+1:] {
				if slices.ContainsFunc(b.foreignKeys[r.rel.OID], func(k *schema.Constraint) bool { return k.RefTable == later.rel.OID }) {
					at = -1
					break
				}
			}
		}
		if at >= 0 {
			groups[at].rows = append(groups[at].rows, vals)
			continue
		}
		groups = append(groups, &group{r.rel, cols, [][]string{vals}})
	}
	var out []string
	for _, g := range groups {
		out = append(out, insert(g.rel, g.cols, g.rows))
	}
	if !b.cyclic || len(out) < 2 {
		return out
	}
	for i := range out[:len(out)-1] {
		out[i] = fmt.Sprintf("r%d AS (%s)", i+1, strings.TrimSuffix(out[i], ";"))
	}
	n := len(out) - 1
	return []string{"WITH " + strings.Join(out[:n], ", ") + " " + out[n]}
}

func insert(rel *schema.Relation, cols []int16, rows [][]string) string {
	if len(cols) == 0 {
		return "INSERT INTO " + tableName(rel) + " DEFAULT VALUES;"
	}
	var names, tuples []string
	over := ""
	for _, n := range cols {
		c := rel.Column(n)
		names = append(names, ident(c.Name))
		if c.Identity == "always" {
			over = " OVERRIDING SYSTEM VALUE"
		}
	}
	for _, r := range rows {
		vals := slices.Clone(r)
		for i, v := range vals {
			vals[i] = strings.TrimSpace(v)
		}
		tuples = append(tuples, "("+strings.Join(vals, ", ")+")")
	}
	return "INSERT INTO " + tableName(rel) + " (" + strings.Join(names, ", ") + ")" + over + " VALUES " + strings.Join(tuples, ", ") + ";"
}
