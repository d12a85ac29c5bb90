package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var checkViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD104", Name: "check-violation", Title: "a check that existing rows may break", Severity: lint.Warning, Weight: lint.ByRows,
		Hazards: []string{"B12", "B28"},
	},
	Run: func(p *Pass) {
		p.eachDemand(schema.Check, devdb.DemandCheck, func(at At, k *schema.Constraint) (lint.Finding, bool) {
			if _, ok := rewritten(at.Step, k.Table); !ok && rebuiltConstraint(at.Step, k) && typeChanged(at.Step, k.Table) {
				return lint.Finding{}, false // no value became another
			}
			if p.allNew(k.Table, k.Columns) || p.weakerCheck(k) {
				return lint.Finding{}, false
			}
			t := rel(at.Step, k.Table)
			table := qualified(t.Schema, t.Name)
			expr := bare(k.Expression)
			return lint.Finding{
				Object:   table,
				Message:  fmt.Sprintf("check %q fails if some row of %s breaks %s", k.Name, quote(table), clip(expr)),
				Evidence: factOf(table, "%s reads every row of %s", k.Name, table),
				Advice: fmt.Sprintf("Look for such rows in production first, and mend them in an earlier migration:\n\nSELECT count(*) FROM %s WHERE NOT (%s);",
					sqlName(t.Schema, t.Name), expr),
			}, true
		})
	},
}

// weakerCheck reports whether a valid check of before the change implies this one.
func (p *Pass) weakerCheck(k *schema.Constraint) bool {
	for _, o := range p.Before.Constraints {
		if o.Kind == schema.Check && o.Table == k.Table && o.Validated && weaker(o.Expression, k.Expression) {
			return true
		}
	}
	return false
}

// eachDemand reports every constraint of the kind that is checked against rows
// that were there before the change, with what tell says of it. A constraint
// that is validated was added in the careful way: it is told only if rows of
// the team's own seed break it, as made ones always would.
func (p *Pass) eachDemand(kind schema.ConstraintKind, d devdb.Demand, tell func(At, *schema.Constraint) (lint.Finding, bool)) {
	report := func(at At, k *schema.Constraint) {
		if k.Kind != kind || k.Parent != 0 || k.Table == 0 || p.IsNew(k.Table) || !k.Validated || !k.Enforced || inheritedFrom(at.Step, k) {
			return
		}
		if f, ok := tell(at, k); ok {
			p.reportDemand(at, d, constraintRef(k), k.Table, f)
		}
	}
	for at, c := range Each[*schema.AddConstraint](p) {
		if reads(at.Step, c.Constraint.Table) {
			report(at, c.Constraint)
		}
	}
	for at, c := range Each[*schema.ValidateConstraint](p) {
		if seededProof(at.Step, d, constraintRef(c.After)) {
			report(at, c.After)
		}
	}
}

// inheritedFrom reports whether a constraint came down from a parent table in
// the same statement, where it is told.
func inheritedFrom(s *devdb.Step, k *schema.Constraint) bool {
	if !k.Inherited {
		return false
	}
	for _, c := range Changes[*schema.AddConstraint](s) {
		if c.Constraint != k && strings.EqualFold(c.Constraint.Name, k.Name) && !c.Constraint.Inherited {
			return true
		}
	}
	return false
}
