package analyzers

import (
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

var serverWarning = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ111", Name: "server-warning", Title: "PostgreSQL warns", Severity: lint.Info,
		Hazards: []string{"X28"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			for _, n := range s.Notices {
				// Transaction control has checks of its own; 55000 is about this server's
				// wal_level; 01000 in a block is what the author says to himself.
				if refusedUpkeep(s, n.Message) {
					continue
				}
				if n.Severity != "WARNING" || slices.Contains([]string{"25001", "25P01", "55000"}, n.Code) || n.Code == "01000" && s.Stmt.Syntax.Routine != nil {
					continue
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Message:  "PostgreSQL warns: " + n.Message,
					Evidence: []lint.Evidence{{Kind: "error", Text: n.Code + " " + n.Message, Code: n.Code}},
				})
				break // the first says it; others are of the next column or table
			}
		}
	},
}

// refusedUpkeep reports whether ANALYZE or VACUUM passed over a table that the
// role on the dev database may not work on: that says nothing of production.
func refusedUpkeep(s *devdb.Step, message string) bool {
	switch s.Stmt.Syntax.Tag {
	case "ANALYZE", "VACUUM", "CLUSTER", "REINDEX":
		return strings.HasPrefix(message, "permission denied to ") || strings.HasPrefix(message, "skipping \"")
	}
	return false
}
