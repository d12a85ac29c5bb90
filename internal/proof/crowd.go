package proof

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// A crowd is many different rows at once, for statements that work on rows:
// what such a statement fails on can be looked for in one run, and found among
// the rows afterwards.
type crowd struct {
	*builder
	reads *reading
	now   *schema.Catalog // as it is when the statement runs: names may be others
	odd   oddity          // up to which values are taken
	odds  map[*row]oddity
	all   []*schema.Relation // that get rows
	like  map[schema.OID]*template
}

// template is how the rows of a table are made.
type template struct {
	model   *row
	factors []factor
	used    map[int]map[string]bool // values of the factors that no two rows share
	rows    int
}

// reading is what a statement reads and writes, as far as is known.
type reading struct {
	tables []*schema.Relation // as they were before the change set
	text   string             // of the statement, and of what else says which columns it needs
	given  string             // of the statement alone
	target string             // name of what it writes, empty if its text names none
}

// bounds of a crowd.
const (
	mostTables  = 14
	mostRows    = 60 // of one table
	mostColumns = 12 // of one table that vary
	lonely      = 88 // the number of a sample that no key has: what matches nothing
)

// gather makes rows for the tables and those that they refer to.
func gather(ctx context.Context, b *base, reads *reading, now *schema.Catalog, upTo oddity) (*crowd, error) {
	c := &crowd{
		builder: &builder{base: b, required: map[schema.Ref]bool{}, dodge: map[schema.OID]bool{}},
		reads:   reads, now: now, odd: upTo, odds: map[*row]oddity{}, like: map[schema.OID]*template{},
	}
	made := 0
	var none *errNone
	c.all = c.order()
	for _, rel := range c.all {
		err := c.fill(ctx, rel)
		if errors.As(err, &none) || errors.Is(err, errImplied) {
			continue // the others may do
		}
		if err != nil {
			return nil, err
		}
		made++
	}
	c.mingle()
	if made == 0 && none != nil {
		return nil, none
	}
	return c, nil
}

// order is the tables, and those that their rows refer to, the referenced first.
func (c *crowd) order() []*schema.Relation {
	var out []*schema.Relation
	seen := map[schema.OID]bool{}
	var visit func(r *schema.Relation)
	visit = func(r *schema.Relation) {
		if r == nil || seen[r.OID] || len(seen) >= mostTables || r.Kind != schema.Table && r.Kind != schema.PartitionedTable {
			return
		}
		seen[r.OID] = true
		for _, k := range c.foreignKeys[r.OID] {
			if c.needsKey(r, k) {
				visit(c.cat.Relations[k.RefTable])
			}
		}
		out = append(out, r)
	}
	for _, r := range c.reads.tables {
		visit(r)
	}
	return out
}

// needsKey reports whether rows must, or should, hold a key of another table.
func (c *crowd) needsKey(r *schema.Relation, k *schema.Constraint) bool {
	return slices.ContainsFunc(k.Columns, func(n int16) bool {
		col := r.Column(n)
		return col != nil && (c.isRequired(r, col) || c.isNamed(r, col))
	})
}

var everything = regexp.MustCompile(`(?i)(?:\bSELECT\s+(?:DISTINCT\s+)?|[,.]\s*)\*|\bROW_TO_JSON|\bTO_JSONB?\b|%ROWTYPE`)

// isNamed reports whether the statement names a column, as it is called then.
func (c *crowd) isNamed(r *schema.Relation, col *schema.Column) bool {
	if !slices.Contains(c.reads.tables, r) {
		return false
	}
	return word(c.reads.text, c.nameNow(r, col)) || everything.MatchString(c.reads.given)
}

func (c *crowd) nameNow(r *schema.Relation, col *schema.Column) string {
	if t := c.now.Relations[r.OID]; t != nil && t.Column(col.Num) != nil {
		return t.Column(col.Num).Name
	}
	return col.Name
}

