package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// blocksOthers reports whether an application waits for the lock. Nobody writes
// to a materialized view but REFRESH, so there only ACCESS EXCLUSIVE counts.
func blocksOthers(l devdb.Lock) bool {
	if l.Kind == "materialized view" {
		return l.Mode.BlocksReads()
	}
	return l.Mode.BlocksWrites()
}

// strongOnTable reports whether an application waits for the lock of an
// existing table or materialized view.
func (p *Pass) strongOnTable(l devdb.Lock) bool {
	return blocksOthers(l) && isTable(l.Kind) && !p.IsNew(l.Relation)
}

// parents are the partitioned table that a partition belongs to, or the tables
// that a table inherits from.
func parents(r *schema.Relation) []schema.OID {
	if r.PartitionOf != 0 {
		return []schema.OID{r.PartitionOf}
	}
	return r.Inherits
}

// lead is the topmost ancestor of a table that the step locks against writes
// too: the one that the statement was about when it went down to partitions.
func lead(s *devdb.Step, oid schema.OID) schema.OID {
	for range 100 { // inheritance has no circles; the limit is for a broken catalog
		r := rel(s, oid)
		if r == nil {
			return oid
		}
		next := slices.IndexFunc(parents(r), func(up schema.OID) bool {
			l, ok := lockOn(s, up)
			return ok && l.Mode.BlocksWrites()
		})
		if next < 0 {
			return oid
		}
		oid = parents(r)[next]
	}
	return oid
}

// heirs are the partitions and child tables below a table, in the order they were made.
func heirs(c *schema.Catalog, oid schema.OID) []*schema.Relation {
	below := map[schema.OID]bool{oid: true}
	all := schema.Sorted(c.Relations)
	var out []*schema.Relation
	for grown := true; grown; {
		grown = false
		for _, r := range all {
			if !below[r.OID] && slices.ContainsFunc(parents(r), func(up schema.OID) bool { return below[up] }) {
				below[r.OID], grown = true, true
				out = append(out, r)
			}
		}
	}
	return out
}

// scannedBelow reports whether the step scans all of the table or of one below it.
func scannedBelow(s *devdb.Step, oid schema.OID) bool {
	return scanned(s, oid) || slices.ContainsFunc(heirs(s.After, oid), func(r *schema.Relation) bool { return scanned(s, r.OID) })
}

// scansBelow tells of the table's own scan and of those below it.
func scansBelow(s *devdb.Step, oid schema.OID) []lint.Evidence {
	var out []lint.Evidence
	below := heirs(s.After, oid)
	for _, x := range s.Scans {
		if x.Relation == oid || slices.ContainsFunc(below, func(r *schema.Relation) bool { return r.OID == x.Relation }) {
			out = append(out, scanEvidence(x))
		}
	}
	return someEvidence(out, 4)
}

// someEvidence keeps the first of many like pieces of evidence and counts the rest.
func someEvidence(ev []lint.Evidence, limit int) []lint.Evidence {
	if len(ev) <= limit {
		return ev
	}
	rest := lint.Evidence{Kind: ev[0].Kind, Text: fmt.Sprintf("and %d more", len(ev)-limit)}
	return append(ev[:limit:limit], rest)
}

// outside adds the format's own way out of the transaction, if the step is in
// one, to a sentence that says "outside a transaction".
func outside(at At, sentence string) string {
	if m := at.Migration; m.TxOptOut != "" && at.Step.InTx {
		return sentence + " (" + m.TxOptOut + ")"
	}
	return sentence
}

// tableRewritten reports whether the step writes the table, not just an index
// of it, anew; the check of rewrites then speaks.
func tableRewritten(s *devdb.Step, oid schema.OID) bool {
	r, ok := rewritten(s, oid)
	return ok && !isTruncate(s, r)
}

// builtHere reports whether the step builds the index of a constraint, rather
// than taking one that is there (USING INDEX).
func builtHere(s *devdb.Step, k *schema.Constraint) bool {
	return k.Index != 0 && s.Before.Indexes[k.Index] == nil
}

// changed reports whether one of the step's changes is to the relation or to
// something on it.
func changed(s *devdb.Step, oid schema.OID) bool {
	return slices.ContainsFunc(s.Changes, func(c schema.Change) bool { return tableOf(c) == oid })
}

