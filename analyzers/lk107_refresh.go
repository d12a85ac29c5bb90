package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var refresh = &Analyzer{
	Rule: lint.Rule{
		ID: "LK107", Name: "refresh-materialized-view", Title: "refreshing a materialized view while blocking reads", Severity: lint.Error, Weight: lint.ByLock,
		Hazards: []string{"F04"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			for _, r := range s.Rewrites {
				l, ok := inForce(s, r.Relation)
				b, a := s.Before.Relations[r.Relation], s.After.Relations[r.Relation]
				if b != nil && a != nil && b.Populated && !a.Populated && !p.IsNew(r.Relation) && p.staysUnpopulated(r.Relation) {
					p.Report(At{Migration: m, Step: s}, lint.Finding{
						Object:   r.Object,
						Message:  fmt.Sprintf("empties materialized view %s: queries on it fail until it is refreshed, as it \"has not been populated\"", quote(r.Object)),
						Evidence: []lint.Evidence{catalogEvidence(r.Object, "populated before the statement, not populated after the change")},
						Advice:   "Omit WITH NO DATA:\n\nREFRESH MATERIALIZED VIEW CONCURRENTLY " + relSQL(a) + ";",
					})
				}
				// One that was never filled has no readers yet, and CONCURRENTLY is refused for it.
				if r.Kind != "materialized view" || !ok || !l.Mode.BlocksReads() || p.IsNew(r.Relation) || b == nil || a == nil || !b.Populated || !a.Populated {
					continue
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object:   r.Object,
					Message:  fmt.Sprintf("refreshing %s blocks reads of it until its query finishes", quote(r.Object)),
					Evidence: []lint.Evidence{lockEvidence(l), rewriteEvidence(r)},
					Advice:   refreshAdvice(s, a),
				})
			}
		}
	},
}

// staysUnpopulated reports whether a materialized view cannot be read after the change.
func (p *Pass) staysUnpopulated(oid schema.OID) bool {
	v := p.After.Relations[oid]
	return v != nil && !v.Populated
}

func refreshAdvice(s *devdb.Step, v *schema.Relation) string {
	a := "Refresh it without blocking reads:\n\n"
	if !slices.ContainsFunc(indexesOf(s.After, v.OID), usableForRefresh) {
		a = "Refresh it without blocking reads; this needs a unique index on plain columns, without a WHERE clause:\n\nCREATE UNIQUE INDEX ON " + relSQL(v) + " (…);\n"
	}
	return a + "REFRESH MATERIALIZED VIEW CONCURRENTLY " + relSQL(v) + ";"
}

// usableForRefresh is what REFRESH … CONCURRENTLY asks of an index.
func usableForRefresh(i *schema.Index) bool {
	return i.Unique && i.Valid && i.Predicate == "" && !slices.ContainsFunc(i.Keys, func(k schema.IndexKey) bool { return k.Column == 0 })
}
