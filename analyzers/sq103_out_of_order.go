package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

var outOfOrder = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ103", Name: "out-of-order", Title: "a new migration that sorts before a merged one", Severity: lint.Error, Once: true,
		Aliases: []string{"atlas:non-linear"}, Hazards: []string{"X20"},
	},
	Run: func(p *Pass) {
		var late []*devdb.Recorded
		for _, m := range p.New {
			if m.OutOfOrder != "" {
				late = append(late, m)
			}
		}
		if len(late) == 0 {
			return
		}
		first := late[0]
		f := lint.Finding{Object: first.Path, Confidence: lint.Proven}
		f.Message, f.Severity = lateText(first)
		if n := len(late) - 1; n > 0 {
			f.Message += fmt.Sprintf("; so does %s", plural(n, "more file"))
		}
		for _, m := range late {
			f.Evidence = append(f.Evidence, lint.Evidence{Kind: "git", Text: fmt.Sprintf("%s sorts before %s, which is merged", m.Path, m.OutOfOrder)})
		}
		f.Evidence = someEvidence(f.Evidence, 6)
		f.Advice = "Give each file a version after the newest merged one."
		p.Report(At{Migration: first}, f)
	},
}

// lateText says what the tool does with a migration that sorts before a merged one.
func lateText(m *devdb.Recorded) (string, lint.Severity) {
	head := fmt.Sprintf("sorts before merged migration %q: ", m.OutOfOrder)
	switch m.Format.Late() {
	case migration.LateSkipped:
		return head + fmt.Sprintf("on databases that ran it, %s never runs this one", m.Format), lint.Error
	case migration.LateRefused:
		return head + fmt.Sprintf("on databases that ran it, %s fails", m.Format), lint.Error
	case migration.LateRun:
		return head + fmt.Sprintf("on databases that ran it, %s runs this one after it; a new database runs this one first", m.Format), lint.Warning
	}
	return head + "on databases that ran it, this one runs after it or not at all; a new database runs this one first", lint.Warning
}