// fill makes the rows of one table.
func (c *crowd) fill(ctx context.Context, rel *schema.Relation) error {
	model, err := c.model(ctx, rel)
	if err != nil {
		return err
	}
	factors, err := c.factors(ctx, rel)
	if err != nil {
		return err
	}
	most := mostRows
	if !slices.Contains(c.reads.tables, rel) {
		most = 8
	}
	t := &template{model: model, factors: factors, used: map[int]map[string]bool{}}
	c.like[rel.OID] = t
	combos := combine(factors, most)
	if len(combos) == 0 {
		combos = [][]int{{}, {}}
	}
	if r := c.barely(rel, model, factors); r != nil {
		c.insert(r, plain, t)
	}
	c.insert(clone(model), plain, t) // twice, since the first is among the builder's
	for _, combo := range combos {
		r, level := clone(model), plain
		for f, i := range combo {
			if i >= 0 {
				r.set(factors[f], factors[f].cells[i])
				level = max(level, factors[f].cells[i].odd)
			}
		}
		c.insert(r, level, t)
	}
	return nil
}

// mingle adds rows that meet those of other tables in a join: a row for each
// value that a key of another table has, by a foreign key or without one.
func (c *crowd) mingle() {
	for _, rel := range c.reads.tables {
		t := c.like[rel.OID]
		if t == nil {
			continue
		}
		for _, f := range t.factors {
			if f.once || len(f.cols) != 1 {
				continue
			}
			seen := map[string]bool{}
			for _, o := range c.rows {
				if o.rel == rel {
					seen[o.get(f)] = true
				}
			}
			for _, m := range c.meetings(rel, f) {
				if v := m.vals[0]; !seen[v] && len(seen) < mostRows {
					seen[v] = true
					r := clone(t.model)
					r.vals[f.cols[0]] = v
					c.insert(r, m.odd, t)
				}
			}
		}
	}
	c.mapped()
}

// meetings are the values of keys of other tables that a column may be joined
// with, and how unusual the rows are that hold them.
func (c *crowd) meetings(rel *schema.Relation, f factor) []cell {
	var out []cell
	col := rel.Column(f.cols[0])
	keys := c.keysOf(rel, col.Num)
	for _, o := range slices.Clone(c.rows) {
		t := c.like[o.rel.OID]
		if o.rel == rel || t == nil || !slices.Contains(c.reads.tables, o.rel) {
			continue
		}
		for _, g := range t.factors {
			if len(g.cols) != 1 || !g.once || o.vals[g.cols[0]] == "" {
				continue
			}
			leads := slices.ContainsFunc(keys, func(k *schema.Constraint) bool { return k.RefTable == o.rel.OID && slices.Equal(k.RefColumns, g.cols) })
			other := o.rel.Column(g.cols[0])
			alike := len(keys) == 0 && c.types.base(c.types.parse(other.Type)).plain() == c.types.base(c.types.parse(col.Type)).plain()
			if leads || alike {
				out = append(out, cell{[]string{o.vals[g.cols[0]]}, c.odds[o]})
			}
		}
	}
	return out
}

func clone(r *row) *row { return &row{rel: r.rel, vals: maps.Clone(r.vals)} }

func (r *row) set(f factor, c cell) {
	for i, n := range f.cols {
		r.vals[n] = c.vals[i]
	}
}

func (r *row) get(f factor) string {
	var all []string
	for _, n := range f.cols {
		all = append(all, r.vals[n])
	}
	return strings.Join(all, "\x00")
}

// insert adds a row, with keys that no other row has.
func (c *crowd) insert(r *row, level oddity, t *template) {
	for i, f := range t.factors {
		if !f.once {
			continue
		}
		used := t.used[i]
		if used == nil {
			used = map[string]bool{}
			for _, o := range c.rows {
				if o.rel == r.rel {
					used[o.get(f)] = true
				}
			}
			t.used[i] = used
		}
		for k := 0; used[r.get(f)] && len(f.cols) == 1 && k < 200; k++ {
			col := r.rel.Column(f.cols[0])
			if len(c.keysOf(r.rel, col.Num)) > 0 {
				break
			}
			r.vals[col.Num] = c.types.sample(c.types.parse(col.Type), t.rows+k+2)
		}
		used[r.get(f)] = true
	}
	t.rows++
	c.rows = append(c.rows, r)
	c.odds[r] = level
}

