package analyzers

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var addForeignKey = &Analyzer{
	Rule: lint.Rule{
		ID: "LK104", Name: "add-foreign-key", Title: "checking existing rows of a foreign key while blocking writes to both tables", Severity: lint.Error, Unsized: lint.Warning, Weight: lint.ByLock, Covers: []string{"LK113"},
		Aliases: []string{"atlas:PG306", "squawk:adding-foreign-key-constraint", "eugene:E1", "strong_migrations:add_foreign_key", "strong_migrations:add_reference"}, Hazards: []string{"B01", "B05"},
	},
	Fix: (*offer).notValid,
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddConstraint](p) {
			k := c.Constraint
			if k.Kind != schema.ForeignKey || k.Parent != 0 || p.NewTable(k.Table) || retyped(at.Step, k) || tableRewritten(at.Step, k.Table) {
				continue
			}
			l, ok := inForce(at.Step, k.Table)
			if !ok || !l.Mode.BlocksWrites() || !scannedBelow(at.Step, k.Table) {
				continue
			}
			table, ref := relName(at.Step, k.Table), relName(at.Step, k.RefTable)
			wait := waiters(l.Mode) + " to " + list([]string{table, ref}, 2)
			if other, ok := inForce(at.Step, k.RefTable); k.RefTable == k.Table {
				wait = waiters(l.Mode) + " to " + quote(table)
			} else if ok && waiters(other.Mode) != waiters(l.Mode) {
				wait = waiters(l.Mode) + " to " + quote(table) + ", and " + waiters(other.Mode) + " to " + quote(ref) + ","
			}
			f := lint.Finding{
				Object:   table + "." + k.Name,
				On:       table,
				Message:  fmt.Sprintf("foreign key %q blocks %s until every row of %s is checked", k.Name, wait, quote(table)),
				Evidence: []lint.Evidence{lockEvidence(l)},
				Advice:   p.foreignKeyAdvice(at, k),
			}
			if l, ok := inForce(at.Step, k.RefTable); ok && k.RefTable != k.Table {
				f.Evidence = append(f.Evidence, lockEvidence(l))
			}
			f.Evidence = append(f.Evidence, scansBelow(at.Step, k.Table)...)
			p.Report(at, f)
		}
	},
}

// foreignKeyAdvice is notValidAdvice where NOT VALID is allowed: PostgreSQL
// refuses it for a partitioned table before 18.
func (p *Pass) foreignKeyAdvice(at At, k *schema.Constraint) string {
	t := rel(at.Step, k.Table)
	if t.Kind != schema.PartitionedTable || p.Version.Major() >= 18 {
		return notValidAdvice(at.Step, t, k)
	}
	return fmt.Sprintf("NOT VALID is refused for a partitioned table before PostgreSQL 18. Add the key to each partition, validate it there, and last add it to the parent, which takes over those that are valid and shuts readers of both tables out for that moment:\n\nALTER TABLE <partition> ADD CONSTRAINT … %s NOT VALID;\n-- in the next migration\nALTER TABLE <partition> VALIDATE CONSTRAINT …;\n-- in the one after that\nALTER TABLE %s ADD CONSTRAINT %s %s;",
		strings.TrimSuffix(k.Definition, " NOT VALID"), relSQL(t), sqlIdent(k.Name), k.Definition)
}

// notValidAdvice is the two-step way to add a constraint.
func notValidAdvice(s *devdb.Step, t *schema.Relation, k *schema.Constraint) string {
	name := sqlName(t.Schema, t.Name)
	def := strings.TrimSuffix(k.Definition, " NOT VALID")
	first := cmp.Or(newColumns(s, t, k.Columns), otherActions(s, &schema.AddConstraint{Constraint: k}))
	return fmt.Sprintf("Add it NOT VALID, so existing rows are not checked yet, and validate it in a later migration, which does not block writes:\n\n%sALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT %s;",
		first, name, sqlIdent(k.Name), def, name, sqlIdent(k.Name))
}
