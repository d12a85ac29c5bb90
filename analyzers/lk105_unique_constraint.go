package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var uniqueConstraint = &Analyzer{
	Rule: lint.Rule{
		ID: "LK105", Name: "add-unique-constraint", Title: "building the index of a unique or primary key while blocking reads and writes", Severity: lint.Error, Weight: lint.ByLock, Covers: []string{"LK113"},
		Aliases: []string{
			"atlas:PG104", "atlas:PG105", "atlas:PG312", "squawk:disallowed-unique-constraint", "squawk:adding-serial-primary-key-field", "eugene:E7",
			"strong_migrations:add_unique_constraint",
		},
		Hazards: []string{"B16", "B17", "B19"},
	},
	Fix: (*offer).usingIndex,
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddConstraint](p) {
			k := c.Constraint
			if !p.buildsKey(at, k) {
				continue
			}
			l, _ := inForce(at.Step, k.Table)
			table := rel(at.Step, k.Table)
			f := lint.Finding{
				Object:   qualified(table.Schema, table.Name) + "." + k.Name,
				On:       qualified(table.Schema, table.Name),
				Message:  fmt.Sprintf("%s %q blocks %s to %s until its index is built", keyKind(k), k.Name, waiters(l.Mode), quote(l.Object)),
				Evidence: append([]lint.Evidence{lockEvidence(l)}, scansBelow(at.Step, k.Table)...),
				Advice:   usingIndexAdvice(at, table, k),
			}
			p.Report(at, f)
		}
	},
}

// buildsKey reports whether a unique or primary key constraint of an existing
// table builds its index in this step, and no rewrite of the table tells so
// already. The constraints of partitions come with that of their parent.
func (p *Pass) buildsKey(at At, k *schema.Constraint) bool {
	if k.Kind != schema.Unique && k.Kind != schema.PrimaryKey || excludes(k) {
		return false
	}
	return p.buildsConstraintIndex(at, k)
}

// buildsConstraintIndex is buildsKey for any constraint that has an index.
func (p *Pass) buildsConstraintIndex(at At, k *schema.Constraint) bool {
	s := at.Step
	if k.Parent != 0 || p.IsNew(k.Table) || !builtHere(s, k) || tableRewritten(s, k.Table) || retyped(s, k) || rel(s, k.Table) == nil {
		return false
	}
	if r := rel(s, k.Table); r.Kind == schema.PartitionedTable && !scannedBelow(s, k.Table) {
		return false // ONLY the parent, or there are no partitions
	}
	l, ok := inForce(s, k.Table)
	return ok && l.Mode.BlocksWrites()
}

func usingIndexAdvice(at At, t *schema.Relation, k *schema.Constraint) string {
	name, key := relSQL(t), "UNIQUE"
	if k.Kind == schema.PrimaryKey {
		key = "PRIMARY KEY"
	}
	i := at.Step.After.Indexes[k.Index]
	if i == nil {
		return ""
	}
	if t.Kind == schema.PartitionedTable {
		return fmt.Sprintf("Add it to the parent with ONLY; then, for each partition, build the index with CONCURRENTLY, add the constraint USING that index, and attach it:\n\nALTER TABLE ONLY %s ADD CONSTRAINT %s %s;\nCREATE UNIQUE INDEX CONCURRENTLY … ON <partition> (…);\nALTER TABLE <partition> ADD CONSTRAINT … %s USING INDEX …;\nALTER INDEX %s ATTACH PARTITION …;",
			name, sqlIdent(k.Name), k.Definition, key, sqlName(i.Schema, i.Name))
	}
	a := outside(at, "Build the index first without blocking reads and writes, outside a transaction")
	first := newColumns(at.Step, t, k.Columns)
	if first != "" {
		first += "-- in the next migration\n"
	} else {
		first = otherActions(at.Step, &schema.AddConstraint{Constraint: k})
	}
	a += fmt.Sprintf("; adding the constraint USING INDEX is then quick:\n\n%s%s;\n-- in the next migration\nALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s",
		first, concurrently(i.Definition), name, sqlIdent(k.Name), key, sqlIdent(i.Name))
	switch {
	case strings.Contains(k.Definition, "INITIALLY DEFERRED"):
		a += " DEFERRABLE INITIALLY DEFERRED"
	case k.Deferrable:
		a += " DEFERRABLE"
	}
	a += ";"
	for _, c := range Changes[*schema.SetNotNull](at.Step) {
		if c.Table.OID == t.OID && k.Kind == schema.PrimaryKey {
			return a + fmt.Sprintf("\n\n%s must be NOT NULL before that, or PostgreSQL scans the whole table under the lock.", quote(c.Column.Name))
		}
	}
	return a
}
