package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dropIndex = &Analyzer{
	Rule: lint.Rule{
		ID: "LK102", Name: "drop-index", Title: "dropping an index while blocking reads and writes", Severity: lint.Warning, Weight: lint.ByWait,
		Aliases: []string{"atlas:PG102", "squawk:require-concurrent-index-deletion", "strong_migrations:remove_index", "squawk:ban-drop-index"}, Hazards: []string{"A02"},
	},
	Fix: (*offer).dropConcurrently,
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			at := At{Migration: m, Step: s}
			var names, tables []string
			var ev []lint.Evidence
			advice := outside(at, "Drop it without blocking reads and writes, outside a transaction") + ":\n"
			for _, c := range Changes[*schema.DropIndex](s) {
				l, ok := p.dropsAlone(s, c.Index)
				if !ok {
					continue
				}
				names = append(names, qualified(c.Index.Schema, c.Index.Name))
				if len(tables) == 0 || tables[len(tables)-1] != l.Object {
					tables = append(tables, l.Object)
					ev = append(ev, lockEvidence(l))
				}
				advice += "\nDROP INDEX CONCURRENTLY " + sqlName(c.Index.Schema, c.Index.Name) + ";"
			}
			if len(names) == 0 {
				continue
			}
			p.Report(at, lint.Finding{
				Object:   names[0],
				Message:  fmt.Sprintf("dropping index %s blocks reads and writes to %s while it waits for running queries", list(names, 3), list(tables, 3)),
				Evidence: someEvidence(ev, 4),
				Advice:   advice,
			})
		}
	},
}

// dropsAlone gives the lock on the table of an index that the statement itself
// drops and could have dropped CONCURRENTLY: that is refused for the index of
// a constraint and for partitioned ones.
func (p *Pass) dropsAlone(s *devdb.Step, i *schema.Index) (devdb.Lock, bool) {
	l, ok := inForce(s, i.Table)
	if !ok || l.Mode != devdb.AccessExclusive || s.After.Relations[i.Table] == nil || p.IsNew(i.Table) || p.Before.Indexes[i.OID] == nil {
		return l, false
	}
	return l, i.Constraint == 0 && i.Parent == 0 && !i.Partitioned && named(s, relRef(i.OID))
}

// named reports whether the statement itself names the dropped object. Without
// event triggers nobody can tell, and the answer is yes.
func named(s *devdb.Step, ref schema.Ref) bool {
	for _, d := range s.Dropped {
		if d.Ref == ref {
			return d.Original
		}
	}
	return len(s.Dropped) == 0
}
