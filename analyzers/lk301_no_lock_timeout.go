package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

var noLockTimeout = &Analyzer{
	Rule: lint.Rule{
		ID: "LK301", Name: "no-lock-timeout", Title: "waiting for a strong lock without lock_timeout", Severity: lint.Warning, Weight: lint.ByWait,
		Aliases: []string{"squawk:require-lock-timeout", "squawk:require-timeout-settings", "eugene:E9"}, Hazards: []string{"X01", "X23"},
	},
	Run: func(p *Pass) {
		if p.Config.LockTimeoutSet {
			return
		}
		for _, m := range p.New {
			if set, _ := p.uselessTimeout(m); set != nil {
				continue // the check of settings without effect tells why
			}
			for _, s := range m.Steps {
				l, ok := p.dangerous(s)
				if !ok || s.Settings.LockTimeout > 0 || s.Err != nil {
					continue
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object:   l.Object,
					Message:  fmt.Sprintf("waits for %s on %s without lock_timeout: behind one long query, %s to it queue up", l.Mode, quote(l.Object), waiters(l.Mode)),
					Evidence: []lint.Evidence{lockEvidence(l), {Kind: "setting", Text: "lock_timeout is 0 (no limit)"}},
					Advice:   "Give up after a short wait and try again later:\n\n" + setLockTimeout(s),
				})
				break // one is enough: the setting lasts for the file
			}
		}
	},
}

// dangerous is the strongest lock of the step that makes others queue: one
// that blocks writes, on a relation that others can see.
func (p *Pass) dangerous(s *devdb.Step) (best devdb.Lock, ok bool) {
	for _, l := range s.Locks {
		if !blocksOthers(l) || !isTable(l.Kind) && l.Kind != "view" && l.Kind != "sequence" || p.IsNew(l.Relation) {
			continue
		}
		if l.Mode.Strength() > best.Mode.Strength() {
			best, ok = l, true
		}
	}
	return best, ok
}

func setLockTimeout(s *devdb.Step) string {
	if s.InTx {
		return "SET LOCAL lock_timeout = '2s';"
	}
	return "SET lock_timeout = '2s';"
}
