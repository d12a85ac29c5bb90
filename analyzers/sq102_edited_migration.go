package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
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
			f, ok := p.edit(e)
			if !ok {
				continue
			}
			f.Object = e.Path
			f.Evidence = []lint.Evidence{{Kind: "git", Text: e.Path + " is " + e.Kind + " since the merge base"}}
			pos := migration.Position{Path: e.Path, Line: max(e.Line, 1), Column: 1}
			p.Report(At{Pos: pos, End: pos}, f)
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
					Advice:   "Restore the merged file; for a new file update the checksum file with its tool.",
				})
			}
		}
	},
}

// edit says what an edit of a merged migration does. Of one that changes only
// comments there is something to say where the tool keeps checksums.
func (p *Pass) edit(e devdb.Edit) (lint.Finding, bool) {
	f := lint.Finding{Confidence: lint.Proven, Advice: "Restore the merged file, and write the change in a new migration."}
	sums := p.Dir != nil && p.Dir.Format.Checksums()
	switch {
	case e.Kind == "renamed":
		f.Message = fmt.Sprintf("merged migration %q is renamed to %q: databases that ran it will run it again", e.OldPath, e.Path)
	case e.Kind == "deleted":
		f.Message = fmt.Sprintf("merged migration %q is deleted: databases that ran it keep what it created, new databases do not have it", e.Path)
		f.Advice = "Restore the file, and undo its changes in a new migration."
	case e.Same && !sums:
		return f, false
	case e.Same:
		f.Message = fmt.Sprintf("comments of merged migration %q are edited: %s keeps a checksum of the file and fails on databases that ran the old version", e.Path, p.Dir.Format)
		f.Advice = "Restore the merged file."
	case sums:
		f.Message = fmt.Sprintf("merged migration %q is edited: databases that ran it will not run it again, and %s fails because of the changed checksum", e.Path, p.Dir.Format)
	default:
		f.Message = fmt.Sprintf("merged migration %q is edited: databases that ran it will not run it again", e.Path)
	}
	return f, true
}
