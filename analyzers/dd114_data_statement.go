package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dataStatement = &Analyzer{
	Rule: lint.Rule{
		ID: "DD114", Name: "data-statement-fails", Title: "a data statement fails on rows that production may have", Severity: lint.Error, Weight: lint.ByRows,
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			proof := s.Proof(devdb.DemandData, schema.Ref{})
			if s.Err == nil && proof != nil && proof.Hung {
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Message:  "not known whether this statement fails on rows that production may have: the test run did not finish",
					Evidence: gaveUp(proof),
				})
				continue
			}
			if s.Err != nil || proof == nil || proof.Outcome != devdb.Fails || proof.Counterexample == nil || toldMoreExactly(s, proof.Counterexample) {
				continue
			}
			what := s.Stmt.Syntax.Tag
			switch s.Tag {
			case "DO":
				what = "DO block"
			case "":
				what = "statement"
			}
			x := proof.Counterexample
			f := lint.Finding{
				Confidence: lint.Proven,
				Message:    fmt.Sprintf("this %s fails on %s: %s", what, rowsOf(x), x.Message),
				Evidence:   []lint.Evidence{counterexample(x)},
				Advice:     "Add a WHERE clause for the rows it can handle, and decide what happens to the others: a default, a fix in this statement, or an earlier migration that fixes them.",
			}
			if len(s.Stmt.Syntax.Objects) > 0 {
				f.Object = s.Stmt.Syntax.Objects[0]
			}
			if x.Unlikely != "" {
				f.Severity = lint.Warning
				f.Message += " (" + x.Unlikely + ")"
			}
			p.Report(At{Migration: m, Step: s}, f)
		}
	},
}

// rowsOf says whose rows a counterexample has.
func rowsOf(x *devdb.Counterexample) string {
	if x.Seeded {
		return "the rows of the seed data"
	}
	return "rows that the schema accepts"
}

// toldMoreExactly reports whether rows break another demand of the statement: a
// DO block that sets a column NOT NULL is DD102's.
func toldMoreExactly(s *devdb.Step, x *devdb.Counterexample) bool {
	return slices.ContainsFunc(s.Proofs, func(p devdb.Proof) bool {
		return p.Outcome == devdb.Fails && p.Demand != devdb.DemandData && p.Demand != devdb.DemandKeep && (!x.Seeded || p.Counterexample.Seeded)
	})
}
