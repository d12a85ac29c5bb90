package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// Two tables of one transaction that an application uses together.

// crossed reports a step that takes a strong lock while the transaction keeps
// from an application what that may be waiting for: rows that an earlier
// statement wrote, or another table that a statement of the transaction joins.
func (p *Pass) crossed(m *devdb.Recorded, earlier []*devdb.Step, s *devdb.Step) (lint.Finding, bool) {
	for _, l := range p.strongTables(s, s.Locks) {
		if was, ok := strongest(p.strongTables(s, s.Held), l.Relation); ok && was.Mode.BlocksReads() || !l.Mode.BlocksWrites() {
			continue
		}
		for _, e := range earlier {
			if !sameTx(e, s) {
				continue
			}
			if f, ok := p.afterWrite(e, s, l); ok {
				return f, true
			}
		}
		if f, ok := p.afterJoin(m, earlier, s, l); ok {
			return f, true
		}
		if f, ok := p.raised(m, s, l); ok {
			return f, true
		}
		if f, ok := p.lookedUpFrom(m, s, l); ok {
			return f, true
		}
	}
	return lint.Finding{}, false
}

// lookedUpFrom reports a lock on a table whose writers look up rows of another by
// a foreign key, while the transaction shuts that one: they wait for it with the
// lock of the first in hand.
func (p *Pass) lookedUpFrom(m *devdb.Recorded, s *devdb.Step, l devdb.Lock) (lint.Finding, bool) {
	if !l.Mode.BlocksWrites() {
		return lint.Finding{}, false
	}
	for _, held := range p.strongTables(s, s.Held) {
		if held.Relation == l.Relation || held.Mode.Strength() < devdb.Exclusive.Strength() { // what FOR KEY SHARE waits for
			continue
		}
		for _, k := range schema.Sorted(s.Before.Constraints) {
			if k.Kind != schema.ForeignKey || !k.Enforced || topOf(s, k.Table) != l.Relation || topOf(s, k.RefTable) != held.Relation || p.old(k.Table) == nil || p.Before.Constraints[k.OID] == nil {
				continue
			}
			name, ref := quote(l.Object), quote(held.Object)
			return lint.Finding{
				Object:   l.Object,
				Message:  fmt.Sprintf("locks %s while %s stays locked: an INSERT into %s, which looks up its row of %s by foreign key %q, deadlocks with the migration", name, ref, name, ref, k.Name),
				Evidence: []lint.Evidence{lockEvidence(l), heldEvidence(m, held, "")},
				Advice:   "Put each table's statements into a migration of their own, or lock the referring table first.",
			}, true
		}
	}
	return lint.Finding{}, false
}

// raised reports a lock that shuts out readers of a table whose writers the
// transaction keeps waiting already.
func (p *Pass) raised(m *devdb.Recorded, s *devdb.Step, l devdb.Lock) (lint.Finding, bool) {
	was, ok := strongest(p.strongTables(s, s.Held), l.Relation)
	if !ok || !was.Mode.BlocksWrites() || was.Mode.BlocksReads() || !l.Mode.BlocksReads() {
		return lint.Finding{}, false
	}
	if was.Step >= 0 && m.Steps[was.Step].Stmt.Syntax.Tag == "LOCK TABLE" {
		return lint.Finding{}, false // its author has chosen the order
	}
	name := quote(l.Object)
	return lint.Finding{
		Object: l.Object, Severity: lint.Info,
		Message:  fmt.Sprintf("raises its lock on %s from %s to %s: a transaction that has read %s and waits to write to it deadlocks with the migration", name, was.Mode, l.Mode, name),
		Evidence: []lint.Evidence{lockEvidence(l), heldEvidence(m, was, "")},
		Advice:   "Take the stronger lock first, or put the two statements into migrations of their own.",
	}, true
}

// afterWrite reports a lock on a table whose rows, or those of one that goes
// with it, an earlier statement has written and so keeps locked.
func (p *Pass) afterWrite(e, s *devdb.Step, l devdb.Lock) (lint.Finding, bool) {
	used := "written to"
	if l.Mode.BlocksReads() {
		used = "read"
	}
	for _, w := range p.manyWrites(e) {
		if held, ok := inForce(e, w.table.OID); ok && held.Mode.BlocksReads() {
			continue // nobody waits for a row of a table that nobody can use
		}
		name, line := quote(qualified(w.table.Schema, w.table.Name)), e.Stmt.Pos.Line
		f := lint.Finding{
			Object:   l.Object,
			Evidence: []lint.Evidence{lockEvidence(l), {Kind: "held", Text: fmt.Sprintf("rows of %s, written in line %d and locked until the end", short(w.table.QualifiedName()), line), Object: w.table.QualifiedName()}},
			Advice:   "Write the rows in a migration of their own, so that their locks are released before the table is locked.",
		}
		switch {
		case topOf(s, w.table.OID) == l.Relation:
			f.Message = fmt.Sprintf("locks %s after line %d has written its rows: a transaction that has %s %s and waits for one of these rows deadlocks with the migration", name, line, used, name)
		case l.Mode.BlocksReads() && (p.joined(e, w.table.OID, l.Relation) || referenced(s.Before, w.table.OID, l.Relation)):
			f.Message = fmt.Sprintf("locks %s while rows of %s stay locked since line %d: a transaction that has read %s and waits for one of these rows deadlocks with the migration",
				quote(l.Object), name, line, quote(l.Object))
		default:
			continue
		}
		return f, true
	}
	return lint.Finding{}, false
}

// afterJoin reports a second table that nobody can use any more, where a
// statement of the transaction shows that the two are used together.
func (p *Pass) afterJoin(m *devdb.Recorded, earlier []*devdb.Step, s *devdb.Step, l devdb.Lock) (lint.Finding, bool) {
	for _, held := range p.strongTables(s, s.Held) {
		if !held.Mode.BlocksReads() || !l.Mode.BlocksReads() || held.Relation == l.Relation {
			continue
		}
		for _, e := range earlier {
			if !sameTx(e, s) || !p.joined(e, held.Relation, l.Relation) {
				continue
			}
			f := manyFinding(m, []devdb.Lock{held, l}, []devdb.Lock{l})
			f.Severity = lint.Warning
			return f, true
		}
	}
	return lint.Finding{}, false
}

// joined reports whether a data change of the step works on both tables.
func (p *Pass) joined(e *devdb.Step, a, b schema.OID) bool {
	for _, w := range p.writesOf(e) {
		var hasA, hasB bool
		for _, x := range w.Rows.From {
			if t := sourceRelation(e, x); t != nil {
				hasA, hasB = hasA || t.OID == a, hasB || t.OID == b
			}
		}
		if hasA && hasB {
			return true
		}
	}
	return false
}

// referenced reports whether a foreign key leads from the one table to the other.
func referenced(c *schema.Catalog, a, b schema.OID) bool {
	for _, k := range c.Constraints {
		if k.Kind == schema.ForeignKey && (k.Table == a && k.RefTable == b || k.Table == b && k.RefTable == a) {
			return true
		}
	}
	return false
}
