package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var lockHeld = &Analyzer{
	Rule: lint.Rule{
		ID: "LK203", Name: "lock-held-while-working", Title: "a strong lock held during a long statement", Severity: lint.Error, Unsized: lint.Warning, Weight: lint.ByLock, Covers: []string{"TX107"}, CoversLater: true,
		Aliases: []string{"eugene:E4", "eugene:E2", "strong_migrations:validate_check_constraint", "strong_migrations:validate_foreign_key"}, Hazards: []string{"A08", "B04", "X06", "X09"},
	},
	Fix: (*offer).split,
	Run: func(p *Pass) {
		for _, m := range p.New {
			told := map[held]bool{} // one finding says it of a table
			for _, s := range m.Steps {
				if !s.InTx {
					continue
				}
				if f, l, ok := p.heldWhileWorking(m, s); ok && !told[held{s.TxID, l.Relation}] {
					told[held{s.TxID, l.Relation}] = true
					p.Report(At{Migration: m, Step: s}, f)
				}
			}
		}
	},
}

// held is a table that a transaction keeps locked.
type held struct {
	tx    int
	table schema.OID
}

// work is something in a statement that takes time in proportion to a table's size.
type work struct {
	table schema.OID
	text  string
	needs int // strength of the lock on the table that the work takes by itself
}

// heldWhileWorking is what the step does at length while an earlier lock keeps
// others waiting, and the strongest such lock.
func (p *Pass) heldWhileWorking(m *devdb.Recorded, s *devdb.Step) (f lint.Finding, best devdb.Lock, ok bool) {
	var doing string
	for _, w := range p.works(s) {
		for _, l := range s.Held {
			if !p.strongOnTable(l) || l.Relation == w.table && l.Mode.Strength() <= w.needs {
				continue
			}
			if l.Mode.Strength() > best.Mode.Strength() {
				best, doing = l, w.text
			}
		}
	}
	if best.Mode == "" {
		return f, best, false
	}
	f.Object = best.Object
	if r := rel(s, best.Relation); r != nil { // it may have got another name since
		f.Object = qualified(r.Schema, r.Name)
	}
	f.Message = fmt.Sprintf("%s stays locked and blocks %s while this statement %s", quote(f.Object), waiters(best.Mode), doing)
	f.Evidence = []lint.Evidence{heldEvidence(m, best, doing)}
	others := []lint.Evidence{}
	for _, l := range s.Held {
		if l.Relation != best.Relation && p.strongOnTable(l) {
			others = append(others, heldEvidence(m, l, ""))
		}
	}
	f.Evidence = append(f.Evidence, someEvidence(others, 4)...)
	f.Advice = "Move this statement to a migration of its own, so that the lock is released first."
	return f, best, true
}

func (p *Pass) works(s *devdb.Step) []work {
	var out []work
	for _, r := range s.Rewrites {
		if isTable(r.Kind) && !isTruncate(s, r) && !p.IsNew(r.Relation) {
			out = append(out, work{r.Relation, "rewrites all of " + quote(r.Object), devdb.AccessExclusive.Strength()})
		}
		if r.Kind == "index" && !p.IsNew(r.Table) && reindexed(s, r) {
			out = append(out, work{r.Table, "rebuilds " + quote(r.Object), devdb.AccessExclusive.Strength()})
		}
	}
	// An index that is built under a lock held on its own table is told by the check of indexes.
	for _, c := range Changes[*schema.AddIndex](s) {
		if !p.IsNew(c.Index.Table) && c.Index.Parent == 0 {
			out = append(out, work{c.Index.Table, fmt.Sprintf("builds index %q", c.Index.Name), devdb.AccessExclusive.Strength()})
		}
	}
	for _, x := range s.Scans {
		if p.IsNew(x.Relation) || lookedUp(s, x.Relation) || p.byKey(s, x.Relation) || refusesRows(s, x.Relation) {
			continue
		}
		needs := 0
		if len(scanCauses(p, s, x.Relation)) > 0 {
			needs = devdb.AccessExclusive.Strength()
		} else if addsForeignKey(s, x.Relation) {
			needs = devdb.AccessExclusive.Strength() // the check of foreign keys tells what is held on its table
		} else if _, ok := rewritten(s, x.Relation); ok || buildsIndex(s, x.Relation) {
			continue
		}
		out = append(out, work{x.Relation, "scans all of " + quote(x.Object), needs})
	}
	return append(out, p.dataWorks(s)...)
}

// dataWorks are the data changes of many rows. On the empty tables of a dev
// database they may go by an index, and no scan is recorded.
func (p *Pass) dataWorks(s *devdb.Step) []work {
	var out []work
	for _, w := range p.manyWrites(s) {
		// With a constant to compare with, the rows may well be few.
		if compared, _ := p.comparesConstant(s, w); !scanned(s, w.table.OID) && (!compared || w.looped) {
			out = append(out, work{w.table.OID, fmt.Sprintf("%s %s, and no unique key limits how many rows", doings[w.Kind], quote(qualified(w.table.Schema, w.table.Name))), 0})
		}
	}
	for _, w := range p.writesOf(s) {
		if w.Kind != "INSERT" || s.Err != nil || p.few(s, &w.Rows) {
			continue
		}
		few := p.fewOf(s, &w.Rows)
		for i, x := range w.Rows.From {
			if t := sourceRelation(s, x); t != nil && !few[i] && p.oldRows(t) && !scanned(s, t.OID) {
				out = append(out, work{t.OID, "copies rows of " + quote(qualified(t.Schema, t.Name)), 0})
			}
		}
	}
	return out
}

// refusesRows reports whether the step adds a column to the table that no row
// can have: it reads up to the first, and fails, which is told by itself.
func refusesRows(s *devdb.Step, oid schema.OID) bool {
	return slices.ContainsFunc(Changes[*schema.AddColumn](s), func(c *schema.AddColumn) bool {
		return c.Table.OID == oid && required(s, c.Column)
	})
}

func addsForeignKey(s *devdb.Step, oid schema.OID) bool {
	for _, c := range Changes[*schema.AddConstraint](s) {
		if c.Constraint.Kind == schema.ForeignKey && c.Constraint.Table == oid {
			return true
		}
	}
	return false
}

func buildsIndex(s *devdb.Step, oid schema.OID) bool {
	for _, c := range Changes[*schema.AddIndex](s) {
		if c.Index.Table == oid {
			return true
		}
	}
	return false
}
