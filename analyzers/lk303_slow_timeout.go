package analyzers

import (
	"fmt"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var slowTimeout = &Analyzer{
	Rule: lint.Rule{
		ID: "LK303", Name: "timeout-ends-slow-work", Title: "a timeout cancels a statement that takes long by design", Severity: lint.Warning, Weight: lint.ByWait,
		Hazards: []string{"X03", "A24"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			w, ok := p.slowWork(s)
			if s.Err != nil {
				w, ok = p.slowOutside(s)
			}
			if !ok {
				continue
			}
			at := At{Migration: m, Step: s}
			if t := s.Settings.StatementTimeout; t > 0 && t < longWork {
				p.Report(at, lint.Finding{
					Object:   w.object,
					Message:  fmt.Sprintf("%s is cancelled after %s, even if it is almost done%s", w.what, t, w.left),
					Evidence: []lint.Evidence{{Kind: "setting", Text: fmt.Sprintf("statement_timeout is %s", t)}},
					Advice:   "Disable the timeout for it; it blocks nobody:\n\nSET statement_timeout = 0;",
				})
			}
			if t := s.Settings.LockTimeout; t > 0 && t < longWork && w.waits {
				p.Report(at, lint.Finding{
					Severity: lint.Info,
					Object:   w.object,
					Message:  fmt.Sprintf("%s waits for all older transactions, and lock_timeout cancels it after %s%s", w.what, t, w.left),
					Evidence: []lint.Evidence{{Kind: "setting", Text: fmt.Sprintf("lock_timeout is %s", t)}},
					Advice:   "It does not block reads and writes while it waits, so disable the timeout for it:\n\nSET lock_timeout = 0;",
				})
			}
		}
	},
}

// longWork is less than such a statement may need on a large table.
const longWork = 10 * time.Minute

// slow is a statement that goes easy on others and takes its time for it.
type slow struct {
	object string
	what   string // "building index "i" concurrently"
	left   string // what is left behind if it is ended
	waits  bool   // for older transactions, which lock_timeout ends
}

// slowOutside is the slow work of statement fails in a
// transaction alone: outside of it, the timeout is still there.
func (p *Pass) slowOutside(s *devdb.Step) (slow, bool) {
	x := s.Stmt.Syntax
	if s.Err.Code != inTransaction || !x.Concurrently || x.Tag != "CREATE INDEX" || len(x.Objects) == 0 {
		return slow{}, false
	}
	t := writtenRelation(s, x.Objects[0])
	if t == nil || p.IsNew(t.OID) {
		return slow{}, false
	}
	_, index := splitName(x.Name)
	return slow{t.QualifiedName(), fmt.Sprintf("building index %q concurrently", index), ", and leaves an INVALID index", false}, true
}

func (p *Pass) slowWork(s *devdb.Step) (slow, bool) {
	if s.Stmt.Syntax.Concurrently {
		for _, c := range s.Changes {
			switch c := c.(type) {
			case *schema.AddIndex:
				if !p.IsNew(c.Index.Table) {
					return slow{c.Index.QualifiedName(), fmt.Sprintf("building index %q concurrently", c.Index.Name), ", and leaves an INVALID index", true}, true
				}
			case *schema.DropIndex:
				if !p.IsNew(c.Index.Table) {
					return slow{c.Index.QualifiedName(), fmt.Sprintf("dropping index %q concurrently", c.Index.Name), ", and leaves an INVALID index", true}, true
				}
			case *schema.DetachPartition:
				if !p.IsNew(c.Partition.OID) {
					return slow{c.Partition.QualifiedName(), fmt.Sprintf("detaching %q concurrently", c.Partition.Name), ", and leaves the partition half detached until DETACH … FINALIZE", true}, true
				}
			}
		}
		for _, r := range s.Rewrites {
			if r.Kind == "index" && !p.IsNew(r.Table) {
				return slow{r.Object, "rebuilding " + quote(r.Object) + " concurrently", `, and leaves an INVALID index whose name ends in "_ccnew"`, true}, true
			}
		}
	}
	for _, c := range Changes[*schema.ValidateConstraint](s) {
		if c.After.Table != 0 && !p.IsNew(c.After.Table) && c.After.Parent == 0 {
			return slow{relName(s, c.After.Table) + "." + c.After.Name, fmt.Sprintf("validating constraint %q", c.After.Name), "", false}, true
		}
	}
	return slow{}, false
}
