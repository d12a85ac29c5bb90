package analyzers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var manyTables = &Analyzer{
	Rule: lint.Rule{
		ID: "LK204", Name: "many-tables-locked", Title: "one transaction locks several tables in sequence", Severity: lint.Warning, Weight: lint.ByLock,
		Hazards: []string{"X07", "B03"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			told := map[int]bool{}
			for i, s := range m.Steps {
				block := p.oneTransaction(s)
				if !s.InTx && !block || told[s.TxID] {
					continue
				}
				held, taken := p.strongTables(s, s.Held), p.strongTables(s, s.Locks)
				all := union(held, taken)
				if len(held) == 0 && !block || len(all) == len(held) || len(all) < manyAre {
					if f, ok := p.crossed(m, m.Steps[:i], s); ok {
						told[s.TxID] = true
						p.Report(At{Migration: m, Step: s}, f)
					}
					continue
				}
				told[s.TxID] = true
				p.Report(At{Migration: m, Step: s}, manyFinding(m, all, taken))
			}
		}
	},
}

// manyAre is how many tables are many: two are locked by every foreign key.
const manyAre = 3

// strongTables are the strongest locks on existing tables, one for a
// partitioned table and all below it.
func (p *Pass) strongTables(s *devdb.Step, locks []devdb.Lock) []devdb.Lock {
	var out []devdb.Lock
	at := map[schema.OID]int{}
	for _, l := range locks {
		if !p.strongOnTable(l) {
			continue
		}
		top := topOf(s, l.Relation)
		i, ok := at[top]
		if !ok {
			at[top] = len(out)
			l.Object, l.Relation = nameOr(s, top, l.Object), top
			out = append(out, l)
		} else if l.Mode.Strength() > out[i].Mode.Strength() {
			out[i].Mode, out[i].Step = l.Mode, l.Step
		}
	}
	return out
}

// topOf is the topmost ancestor of a table, itself if it has none.
func topOf(s *devdb.Step, oid schema.OID) schema.OID {
	for range 100 { // see lead
		r := rel(s, oid)
		if r == nil || len(parents(r)) == 0 {
			break
		}
		oid = parents(r)[0]
	}
	return oid
}

func nameOr(s *devdb.Step, oid schema.OID, other string) string {
	if n := relName(s, oid); n != "" {
		return n
	}
	return other
}

// union adds the locks of tables that held does not have.
func union(held, taken []devdb.Lock) []devdb.Lock {
	out := slices.Clone(held)
	for _, l := range taken {
		if _, ok := strongest(held, l.Relation); !ok {
			out = append(out, l)
		}
	}
	return out
}

func manyFinding(m *devdb.Recorded, all, taken []devdb.Lock) lint.Finding {
	f := lint.Finding{Object: taken[0].Object, Severity: lint.Info}
	var names []string
	reads := 0
	slices.SortStableFunc(all, func(a, b devdb.Lock) int {
		return cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Object, b.Object))
	})
	for _, l := range all {
		names = append(names, l.Object)
		f.Evidence = append(f.Evidence, heldEvidence(m, l, ""))
		if l.Mode.BlocksReads() {
			reads++
		}
	}
	if reads >= manyAre-1 { // short locks of foreign keys are worth no more than knowing
		f.Severity = lint.Warning
	}
	f.Evidence = someEvidence(f.Evidence, 6)
	f.Message = fmt.Sprintf("the transaction now locks %s in this order: it can deadlock with an application that locks them in a different order", list(names, 4))
	f.Advice = "Move each table's statements to a migration of their own, so that a transaction locks one table at a time."
	return f
}

// oneTransaction reports whether the step is a block or a call, which runs many
// statements in one transaction: it does not commit as it goes.
func (p *Pass) oneTransaction(s *devdb.Step) bool {
	if s.Err != nil || s.Tag != "DO" && s.Tag != "SELECT" && s.Tag != "CALL" {
		return false
	}
	p.writesOf(s)
	return !p.facts.commits[s]
}
