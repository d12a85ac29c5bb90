package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// columnLimit is the most attributes a table can have, dropped ones included.
const columnLimit = 1600

var wideTable = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ113", Name: "column-limit", Title: "a table approaches the limit of 1600 columns", Severity: lint.Warning,
		Hazards: []string{"C25"},
	},
	Run: func(p *Pass) {
		told := map[schema.OID]bool{}
		tell := func(at At, r *schema.Relation) {
			used := len(r.Columns) + r.DroppedAttributes
			if used < columnLimit*9/10 || told[r.OID] {
				return
			}
			told[r.OID] = true
			p.Report(at, lint.Finding{
				Object:   r.QualifiedName(),
				Message:  fmt.Sprintf("%q has used %d of at most %d columns: dropped columns count, and only a new table frees them", r.Name, used, columnLimit),
				Evidence: []lint.Evidence{catalogEvidence(r.QualifiedName(), "%s, and %d dropped", plural(len(r.Columns), "column"), r.DroppedAttributes)},
				Advice:   "Move columns to a second table with the same key, or to a jsonb column.",
			})
		}
		for at, c := range Each[*schema.AddColumn](p) {
			tell(at, c.Table)
		}
		for at, c := range Each[*schema.AddTable](p) {
			tell(at, c.Table)
		}
	},
}
