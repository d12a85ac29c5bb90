package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var exclusionViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD106", Name: "exclusion-violation", Title: "an exclusion constraint that existing rows may break", Severity: lint.Warning,
		Hazards: []string{"B20", "B28"},
	},
	Run: func(p *Pass) {
		p.eachDemand(schema.Exclusion, devdb.DemandExclusion, func(at At, k *schema.Constraint) (lint.Finding, bool) {
			for _, o := range p.Before.Constraints {
				if o.Kind == schema.Exclusion && o.Table == k.Table && o.Definition == k.Definition {
					return lint.Finding{}, false
				}
			}
			table := relName(at.Step, k.Table)
			return lint.Finding{
				Object:   table,
				Message:  fmt.Sprintf("exclusion constraint %q fails if two rows of %s exclude each other: %s", k.Name, quote(table), clip(k.Definition)),
				Evidence: factOf(table, "%s reads every row of %s", k.Name, table),
				Advice:   fmt.Sprintf("Join %s with itself by the operators of the constraint in production first, and mend what you find in an earlier migration.", short(table)),
			}, true
		})
	},
}
