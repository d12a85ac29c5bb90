package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
)

var recursivePolicy = &Analyzer{
	Rule: lint.Rule{
		ID: "SE112", Name: "recursive-policy", Title: "a policy that reads its own table", Severity: lint.Error,
		Hazards: []string{"R07"},
	},
	Run: func(p *Pass) {
		for _, u := range p.uses(usePolicy) {
			p.reportUse(u, lint.Finding{
				Message: fmt.Sprintf("every %s of %s fails for roles that are subject to row-level security: %s", p.verbs(u), quote(p.used(u)), serverSaid(u.After)),
				Advice:  "Read the table in a SECURITY DEFINER function with a fixed search_path, owned by a role that bypasses row-level security, and call it in the policy; or store the data that the policy needs in a table without row-level security.",
			})
		}
	},
}
