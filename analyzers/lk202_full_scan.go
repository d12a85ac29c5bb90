package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var fullScan = &Analyzer{
	Rule: lint.Rule{
		ID: "LK202", Name: "full-scan-under-lock", Title: "full table scan while blocking reads or writes", Severity: lint.Error, Weight: lint.ByLock, Covers: []string{"LK113"},
		Aliases: []string{
			"atlas:PG303", "atlas:PG304", "atlas:PG305", "atlas:MF104", "squawk:constraint-missing-not-valid",
			"squawk:adding-not-nullable-field", "eugene:E1", "eugene:E2", "eugene:W14",
			"strong_migrations:add_check_constraint", "strong_migrations:change_column_constraint", "strong_migrations:change_column_with_not_null", "strong_migrations:change_column_null_postgresql",
		},
		Hazards: []string{"B12", "B13", "B18", "B21", "B22", "B23", "B24", "B26", "C08", "P02", "P03"},
	},
	Fix: (*offer).provenFirst,
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			for _, g := range p.scansByCause(s) {
				ev := []lint.Evidence{lockEvidence(g.lock)}
				for _, x := range g.scans {
					ev = append(ev, scanEvidence(x))
				}
				at := At{Migration: m, Step: s}
				p.Report(at.of(g.change), lint.Finding{
					Severity: g.severity(),
					Object:   g.scans[0].Object,
					On:       relName(s, lead(s, g.scans[0].Relation)),
					Message:  fmt.Sprintf("%s scans all of %s and blocks %s", g.cause, list(g.names(), 3), waiters(g.lock.Mode)),
					Evidence: someEvidence(ev, 5),
					Advice:   g.advice,
				})
			}
		}
	},
}

// scanGroup is the scans that a statement makes for one cause: of a table and its partitions.
type scanGroup struct {
	scanCause
	lock  devdb.Lock
	scans []devdb.Scan
}

// scanCause is why a statement had to read a table that it also locks against
// writes, and what to write instead.
type scanCause struct {
	cause, advice string
	change        schema.Change
}

// severity is less for what has no weaker way: to validate a domain's constraint
// by itself, or to make the domain NOT NULL, is the best there is.
func (g *scanGroup) severity() lint.Severity {
	switch c := g.change.(type) {
	case *schema.ValidateConstraint:
		if c.After.Domain != 0 {
			return lint.Warning
		}
	case *schema.AlterType:
		return lint.Warning
	}
	return ""
}

const noWeakerDomain = "For a domain there is no way with a weaker lock: run it in a migration of its own when write traffic is low. A CHECK on the table's column instead can be validated without blocking writes."

func (g *scanGroup) names() []string {
	var out []string
	for _, x := range g.scans {
		out = append(out, x.Object)
	}
	return out
}

// scansByCause gathers the scans of existing tables that others must wait for.
func (p *Pass) scansByCause(s *devdb.Step) []*scanGroup {
	var out []*scanGroup
	for _, x := range s.Scans {
		l, ok := inForce(s, x.Relation)
		if !ok || !blocksOthers(l) || p.IsNew(x.Relation) {
			continue
		}
		for _, cause := range scanCauses(p, s, x.Relation) {
			i := slices.IndexFunc(out, func(g *scanGroup) bool { return g.cause == cause.cause })
			if i < 0 {
				out = append(out, &scanGroup{scanCause: cause, lock: l})
				i = len(out) - 1
			}
			out[i].scans = append(out[i].scans, x)
		}
	}
	return out
}

// scanCauses tells why a statement had to read a table: each subcommand that
// needs it, or what else may have; none if it is an index, a key or a new
// partition that reads it, or the scan is a query's own.
func scanCauses(p *Pass, s *devdb.Step, oid schema.OID) (out []scanCause) {
	others, elsewhere := scansToldElsewhere(s, oid)
	more := scanCount(s, oid) > others && others > 0 // a DO block that also builds an index reads the table for each
	for _, c := range s.Changes {
		if needsScan(s, c, oid) && (!elsewhere || more && !ofKey(s, c) || actionOf(s, c) != nil) {
			cause, advice := scanCauseOf(p, s, c, oid)
			out = append(out, scanCause{cause, advice, c})
		}
	}
	if len(out) > 0 || elsewhere {
		return out
	}
	for _, c := range s.Changes {
		if cause, advice := scanCauseOf(p, s, c, oid); cause != "" {
			return []scanCause{{cause, advice, c}}
		}
	}
	return nil
}

// needsScan reports whether a change alone makes the server read the table.
func needsScan(s *devdb.Step, c schema.Change, oid schema.OID) bool {
	switch c := c.(type) {
	case *schema.SetNotNull:
		if c.Table.OID != oid || column(s.Before.Relations[oid], c.Column.Num) == nil {
			return false
		}
		k, found := proofOf(s, oid, c.Column)
		return !found || !k.Validated || s.After.Constraints[k.OID] == nil
	case *schema.AddConstraint:
		return c.Constraint.Table == oid && c.Constraint.Kind == schema.Check && c.Constraint.Validated && c.Constraint.Enforced && !retyped(s, c.Constraint)
	}
	return false
}

