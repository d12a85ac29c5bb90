package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var columnCasualties = &Analyzer{
	Rule: lint.Rule{
		ID: "DS107", Name: "column-casualties", Title: "DROP COLUMN silently drops dependent objects", Severity: lint.Warning,
		Hazards: []string{"C16"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			told := map[schema.OID]bool{}
			for _, c := range Changes[*schema.DropColumn](s) {
				t := s.After.Relations[c.Table.OID]
				if t == nil || told[t.OID] || p.IsNew(t.OID) || p.fromParent(s, c) {
					continue
				}
				told[t.OID] = true
				if lost := p.casualties(s, c.Table); len(lost) > 0 {
					p.Report(At{Migration: m, Step: s}, p.casualtyFinding(s, c, lost))
				}
			}
		}
	},
}

// casualty is an index, constraint or statistics object about more than the dropped columns.
type casualty struct{ what, definition, again string }

// casualties are those of the table that were there before the change, were
// about other columns too, or about one that comes back, and have no equal after it.
func (p *Pass) casualties(s *devdb.Step, t *schema.Relation) []casualty {
	var out []casualty
	left := func(nums []int16) (out []int16) {
		for _, n := range nums {
			now := column(s.After.Relations[t.OID], n)
			if was := column(s.Before.Relations[t.OID], n); now == nil && was != nil {
				now = columnByName(p.After.Relations[t.OID], was.Name)
			}
			if now != nil {
				out = append(out, now.Num)
			}
		}
		return out
	}
	for _, d := range Changes[*schema.DropIndex](s) {
		i := d.Index
		rest := left(colNums(i))
		if i.Table != t.OID || p.Before.Indexes[i.OID] == nil || len(rest) == 0 || p.indexed(t.OID, rest, i.Unique) {
			continue
		}
		out = append(out, casualty{indexKind(p.Before, i), i.Definition, ""})
	}
	for _, d := range Changes[*schema.DropConstraint](s) {
		k := d.Constraint
		rest := left(k.Columns)
		if k.Table != t.OID || p.Before.Constraints[k.OID] == nil || len(rest) == 0 || k.Kind != schema.Check && k.Kind != schema.ForeignKey || p.checkedAgain(k) {
			continue
		}
		out = append(out, casualty{fmt.Sprintf("%s %q", k.Kind, k.Name), k.Definition, ""})
	}
	for _, d := range Changes[*schema.DropStatistics](s) {
		if d.Statistics.Table == t.OID && p.Before.Statistics[d.Statistics.OID] != nil {
			out = append(out, casualty{fmt.Sprintf("statistics %q", d.Statistics.Name), d.Statistics.Definition, ""})
		}
	}
	return out
}

func indexKind(c *schema.Catalog, i *schema.Index) string {
	if k := c.Constraints[i.Constraint]; k != nil {
		return fmt.Sprintf("%s %q", keyKind(k), k.Name)
	}
	if i.Unique {
		return fmt.Sprintf("unique index %q", i.Name)
	}
	return fmt.Sprintf("index %q", i.Name)
}

// indexed reports whether after the change a valid index begins with the
// columns, and holds them unique if it must; or an index of this change holds
// them with columns that the change adds in the place of those that went.
func (p *Pass) indexed(table schema.OID, nums []int16, unique bool) bool {
	for _, i := range p.After.Indexes {
		have := colNums(i)
		if i.Table != table || !i.Valid || unique && !i.Unique {
			continue
		}
		if len(have) >= len(nums) && slices.Equal(have[:len(nums)], nums) || p.Before.Indexes[i.OID] == nil && p.withNew(table, have, nums) {
			return true
		}
	}
	return false
}

// withNew reports whether columns are the given ones and others that the change adds.
func (p *Pass) withNew(table schema.OID, have, nums []int16) bool {
	for _, n := range nums {
		if !slices.Contains(have, n) {
			return false
		}
	}
	return !slices.ContainsFunc(have, func(n int16) bool { return !slices.Contains(nums, n) && p.oldColumn(table, n) != nil })
}

// checkedAgain reports whether the change adds a constraint of the same kind
// on some of the same columns.
func (p *Pass) checkedAgain(k *schema.Constraint) bool {
	for _, n := range p.After.Constraints {
		if p.Before.Constraints[n.OID] == nil && n.Table == k.Table && n.Kind == k.Kind &&
			slices.ContainsFunc(n.Columns, func(c int16) bool { return slices.Contains(k.Columns, c) }) {
			return true
		}
	}
	return false
}

func (p *Pass) casualtyFinding(s *devdb.Step, c *schema.DropColumn, lost []casualty) lint.Finding {
	table := qualified(c.Table.Schema, c.Table.Name)
	var names []string
	var ev []lint.Evidence
	for _, l := range lost {
		names = append(names, l.what)
		ev = append(ev, lint.Evidence{Kind: "dropped", Text: l.what + " is dropped: " + l.definition, Object: table})
	}
	var cols []string
	for _, d := range Changes[*schema.DropColumn](s) {
		if d.Table.OID == c.Table.OID {
			cols = append(cols, d.Column.Name)
		}
	}
	advice := "First re-create what you need on the remaining columns, and drop the rest by name, so that reviewers see what is dropped."
	if columnByName(p.After.Relations[c.Table.OID], c.Column.Name) != nil {
		advice = "Re-create what you need on the column that replaces it, right after the backfill; build indexes with CONCURRENTLY."
	}
	return lint.Finding{
		Object:   table,
		Message:  fmt.Sprintf("dropping %s of %s silently drops %s too, without CASCADE", list(cols, 3), quote(table), listPlain(names, 3)),
		Evidence: ev,
		Advice:   advice,
	}
}
