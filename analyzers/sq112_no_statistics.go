package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var noStatistics = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ112", Name: "expression-without-statistics", Title: "an expression index without statistics", Severity: lint.Info,
		Hazards: []string{"A22"}, Optional: true,
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddIndex](p) {
			i := c.Index
			t := p.After.Relations[i.Table]
			if p.NewTable(i.Table) || i.Parent != 0 || t == nil || p.analyzed(t, at) || !slices.ContainsFunc(i.Keys, func(k schema.IndexKey) bool { return k.Column == 0 }) {
				continue
			}
			p.Report(at, lint.Finding{
				Object:   i.QualifiedName(),
				Message:  fmt.Sprintf("index %q is on an expression: until ANALYZE of %q the planner has no statistics for it", i.Name, t.Name),
				Evidence: []lint.Evidence{catalogEvidence(i.QualifiedName(), "%s", i.Definition)},
				Advice:   fmt.Sprintf("Run ANALYZE after the migration:\n\nANALYZE %s;", sqlName(t.Schema, t.Name)),
			})
		}
	},
}

// analyzed reports whether the table is analyzed after the place.
func (p *Pass) analyzed(t *schema.Relation, at At) bool {
	after := false
	for m, s := range p.Steps() {
		if after && isAnalyze(s) && (len(s.Stmt.Syntax.Objects) == 0 || slices.ContainsFunc(s.Stmt.Syntax.Objects, func(n string) bool {
			_, name := splitName(n)
			return name == t.Name
		})) {
			return true
		}
		after = after || m == at.Migration && s == at.Step
	}
	return false
}

func isAnalyze(s *devdb.Step) bool { return s.Tag == "ANALYZE" || s.Stmt.Syntax.Tag == "ANALYZE" }
