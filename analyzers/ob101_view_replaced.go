package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var viewReplaced = &Analyzer{
	Rule: lint.Rule{
		ID: "OB101", Name: "view-replaced", Title: "replacing a view that other objects depend on", Severity: lint.Info,
		Aliases: []string{"squawk:ban-replace-view-function"},
		Hazards: []string{"F01", "F03"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.ReplaceView](p) {
			if p.IsNew(c.After.OID) || c.Before.Raw == c.After.Raw || appended(c.Before, c.After) {
				continue
			}
			ds := readers(p, at.Step.After, relRef(c.After.OID))
			if len(ds) == 0 {
				continue
			}
			name := c.After.QualifiedName()
			f := lint.Finding{
				Object:  name,
				Message: fmt.Sprintf("view %s is replaced under %s", quote(name), listPlain(refNames(at.Step.After, ds), 4)),
				Advice:  fmt.Sprintf("Review each of them against the new definition: they read rows and columns from %s although they are not changed. If only some of them need the new result, create a view of another name.", quote(name)),
			}
			for _, d := range ds {
				f.Evidence = append(f.Evidence, chainEvidence(at.Step.After, d))
			}
			p.Report(at, f)
		}
	},
}

// appended reports whether a view has all that it had, and more columns at the
// end: nobody who reads it by name sees a difference.
func appended(before, after *schema.Relation) bool {
	head, tail, ok := strings.Cut(before.Definition, "\n   FROM ")
	newHead, newTail, newOK := strings.Cut(after.Definition, "\n   FROM ")
	return ok && newOK && tail == newTail && strings.HasPrefix(newHead, head+",") && !strings.Contains(head, "DISTINCT")
}
