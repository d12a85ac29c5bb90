package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

// downRefuses reports that the down migration fails on rows: those that are kept
// from before the migration, or those that only the new schema takes.
func (p *Pass) downRefuses(m *devdb.Recorded, d *devdb.DownRun) {
	if e := d.Refused; e != nil {
		p.Report(At{Migration: m, Pos: e.Statement.Pos, End: e.Statement.End}, lint.Finding{
			Confidence: lint.Proven, Message: "the down migration fails on rows that were there before the migration: " + withoutOID(e.Message),
			Evidence: refusal(e),
			Advice:   "In the down migration, change the rows before the statement that fails on them.",
		})
		return
	}
	for _, s := range d.Steps {
		for _, proof := range s.Proofs {
			x := proof.Counterexample
			if proof.Outcome != devdb.Fails || x == nil || x.Kind != "fails" || x.Unlikely != "" {
				continue
			}
			p.Report(At{Migration: m, Pos: s.Stmt.Pos, End: s.Stmt.End}, lint.Finding{
				Severity: lint.Warning, Confidence: lint.Proven, Object: relName(s, proof.Table),
				Message:  "the down migration fails on rows that can be written after the migration: " + withoutOID(x.Message),
				Evidence: []lint.Evidence{counterexample(x)},
				Advice:   "In the down migration, first change or delete such rows, or document that they must not exist.",
			})
			break
		}
	}
}

// notRestored reports values from before the migration that it keeps and that
// its down migration does not bring back.
func (p *Pass) notRestored(m *devdb.Recorded, d *devdb.DownRun) {
	for _, l := range d.Lost {
		f := lint.Finding{
			Object: l.Column, Confidence: lint.Proven,
			Message:  fmt.Sprintf("the down migration loses the values of %s", quote(short(l.Column))),
			Evidence: []lint.Evidence{{Kind: "rows", Object: l.Column, Text: fmt.Sprintf("%s is '%s' before the migration, in %s after it, and missing after the down migration", short(l.Column), l.Value, short(l.Kept))}},
			Advice:   "Restore them: rename a renamed column back, and copy the values before you drop their new column.",
		}
		p.Report(atDown(m, d), f)
	}
}
