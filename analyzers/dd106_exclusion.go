package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var exclusionViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD106", Name: "exclusion-violation", Title: "existing rows may violate a new exclusion constraint", Severity: lint.Warning, Weight: lint.ByRows,
		Hazards: []string{"B20", "B28"},
	},
	Run: func(p *Pass) {
		tell := func(at At, k *schema.Constraint) (lint.Finding, bool) {
			if !excludes(k) {
				return lint.Finding{}, false
			}
			for _, o := range p.Before.Constraints {
				if o.Kind == k.Kind && o.Table == k.Table && o.Definition == k.Definition {
					return lint.Finding{}, false
				}
			}
			table := relName(at.Step, k.Table)
			return lint.Finding{
				Object:   table,
				Message:  fmt.Sprintf("%s %q fails if two rows of %s conflict with each other: %s", excluder(k), k.Name, quote(table), clip(k.Definition)),
				Evidence: factOf(table, "%s scans all of %s", k.Name, table),
				Advice:   fmt.Sprintf("First join %s with itself in production, using the operators of the constraint, and fix the conflicting rows in an earlier migration.", short(table)),
			}, true
		}
		for _, kind := range []schema.ConstraintKind{schema.Exclusion, schema.Unique, schema.PrimaryKey} {
			p.eachDemand(kind, devdb.DemandExclusion, tell)
		}
	},
}
