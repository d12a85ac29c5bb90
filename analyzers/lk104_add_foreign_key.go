package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var addForeignKey = &Analyzer{
	Rule: lint.Rule{
		ID: "LK104", Name: "add-foreign-key", Title: "checking a foreign key's rows while writes to both tables wait", Severity: lint.Error,
		Aliases: []string{"atlas:PG306", "squawk:adding-foreign-key-constraint", "eugene:E1"}, Hazards: []string{"B01", "B05"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddConstraint](p) {
			k := c.Constraint
			if k.Kind != schema.ForeignKey || k.Parent != 0 || p.NewTable(k.Table) || rebuiltConstraint(at.Step, k) {
				continue
			}
			l, ok := inForce(at.Step, k.Table)
			if !ok || !l.Mode.BlocksWrites() || !scanned(at.Step, k.Table) {
				continue
			}
			table, ref := relName(at.Step, k.Table), relName(at.Step, k.RefTable)
			f := lint.Finding{
				Object:   table + "." + k.Name,
				Message:  fmt.Sprintf("foreign key %q: writes to %s and %s wait until every row of %s is checked", k.Name, quote(table), quote(ref), quote(table)),
				Evidence: []lint.Evidence{lockEvidence(l)},
				Advice:   notValidAdvice(rel(at.Step, k.Table), k),
			}
			if l, ok := inForce(at.Step, k.RefTable); ok && k.RefTable != k.Table {
				f.Evidence = append(f.Evidence, lockEvidence(l))
			}
			for _, x := range at.Step.Scans {
				if x.Relation == k.Table {
					f.Evidence = append(f.Evidence, scanEvidence(x))
				}
			}
			p.Report(at, f)
		}
	},
}

// notValidAdvice is the two-step way to add a constraint.
func notValidAdvice(t *schema.Relation, k *schema.Constraint) string {
	name := sqlName(t.Schema, t.Name)
	def := strings.TrimSuffix(k.Definition, " NOT VALID")
	return fmt.Sprintf("Add it without checking the rows that are there, and check them in a later migration, while writes go on:\n\nALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT %s;",
		name, sqlIdent(k.Name), def, name, sqlIdent(k.Name))
}
