package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var foreignKeyViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD105", Name: "foreign-key-violation", Title: "existing rows may violate a new foreign key", Severity: lint.Warning, Weight: lint.ByRows,
		Hazards: []string{"B01", "B28"},
	},
	Run: func(p *Pass) {
		p.eachDemand(schema.ForeignKey, devdb.DemandForeign, func(at At, k *schema.Constraint) (lint.Finding, bool) {
			if p.allNewAndNull(at.Step, k) || p.sameForeignKey(k) {
				return lint.Finding{}, false
			}
			return foreignKeyFinding(at.Step, k), true
		})
	},
}

// allNewAndNull reports whether every row has NULL in a column of the key: one
// that the change adds without a default.
func (p *Pass) allNewAndNull(s *devdb.Step, k *schema.Constraint) bool {
	t := rel(s, k.Table)
	return slices.ContainsFunc(k.Columns, func(n int16) bool {
		c := column(t, n)
		return c != nil && p.oldColumn(k.Table, n) == nil && c.Default == "" && c.Generated == ""
	})
}

// sameForeignKey reports whether a valid key of before the change says the same.
func (p *Pass) sameForeignKey(k *schema.Constraint) bool {
	for _, o := range p.Before.Constraints {
		if o.Kind == schema.ForeignKey && o.Table == k.Table && o.Validated && o.RefTable == k.RefTable &&
			slices.Equal(o.Columns, k.Columns) && slices.Equal(o.RefColumns, k.RefColumns) {
			return true
		}
	}
	return false
}

func foreignKeyFinding(s *devdb.Step, k *schema.Constraint) lint.Finding {
	t, ref := rel(s, k.Table), rel(s, k.RefTable)
	if t == nil || ref == nil {
		return lint.Finding{}
	}
	table, other := qualified(t.Schema, t.Name), qualified(ref.Schema, ref.Name)
	cols, refCols := idents(columnNames(t, k.Columns)), idents(columnNames(ref, k.RefColumns))
	var on, given []string
	for i := range cols {
		if i < len(refCols) {
			on = append(on, "o."+refCols[i]+" = r."+cols[i])
			given = append(given, "r."+cols[i]+" IS NOT NULL")
		}
	}
	missing := fmt.Sprintf("NOT EXISTS (SELECT FROM %s o WHERE %s)", sqlName(ref.Schema, ref.Name), strings.Join(on, " AND "))
	if last := len(on) - 1; last > 0 && strings.Contains(k.Definition, "PERIOD ") { // several rows together may cover a period
		missing = fmt.Sprintf("NOT coalesce(r.%s <@ (SELECT range_agg(o.%s) FROM %s o WHERE %s), false)", cols[last], refCols[last], sqlName(ref.Schema, ref.Name), strings.Join(on[:last], " AND "))
	}
	return lint.Finding{
		Object:   table,
		Message:  fmt.Sprintf("foreign key %q fails if %s of some row of %s has no match in %s", k.Name, paren(cols), quote(table), quote(other)),
		Evidence: factOf(table, "no constraint enforced the reference from %s of %s to %s until now", paren(cols), table, other),
		Advice: fmt.Sprintf("Check production for such rows first, and fix them in an earlier migration:\n\nSELECT count(*) FROM %s r WHERE %s\n  AND %s;",
			sqlName(t.Schema, t.Name), strings.Join(given, " AND "), missing),
	}
}
