package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var indexRebuilt = &Analyzer{
	Rule: lint.Rule{
		ID: "LK206", Name: "index-rebuilt", Title: "changing a column rebuilds its indexes while blocking reads and writes", Severity: lint.Error, Weight: lint.ByLock,
		Hazards: []string{"C09"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			for _, c := range Changes[*schema.AlterColumnType](s) {
				l, ok := inForce(s, c.Table.OID)
				if !ok || !l.Mode.BlocksWrites() || p.IsNew(c.Table.OID) || tableRewritten(s, c.Table.OID) {
					continue
				}
				var names []string
				ev := []lint.Evidence{lockEvidence(l)}
				for _, r := range s.Rewrites {
					if i := s.After.Indexes[r.Relation]; r.Kind == "index" && r.Table == c.Table.OID && (i == nil || i.Parent == 0) {
						names = append(names, r.Object)
						ev = append(ev, rewriteEvidence(r))
					}
				}
				if len(names) == 0 {
					continue
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object:   l.Object + "." + c.After.Name,
					Message:  fmt.Sprintf("changing %s rebuilds %s and blocks %s to %s until it finishes", typeChange(c), indexWord(names), waiters(l.Mode), quote(l.Object)),
					Evidence: someEvidence(append(ev, scansBelow(s, c.Table.OID)...), 6),
					Advice:   "The table is not rewritten, but the index does not fit the new type or collation. First build a new index on an expression with CONCURRENTLY, change queries to use it, and drop the old index with CONCURRENTLY before you change the column.",
				})
				break // one change is the cause for all that is built anew
			}
		}
	},
}

// typeChange says what becomes of a column: "code" from text to varchar.
func typeChange(c *schema.AlterColumnType) string {
	if c.Before.Type == c.After.Type {
		return fmt.Sprintf("the collation of %q", c.After.Name)
	}
	return fmt.Sprintf("%q from %s to %s", c.After.Name, c.Before.Type, c.After.Type)
}
