package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

var rowsDropped = &Analyzer{
	Rule: lint.Rule{
		ID: "OB122", Name: "rows-dropped", Title: "a trigger silently discards writes", Severity: lint.Error,
		Hazards: []string{"F07"},
	},
	Run: func(p *Pass) {
		for _, u := range p.uses(useIdle) {
			name := quote(p.used(u))
			f := lint.Finding{
				Message: fmt.Sprintf("%s of %s reports success and does nothing: a BEFORE trigger returns NULL for every row", u.Verb, name),
				Advice:  "End a BEFORE row trigger with RETURN NEW (RETURN OLD for DELETE), or make it an AFTER trigger, whose return value is ignored. To reject a row, use RAISE EXCEPTION.",
			}
			switch u.Verb {
			case "INSERT":
				f.Message = fmt.Sprintf("INSERT into %s reports success and stores no row: a BEFORE trigger returns NULL for every row", name)
			case "UPDATE":
				f.Message = fmt.Sprintf("UPDATE of %s reports success and changes no row: a BEFORE trigger returns NULL or OLD for every row", name)
			}
			if !u.Before.There || u.Verb != "INSERT" {
				f.Severity = lint.Warning
			}
			p.reportUse(u, f)
		}
	},
}
