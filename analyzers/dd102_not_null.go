package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var notNullViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD102", Name: "not-null-violation", Title: "NOT NULL on a column that may hold NULLs", Severity: lint.Warning, Weight: lint.ByRows,
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
			p.reportDemand(at, devdb.DemandNotNull, columnRef(c.Table.OID, c.Column.Num), c.Table.OID, notNullFinding(c))
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

func notNullFinding(c *schema.SetNotNull) lint.Finding {
	table := qualified(c.Table.Schema, c.Table.Name)
	t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.Column.Name)
	return lint.Finding{
		Object:   table + "." + c.Column.Name,
		Message:  fmt.Sprintf("making %q of %s NOT NULL fails if some row has no value there", c.Column.Name, quote(table)),
		Evidence: factOf(table, "%s.%s could be NULL so far, and no valid CHECK says that it is not", table, c.Column.Name),
		Advice: fmt.Sprintf("Look for such rows in production first, and fill them in batches in an earlier migration:\n\nSELECT count(*) FROM %s WHERE %s IS NULL;\nUPDATE %s SET %s = … WHERE %s IS NULL;",
			t, col, t, col, col),
	}
}
