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
		ID: "SE111", Name: "definer-search-path", Title: "a SECURITY DEFINER function without a safe search_path", Severity: lint.Warning,
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
				Message:  fmt.Sprintf("%s %s runs with the privileges of its owner and the search_path of its caller, who can shadow its tables and functions with objects of the same name", now.Kind, quote(now.QualifiedName())),
				Evidence: []lint.Evidence{catalogEvidence(now.QualifiedName(), "SECURITY DEFINER, no SET search_path")},
				Advice:   p.closed(now),
			})
		}
		for at, c := range Each[*schema.AddFunction](p) {
			report(at, c.Function)
			if !told[c.Function.OID] { // one finding says that it is open to its callers
				p.open(at, c.Function)
			}
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

// open reports a new function with its owner's rights that everybody may call,
// or whose fixed path lets the caller's temporary tables come first.
func (p *Pass) open(at At, f *schema.Function) {
	now := p.After.Functions[f.OID]
	if now == nil || !now.SecurityDefiner || isTriggerFunction(now) || now.Returns == "event_trigger" {
		return
	}
	name := now.QualifiedName()
	if callable(now) && !p.askedByPolicy(now) {
		p.Report(at, lint.Finding{
			Severity: lint.Info, Object: name,
			Message:  fmt.Sprintf("every role may call %s %s, which runs with the privileges of %s: PUBLIC has EXECUTE unless it is revoked", now.Kind, quote(name), now.Owner),
			Evidence: []lint.Evidence{catalogEvidence(name, "SECURITY DEFINER, EXECUTE to PUBLIC")},
			Advice:   fmt.Sprintf("Revoke it in the same transaction, and grant it to the roles that need it:\n\nREVOKE EXECUTE ON %s %s FROM PUBLIC;", strings.ToUpper(now.Kind), short(name)),
		})
	}
	if path := pathOf(now); path != "" && !strings.Contains(path, "pg_temp") && !(now.Language == "sql" && atomicRoutine.MatchString(now.Body)) {
		p.Report(at, lint.Finding{
			Severity: lint.Info, Object: name,
			Message:  fmt.Sprintf("%s %s searches pg_temp before %s: its caller can shadow its tables with temporary tables", now.Kind, quote(name), path),
			Evidence: []lint.Evidence{catalogEvidence(name, "SECURITY DEFINER, search_path = %s", path)},
			Advice:   fmt.Sprintf("Put pg_temp last, or set an empty path and schema-qualify all names:\n\nALTER %s %s SET search_path = %s, pg_temp;", strings.ToUpper(now.Kind), short(name), path),
		})
	}
}

// closed is how a function is kept from its callers: a path of its own, and
// EXECUTE for nobody who needs none.
func (p *Pass) closed(f *schema.Function) string {
	kind, name := strings.ToUpper(f.Kind), short(f.QualifiedName())
	advice := fmt.Sprintf("Set the path, and schema-qualify all names:\n\nALTER %s %s SET search_path = '';", kind, name)
	if callable(f) && !isTriggerFunction(f) && f.Returns != "event_trigger" && !p.askedByPolicy(f) {
		advice += fmt.Sprintf("\n-- and grant it to the roles that need it\nREVOKE EXECUTE ON %s %s FROM PUBLIC;", kind, name)
	}
	return advice
}

// callable reports whether PUBLIC may execute a function, which is the default.
func callable(f *schema.Function) bool {
	return has(f.ACL, "public", "EXECUTE")
}

// askedByPolicy reports whether a policy calls the function: every role that
// reads the table must be able to.
func (p *Pass) askedByPolicy(f *schema.Function) bool {
	return slices.ContainsFunc(p.After.Dependents(functionRef(f.OID)), func(d schema.Dependent) bool { return d.Ref.Class == schema.ClassPolicy })
}

// pathOf is the search_path that a function fixes, empty if it fixes none or an empty one.
func pathOf(f *schema.Function) string {
	for _, s := range f.Config {
		if path, ok := strings.CutPrefix(s, "search_path="); ok {
			return strings.Trim(path, `"' `)
		}
	}
	return ""
}
