package analyzers

import (
	"fmt"
	"regexp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

var lockTable = &Analyzer{
	Rule: lint.Rule{
		ID: "LK109", Name: "lock-table", Title: "explicit LOCK TABLE", Severity: lint.Warning, Weight: lint.ByLock,
		Hazards: []string{"D10"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			if !locksByHand(s) {
				continue
			}
			var best devdb.Lock
			var tables []string
			var ev []lint.Evidence
			for _, l := range s.Locks {
				if !p.strongOnTable(l) || changed(s, l.Relation) {
					continue
				}
				tables = append(tables, l.Object)
				ev = append(ev, lockEvidence(l))
				if l.Mode.Strength() > best.Mode.Strength() {
					best = l
				}
			}
			if len(tables) == 0 {
				continue
			}
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Object:   best.Object,
				Message:  fmt.Sprintf("LOCK TABLE blocks %s to %s until the transaction ends", waiters(best.Mode), list(tables, 3)),
				Evidence: someEvidence(ev, 4),
				Advice:   "Remove it: every statement takes the lock it needs when it needs it. To keep two runs of a data change apart, use an advisory lock, which blocks nobody else:\n\nSELECT pg_advisory_xact_lock(…);",
			})
		}
	},
}

var lockWord = regexp.MustCompile(`(?i)^\s*lock\s`)

// locksByHand reports whether the statement is LOCK TABLE, or a DO block that has one.
func locksByHand(s *devdb.Step) bool {
	if s.Stmt.Syntax.Tag == "LOCK TABLE" {
		return true
	}
	if s.Stmt.Syntax.Tag != "DO" {
		return false
	}
	body, err := migration.EmbeddedSQL(s.Stmt)
	if err != nil {
		return false // the body is of a language that cannot be read; its locks are told all the same
	}
	for _, e := range body {
		if !e.Dynamic && !e.Expression && lockWord.MatchString(e.SQL) {
			return true
		}
	}
	return false
}
