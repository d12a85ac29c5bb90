package proof

import (
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// collides adds what other types, collations and USING make of a column, if
// unique indexes are built again over it: two values may become one.
func (f *finder) collides() {
	for _, c := range f.s.Converted() {
		if !f.follows(c.Table, c.After.Name, false) {
			f.collide(c)
		}
	}
}

func (f *finder) collide(c *schema.AlterColumnType) {
	rel := f.old(c.Table.OID)
	if rel == nil || rel.Column(c.After.Num) == nil || rel.Column(c.After.Num).Generated != "" {
		return
	}
	after := f.s.After
	for _, i := range schema.Sorted(after.Indexes) {
		if i.Table != rel.OID || !i.Unique || i.Exclusion || i.Parent != 0 || !f.rebuilt(i) {
			continue
		}
		_, cols := indexColumns(rel, after, i)
		if !slices.Contains(cols, c.After.Num) {
			continue
		}
		target := schema.Ref{Class: schema.ClassRelation, OID: i.OID}
		if i.Constraint != 0 {
			target = schema.Ref{Class: schema.ClassConstraint, OID: i.Constraint}
		}
		f.add(devdb.DemandUnique, target, rel.OID, func(b *base) []goal {
			var out []goal
			for _, two := range collisions(b, rel.Column(c.After.Num), newTypes(after).base(newTypes(after).parse(c.After.Type))) {
				g := pair(rel, want{fixed: map[int16]string{c.After.Num: two[0]}, names: renamed(rel, after)}, cols, func(_ *builder, n int16, v string) string {
					if n == c.After.Num {
						return two[1]
					}
					return v
				})
				g.weak = true // the new type may tell them apart
				out = append(out, g)
			}
			return out
		})
	}
}

// rebuilt reports whether the step builds an index again that was there before it.
func (f *finder) rebuilt(i *schema.Index) bool {
	was := slices.ContainsFunc(schema.Sorted(f.s.Before.Indexes), func(o *schema.Index) bool {
		return o.Table == i.Table && o.Name == i.Name && o.Unique
	})
	return was && slices.ContainsFunc(f.s.Rewrites, func(r devdb.Rewrite) bool { return r.Relation == i.OID || r.Relation == i.Table || r.Table == i.Table })
}

// collisions are pairs of values of a column that another type, another
// collation or a USING may make one, the likeliest first. The server decides.
func collisions(b *base, c *schema.Column, to typ) [][2]string {
	from := b.types.base(b.types.parse(c.Type))
	if from.array {
		return nil
	}
	var out [][2]string
	add := func(v ...string) {
		for i := 0; i+1 < len(v); i += 2 {
			out = append(out, [2]string{quote(v[i]), quote(v[i+1])})
		}
	}
	switch {
	case from.user != nil && from.user.Kind == schema.Enum:
		for i, l := range from.user.Labels[:min(len(from.user.Labels), 4)] {
			for _, m := range from.user.Labels[i+1 : min(len(from.user.Labels), 4)] {
				add(l, m)
			}
		}
	case from.texty():
		switch {
		case to.texty() || to.user != nil:
			if n := to.limit(); n > 0 {
				cut := strings.Repeat("a", n)
				add(cut+"b", cut+"c")
			}
			add("a", "A", "a", "a ", "a", "á")
		case to.name == "boolean":
			add("t", "true", "1", "yes")
		case to.numeric():
			add("1", "01", "1.1", "1.2")
		case to.temporal():
			add("2024-01-01", "2024-1-1", "2024-01-01 12:00", "2024-01-01 12:00:00")
		case to.name == "uuid":
			add("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")
		case to.name == "jsonb":
			add(`{"a": 1}`, `{"a":1}`)
		case to.name == "inet" || to.name == "cidr":
			add("10.0.0.0/8", "10/8", "10.0.0.1", "10.0.0.1/32")
		default:
			add("a", "A", "a", "a ", "1", "01")
		}
	case from.numeric():
		fine := "1." + strings.Repeat("0", scaleOf(to))
		add(fine+"1", fine+"2", "1", "2", "10", "11")
	case from.temporal():
		add("2024-01-01 12:00:00.1", "2024-01-01 12:00:00.2", "2024-01-01 12:00:00", "2024-01-01 13:00:00", "2024-01-01", "2024-01-02")
	default:
		out = append(out, [2]string{b.types.sample(from, 0), b.types.sample(from, 1)})
	}
	return out
}

// scaleOf is how many digits after the point a numeric type keeps.
func scaleOf(t typ) int {
	switch {
	case t.name == "numeric" && len(t.mods) == 2:
		return max(0, t.mods[1])
	case t.name == "money":
		return 2
	case t.name == "real":
		return 8
	case t.name == "double precision":
		return 17
	case t.name == "numeric" && len(t.mods) == 0:
		return 20
	}
	return 0
}
