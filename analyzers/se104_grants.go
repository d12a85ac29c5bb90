package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var wideGrant = &Analyzer{
	Rule: lint.Rule{
		ID: "SE104", Name: "wide-grant", Title: "privileges for PUBLIC or WITH GRANT OPTION", Severity: lint.Warning,
		Hazards: []string{"R09"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			var public, grantable, all []*grantLine
			for _, g := range Changes[*schema.AddGrant](s) {
				ordinary := g.Kind == "function" || g.Kind == "procedure" || g.Kind == "aggregate" || g.Grant.Privilege == "USAGE" || g.Kind == "schema" && g.Grant.Privilege == "CREATE"
				if g.Grant.Grantee == "public" && !ordinary {
					public = addGrant(public, g.Kind, g.Name, g.Grant)
				} else if g.Grant.Grantable {
					grantable = addGrant(grantable, g.Kind, g.Name, g.Grant)
				}
				all = addGrant(all, g.Kind, g.Name, g.Grant)
			}
			at := At{Migration: m, Step: s}
			reportGrants(p, at, public, "PUBLIC, every role that can connect, gets %s on %s", "Grant it to the roles that need it.")
			reportGrants(p, at, grantable, "%[3]s can grant %[1]s on %[2]s to any other role", "Omit WITH GRANT OPTION.")
			all = slices.DeleteFunc(all, func(g *grantLine) bool {
				return g.role == "public" || g.grantable || !slices.Contains(g.privileges, "TRUNCATE") || !slices.Contains(g.privileges, "TRIGGER") || len(g.privileges) < 7
			})
			if len(all) > 0 && len(public)+len(grantable) == 0 {
				f := grantFinding(all, "%[3]s gets ALL on %[2]s, including TRUNCATE, TRIGGER and REFERENCES", "Grant only the privileges that are needed: GRANT SELECT, INSERT, UPDATE, DELETE.")
				f.Severity = lint.Info
				p.Report(at, f)
			}
		}
	},
}

func reportGrants(p *Pass, at At, lines []*grantLine, message, advice string) {
	if len(lines) > 0 {
		p.Report(at, grantFinding(lines, message, advice))
	}
}

// grantFinding tells the lines of one statement in one finding.
func grantFinding(lines []*grantLine, message, advice string) lint.Finding {
	var objects, privileges, roles []string
	f := lint.Finding{Object: lines[0].object, Advice: advice}
	for _, g := range lines {
		for _, x := range g.privileges {
			if !slices.Contains(privileges, x) {
				privileges = append(privileges, x)
			}
		}
		if o := g.kind + " " + quote(g.object); !slices.Contains(objects, o) {
			objects = append(objects, o)
		}
		if !slices.Contains(roles, g.role) {
			roles = append(roles, g.role)
		}
		if len(f.Evidence) < 10 {
			f.Evidence = append(f.Evidence, catalogEvidence(g.object, "%s: %s on %s %s", g.role, g.text(), g.kind, short(g.object)))
		}
	}
	text := strings.Join(privileges, ", ")
	if strings.Contains(message, "%[3]") {
		f.Message = fmt.Sprintf(message+"%[4]s", text, listPlain(objects, 3), listPlain(roles, 3), "")
	} else {
		f.Message = fmt.Sprintf(message, text, listPlain(objects, 3))
	}
	return f
}
