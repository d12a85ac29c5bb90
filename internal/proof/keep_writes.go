package proof

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// written is an UPDATE or DELETE: what it does to every row if no condition
// holds it to some of them, and to the children of rows that go.
func (f *finder) written() {
	s := f.s
	var rel *schema.Relation
	var beside []*schema.Relation
	for _, l := range slices.Concat(s.Locks, s.Held) {
		switch r := f.old(l.Relation); {
		case r == nil || !word(s.Stmt.Text, r.Name):
		case l.Mode.Strength() >= devdb.RowExclusive.Strength() && rel == nil && strings.EqualFold(r.Name, lastName(s.Stmt.Syntax.Objects[0])):
			rel = r
		case l.Mode == devdb.AccessShare && !slices.Contains(beside, r):
			beside = append(beside, r)
		}
	}
	if rel == nil {
		return
	}
	form, ok := formOf(s.Stmt.Text)
	every := !s.Stmt.Syntax.HasWhere && !form.joined || ok && len(beside) > 0 && form.unjoined(rel)
	other := neighbours{tables: beside}
	if every && form.where != "" && len(beside) == 1 {
		other.where = dotted.ReplaceAllString(form.where, "$2")
	}
	if s.Tag == "DELETE" {
		if every {
			f.keeps(rel, nil, func(b *base, k *keep) []goal { return k.rowGoals(b, other) })
		}
		if every || ok && len(beside) == 0 {
			f.children(rel, form, every, other)
		}
		return
	}
	var set []int16
	for _, c := range rel.Columns {
		if now := s.After.Relations[rel.OID].Column(c.Num); now != nil && c.Generated == "" && c.Identity == "" && word(s.Stmt.Text, now.Name) {
			set = append(set, c.Num)
		}
	}
	if every && len(set) > 0 {
		f.keeps(rel, set, func(_ *base, k *keep) []goal {
			k.chance = chances.MatchString(s.Stmt.Text)
			return updateGoals(k, set, other)
		})
	}
}

// updateGoals are rows with other values each time: the first may be the ones
// that the statement sets.
func updateGoals(k *keep, set []int16, beside neighbours) []goal {
	var out []goal
	for _, at := range []int{0, 1, 8} {
		out = append(out, k.goal(beside, func(ctx context.Context, b *builder) error {
			w := want{fixed: map[int16]string{}}
			for _, n := range set {
				pool, err := b.pool(ctx, k.rel, k.rel.Column(n), at, nil)
				if err != nil {
					return err
				}
				if len(pool) > 0 {
					w.fixed[n] = pool[0]
				}
			}
			_, err := b.add(ctx, k.rel, w)
			return err
		}))
	}
	return out
}

// children are the rows that a DELETE takes, or empties, in tables with a
// foreign key to the one that it names.
func (f *finder) children(rel *schema.Relation, form form, every bool, beside neighbours) {
	for _, k := range schema.Sorted(f.s.Before.Constraints) {
		child := f.old(k.Table)
		if k.Kind != schema.ForeignKey || k.RefTable != rel.OID || child == nil || child == rel || k.Parent != 0 || slices.Contains(beside.tables, child) {
			continue
		}
		var cols []int16
		switch k.OnDelete {
		case "cascade":
		case "set null", "set default":
			cols = k.Columns
		default:
			continue
		}
		if slices.ContainsFunc(k.Columns, func(n int16) bool { return child.Column(n) == nil }) {
			continue
		}
		f.keeps(child, cols, func(_ *base, kp *keep) []goal {
			return []goal{kp.goal(beside, func(ctx context.Context, b *builder) error {
				if !every {
					if _, err := b.add(ctx, rel, want{where: []string{form.bare(rel)}}); err != nil {
						return err
					}
				}
				w := want{notNull: k.Columns}
				if !every {
					parent := b.rows[len(b.rows)-1]
					w.fixed = map[int16]string{}
					for i, n := range k.Columns {
						if v := parent.vals[k.RefColumns[i]]; v != "" {
							w.fixed[n] = v
						} else if c := rel.Column(k.RefColumns[i]); c != nil {
							parent.vals[c.Num] = b.types.sample(b.types.parse(c.Type), 0)
							w.fixed[n] = parent.vals[c.Num]
						}
					}
				}
				_, err := b.add(ctx, child, w)
				return err
			})}
		})
	}
}

