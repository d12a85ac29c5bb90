package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dropIndex = &Analyzer{
	Rule: lint.Rule{
		ID: "LK102", Name: "drop-index", Title: "dropping an index while reads and writes wait", Severity: lint.Warning,
		Aliases: []string{"atlas:PG102", "squawk:require-concurrent-index-deletion"}, Hazards: []string{"A02"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropIndex](p) {
			i := c.Index
			table := at.Step.After.Relations[i.Table]
			l, ok := inForce(at.Step, i.Table)
			if table == nil || !ok || l.Mode != devdb.AccessExclusive || p.IsNew(i.Table) || p.Before.Indexes[i.OID] == nil ||
				i.Constraint != 0 || i.Parent != 0 || i.Partitioned || !named(at.Step, schema.Ref{Class: schema.ClassRelation, OID: i.OID}) {
				continue
			}
			name := qualified(table.Schema, table.Name)
			p.Report(at, lint.Finding{
				Object:   qualified(i.Schema, i.Name),
				Message:  fmt.Sprintf("dropping index %q: reads and writes of %s wait, behind every query that runs now", i.Name, quote(name)),
				Evidence: []lint.Evidence{lockEvidence(l)},
				Advice:   fmt.Sprintf("Drop it while reads and writes go on, outside a transaction:\n\nDROP INDEX CONCURRENTLY %s;", sqlName(i.Schema, i.Name)),
			})
		}
	},
}

// named reports whether the statement itself names the dropped object. Without
// event triggers nobody can tell, and the answer is yes.
func named(s *devdb.Step, ref schema.Ref) bool {
	for _, d := range s.Dropped {
		if d.Ref == ref {
			return d.Original
		}
	}
	return len(s.Dropped) == 0
}
