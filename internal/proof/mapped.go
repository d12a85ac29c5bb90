package proof

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// A mapping is a table whose rows a statement looks up by a value, to write
// others that it has: UPDATE t SET a = m.new FROM m WHERE t.a = m.old.

// mostMapped bounds the values that one mapping gets rows for.
const mostMapped = 12

var equals = regexp.MustCompile(`(?:"?([\pL_][\pL\d_$]*)"?\s*\.\s*)?"?([\pL_][\pL\d_$]*)"?\s*=\s*(?:"?([\pL_][\pL\d_$]*)"?\s*\.\s*)?"?([\pL_][\pL\d_$]*)"?`)

// mapped adds rows that map the values of a column: two of them to one value,
// where rows that differ may become the same, and to one that no key has.
func (c *crowd) mapped() {
	given := strings.ToLower(textConst.ReplaceAllString(c.reads.given, "''"))
	if i := strings.Index(given, "where"); i >= 0 || strings.Contains(given, " on ") {
		given = given[max(i, 0):]
	}
	for _, m := range equals.FindAllStringSubmatch(given, -1) {
		for _, pair := range [][2]string{{m[2], m[4]}, {m[4], m[2]}} {
			for _, from := range c.reads.tables {
				for _, to := range c.reads.tables {
					if x, y := c.columnNow(from, pair[0]), c.columnNow(to, pair[1]); from != to && x != nil && y != nil && !c.isTarget(to) {
						c.mapRows(from, x, to, y)
					}
				}
			}
		}
	}
}

// isTarget reports whether the statement itself writes the table.
func (c *crowd) isTarget(r *schema.Relation) bool {
	name := r.Name
	if t := c.now.Relations[r.OID]; t != nil {
		name = t.Name
	}
	return strings.EqualFold(name, c.reads.target)
}

func (c *crowd) columnNow(r *schema.Relation, name string) *schema.Column {
	for _, col := range r.Columns {
		if strings.EqualFold(c.nameNow(r, col), name) {
			return col
		}
	}
	return nil
}

// mapRows gives a mapping a row for each value that the rows of another table have.
func (c *crowd) mapRows(from *schema.Relation, x *schema.Column, to *schema.Relation, y *schema.Column) {
	t, o := c.like[to.OID], c.like[from.OID]
	if t == nil || o == nil || len(c.keysOf(to, y.Num)) > 0 {
		return
	}
	c.pairs(from, x, o)
	seen := map[string]bool{}
	have := map[string]*row{}
	for _, r := range c.rows {
		if r.rel == to {
			have[r.vals[y.Num]] = r
		}
	}
	for _, r := range slices.Clone(c.rows) {
		v := r.vals[x.Num]
		if r.rel != from || v == "" || v == null || seen[v] || len(seen) == mostMapped {
			continue
		}
		seen[v] = true
		n := have[v]
		switch {
		case n == nil:
			n = clone(t.model)
		case len(c.keysOf(from, x.Num)) == 0:
			continue // only a key asks what it is mapped to
		}
		for _, f := range t.factors {
			if col := to.Column(f.cols[0]); len(f.cols) == 1 && col.Num != y.Num && c.types.base(c.types.parse(col.Type)).plain() == c.types.base(c.types.parse(x.Type)).plain() {
				n.vals[col.Num] = c.types.sample(c.types.parse(col.Type), lonely)
			}
		}
		if n.vals[y.Num] = v; have[v] == nil {
			c.insert(n, c.odds[r], t)
		}
	}
}

// pairs adds rows that agree in all of a unique key but one of its columns.
func (c *crowd) pairs(rel *schema.Relation, x *schema.Column, t *template) {
	for _, i := range c.uniques[rel.OID] {
		if len(i.Keys) < 2 || !slices.ContainsFunc(i.Keys, func(k schema.IndexKey) bool { return k.Column == x.Num }) {
			continue
		}
		values := map[string]bool{}
		for _, r := range c.rows {
			if v := r.vals[x.Num]; r.rel == rel && v != "" && v != null {
				values[v] = true
			}
		}
		if len(c.keysOf(rel, x.Num)) == 0 {
			for k := range 2 {
				values[c.types.sample(c.types.parse(x.Type), k+2)] = true
			}
		}
		for _, v := range slices.Sorted(maps.Keys(values))[:min(len(values), 4)] {
			r := clone(t.model)
			c.insert(r, plain, t)
			for _, k := range i.Keys { // the same but for the one
				if k.Column != 0 {
					r.vals[k.Column] = t.model.vals[k.Column]
				}
			}
			r.vals[x.Num] = v
		}
	}
}