// tableOf is the relation that a change is to, or that what changes is on; 0 if it is of none.
func tableOf(c schema.Change) schema.OID {
	switch c := c.(type) {
	case *schema.AddTable:
		return c.Table.OID
	case *schema.DropTable:
		return c.Table.OID
	case *schema.RenameTable:
		return c.After.OID
	case *schema.MoveTable:
		return c.After.OID
	case *schema.SetPersistence:
		return c.After.OID
	case *schema.SetTablespace:
		return c.After.OID
	case *schema.SetAccessMethod:
		return c.After.OID
	case *schema.SetOptions:
		return c.After.OID
	case *schema.SetRowSecurity:
		return c.After.OID
	case *schema.SetReplicaIdentity:
		return c.After.OID
	case *schema.SetInheritance:
		return c.After.OID
	case *schema.AttachPartition:
		return c.Partition.OID
	case *schema.DetachPartition:
		return c.Partition.OID
	case *schema.AddView:
		return c.View.OID
	case *schema.DropView:
		return c.View.OID
	case *schema.ReplaceView:
		return c.After.OID
	}
	return partTable(c)
}

// partTable is tableOf for changes of columns, indexes, constraints, triggers, rules and policies.
func partTable(c schema.Change) schema.OID {
	switch c := c.(type) {
	case *schema.AddColumn:
		return c.Table.OID
	case *schema.DropColumn:
		return c.Table.OID
	case *schema.RenameColumn:
		return c.Table.OID
	case *schema.AlterColumnType:
		return c.Table.OID
	case *schema.SetNotNull:
		return c.Table.OID
	case *schema.DropNotNull:
		return c.Table.OID
	case *schema.AlterDefault:
		return c.Table.OID
	case *schema.AlterIdentity:
		return c.Table.OID
	case *schema.AlterGenerated:
		return c.Table.OID
	case *schema.AlterColumnStorage:
		return c.Table.OID
	case *schema.AddIndex:
		return c.Index.Table
	case *schema.DropIndex:
		return c.Index.Table
	case *schema.RenameIndex:
		return c.After.Table
	case *schema.AlterIndex:
		return c.After.Table
	case *schema.AddConstraint:
		return c.Constraint.Table
	case *schema.DropConstraint:
		return c.Constraint.Table
	case *schema.RenameConstraint:
		return c.After.Table
	case *schema.ValidateConstraint:
		return c.After.Table
	case *schema.AlterConstraint:
		return c.After.Table
	case *schema.AddTrigger:
		return c.Trigger.Table
	case *schema.DropTrigger:
		return c.Trigger.Table
	case *schema.AlterTrigger:
		return c.After.Table
	case *schema.AddRule:
		return c.Rule.Table
	case *schema.DropRule:
		return c.Rule.Table
	case *schema.AlterRule:
		return c.After.Table
	case *schema.AddPolicy:
		return c.Policy.Table
	case *schema.DropPolicy:
		return c.Policy.Table
	case *schema.AlterPolicy:
		return c.After.Table
	}
	return 0
}

// namedTable reports whether the statement names the relation as its target.
func namedTable(s *devdb.Step, l devdb.Lock) bool {
	bare := l.Object[strings.LastIndexByte(l.Object, '.')+1:]
	return slices.ContainsFunc(s.Stmt.Syntax.Objects, func(o string) bool {
		o = strings.ReplaceAll(o, `"`, "")
		return o == l.Object || o == bare
	})
}

// lookedUp reports whether a data change read a table only to check foreign
// keys: the rows that new ones refer to, or those that refer to deleted ones.
// Both are found by an index; the server leaves it aside while tables are small.
func lookedUp(s *devdb.Step, oid schema.OID) bool {
	t := s.Before.Relations[oid]
	if t == nil || len(s.Changes) > 0 || hasWord(s.Stmt.Text, t.Name) {
		return false
	}
	for _, k := range s.Before.Constraints {
		if k.Kind != schema.ForeignKey {
			continue
		}
		for _, r := range s.Rows {
			if k.RefTable == oid && k.Table == r.Relation && r.Inserted+r.Updated > 0 ||
				k.Table == oid && k.RefTable == r.Relation && r.Updated+r.Deleted > 0 && keyIndexed(s.Before, k) {
				return true
			}
		}
	}
	return false
}
