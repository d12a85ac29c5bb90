package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dropColumn = &Analyzer{
	Rule: lint.Rule{
		ID: "DS102", Name: "drop-column", Title: "dropping a column with its values", Severity: lint.Error,
		Aliases: []string{"atlas:DS103", "squawk:ban-drop-column"}, Hazards: []string{"C15"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropColumn](p) {
			before := p.Before.Relations[c.Table.OID]
			if before == nil || column(before, c.Column.Num) == nil || c.Table.Kind == schema.View || c.Table.Kind == schema.MaterializedView {
				continue
			}
			table := qualified(c.Table.Schema, c.Table.Name)
			name := table + "." + c.Column.Name
			p.Report(at, lint.Finding{
				Object:   name,
				Message:  fmt.Sprintf("drops column %q of %s: its values are gone, and code that still names it fails", c.Column.Name, quote(table)),
				Evidence: []lint.Evidence{{Kind: "catalog", Text: fmt.Sprintf("%s %s is gone", name, c.Column.Type), Object: name}},
				Advice:   fmt.Sprintf("First release code that neither reads nor writes %s, then drop it in a later release.", c.Column.Name),
			})
		}
	},
}
