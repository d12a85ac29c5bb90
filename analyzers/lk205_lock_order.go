package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var lockOrder = &Analyzer{
	Rule: lint.Rule{
		ID: "LK205", Name: "lock-order", Title: "two migrations lock the same tables in opposite order", Severity: lint.Info, Weight: lint.ByLock,
		Hazards: []string{"X07"},
	},
	Run: func(p *Pass) {
		type pair struct{ first, second schema.OID }
		type taker struct {
			m  *devdb.Recorded
			s  *devdb.Step
			tx int
		}
		taken := map[pair]taker{}
		told := map[pair]bool{}
		for m, s := range p.Steps() {
			if !s.InTx {
				continue
			}
			held := p.strongTables(s, s.Held)
			for _, second := range p.strongTables(s, s.Locks) {
				if _, ok := strongest(held, second.Relation); ok {
					continue
				}
				for _, first := range held {
					here := pair{first.Relation, second.Relation}
					other, ok := taken[pair{second.Relation, first.Relation}]
					if _, seen := taken[here]; !seen {
						taken[here] = taker{m, s, s.TxID}
					}
					if !ok || other.m == m && other.tx == s.TxID || told[pair{second.Relation, first.Relation}] {
						continue
					}
					told[here] = true
					at := other.s.Stmt.Pos
					p.Report(At{Migration: m, Step: s}, lint.Finding{
						Object:   second.Object,
						Message:  fmt.Sprintf("locks %s and then %s; %s locks them in the opposite order: the two migrations can deadlock with each other, and an application can deadlock with one of them", quote(first.Object), quote(second.Object), placeOf(at.Path, at.Line)),
						Evidence: []lint.Evidence{heldEvidence(m, first, ""), lockEvidence(second), {Kind: "held", Text: fmt.Sprintf("%s: %s first, then %s", placeOf(at.Path, at.Line), second.Object, first.Object), Object: second.Object}},
						Advice:   "Lock the tables in the same order in both, ideally the order that the application uses.",
					})
				}
			}
		}
	},
}

func placeOf(path string, line int) string { return fmt.Sprintf("%s:%d", path, line) }
