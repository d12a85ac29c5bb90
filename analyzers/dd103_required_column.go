package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var addRequiredColumn = &Analyzer{
	Rule: lint.Rule{
		ID: "DD103", Name: "add-required-column", Title: "adding a NOT NULL column without a value for the rows that are there", Severity: lint.Error, Weight: lint.ByRows,
		Aliases: []string{"atlas:MF103", "squawk:adding-required-field"}, Hazards: []string{"B25"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddColumn](p) {
			if p.IsNew(c.Table.OID) || c.Table.Kind != schema.Table && c.Table.Kind != schema.PartitionedTable || !required(at.Step, c.Column) || p.fromParent(at.Step, c) || p.emptied(at, c.Table) {
				continue
			}
			table := qualified(c.Table.Schema, c.Table.Name)
			t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.Column.Name)
			p.reportDemand(at, devdb.DemandNotNull, columnRef(c.Table.OID, c.Column.Num), 0, lint.Finding{
				Object:   table + "." + c.Column.Name,
				Message:  fmt.Sprintf("adding %q as NOT NULL without a default fails as soon as %s has a row; if it is empty, inserts of running code fail afterwards", c.Column.Name, quote(table)),
				Evidence: factOf(table, "%s.%s %s NOT NULL has no default", table, c.Column.Name, c.Column.Type),
				Advice: fmt.Sprintf("Add it with a default, which costs nothing if it is a constant; or add it nullable, fill it in batches, and make it NOT NULL in a later release:\n\nALTER TABLE %s ADD COLUMN %s %s NOT NULL DEFAULT …;",
					t, col, c.Column.Type),
			})
		}
	},
}

// required reports whether a row without a value for the column is refused.
func required(s *devdb.Step, c *schema.Column) bool { return requiredIn(s.After, c) }

func requiredIn(cat *schema.Catalog, c *schema.Column) bool {
	if c.Default != "" || c.Identity != "" || c.Generated != "" {
		return false
	}
	d := cat.Types[c.TypeOID]
	if d != nil && d.Kind == schema.Domain {
		return (c.NotNull || d.NotNull) && d.Default == ""
	}
	return c.NotNull
}
