package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var createTableAs = &Analyzer{
	Rule: lint.Rule{
		ID: "OB114", Name: "create-table-as", Title: "CREATE TABLE AS creates no keys, defaults or privileges", Severity: lint.Info,
		Hazards: []string{"D13"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddTable](p) {
			now := p.After.Relations[c.Table.OID]
			tag := at.Step.Stmt.Syntax.Tag
			if now == nil || now.Persistence != "permanent" || tag != "CREATE TABLE AS" && tag != "SELECT INTO" || len(indexesOf(p.After, now.OID)) > 0 || constrained(p.After, now) {
				continue
			}
			p.Report(at, lint.Finding{
				Object:     now.QualifiedName(),
				Message:    fmt.Sprintf("%s gets the query's columns and rows, and none of the keys, constraints, defaults and privileges of the tables it reads", quote(now.QualifiedName())),
				Confidence: lint.Observed,
				Evidence:   []lint.Evidence{catalogEvidence(now.QualifiedName(), "it has no index and no constraint after the change")},
				Advice:     fmt.Sprintf("If the table is permanent, create it first and then fill it:\n\nCREATE TABLE %s (LIKE … INCLUDING ALL);\nINSERT INTO %s SELECT …;", relSQL(now), relSQL(now)),
			})
		}
	},
}

// constrained reports whether a table has a constraint or a NOT NULL column.
func constrained(c *schema.Catalog, r *schema.Relation) bool {
	for _, k := range c.Constraints {
		if k.Table == r.OID {
			return true
		}
	}
	for _, col := range r.Columns {
		if col.NotNull {
			return true
		}
	}
	return false
}