// model makes the row that the others differ from: one that the statement takes.
func (c *crowd) model(ctx context.Context, rel *schema.Relation) (*row, error) {
	w := want{fixed: map[int16]string{}}
	asked := map[int16]string{}
	for _, col := range rel.Columns {
		if col.Generated != "" || !c.isNamed(rel, col) {
			continue
		}
		v := c.types.asked(c.types.parse(col.Type), c.nameNow(rel, col), c.reads.text)
		if v != "" && (v != null || !col.NotNull) && len(c.keysOf(rel, col.Num)) == 0 {
			asked[col.Num] = v
		}
		w.notNull = append(w.notNull, col.Num)
	}
	for _, k := range c.foreignKeys[rel.OID] {
		for _, o := range c.rows {
			if o.rel.OID == k.RefTable && c.needsKey(rel, k) {
				for i, n := range k.Columns {
					if v := o.vals[k.RefColumns[i]]; v != "" && w.fixed[n] == "" {
						w.fixed[n] = v
					}
				}
				break
			}
		}
	}
	for _, n := range c.keyColumns(rel) {
		if !slices.Contains(w.notNull, n) {
			w.notNull = append(w.notNull, n)
		}
	}
	with := w
	with.fixed = maps.Clone(w.fixed)
	maps.Copy(with.fixed, asked)
	var err error
	var none *errNone
	for _, try := range []want{with, w, {fixed: w.fixed}, {}} {
		try.notNull = slices.DeleteFunc(slices.Clone(try.notNull), func(n int16) bool { return try.fixed[n] != "" })
		rows := len(c.rows)
		var r *row
		if r, err = c.add(ctx, rel, try); err == nil {
			return r, nil
		}
		c.rows = c.rows[:rows]
		var refused *Refusal
		if !errors.As(err, &none) && !errors.As(err, &refused) && !errors.Is(err, errImplied) {
			return nil, err
		}
	}
	if none == nil {
		err = &errNone{why: fmt.Sprintf("no row of %s was found", fullName(rel))}
	}
	return nil, err
}

// keyColumns are the columns of a table that rows of other tables refer to.
func (c *crowd) keyColumns(rel *schema.Relation) []int16 {
	var out []int16
	for _, r := range c.all {
		for _, k := range c.foreignKeys[r.OID] {
			if k.RefTable == rel.OID && c.needsKey(r, k) {
				out = append(out, k.RefColumns...)
			}
		}
	}
	return out
}

