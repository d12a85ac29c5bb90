package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var addRequiredColumn = &Analyzer{
	Rule: lint.Rule{
		ID: "DD103", Name: "add-required-column", Title: "adding a NOT NULL column without a default", Severity: lint.Error, Weight: lint.ByRows, Covers: []string{"BC104"},
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
				Message:  fmt.Sprintf("adding %q as NOT NULL without a default fails if %s has any rows; if it is empty, inserts from the currently deployed code fail afterwards", c.Column.Name, quote(table)),
				Evidence: factOf(table, "%s.%s %s NOT NULL has no default", table, c.Column.Name, c.Column.Type),
				Advice: fmt.Sprintf("Add it as nullable, backfill it in batches, and make it NOT NULL%s in a later migration. If one constant fits every row, NOT NULL with that DEFAULT needs no rewrite:\n\nALTER TABLE %s ADD COLUMN %s %s;",
					andUnique(at.Step, c), t, col, c.Column.Type),
			})
		}
	},
}

// andUnique says that the column's own unique constraint must wait, too: a
// default would be the same in every row.
func andUnique(s *devdb.Step, c *schema.AddColumn) string {
	for _, k := range Changes[*schema.AddConstraint](s) {
		if (k.Constraint.Kind == schema.Unique || k.Constraint.Kind == schema.PrimaryKey) && slices.Contains(k.Constraint.Columns, c.Column.Num) {
			return " and unique"
		}
	}
	return ""
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
