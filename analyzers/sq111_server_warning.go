package analyzers

import (
	"slices"

	"github.com/assaydb/assay/internal/lint"
)

var serverWarning = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ111", Name: "server-warning", Title: "a warning of the server", Severity: lint.Info,
		Hazards: []string{"X28"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			for _, n := range s.Notices {
				// Transaction control has checks of its own; 55000 is about this server's
				// wal_level; 01000 in a block is what the author says to himself.
				if n.Severity != "WARNING" || slices.Contains([]string{"25001", "25P01", "55000"}, n.Code) || n.Code == "01000" && s.Stmt.Syntax.Routine != nil {
					continue
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Message:  "the server warns: " + n.Message,
					Evidence: []lint.Evidence{{Kind: "error", Text: n.Code + " " + n.Message, Code: n.Code}},
				})
			}
		}
	},
}
