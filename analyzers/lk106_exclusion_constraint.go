package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var exclusionConstraint = &Analyzer{
	Rule: lint.Rule{
		ID: "LK106", Name: "add-exclusion-constraint", Title: "building the index of an exclusion constraint while blocking reads and writes", Severity: lint.Error, Weight: lint.ByLock,
		Aliases: []string{"atlas:PG109", "eugene:E8", "strong_migrations:add_exclusion_constraint"}, Hazards: []string{"B20"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddConstraint](p) {
			k := c.Constraint
			if !excludes(k) || !p.buildsConstraintIndex(at, k) {
				continue
			}
			l, _ := inForce(at.Step, k.Table)
			table := rel(at.Step, k.Table)
			p.Report(at, lint.Finding{
				Object:   qualified(table.Schema, table.Name) + "." + k.Name,
				Message:  fmt.Sprintf("%s %q blocks %s to %s until its index is built and every row is checked against it", excluder(k), k.Name, waiters(l.Mode), quote(l.Object)),
				Evidence: append([]lint.Evidence{lockEvidence(l)}, scansBelow(at.Step, k.Table)...),
				Advice: fmt.Sprintf("It can be neither NOT VALID nor built concurrently. For a large table, create a new table with the constraint, copy the rows in batches while a trigger keeps both tables in sync, and swap the names:\n\nCREATE TABLE %s (LIKE %s INCLUDING ALL);\nALTER TABLE %s ADD CONSTRAINT %s %s;",
					sqlName(table.Schema, table.Name+"_new"), relSQL(table), sqlName(table.Schema, table.Name+"_new"), sqlIdent(k.Name), k.Definition),
			})
		}
	},
}

// excludes reports whether a constraint compares each row with the others by
// operators: EXCLUDE, and from 18 on a key WITHOUT OVERLAPS.
func excludes(k *schema.Constraint) bool {
	return k.Kind == schema.Exclusion || strings.Contains(k.Definition, " WITHOUT OVERLAPS)")
}

// excluder is the kind of such a constraint as people say it.
func excluder(k *schema.Constraint) string {
	if k.Kind == schema.Exclusion {
		return "exclusion constraint"
	}
	return keyKind(k)
}
