package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

var outOfOrder = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ103", Name: "out-of-order", Title: "a new migration that sorts before a merged one", Severity: lint.Error,
		Aliases: []string{"atlas:non-linear"}, Hazards: []string{"X20"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			if m.OutOfOrder == "" {
				continue
			}
			p.Report(At{Migration: m}, lint.Finding{
				Object: m.Path, Confidence: lint.Proven,
				Message:  fmt.Sprintf("sorts before merged migration %q: databases that ran that one skip this, or refuse it", m.OutOfOrder),
				Evidence: []lint.Evidence{{Kind: "git", Text: m.OutOfOrder + " is merged and comes later"}},
				Advice:   "Give the file a version after the newest merged one.",
			})
		}
	},
}
