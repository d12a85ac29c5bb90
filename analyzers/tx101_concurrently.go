package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

// inTransaction is the error of a statement that must be outside of a transaction.
const inTransaction = "25001"

var concurrentlyInTransaction = &Analyzer{
	Rule: lint.Rule{
		ID: "TX101", Name: "concurrently-in-transaction", Title: "a statement that cannot run in a transaction", Severity: lint.Error, Covers: []string{"SQ101"},
		Aliases: []string{"atlas:PG103", "squawk:ban-concurrent-index-creation-in-transaction"}, Hazards: []string{"A04", "X14"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			e := s.Err
			if e == nil || e.Code != inTransaction || !s.InTx {
				continue
			}
			what := s.Stmt.Syntax.Tag
			if s.Stmt.Syntax.Concurrently {
				what += " CONCURRENTLY"
			}
			f := lint.Finding{
				Confidence: lint.Proven,
				Message:    fmt.Sprintf("fails: %s cannot run in a transaction", what),
				Evidence:   []lint.Evidence{{Kind: "error", Text: e.Code + " " + e.Message, Code: e.Code}},
				Advice:     "Give it a migration of its own, outside a transaction.",
			}
			if m.TxReason != "" {
				f.Evidence = append(f.Evidence, lint.Evidence{Kind: "setting", Text: m.TxReason})
			}
			if m.TxOptOut != "" {
				f.Advice = "Give it a migration of its own, outside a transaction: " + m.TxOptOut
			}
			p.Report(At{Migration: m, Step: s}, f)
		}
	},
}
