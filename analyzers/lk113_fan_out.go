package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var fanOut = &Analyzer{
	Rule: lint.Rule{
		ID: "LK113", Name: "fans-out", Title: "locking every partition or child table", Severity: lint.Info, Weight: lint.ByWait,
		Aliases: []string{"atlas:PG108"}, Hazards: []string{"P09"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			if p.fansOutGently(m, s) || s.Stmt.Syntax.Tag == "LOCK TABLE" {
				continue // somebody who writes LOCK TABLE wants it locked
			}
			for _, top := range s.Locks {
				if !p.strongOnTable(top) || s.After.Relations[top.Relation] == nil || lead(s, top.Relation) != top.Relation {
					continue
				}
				below := p.lockedBelow(s, top.Relation)
				if len(below) < 2 {
					continue
				}
				what := "partition"
				if rel(s, top.Relation).Kind != schema.PartitionedTable {
					what = "child table"
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object:   top.Object,
					Message:  fmt.Sprintf("locks %s and its %s, and blocks %s to all of them from the first lock to the end of the transaction", quote(top.Object), plural(len(below), what), waiters(top.Mode)),
					Evidence: someEvidence(append([]lint.Evidence{lockEvidence(top)}, below...), 5),
					Advice:   "The statement holds the locks it has while it waits for the next one: give it a migration of its own and a short lock_timeout:\n\n" + setLockTimeout(m, s),
				})
			}
		}
	},
}

// fansOutGently reports whether the step is by itself and gives up soon: then
// there is nothing better to do.
func (p *Pass) fansOutGently(m *devdb.Recorded, s *devdb.Step) bool {
	if s.Settings.LockTimeout == 0 && !p.Config.LockTimeoutSet {
		return false
	}
	return !slices.ContainsFunc(m.Steps, func(o *devdb.Step) bool {
		_, strong := p.dangerous(o)
		return o != s && sameTx(o, s) && strong
	})
}

// lockedBelow tells of the existing tables under another that the step locks in earnest.
func (p *Pass) lockedBelow(s *devdb.Step, top schema.OID) []lint.Evidence {
	var out []lint.Evidence
	for _, r := range heirs(s.After, top) {
		if l, ok := lockOn(s, r.OID); ok && p.strongOnTable(l) {
			out = append(out, lockEvidence(l))
		}
	}
	return out
}
