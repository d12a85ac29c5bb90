package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var fullScan = &Analyzer{
	Rule: lint.Rule{
		ID: "LK202", Name: "full-scan-under-lock", Title: "reading all rows while reads or writes wait", Severity: lint.Error,
		Aliases: []string{
			"atlas:PG303", "atlas:PG304", "atlas:PG305", "atlas:MF104", "squawk:constraint-missing-not-valid",
			"squawk:adding-not-nullable-field", "eugene:E1", "eugene:E2", "eugene:W14",
		},
		Hazards: []string{"B12", "B13", "B18", "B21", "B22", "B23", "B24", "B26", "C08", "P02", "P03"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			for _, x := range s.Scans {
				l, ok := inForce(s, x.Relation)
				cause, advice := scanCause(p, s, x.Relation)
				if !ok || !l.Mode.BlocksWrites() || p.IsNew(x.Relation) || cause == "" {
					continue
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object:   x.Object,
					Message:  fmt.Sprintf("%s reads all of %s while %s wait", cause, quote(x.Object), waiters(l.Mode)),
					Evidence: []lint.Evidence{lockEvidence(l), scanEvidence(x)},
					Advice:   advice,
				})
			}
		}
	},
}

// scanCause tells why a statement had to read a table that it also locks
// against writes, and what to write instead; empty if another check tells it
// (a rewrite, an index, a foreign key) or the scan is a query's own.
func scanCause(p *Pass, s *devdb.Step, oid schema.OID) (cause, advice string) {
	if _, ok := rewritten(s, oid); ok {
		return "", ""
	}
	for _, c := range s.Changes {
		switch c := c.(type) {
		case *schema.AddIndex:
			if c.Index.Table == oid {
				return "", ""
			}
		case *schema.SetNotNull:
			if c.Table.OID == oid {
				return fmt.Sprintf("making sure that no %q is NULL", c.Column.Name), notNullAdvice(p, c)
			}
		case *schema.AddConstraint:
			if c.Constraint.Table == oid && c.Constraint.Kind == schema.ForeignKey {
				return "", ""
			}
			if c.Constraint.Table == oid && c.Constraint.Kind != schema.NotNull {
				return fmt.Sprintf("checking constraint %q", c.Constraint.Name), notValidAdvice(rel(s, oid), c.Constraint)
			}
			if c.Constraint.Domain != 0 {
				return fmt.Sprintf("checking the domain's constraint %q", c.Constraint.Name), "Add the domain's constraint NOT VALID, and validate it in a later migration."
			}
		case *schema.AttachPartition:
			return fmt.Sprintf("attaching partition %q", c.Partition.Name), attachAdvice(c, oid)
		case *schema.AddTable:
			if c.Table.PartitionOf != 0 {
				return fmt.Sprintf("making partition %q", c.Table.Name), "Give the default partition a valid CHECK that excludes the new partition's values first; then it need not be read."
			}
		case *schema.AlterColumnType:
			if c.Table.OID == oid {
				return fmt.Sprintf("changing %q from %s to %s", c.After.Name, c.Before.Type, c.After.Type), "Drop the CHECK that names the column, change the type, and add the CHECK again NOT VALID; validate it in a later migration."
			}
		case *schema.AlterType:
			return fmt.Sprintf("changing %s %q", c.After.Kind, c.After.Name), "Add a CHECK (VALUE IS NOT NULL) NOT VALID to the domain, and validate it in a later migration."
		}
	}
	return "", ""
}

func notNullAdvice(p *Pass, c *schema.SetNotNull) string {
	t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.Column.Name)
	name := sqlIdent(c.Table.Name + "_" + c.Column.Name + "_not_null")
	if p.Version.Major() >= 18 {
		return fmt.Sprintf("Add it without checking the rows that are there, and check them in a later migration, while writes go on:\n\nALTER TABLE %s ADD CONSTRAINT %s NOT NULL %s NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT %s;", t, name, col, t, name)
	}
	return fmt.Sprintf("Prove it first with a CHECK that is validated while writes go on; SET NOT NULL then reads nothing:\n\nALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT %s;\n-- in the one after that\nALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\nALTER TABLE %s DROP CONSTRAINT %s;",
		t, name, col, t, name, t, col, t, name)
}

func attachAdvice(c *schema.AttachPartition, scanned schema.OID) string {
	if scanned != c.Partition.OID {
		return "Give the default partition a valid CHECK that excludes the new partition's values first; then it need not be read."
	}
	t := sqlName(c.Partition.Schema, c.Partition.Name)
	return fmt.Sprintf("Give the partition a CHECK that implies its bound (%s) and validate it first; ATTACH then reads nothing:\n\nALTER TABLE %s ADD CONSTRAINT bound CHECK (…) NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT bound;",
		c.Partition.PartitionBound, t, t)
}
