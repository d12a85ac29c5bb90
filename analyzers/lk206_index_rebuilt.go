package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var indexRebuilt = &Analyzer{
	Rule: lint.Rule{
		ID: "LK206", Name: "index-rebuilt", Title: "a changed column's indexes built anew while reads and writes wait", Severity: lint.Error, Weight: lint.ByLock,
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
					Message:  fmt.Sprintf("changing %s builds %s anew: %s to %s wait until it is done", typeChange(c), indexWord(names), waiters(l.Mode), quote(l.Object)),
					Evidence: someEvidence(append(ev, scansBelow(s, c.Table.OID)...), 6),
					Advice:   "The rows stay as they are; it is the index that does not fit the new type or collation. Build the new index beforehand on an expression, while reads and writes go on, let queries use it, and drop the old one with CONCURRENTLY before the column changes.",
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
