package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

var editedMigration = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ102", Name: "edited-migration", Title: "a merged migration is edited, renamed or deleted", Severity: lint.Error,
		Aliases: []string{"atlas:checksum"}, Hazards: []string{"X20"},
	},
	Run: func(p *Pass) {
		for _, e := range p.Edited {
			msg := fmt.Sprintf("merged migration %q is %s: databases that ran it will not run it again", e.Path, e.Kind)
			if e.Kind == "renamed" {
				msg = fmt.Sprintf("merged migration %q is renamed to %q: databases that ran it will run it again", e.OldPath, e.Path)
			}
			advice := "Put the file back as it was merged, and write what should change into a new migration."
			if e.Kind == "deleted" {
				msg = fmt.Sprintf("merged migration %q is deleted: databases that ran it keep what it made, new ones go without", e.Path)
				advice = "Put the file back, and undo what it made in a new migration."
			}
			pos := migration.Position{Path: e.Path, Line: max(e.Line, 1), Column: 1}
			p.Report(At{Pos: pos, End: pos}, lint.Finding{
				Object: e.Path, Confidence: lint.Proven, Message: msg,
				Evidence: []lint.Evidence{{Kind: "git", Text: e.Path + " is " + e.Kind + " since the merge base"}},
				Advice:   advice,
			})
		}
		if p.Dir == nil {
			return
		}
		for _, n := range p.Dir.Notices {
			switch n.Kind {
			case "sum-mismatch", "sum-missing-file", "sum-unlisted-file", "sum-bad":
				p.Report(At{Pos: n.Pos, End: n.Pos}, lint.Finding{
					Object: n.Pos.Path, Confidence: lint.Proven, Message: n.Text,
					Evidence: []lint.Evidence{{Kind: "checksum", Text: n.Text}},
					Advice:   "Put the file back as it was merged; for a new file write its sum with the tool that keeps it.",
				})
			}
		}
	},
}
