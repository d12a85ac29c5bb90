package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var notNullViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD102", Name: "not-null-violation", Title: "NOT NULL on a column that may hold NULLs", Severity: lint.Warning, Weight: lint.ByRows, Covers: []string{"DD104"},
		Aliases: []string{"atlas:MF104", "squawk:adding-not-nullable-field"}, Hazards: []string{"B21", "B25", "B28"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.SetNotNull](p) {
			if k, ok := proofOf(at.Step, c.Table.OID, c.Column); ok && k.Validated {
				continue
			}
			if p.IsNew(c.Table.OID) || p.fromParent(at.Step, c) || !reads(at.Step, c.Table.OID) || p.filled(c) {
				continue
			}
			p.reportDemand(at, devdb.DemandNotNull, columnRef(c.Table.OID, c.Column.Num), c.Table.OID, notNullFinding(c.Table, c.Column))
		}
		for at, c := range Each[*schema.ValidateConstraint](p) {
			k := c.After
			t := rel(at.Step, k.Table)
			if t == nil || p.IsNew(t.OID) || k.Parent != 0 || inheritedFrom(at.Step, k) {
				continue
			}
			if col := givenColumn(t, k); col != nil && !p.allNew(t.OID, k.Columns) {
				f := notNullFinding(t, col)
				f.Message = fmt.Sprintf("validating check %q fails if some row of %s has NULL in %q", k.Name, quote(qualified(t.Schema, t.Name)), col.Name)
				p.reportValidation(at, devdb.DemandCheck, k, f)
			}
		}
	},
}

// filled reports whether the column is new and every row got a value when it was added.
func (p *Pass) filled(c *schema.SetNotNull) bool {
	if p.oldColumn(c.Table.OID, c.Column.Num) != nil {
		return false
	}
	for at, a := range Each[*schema.AddColumn](p) {
		if a.Table.OID == c.Table.OID && a.Column.Num == c.Column.Num {
			return at.Step != nil && (a.Column.Default != "" || a.Column.Identity != "")
		}
	}
	return false
}

func notNullFinding(of *schema.Relation, c *schema.Column) lint.Finding {
	table := qualified(of.Schema, of.Name)
	t, col := sqlName(of.Schema, of.Name), sqlIdent(c.Name)
	advice := fmt.Sprintf("Check production for such rows first, and backfill them in batches in an earlier migration:\n\nSELECT count(*) FROM %s WHERE %s IS NULL;\nUPDATE %s SET %s = … WHERE %s IS NULL;",
		t, col, t, col, col)
	if c.Generated != "" { // it can only be updated to DEFAULT
		advice = fmt.Sprintf("Check production for such rows first, and change the columns it is computed from in an earlier migration:\n\nSELECT count(*) FROM %s WHERE %s IS NULL;", t, col)
	}
	return lint.Finding{
		Object:   table + "." + c.Name,
		Message:  fmt.Sprintf("making %q of %s NOT NULL fails if some row has NULL there", c.Name, quote(table)),
		Evidence: factOf(table, "%s.%s was nullable, and no valid CHECK excludes NULL", table, c.Name),
		Advice:   advice,
	}
}
