package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

var statementFails = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ101", Name: "statement-fails", Title: "a statement that the server refuses", Severity: lint.Error,
		Aliases: []string{"squawk:syntax-error", "squawk:ban-duplicate-column-assignments"},
		Hazards: []string{"X28", "X27", "A05", "A11", "A21", "A23", "B06", "B11", "C11", "F01", "F05", "F12", "F19", "P06", "P11"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			e := m.Err
			if e == nil || e.Step == nil || toldByTransactions(e) {
				continue
			}
			f := lint.Finding{
				Confidence: lint.Proven,
				Message:    "fails: " + e.Message,
				Advice:     e.Advice,
				Evidence:   []lint.Evidence{{Kind: "error", Text: fmt.Sprintf("%s %s", e.Code, e.Message), Code: e.Code}},
			}
			if e.Canceled != "" {
				f.Message = "ends after too long a time: " + e.Canceled
				f.Advice = "On an empty database it should be quick. If it needs longer, raise `statement-timeout` in assay.yaml."
			}
			for _, x := range []string{e.Detail, e.Hint, e.Where} {
				if x != "" {
					f.Evidence = append(f.Evidence, lint.Evidence{Kind: "error", Text: x})
				}
			}
			p.Report(At{Migration: m, Step: e.Step}, f)
		}
	},
}

// toldByTransactions leaves what cannot run in a transaction to the TX checks.
func toldByTransactions(e *devdb.StatementError) bool { return e.Code == "25001" && e.Step.InTx }
