package analyzers

import (
	"fmt"
	"strings"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

var lockTimeout = &Analyzer{
	Rule: lint.Rule{
		ID: "LK302", Name: "lock-timeout-too-late", Title: "lock_timeout is too long or set too late", Severity: lint.Warning, Weight: lint.ByWait,
		Hazards: []string{"X02"},
	},
	Run: func(p *Pass) {
		if p.Config.LockTimeoutSet {
			return
		}
		for _, m := range p.New {
			if s, text := p.uselessTimeout(m); s != nil {
				if text == "" {
					continue
				}
				l, _ := p.dangerous(firstUnguarded(p, m))
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object: l.Object, Message: text,
					Evidence: []lint.Evidence{lockEvidence(l), {Kind: "setting", Text: "lock_timeout is " + s.Stmt.Syntax.Set.Value + " from here on"}},
					Advice:   "Set it before the first statement that waits for a lock:\n\n" + setLockTimeout(m, s),
				})
				continue
			}
			for _, s := range m.Steps {
				l, ok := p.dangerous(s)
				if !ok || s.Settings.LockTimeout <= longWait || s.Err != nil {
					continue
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object:   l.Object,
					Message:  fmt.Sprintf("waits up to %s for %s on %s: if a long query holds the table, %s queue behind this statement for that long", s.Settings.LockTimeout, l.Mode, quote(l.Object), waiters(l.Mode)),
					Evidence: []lint.Evidence{lockEvidence(l), {Kind: "setting", Text: fmt.Sprintf("lock_timeout is %s", s.Settings.LockTimeout)}},
					Advice:   "Set a lock_timeout short enough that users do not notice it, and retry:\n\n" + setLockTimeout(m, s),
				})
				break // one is enough: the setting lasts for the file
			}
		}
	},
}

// longWait is more than users should have to wait for a migration that waits.
const longWait = 10 * time.Second

// uselessTimeout finds the migration's own SET lock_timeout that does nothing
// for the first statement in need of one, and says why: it comes after it. For
// SET LOCAL outside a transaction the text is empty: settings that do nothing
// have a check of their own. Nil if there is no such SET.
func (p *Pass) uselessTimeout(m *devdb.Recorded) (set *devdb.Step, text string) {
	first := firstUnguarded(p, m)
	if first == nil {
		return nil, ""
	}
	for _, s := range m.Steps {
		x := s.Stmt.Syntax.Set
		if x == nil || x.Name != "lock_timeout" || x.Reset || strings.Trim(x.Value, "0msind hu") == "" || s.Err != nil {
			continue
		}
		switch {
		case x.Local && !s.InTx && s.Index < first.Index:
			return s, ""
		case s.Index > first.Index:
			return s, fmt.Sprintf("is set too late: line %d already waits for its lock without a limit", first.Stmt.Pos.Line)
		}
	}
	return nil, ""
}

// firstUnguarded is the migration's first statement that waits for a strong lock without limit.
func firstUnguarded(p *Pass, m *devdb.Recorded) *devdb.Step {
	for _, s := range m.Steps {
		if _, ok := p.dangerous(s); ok && s.Settings.LockTimeout == 0 && s.Err == nil {
			return s
		}
	}
	return nil
}
