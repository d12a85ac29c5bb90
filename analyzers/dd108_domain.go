package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var domainViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD108", Name: "domain-violation", Title: "existing values may violate a new domain constraint", Severity: lint.Warning, Weight: lint.ByRows,
		Aliases: []string{"squawk:ban-alter-domain-with-add-constraint"}, Hazards: []string{"B26"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddConstraint](p) {
			if k := c.Constraint; k.Domain != 0 && k.Kind != schema.NotNull && k.Validated {
				p.domainDemand(at, k.Domain, constraintRef(k), k, clip(bare(k.Expression)))
			}
		}
		for at, c := range Each[*schema.ValidateConstraint](p) {
			if k := c.After; k.Domain != 0 && seededProof(at.Step, devdb.DemandDomain, constraintRef(k)) {
				p.domainDemand(at, k.Domain, constraintRef(k), k, clip(bare(k.Expression)))
			}
		}
		for at, c := range Each[*schema.AlterType](p) {
			if c.After.Kind == schema.Domain && c.After.NotNull && !c.Before.NotNull {
				p.domainDemand(at, c.After.OID, schema.Ref{Class: schema.ClassType, OID: c.After.OID}, nil, "NOT NULL")
			}
		}
	},
}

// domainDemand reports a new constraint of a domain that columns of old tables have.
func (p *Pass) domainDemand(at At, oid schema.OID, target schema.Ref, k *schema.Constraint, expr string) {
	d := at.Step.After.Types[oid]
	if d == nil || p.Before.Types[oid] == nil {
		return
	}
	var cols []string
	for _, t := range p.Before.Relations {
		for _, c := range t.Columns {
			if c.TypeOID == oid && t.IsTable() && t.PartitionOf == 0 && at.Step.After.Relations[t.OID] != nil {
				cols = append(cols, qualified(t.Schema, t.Name)+"."+c.Name)
			}
		}
	}
	if len(cols) == 0 {
		return
	}
	slices.Sort(cols)
	dom := qualified(d.Schema, d.Name)
	var what, advice string
	if k != nil {
		what = fmt.Sprintf("constraint %q of domain %s fails if some value of %s violates %s", k.Name, quote(dom), list(cols, 3), expr)
		advice = domainAdvice(at.Step, k)
	} else {
		advice = fmt.Sprintf("Backfill the values in an earlier migration. A CHECK of the domain can be added NOT VALID and validated later:\n\nALTER DOMAIN %s ADD CONSTRAINT %s CHECK (VALUE IS NOT NULL) NOT VALID;\n-- in the next migration\nALTER DOMAIN %s VALIDATE CONSTRAINT %s;",
			sqlName(d.Schema, d.Name), sqlIdent(d.Name+"_is_set"), sqlName(d.Schema, d.Name), sqlIdent(d.Name+"_is_set"))
		what = fmt.Sprintf("making domain %s NOT NULL fails if some row has NULL in %s", quote(dom), list(cols, 3))
	}
	p.reportDemand(at, devdb.DemandDomain, target, 0, lint.Finding{
		Object:   dom,
		Message:  what,
		Evidence: factOf(dom, "%s %s of type %s", listPlain(cols, 5), map[bool]string{true: "is", false: "are"}[len(cols) == 1], dom),
		Advice:   advice,
	})
}
