package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

var vacuumFull = &Analyzer{
	Rule: lint.Rule{
		ID: "LK108", Name: "vacuum-full", Title: "VACUUM FULL or CLUSTER, which blocks reads and writes", Severity: lint.Error, Weight: lint.ByLock,
		Aliases: []string{"squawk:prefer-repack"}, Hazards: []string{"D09"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			var tables []string
			var ev []lint.Evidence
			command := ""
			for _, r := range s.Rewrites {
				l, ok := inForce(s, r.Relation)
				if !isTable(r.Kind) || p.IsNew(r.Relation) || ok && !l.Mode.BlocksWrites() {
					continue
				}
				switch r.Reason {
				case "VACUUM FULL", "CLUSTER", "REPACK":
					command = r.Reason
				case "DO", "SELECT", "CALL":
					if r.Kind == "materialized view" || !clusters(s) {
						continue
					}
					command = "CLUSTER"
				default:
					continue
				}
				tables = append(tables, r.Object)
				ev = append(ev, rewriteEvidence(r))
				if ok {
					ev = append(ev, lockEvidence(l))
				}
			}
			if len(tables) == 0 {
				continue
			}
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Object:   tables[0],
				Message:  fmt.Sprintf("%s rewrites all of %s, blocking reads and writes until it finishes", command, list(tables, 3)),
				Evidence: someEvidence(ev, 6),
				Advice:   "Remove it from the migration. Plain VACUUM makes the space reusable without blocking reads and writes; to return it to the operating system, pg_repack and pg_squeeze copy the table and lock it only for the swap.",
			})
		}
	},
}
