package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var columnType = &Analyzer{
	Rule: lint.Rule{
		ID: "BC106", Name: "column-type", Title: "changing a column type breaks prepared statements", Severity: lint.Info,
		Hazards: []string{"C28"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AlterColumnType](p) {
			if !p.holdsOldValues(at, c) || !seenByCode(c) {
				continue
			}
			table := qualified(c.Table.Schema, c.Table.Name)
			p.Report(at, lint.Finding{
				Object:   table + "." + c.After.Name,
				Message:  fmt.Sprintf("%q of %s changes to %s: prepared statements in open sessions that return it fail once with %q", c.After.Name, quote(table), short(c.After.Type), "cached plan must not change result type"),
				Evidence: factOf(table, "%s.%s was %s and is %s", table, c.After.Name, c.Before.Type, c.After.Type),
				Advice:   "Reconnect the application's connection pools right after the migration, or first release code that casts the column in its queries.",
			})
		}
	},
}

// seenByCode reports whether the result of a query has another type to a
// client. Text types and other lengths are the same to drivers.
func seenByCode(c *schema.AlterColumnType) bool {
	b, a := parseType(c.Before.Type), parseType(c.After.Type)
	return c.Before.TypeOID != c.After.TypeOID && (!b.isText() || !a.isText())
}
