package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var definer = &Analyzer{
	Rule: lint.Rule{
		ID: "SE111", Name: "definer-search-path", Title: "a SECURITY DEFINER function that its caller can lead astray", Severity: lint.Warning,
		Aliases: []string{"squawk:ban-alter-function-options"},
		Hazards: []string{"F17", "R12"},
	},
	Run: func(p *Pass) {
		told := map[schema.OID]bool{}
		report := func(at At, f *schema.Function) {
			now := p.After.Functions[f.OID]
			if now == nil || told[f.OID] || !astray(now) {
				return
			}
			told[f.OID] = true
			p.Report(at, lint.Finding{
				Object:   now.QualifiedName(),
				Message:  fmt.Sprintf("%s %s runs with its owner's rights and the search_path of its caller, who can put tables and functions of the same names before those it means", now.Kind, quote(now.QualifiedName())),
				Evidence: []lint.Evidence{catalogEvidence(now.QualifiedName(), "SECURITY DEFINER, no SET search_path")},
				Advice:   fmt.Sprintf("Fix the path, and write names with their schema:\n\nALTER %s %s SET search_path = '';", strings.ToUpper(now.Kind), short(now.QualifiedName())),
			})
		}
		for at, c := range Each[*schema.AddFunction](p) {
			report(at, c.Function)
		}
		for at, c := range Each[*schema.ReplaceFunction](p) {
			if !astray(c.Before) || c.Before.Body != c.After.Body {
				report(at, c.After)
			}
		}
	},
}

var atomicRoutine = regexp.MustCompile(`^\s*(?:BEGIN ATOMIC|RETURN)\b`)

// astray reports whether a function looks names up in its caller's search_path
// with its owner's rights. The names in a BEGIN ATOMIC body are looked up once.
func astray(f *schema.Function) bool {
	if !f.SecurityDefiner || f.Language == "c" || f.Language == "internal" || f.Language == "sql" && atomicRoutine.MatchString(f.Body) {
		return false
	}
	return !slices.ContainsFunc(f.Config, func(s string) bool { return strings.HasPrefix(s, "search_path=") })
}