// scanCauseOf is the cause that a change can be, and what to write instead of
// it; empty if it is none.
func scanCauseOf(p *Pass, s *devdb.Step, c schema.Change, oid schema.OID) (cause, advice string) {
	top := lead(s, oid) // a partition is read for what is done to its parent
	switch c := c.(type) {
	case *schema.SetNotNull:
		if c.Table.OID == oid {
			return notNullCause(c.Column), notNullAdvice(p, s, rel(s, top), c.Column)
		}
	case *schema.AddConstraint:
		if c.Constraint.Table == oid && c.Constraint.Kind != schema.NotNull {
			return fmt.Sprintf("checking constraint %q", c.Constraint.Name), notValidAdvice(s, rel(s, top), c.Constraint)
		}
		if c.Constraint.Domain != 0 {
			return fmt.Sprintf("checking the domain's constraint %q", c.Constraint.Name), domainAdvice(s, c.Constraint)
		}
	case *schema.ValidateConstraint:
		// SET NOT NULL over a NOT NULL that is NOT VALID (18 and later) validates that under its own lock.
		if l, ok := lockOn(s, oid); ok && c.After.Table == oid && l.Mode.BlocksWrites() {
			if !c.Before.Enforced { // VALIDATE refuses one that is not enforced
				return fmt.Sprintf("validating constraint %q", c.After.Name), enforceAdvice(rel(s, top), c.After)
			}
			return fmt.Sprintf("validating constraint %q", c.After.Name), validateAdvice(rel(s, top), c.After)
		}
		if c.After.Domain != 0 {
			return fmt.Sprintf("validating the domain's constraint %q", c.After.Name), noWeakerDomain
		}
	case *schema.DetachPartition:
		return fmt.Sprintf("checking that no row references partition %q", c.Partition.Name),
			"An index that begins with the referencing columns makes the check quick. Otherwise run it in a migration of its own, when the two tables have little traffic."
	case *schema.AttachPartition:
		return fmt.Sprintf("attaching partition %q", c.Partition.Name), attachAdvice(s, c, oid)
	case *schema.AddColumn:
		if c.Table.OID == oid && c.Column.NotNull && c.Column.Generated == "virtual" {
			return notNullCause(c.Column), fmt.Sprintf("Add the column without NOT NULL, then:\n\nALTER TABLE %[1]s ADD CONSTRAINT %[2]s NOT NULL %[3]s NOT VALID;\n-- in the next migration\nALTER TABLE %[1]s VALIDATE CONSTRAINT %[2]s;",
				relSQL(rel(s, top)), sqlIdent(c.Table.Name+"_"+c.Column.Name+"_not_null"), sqlIdent(c.Column.Name))
		}
		if c.Table.OID == oid && c.Column.NotNull && c.Column.Default != "" {
			return notNullCause(c.Column), fmt.Sprintf("Write NOT NULL in ADD COLUMN; with the default no scan is needed:\n\nALTER TABLE %s ADD COLUMN %s %s NOT NULL DEFAULT %s;",
				relSQL(rel(s, top)), sqlIdent(c.Column.Name), c.Column.Type, c.Column.Default)
		}
	case *schema.AlterColumnType:
		if c.Table.OID == oid {
			return fmt.Sprintf("changing %q from %s to %s", c.After.Name, c.Before.Type, c.After.Type), "Drop the CHECK on the column, change the type, and add the CHECK again as NOT VALID; validate it in a later migration."
		}
	case *schema.AlterType:
		return fmt.Sprintf("changing %s %q", c.After.Kind, c.After.Name), noWeakerDomain
	}
	return "", ""
}

// scansToldElsewhere reports whether a more exact check tells of the scan, and
// how many scans of the table such checks account for, 0 if that is not known.
func scansToldElsewhere(s *devdb.Step, oid schema.OID) (count int, elsewhere bool) {
	if typeChanged(s, oid) && indexesRebuilt(s, oid) {
		return 0, true
	}
	for _, c := range s.Changes {
		switch c := c.(type) {
		case *schema.AddIndex:
			if c.Index.Table == oid {
				count++
			}
		case *schema.AddConstraint:
			if c.Constraint.Table == oid && c.Constraint.Kind == schema.ForeignKey {
				count++
			}
		case *schema.AddTable:
			if c.Table.PartitionOf != 0 {
				elsewhere = true
			}
		}
	}
	if elsewhere {
		return 0, true
	}
	return count, count > 0
}

// ofKey reports whether a NOT NULL comes from a primary key of the same step,
// which is reported as a whole.
func ofKey(s *devdb.Step, c schema.Change) bool {
	n, ok := c.(*schema.SetNotNull)
	return ok && slices.ContainsFunc(Changes[*schema.AddConstraint](s), func(a *schema.AddConstraint) bool {
		return a.Constraint.Kind == schema.PrimaryKey && a.Constraint.Table == n.Table.OID && slices.Contains(a.Constraint.Columns, n.Column.Num)
	})
}