// word reports whether a name is written in a statement.
func word(text, name string) bool {
	return regexp.MustCompile(`(?i)(^|[^\w])` + regexp.QuoteMeta(name) + `([^\w]|$)`).MatchString(text)
}

func lastName(written string) string {
	parts := strings.Split(written, ".")
	return strings.Trim(parts[len(parts)-1], `"`)
}

// form is an UPDATE or DELETE taken apart, as far as words can tell.
type form struct {
	alias  string // of the table written, lower case; empty: its name
	joined bool   // other tables are in it
	where  string // empty if there is none
}

var (
	head    = regexp.MustCompile(`(?is)^\s*(?:UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?(?:[\w.]|"[^"]+")+(?:\s*\*)?(?:\s+(?:AS\s+)?(\w+))?(.*)$`)
	comment = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/`)
	dotted  = regexp.MustCompile(`\b([A-Za-z_]\w*)\s*\.\s*(\w+)`)
	strange = regexp.MustCompile(`(?i)\bSELECT\b|"|\$|\bCURRENT\s+OF\b`)
	others  = regexp.MustCompile(`(?i)\b(FROM|USING|JOIN|LIMIT)\b`)
	wheres  = regexp.MustCompile(`(?i)\bWHERE\b`)
	ending  = regexp.MustCompile(`(?i)\bRETURNING\b`)
)

// formOf takes a statement apart; ok is false for what has subqueries, quoted
// names or more than one WHERE.
func formOf(text string) (f form, ok bool) {
	text = strings.TrimRight(comment.ReplaceAllString(text, " "), "; \t\n")
	blank := textConst.ReplaceAllStringFunc(text, func(s string) string { return "'" + strings.Repeat("x", len(s)-2) + "'" })
	m := head.FindStringSubmatchIndex(blank)
	if m == nil {
		return f, false
	}
	rest := m[4]
	if m[2] >= 0 {
		switch a := strings.ToLower(blank[m[2]:m[3]]); a {
		case "set", "using", "where", "returning":
			rest = m[2]
		default:
			f.alias = a
		}
	}
	f.joined = others.MatchString(flat(blank[rest:]))
	at := wheres.FindAllStringIndex(blank, -1)
	if len(at) > 1 || strange.MatchString(blank) {
		return f, false
	}
	if len(at) == 1 {
		f.joined = others.MatchString(flat(blank[rest:at[0][0]]))
		end := len(text)
		if r := ending.FindStringIndex(blank[at[0][1]:]); r != nil {
			end = at[0][1] + r[0]
		}
		f.where = strings.TrimSpace(text[at[0][1]:end])
	}
	return f, true
}

// flat is a text without what is in parentheses: extract(year FROM x) joins nothing.
func flat(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// bare is the WHERE without the name of the table before its columns.
func (f form) bare(rel *schema.Relation) string {
	of := f.alias
	if of == "" {
		of = rel.Name
	}
	return regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(of)+`\s*\.\s*`).ReplaceAllString(f.where, "")
}

// unjoined reports whether the WHERE of a statement with another table says
// nothing about the rows of the table written, so that it takes all or none.
func (f form) unjoined(rel *schema.Relation) bool {
	if f.where == "" {
		return f.joined
	}
	rest := textConst.ReplaceAllString(f.where, " ")
	of := f.alias
	if of == "" {
		of = strings.ToLower(rel.Name)
	}
	for _, d := range dotted.FindAllStringSubmatch(rest, -1) {
		if strings.EqualFold(d[1], of) {
			return false
		}
	}
	rest = dotted.ReplaceAllString(rest, " ")
	return !slices.ContainsFunc(rel.Columns, func(c *schema.Column) bool { return word(rest, c.Name) })
}
