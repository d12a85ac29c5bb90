package analyzers

import (
	"fmt"
	"regexp"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

var tempTableLeft = &Analyzer{
	Rule: lint.Rule{
		ID: "TX108", Name: "temporary-table-left", Title: "a temporary table that outlives the migration", Severity: lint.Info,
		Hazards: []string{"X29"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			if m.Format == migration.Plain || m.Format == migration.Sqitch { // psql has a session for each file
				continue
			}
			gone := map[schema.OID]bool{}
			for _, s := range m.Steps {
				for _, c := range Changes[*schema.DropTable](s) {
					gone[c.Table.OID] = true
				}
			}
			for _, s := range m.Steps {
				for _, c := range Changes[*schema.AddTable](s) {
					if c.Table.Persistence != "temporary" || gone[c.Table.OID] || endsItself.MatchString(s.Stmt.Text) {
						continue
					}
					p.Report(At{Migration: m, Step: s}, lint.Finding{
						Object:   c.Table.Name,
						Message:  fmt.Sprintf("temporary table %q exists until the connection closes: on a pooled connection the next user sees it, and it hides a regular table of that name", c.Table.Name),
						Evidence: []lint.Evidence{catalogEvidence(c.Table.Name, "no DROP TABLE in the file, no ON COMMIT DROP")},
						Advice:   fmt.Sprintf("Create it with ON COMMIT DROP, or drop it at the end of the file:\n\nDROP TABLE %s;", sqlIdent(c.Table.Name)),
					})
				}
			}
		}
	},
}

var endsItself = regexp.MustCompile(`(?i)\bON\s+COMMIT\s+DROP\b`)
