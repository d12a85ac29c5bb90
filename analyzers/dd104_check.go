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
		ID: "DD104", Name: "check-violation", Title: "existing rows may violate a new CHECK constraint", Severity: lint.Warning, Weight: lint.ByRows,
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
			object := table
			if c := givenColumn(t, k); c != nil {
				if _, ok := Has[*schema.ValidateConstraint](at.Step); ok {
					object += "." + c.Name
				}
			}
			return lint.Finding{
				Object:   object,
				Message:  fmt.Sprintf("check %q fails if some row of %s violates %s", k.Name, quote(table), clip(expr)),
				Evidence: factOf(table, "%s scans all of %s", k.Name, table),
				Advice: fmt.Sprintf("Check production for such rows first, and fix them in an earlier migration:\n\nSELECT count(*) FROM %s WHERE NOT (%s);",
					sqlName(t.Schema, t.Name), expr),
			}, true
		})
		p.notValid()
	},
}

// notValid reports a constraint that the change leaves NOT VALID, where a row that
// came through it was seen to fail the next UPDATE.
func (p *Pass) notValid() {
	for at, c := range Each[*schema.AddConstraint](p) {
		k := c.Constraint
		proof := at.Step.Proof(devdb.DemandLater, constraintRef(k))
		if proof == nil || proof.Outcome != devdb.Fails || p.weakerCheck(k) {
			continue
		}
		t := rel(at.Step, k.Table)
		table, expr := qualified(t.Schema, t.Name), bare(k.Expression)
		if col := column(t, append(k.Columns, 0)[0]); k.Kind == schema.NotNull && col != nil {
			expr = sqlIdent(col.Name) + " IS NOT NULL"
		}
		p.Report(at, lint.Finding{
			Severity: lint.Warning, Confidence: lint.Proven, Object: table,
			Message:  fmt.Sprintf("%q is NOT VALID but is checked for every written row: any UPDATE of an existing row of %s that violates %s fails from now on", k.Name, quote(table), clip(expr)),
			Evidence: append([]lint.Evidence{counterexample(proof.Counterexample)}, factOf(table, "%s", k.Definition)...),
			Advice: fmt.Sprintf("Fix such rows first or in this change, in batches if there are many. Count them in production:\n\nSELECT count(*) FROM %s WHERE NOT (%s);",
				sqlName(t.Schema, t.Name), expr),
		})
	}
}

// givenColumn is the column that a check says is not NULL, if it says nothing else.
func givenColumn(t *schema.Relation, k *schema.Constraint) *schema.Column {
	if k.Kind != schema.Check || len(k.Columns) != 1 {
		return nil
	}
	if c := column(t, k.Columns[0]); c != nil && bare(k.Expression) == sqlIdent(c.Name)+" IS NOT NULL" {
		return c
	}
	return nil
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
// that were there before the change, with what tell says of it: one that is
// added, and one that is validated, whether this change added it or an earlier
// one. Of the latter nothing is said unless rows were tried: whoever validates
// knows that they are looked at.
func (p *Pass) eachDemand(kind schema.ConstraintKind, d devdb.Demand, tell func(At, *schema.Constraint) (lint.Finding, bool)) {
	wanted := func(at At, k *schema.Constraint) bool {
		return k.Kind == kind && k.Parent == 0 && k.Table != 0 && !p.IsNew(k.Table) && k.Validated && k.Enforced && !inheritedFrom(at.Step, k)
	}
	for at, c := range Each[*schema.AddConstraint](p) {
		k := c.Constraint
		if !reads(at.Step, k.Table) || !wanted(at, k) {
			continue
		}
		if f, ok := tell(at, k); ok {
			p.reportDemand(at, d, constraintRef(k), k.Table, f)
		}
	}
	for at, c := range Each[*schema.ValidateConstraint](p) {
		if k := c.After; wanted(at, k) {
			if f, ok := tell(at, k); ok {
				p.reportValidation(at, d, k, f)
			}
		}
	}
}

// reportValidation reports a constraint that VALIDATE checks. Where an earlier
// change added it NOT VALID, the rows from before it may have been put right
// since outside of migrations: the finding is a warning then.
func (p *Pass) reportValidation(at At, d devdb.Demand, k *schema.Constraint, f lint.Finding) {
	proof := at.Step.Proof(d, constraintRef(k))
	old := p.Before.Constraints[k.OID] != nil
	if old && (proof == nil || proof.Outcome == devdb.Unknown) {
		return
	}
	if !strings.HasPrefix(f.Message, "validating ") {
		f.Message = "validating " + f.Message
	}
	if !old || seededProof(at.Step, d, constraintRef(k)) {
		p.reportDemand(at, d, constraintRef(k), k.Table, f)
		return
	}
	if proof.Outcome == devdb.Fails {
		f.Confidence = lint.Proven
		f.Evidence = append([]lint.Evidence{counterexample(proof.Counterexample)}, f.Evidence...)
		f.Evidence = append(f.Evidence, factOf(f.Object, "%q is NOT VALID: existing rows were never checked", k.Name)...)
		p.Report(at, f)
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
