package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

var endlessTrigger = &Analyzer{
	Rule: lint.Rule{
		ID: "OB123", Name: "endless-recursion", Title: "endless recursion of a trigger or function", Severity: lint.Error,
		Hazards: []string{"F07"},
	},
	Run: func(p *Pass) {
		for _, u := range p.uses(useLoops) {
			f := lint.Finding{Advice: "Set the columns of NEW in a BEFORE trigger instead of updating the table; or end the recursion: UPDATE OF other columns in CREATE TRIGGER, WHEN (pg_trigger_depth() = 0), or a WHERE clause that excludes rows that are already correct."}
			name := quote(p.used(u))
			switch {
			case u.After.Code == "27000":
				f.Severity = lint.Warning
				f.Message = fmt.Sprintf("an %s of several rows of %s fails: %s", p.verbs(u), name, serverSaid(u.After))
				f.Advice = "Update other rows of the table in an AFTER trigger: a BEFORE trigger must not change rows that the statement has not processed yet."
			case u.Verb == "CALL":
				f.Message = fmt.Sprintf("%s calls itself until the stack depth limit is exceeded: %s", name, serverSaid(u.After))
				f.Advice = "Add an end condition to the recursion."
			default:
				f.Message = fmt.Sprintf("writing %s (%s) fires its triggers recursively until the stack depth limit is exceeded: %s", name, p.verbs(u), serverSaid(u.After))
			}
			p.reportUse(u, f)
		}
	},
}
