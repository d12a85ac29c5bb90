package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

var setLocalOutside = &Analyzer{
	Rule: lint.Rule{
		ID: "TX105", Name: "set-local-without-transaction", Title: "SET LOCAL outside a transaction has no effect", Severity: lint.Warning,
		Hazards: []string{"X02"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			set := s.Stmt.Syntax.Set
			if set == nil || !set.Local || s.InTx || s.Err != nil || len(m.Statements) == 1 && m.TxMode == "implicit" {
				continue
			}
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Object: set.Name, Message: fmt.Sprintf("SET LOCAL %s has no effect here: later statements run without it", set.Name),
				Evidence: []lint.Evidence{{Kind: "setting", Text: m.TxReason}},
				Advice:   fmt.Sprintf("Outside a transaction, set it for the session:\n\nSET %s = '%s';", set.Name, set.Value),
			})
		}
	},
}
