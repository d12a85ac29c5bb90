package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

var toolTransaction = &Analyzer{
	Rule: lint.Rule{
		ID: "TX109", Name: "waits-for-the-tool", Title: "a concurrent index build waits for the migration tool's own transaction", Severity: lint.Warning,
		Hazards: []string{"A24"},
	},
	Run: func(p *Pass) {
		if p.Dir == nil || p.Dir.Holds == "" {
			return
		}
		for m, s := range p.Steps() {
			x := s.Stmt.Syntax
			if !x.Concurrently || x.Tag != "CREATE INDEX" && x.Tag != "REINDEX" || s.Err != nil {
				continue
			}
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Confidence: lint.Inferred,
				Message:    fmt.Sprintf("%s CONCURRENTLY waits for all older transactions, including the migration tool's own: the deployment hangs", x.Tag),
				Evidence:   []lint.Evidence{{Kind: "setting", Text: p.Dir.Holds}},
				Advice:     "Set flyway.postgresql.transactional.lock=false, so that Flyway uses a session-level lock and keeps no transaction open.",
			})
		}
	},
}
