package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var statisticsLost = &Analyzer{
	Rule: lint.Rule{
		ID: "LK208", Name: "statistics-lost", Title: "a type change drops the column's statistics", Severity: lint.Info, Weight: lint.ByLock,
		Hazards: []string{"C13"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			var columns []string
			var table *schema.Relation
			for _, c := range Changes[*schema.AlterColumnType](s) {
				t := c.Table
				if !t.IsTable() || c.After.Generated == "virtual" || len(parents(t)) > 0 || p.IsNew(t.OID) || table != nil && table.OID != t.OID ||
					p.Before.Relations[t.OID].Column(c.After.Num) == nil {
					continue
				}
				table = t
				columns = append(columns, c.After.Name)
			}
			if table == nil || p.analyzedAfter(At{Migration: m, Step: s}, table) {
				continue
			}
			var sql []string
			for _, c := range columns {
				sql = append(sql, sqlIdent(c))
			}
			loses := "loses its"
			if len(columns) > 1 {
				loses = "lose their"
			}
			name := qualified(table.Schema, table.Name)
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Object:   name + "." + columns[0],
				Message:  fmt.Sprintf("%s of %s %s statistics: the planner has no estimates for it until the next ANALYZE", list(columns, 3), quote(name), loses),
				Evidence: []lint.Evidence{catalogEvidence(name, "ALTER COLUMN … TYPE drops the column's statistics, also where no row is rewritten")},
				Advice:   fmt.Sprintf("Run ANALYZE right after the change has committed:\n\nANALYZE %s (%s);", relSQL(table), strings.Join(sql, ", ")),
			})
		}
	},
}

// analyzedAfter reports whether a later statement of the change set analyzes
// the table, or everything.
func (p *Pass) analyzedAfter(at At, t *schema.Relation) bool {
	after := false
	for m, s := range p.Steps() {
		if m == at.Migration && s == at.Step {
			after = true
			continue
		}
		x := s.Stmt.Syntax
		if !after || x.Tag != "ANALYZE" && (x.Tag != "VACUUM" || !strings.Contains(strings.ToUpper(s.Stmt.Text), "ANALYZE")) {
			continue
		}
		if len(x.Objects) == 0 {
			return true
		}
		for _, o := range x.Objects {
			o = strings.ReplaceAll(o, `"`, "")
			if o == t.Name || o == qualified(t.Schema, t.Name) {
				return true
			}
		}
	}
	return false
}