// scanCount is how often the step reads the whole relation.
func scanCount(s *devdb.Step, oid schema.OID) int {
	for _, x := range s.Scans {
		if x.Relation == oid {
			return x.Count
		}
	}
	return 0
}

// indexesRebuilt reports whether the step builds an index of the table anew.
func indexesRebuilt(s *devdb.Step, oid schema.OID) bool {
	return slices.ContainsFunc(s.Rewrites, func(r devdb.Rewrite) bool { return r.Kind == "index" && r.Table == oid })
}

func notNullCause(c *schema.Column) string {
	return fmt.Sprintf("checking NOT NULL on %q", c.Name)
}

func notNullAdvice(p *Pass, s *devdb.Step, table *schema.Relation, col *schema.Column) string {
	t, c := relSQL(table), sqlIdent(col.Name)
	if k, found := proofOf(s, table.OID, col); found {
		if !k.Validated {
			return validateAdvice(table, k)
		}
		return fmt.Sprintf("%q makes the scan unnecessary, but not if the same ALTER TABLE drops it. Use two statements:\n\nALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\nALTER TABLE %s DROP CONSTRAINT %s;", k.Name, t, c, t, sqlIdent(k.Name))
	}
	name := sqlIdent(table.Name + "_" + col.Name + "_not_null")
	others := otherActions(s, &schema.SetNotNull{Table: table, Column: col})
	if p.Version.Major() >= 18 {
		def := "NOT NULL " + c
		for _, a := range Changes[*schema.AddConstraint](s) {
			if k := a.Constraint; k.Kind == schema.NotNull && k.Table == table.OID && slices.Equal(k.Columns, []int16{col.Num}) && actionOf(s, a) != nil {
				name, def, others = sqlIdent(k.Name), strings.TrimSuffix(k.Definition, " NOT VALID"), otherActions(s, a) // as its author wrote it
			}
		}
		return fmt.Sprintf("Add it NOT VALID, so existing rows are not checked yet, and validate it in a later migration, which does not block writes:\n\n%sALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT %s;", others, t, name, def, t, name)
	}
	return fmt.Sprintf("First add a CHECK and validate it, which does not block writes; SET NOT NULL then skips the scan:\n\n%sALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;\n-- in the next migration\nALTER TABLE %s VALIDATE CONSTRAINT %s;\n-- in the one after that\nALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\nALTER TABLE %s DROP CONSTRAINT %s;",
		others, t, name, c, t, name, t, c, t, name)
}

// enforceAdvice is for a constraint that was NOT ENFORCED, which cannot be validated first.
func enforceAdvice(t *schema.Relation, k *schema.Constraint) string {
	return fmt.Sprintf("Drop it and add it again as NOT VALID, which scans nothing; validate it in a later migration, which does not block writes:\n\nALTER TABLE %[1]s DROP CONSTRAINT %[2]s;\nALTER TABLE %[1]s ADD CONSTRAINT %[2]s %[3]s NOT VALID;\n-- in the next migration\nALTER TABLE %[1]s VALIDATE CONSTRAINT %[2]s;",
		relSQL(t), sqlIdent(k.Name), strings.TrimSuffix(k.Definition, " NOT VALID"))
}

func validateAdvice(t *schema.Relation, k *schema.Constraint) string {
	return fmt.Sprintf("Validate %q in an earlier migration, which scans the table without blocking writes; this statement then skips the scan:\n\nALTER TABLE %s VALIDATE CONSTRAINT %s;", k.Name, relSQL(t), sqlIdent(k.Name))
}

// proofOf finds a constraint that says of the column alone that it is not NULL,
// as it is before the step.
func proofOf(s *devdb.Step, table schema.OID, col *schema.Column) (*schema.Constraint, bool) {
	for _, k := range schema.Sorted(s.Before.Constraints) {
		if k.Table != table || !slices.Equal(k.Columns, []int16{col.Num}) {
			continue
		}
		if k.Kind == schema.NotNull || k.Kind == schema.Check && strings.Trim(k.Expression, "()") == sqlIdent(col.Name)+" IS NOT NULL" {
			return k, true
		}
	}
	return nil, false
}

func domainAdvice(s *devdb.Step, k *schema.Constraint) string {
	d := s.After.Types[k.Domain]
	if d == nil {
		return ""
	}
	name := sqlName(d.Schema, d.Name)
	return fmt.Sprintf("Add it NOT VALID, which locks no table and does not check existing rows; validate it in a later migration, when write traffic is low:\n\nALTER DOMAIN %s ADD CONSTRAINT %s %s NOT VALID;\n-- in the next migration\nALTER DOMAIN %s VALIDATE CONSTRAINT %s;",
		name, sqlIdent(k.Name), strings.TrimSuffix(k.Definition, " NOT VALID"), name, sqlIdent(k.Name))
}

func attachAdvice(s *devdb.Step, c *schema.AttachPartition, scanned schema.OID) string {
	if scanned != c.Partition.OID {
		return "First give the default partition a valid CHECK that excludes the new partition's values; ATTACH then skips the scan."
	}
	return "First give the partition a CHECK that matches its bound, and validate it; ATTACH then skips the scan:\n\n" + provenBound(c.Partition)
}