// factors are what varies in the rows of a table.
func (c *crowd) factors(ctx context.Context, rel *schema.Relation) ([]factor, error) {
	var out []factor
	taken := map[int16]bool{}
	for _, k := range c.foreignKeys[rel.OID] {
		if !c.needsKey(rel, k) || slices.ContainsFunc(k.Columns, func(n int16) bool { return taken[n] || rel.Column(n) == nil }) {
			continue
		}
		if f := c.keyFactor(rel, k); len(f.cells) > 0 {
			for _, n := range k.Columns {
				taken[n] = true
			}
			out = append(out, f)
		}
	}
	once := c.onceColumns(rel)
	for _, col := range rel.Columns {
		key := slices.Contains(once, col.Num) && (!unlike(col) || slices.Contains(c.keyColumns(rel), col.Num))
		if taken[col.Num] || col.Generated != "" || len(out) >= mostColumns || !key && !c.isNamed(rel, col) && !c.isRequired(rel, col) {
			continue
		}
		f, err := c.columnFactor(ctx, rel, col, slices.Contains(once, col.Num))
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// keyFactor are the keys of the rows that are made of the referenced table.
func (c *crowd) keyFactor(rel *schema.Relation, k *schema.Constraint) factor {
	f := factor{cols: k.Columns}
	for _, o := range c.rows {
		if o.rel.OID != k.RefTable || len(f.cells) >= 6 {
			continue
		}
		var vals []string
		for _, n := range k.RefColumns {
			if v := o.vals[n]; v != "" && v != null {
				vals = append(vals, v)
			}
		}
		if len(vals) == len(k.Columns) && !slices.ContainsFunc(f.cells, func(c cell) bool { return slices.Equal(c.vals, vals) }) {
			f.cells = append(f.cells, cell{vals: vals})
		}
	}
	var empty []string
	for _, n := range k.Columns {
		if rel.Column(n).NotNull {
			return f
		}
		empty = append(empty, null)
	}
	f.cells = slices.Insert(f.cells, min(2, len(f.cells)), cell{vals: empty})
	return f
}

// columnFactor are the values of a column: what the checks take, what the
// statement speaks of, and what is seldom thought of.
func (c *crowd) columnFactor(ctx context.Context, rel *schema.Relation, col *schema.Column, once bool) (factor, error) {
	f := factor{cols: []int16{col.Num}, once: once}
	add := func(lit string, o oddity) {
		if o <= c.odd && !slices.ContainsFunc(f.cells, func(have cell) bool { return have.vals[0] == lit }) {
			f.cells = append(f.cells, cell{[]string{lit}, o})
		}
	}
	pool, err := c.pool(ctx, rel, col, 0, nil)
	if err != nil {
		return f, err
	}
	for _, v := range pool[:min(len(pool), 2)] {
		add(v, plain)
	}
	if !c.isNamed(rel, col) {
		return f, nil
	}
	if x := c.types.parse(col.Type); !once && (c.types.base(x).texty() || c.types.base(x).numeric()) {
		add(c.types.sample(x, lonely), plain)
	}
	serial := strings.Contains(col.Default, "nextval(") || col.Identity != ""
	var nullable bool
	for i, v := range c.types.candidates(c.types.parse(col.Type), nearby(c.reads.text, c.nameNow(rel, col))) {
		if i == 1 && !c.isRequired(rel, col) && !col.NotNull {
			nullable = true
			add(null, plain)
		}
		if serial && (strings.HasPrefix(v.lit, "-") || v.lit == "0" || v.odd > plain) {
			continue // numbered from 1 by the server
		}
		add(v.lit, v.odd)
	}
	if !nullable && !c.isRequired(rel, col) && !col.NotNull {
		add(null, plain)
	}
	return f, nil
}

// onceColumns are those in which rows must differ, one for each unique key.
func (c *crowd) onceColumns(rel *schema.Relation) []int16 {
	var out []int16
	for _, i := range c.uniques[rel.OID] {
		var best int16
		rank := 100
		for _, k := range i.Keys {
			col := rel.Column(k.Column)
			if col == nil {
				continue
			}
			n := 0
			if c.isNamed(rel, col) {
				n++
			}
			if len(i.Keys) > 1 && (c.few(col) || len(c.keysOf(rel, col.Num)) > 0) {
				n += 10 // these may vary freely; the server says which pairs are new
			}
			if slices.Contains(out, col.Num) {
				n = -1
			}
			if n < rank {
				best, rank = col.Num, n
			}
		}
		if best != 0 && rank < 10 && !slices.Contains(out, best) {
			out = append(out, best)
		}
	}
	return out
}

// barely is the model with nothing but what a row must have, nil if that is all
// it has.
func (c *crowd) barely(rel *schema.Relation, model *row, factors []factor) *row {
	r := clone(model)
	less := false
	for n := range model.vals {
		col := rel.Column(n)
		key := slices.ContainsFunc(factors, func(f factor) bool { return f.once && slices.Contains(f.cols, n) })
		if col != nil && !key && !c.isRequired(rel, col) && !slices.Contains(c.keyColumns(rel), n) {
			delete(r.vals, n)
			less = true
		}
	}
	if !less {
		return nil
	}
	return r
}

// accepted are the rows that the schema before the change takes, one after the other.
func (c *crowd) accepted(ctx context.Context, prepare []string) ([]*row, error) {
	var list []string
	for _, r := range c.rows {
		list = append(list, strings.TrimSpace(quote(strings.TrimSuffix(insertOf(r), ";"))))
	}
	if len(list) == 0 {
		return nil, nil
	}
	block := "DECLARE s text; i int := 0; good text := ''; BEGIN FOREACH s IN ARRAY ARRAY[" + strings.Join(list, ",\n") + "]::text[] LOOP " +
		"BEGIN EXECUTE s; good := good || i || ' '; EXCEPTION WHEN OTHERS THEN NULL; END; i := i + 1; END LOOP; PERFORM pg_catalog.set_config('assay.accepted', good, true); END"
	sql := strings.Join(append(slices.Clone(prepare), "SET CONSTRAINTS ALL IMMEDIATE", "DO "+strings.TrimSpace(quote(block)), "SELECT pg_catalog.current_setting('assay.accepted')"), "; ")
	got, err := c.lab.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	var out []*row
	for _, f := range strings.Fields(*got[0][0]) {
		if i, err := strconv.Atoi(f); err == nil && i < len(c.rows) {
			out = append(out, c.rows[i])
		}
	}
	return out, nil
}

func insertOf(r *row) string {
	var cols []int16
	var vals []string
	for _, c := range r.rel.Columns {
		if v := r.vals[c.Num]; v != "" {
			cols, vals = append(cols, c.Num), append(vals, v)
		}
	}
	return insert(r.rel, cols, [][]string{vals})
}
