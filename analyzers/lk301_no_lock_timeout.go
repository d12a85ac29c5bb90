package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var noLockTimeout = &Analyzer{
	Rule: lint.Rule{
		ID: "LK301", Name: "no-lock-timeout", Title: "waiting for a strong lock without lock_timeout", Severity: lint.Warning, Weight: lint.ByWait, Once: true,
		Aliases: []string{"squawk:require-lock-timeout", "squawk:require-timeout-settings", "eugene:E9"}, Hazards: []string{"X01", "X23"},
	},
	Fix: (*offer).lockTimeout,
	Run: func(p *Pass) {
		var first At
		var lock devdb.Lock
		var more []lint.Evidence
		grave := false
		for m, s := range p.Steps() {
			if !p.unguarded(m, s) {
				continue
			}
			l, _ := p.dangerous(s)
			grave = grave || p.long(s, l)
			if first.Step == nil {
				first, lock = At{Migration: m, Step: s}, l
				continue
			}
			more = append(more, lint.Evidence{Kind: "lock", Object: l.Object, Mode: string(l.Mode), Text: fmt.Sprintf("%s:%d takes %s on %s", s.Stmt.Pos.Path, s.Stmt.Pos.Line, l.Mode, l.Object)})
		}
		if first.Step == nil {
			return
		}
		f := lint.Finding{
			Object:   lock.Object,
			Message:  fmt.Sprintf("waits for %s on %s without lock_timeout: if a long query holds the table, all later %s queue behind this statement", lock.Mode, quote(lock.Object), waiters(lock.Mode)),
			Evidence: append([]lint.Evidence{lockEvidence(lock), {Kind: "setting", Text: "lock_timeout is 0 (no limit)"}}, someEvidence(more, 5)...),
			Advice: "Set a short lock_timeout, and retry when it is exceeded:\n\n" + setLockTimeout(first.Migration, first.Step) +
				"\n\nIf the tool or its role sets one already, record it in assay.yaml: settings: {lock_timeout: 2s}.",
		}
		if n := len(more); n > 0 {
			f.Message += fmt.Sprintf("; so do %s", plural(n, "more statement"))
		}
		if !grave {
			f.Severity = lint.Info
		}
		p.Report(first, f)
	},
}

// unguarded reports whether a statement waits for a strong lock without limit.
func (p *Pass) unguarded(m *devdb.Recorded, s *devdb.Step) bool {
	if _, ok := p.dangerous(s); !ok || p.Config.LockTimeoutSet || s.Settings.LockTimeout > 0 || s.Err != nil {
		return false
	}
	set, _ := p.uselessTimeout(m)
	return set == nil // else the check of settings without effect says why
}

// long reports whether the wait is for a table that many use: a view or
// sequence, and the table that a new one refers to, are locked for a moment and
// by few.
func (p *Pass) long(s *devdb.Step, l devdb.Lock) bool {
	if !isTable(l.Kind) {
		return false
	}
	for _, c := range Changes[*schema.AddConstraint](s) {
		if c.Constraint.Kind == schema.ForeignKey && c.Constraint.RefTable == l.Relation && p.IsNew(c.Constraint.Table) {
			return false
		}
	}
	return true
}

// dangerous is the strongest lock of the step that makes others queue: one
// that blocks writes, on a relation that others can see.
func (p *Pass) dangerous(s *devdb.Step) (best devdb.Lock, ok bool) {
	for _, l := range s.Locks {
		if !blocksOthers(l) || !isTable(l.Kind) && l.Kind != "view" && l.Kind != "sequence" || p.IsNew(l.Relation) || detachedApart(s, l.Relation) {
			continue
		}
		if l.Mode.Strength() > best.Mode.Strength() {
			best, ok = l, true
		}
	}
	return best, ok
}

// detachedApart reports whether the statement detaches a partition CONCURRENTLY: its
// second transaction locks the partition, which queries of the parent no longer
// reach, and a timeout there would leave it half detached.
func detachedApart(s *devdb.Step, partition schema.OID) bool {
	return !s.InTx && slices.ContainsFunc(Changes[*schema.DetachPartition](s), func(c *schema.DetachPartition) bool {
		parent, ok := lockOn(s, c.Parent.OID)
		return c.Partition.OID == partition && ok && parent.Mode == devdb.ShareUpdateExclusive
	})
}

// setLockTimeout limits the wait of a statement.
func setLockTimeout(m *devdb.Recorded, s *devdb.Step) string {
	set, reset := setFor(m, s, "lock_timeout", "2s")
	if reset != "" {
		set += "\n-- and after the statement\n" + reset
	}
	return set
}
