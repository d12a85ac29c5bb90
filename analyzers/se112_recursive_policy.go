package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

var recursivePolicy = &Analyzer{
	Rule: lint.Rule{
		ID: "SE112", Name: "recursive-policy", Title: "a policy that reads the table that it is for", Severity: lint.Error,
		Hazards: []string{"R07"},
	},
	Run: func(p *Pass) {
		for _, u := range p.uses(usePolicy) {
			p.reportUse(u, lint.Finding{
				Message: fmt.Sprintf("every %s of %s fails for the roles that row security holds for: %s", p.verbs(u), quote(p.used(u)), serverSaid(u.After)),
				Advice:  "Read the table in a SECURITY DEFINER function, with a fixed search_path and owned by a role that row security does not hold for, and call that in the policy; or keep what the policy asks for in a table without it.",
			})
		}
	},
}
