package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var overload = &Analyzer{
	Rule: lint.Rule{
		ID: "OB104", Name: "ambiguous-overload", Title: "an overload that captures calls of another function, or makes them ambiguous", Severity: lint.Warning,
		Hazards: []string{"F13"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddFunction](p) {
			now := p.After.Functions[c.Function.OID]
			if now == nil {
				continue
			}
			for _, old := range schema.Sorted(p.Before.Functions) {
				if p.After.Functions[old.OID] == nil || old.Schema != now.Schema || old.Name != now.Name {
					continue
				}
				if f, ok := overlap(old, now); ok {
					p.Report(at, f)
					break
				}
			}
		}
	},
}

// overlap tells which calls both functions could take. PostgreSQL prefers the
// one that needs no defaults, and refuses the call if both do.
func overlap(old, now *schema.Function) (lint.Finding, bool) {
	a, b := len(old.ArgTypes), len(now.ArgTypes)
	for k := max(a-old.Defaults, b-now.Defaults); k <= min(a, b); k++ {
		if k < 0 || !slices.Equal(old.ArgTypes[:k], now.ArgTypes[:k]) || a == b && k == a {
			continue
		}
		name, other := now.QualifiedName(), old.QualifiedName()
		f := lint.Finding{
			Object: name,
			Evidence: []lint.Evidence{
				catalogEvidence(other, "%s(%s)", short(qualified(old.Schema, old.Name)), old.Arguments),
				catalogEvidence(name, "%s(%s)", short(qualified(now.Schema, now.Name)), now.Arguments),
			},
			Advice: fmt.Sprintf("Give the function another name, or drop the old signature in the same transaction if the new one replaces it:\n\nDROP FUNCTION %s;", short(other)),
		}
		calls := fmt.Sprintf("calls of %q with %s", now.Name, plural(k, "argument"))
		switch {
		case k < a && k < b:
			f.Severity = lint.Error
			f.Message = fmt.Sprintf("%s fail from now on: both %s and %s match", calls, quote(other), quote(name))
		case k < a:
			f.Message = fmt.Sprintf("%s resolve to the new %s from now on, no longer to %s", calls, quote(name), quote(other))
		default:
			f.Severity = lint.Info
			f.Message = fmt.Sprintf("%s still resolve to the old %s, never to the new %s", calls, quote(other), quote(name))
		}
		return f, true
	}
	return lint.Finding{}, false
}
