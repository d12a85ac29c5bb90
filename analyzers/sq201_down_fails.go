package analyzers

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// The checks of the way back. It was run right after its migration.
var (
	downFails = &Analyzer{
		Rule: lint.Rule{ID: "SQ201", Name: "down-fails", Title: "down migration fails", Severity: lint.Error, Hazards: []string{"X21"}},
		Fix:  (*offer).lifted,
		Run: func(p *Pass) {
			for m, d := range p.downs() {
				if e := d.Err; e != nil {
					p.Report(At{Migration: m, Pos: e.Statement.Pos, End: e.Statement.End}, lint.Finding{
						Confidence: lint.Proven, Message: "the down migration fails: " + withoutOID(e.Message),
						Evidence: refusal(e),
						Advice:   cmp.Or(around(failedStep(d)), "Undo the statements of the migration in reverse order."),
					})
					continue
				}
				p.downRefuses(m, d)
			}
		},
	}
	downIncomplete = &Analyzer{
		Rule: lint.Rule{ID: "SQ202", Name: "down-incomplete", Title: "down migration does not restore the schema", Severity: lint.Warning, Hazards: []string{"X21"}},
		Run: func(p *Pass) {
			for m, d := range p.downs() {
				if d.Err != nil || idle(d.Migration.Statements) || len(d.Left) == 0 {
					continue
				}
				var left []string
				for _, c := range d.Left {
					if _, ok := c.(*schema.AddExtension); ok { // others may use it by now
						continue
					}
					if lostData(c, m) || staysHarmless(c, m) || ofLost(c, d.Left) || madeAnew(c, d.Left) || ofNotNull(c, d.Left) {
						continue
					}
					left = append(left, leftText(c, d.Left)+ofTable(c, m))
				}
				if len(left) == 0 {
					continue
				}
				f := lint.Finding{
					Object: d.Migration.Path, Confidence: lint.Proven,
					Message: fmt.Sprintf("the down migration does not restore the schema: %s", listPlain(left, 3)),
					Advice:  "Undo these changes too, so that the migration can run again.",
				}
				for _, l := range left[:min(len(left), 10)] {
					f.Evidence = append(f.Evidence, lint.Evidence{Kind: "catalog", Text: l})
				}
				p.Report(atDown(m, d), f)
			}
		},
	}
	downDestroys = &Analyzer{
		Rule: lint.Rule{ID: "SQ203", Name: "down-destroys-data", Title: "down migration destroys data that existed before", Severity: lint.Error, Hazards: []string{"X21"}},
		Run: func(p *Pass) {
			for m, d := range p.downs() {
				if d.Err == nil && !p.destroyed(m, d) {
					p.notRestored(m, d)
				}
			}
		},
	}
	downMissing = &Analyzer{
		Rule: lint.Rule{ID: "SQ204", Name: "down-missing", Title: "no down migration", Severity: lint.Error, Hazards: []string{"X21"}},
		Run: func(p *Pass) {
			for _, m := range p.New {
				if !p.Config.DownRequired || m.Repeatable || m.Migration.Down != nil && !idle(m.Migration.Down.Statements) {
					continue
				}
				p.Report(At{Migration: m}, lint.Finding{
					Object: m.Path, Confidence: lint.Proven, Message: "there is no down migration, and the project requires one",
					Evidence: []lint.Evidence{{Kind: "setting", Text: "down: require"}},
					Advice:   "Write the statements that undo the migration, or ignore this finding with the reason why it cannot be undone.",
				})
			}
		},
	}
)

// failedStep is the statement of a down migration that fails; nil if that was not recorded.
func failedStep(d *devdb.DownRun) *devdb.Step {
	if i := slices.IndexFunc(d.Steps, func(s *devdb.Step) bool { return s.Stmt == d.Err.Statement }); i >= 0 {
		return d.Steps[i]
	}
	return nil
}
