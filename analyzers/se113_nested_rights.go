package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

var nestedRights = &Analyzer{
	Rule: lint.Rule{
		ID: "SE113", Name: "nested-rights", Title: "a role lacks a privilege on an object that a trigger, policy or default uses", Severity: lint.Error,
		Hazards: []string{"R10"},
	},
	Run: func(p *Pass) {
		for _, u := range p.uses(useDenied) {
			verb := u.Verb
			switch verb {
			case "INSERT":
				verb += " into"
			case "SELECT", "DELETE":
				verb += " from"
			}
			p.reportUse(u, lint.Finding{
				Message: fmt.Sprintf("%s can no longer %s %s: %s", u.Role, verb, quote(p.used(u)), serverSaid(u.After)),
				Advice:  fmt.Sprintf("Give %s the privilege that the error names in this change, or make the function SECURITY DEFINER with a fixed search_path.", u.Role),
			})
		}
	},
}
