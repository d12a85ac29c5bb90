package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var useFailsNow = &Analyzer{
	Rule: lint.Rule{
		ID: "OB120", Name: "use-fails", Title: "a table, view or function fails when it is used", Severity: lint.Error,
		Hazards: []string{"F16"},
	},
	Run: func(p *Pass) {
		for _, u := range p.uses(useFails) {
			f := lint.Finding{Advice: "Run the statement below on a copy of the database. Fix the function, trigger, policy or view that the error names in this change, so that both are deployed together."}
			switch name := quote(p.used(u)); {
			case u.Verb == "CALL" && u.After.Some:
				f.Message = fmt.Sprintf("%s fails for some arguments: %s", name, serverSaid(u.After))
				f.Severity = lint.Warning
				if u.After.Code == "2F005" {
					f.Severity = lint.Info
					f.Advice = "Give the function a RETURN, or a RAISE EXCEPTION, on every path."
				}
			case u.Verb == "CALL":
				f.Message = fmt.Sprintf("every call of %s fails: %s", name, serverSaid(u.After))
			case u.Omits != "":
				f.Message = fmt.Sprintf("every INSERT into %s that does not give %s fails, because its default is refused: %s", name, quote(u.Omits), serverSaid(u.After))
				f.Advice = "Choose a default that the column's type, constraints and triggers accept, or drop the default."
				if column := columnByName(rel(u.Step, u.Object.OID), u.Omits); column != nil && !slices.ContainsFunc(Changes[*schema.AlterDefault](u.Step), func(c *schema.AlterDefault) bool { return c.Table.OID == u.Object.OID && c.After.Num == column.Num }) {
					f.Severity = lint.Warning // the default was there
				}
			case u.After.Some:
				f.Message = fmt.Sprintf("%s of %s fails for some rows: %s", p.verbs(u), name, serverSaid(u.After))
			default:
				f.Message = fmt.Sprintf("every %s of %s fails: %s", p.verbs(u), name, serverSaid(u.After))
			}
			p.reportUse(u, f)
		}
	},
}
