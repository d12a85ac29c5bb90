package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var functionSignature = &Analyzer{
	Rule: lint.Rule{
		ID: "BC107", Name: "function-signature", Title: "changing a function signature that deployed code calls", Severity: lint.Warning,
		Hazards: []string{"F14"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropFunction](p) {
			old := p.Before.Functions[c.Function.OID]
			if old == nil || fell(at.Step, functionRef(old.OID)) || isTriggerFunction(old) {
				continue
			}
			now := p.functionsNamed(old.Schema, old.Name)
			if len(now) == 0 { // BC103 tells it
				continue
			}
			why := ""
			for _, f := range now {
				if why = callBreaks(old, f); why == "" {
					break
				}
			}
			if why == "" {
				continue
			}
			name := qualified(old.Schema, old.Name)
			p.Report(at, lint.Finding{
				Object:   old.QualifiedName(),
				Message:  fmt.Sprintf("%s %s(%s) is replaced by a different signature: %s", old.Kind, quote(name), old.Identity, why),
				Evidence: factOf(name, "%s(%s) returns %s before, %s(%s) returns %s after", name, old.Arguments, old.Returns, name, now[len(now)-1].Arguments, now[len(now)-1].Returns),
				Advice:   "Keep both until no deployed code calls the old one: do not drop it in this migration, but in a later release.",
			})
		}
	},
}

// callBreaks says why a call of the one function fails or differs with the
// other; empty if it does not.
func callBreaks(old, now *schema.Function) string {
	n := len(old.ArgTypes)
	switch {
	case len(now.ArgTypes) < n, !slices.EqualFunc(old.ArgTypes, now.ArgTypes[:n], acceptsType), len(now.ArgTypes)-now.Defaults > n-old.Defaults:
		return "calls with the old arguments will fail"
	case old.Returns != now.Returns:
		return "it returns " + now.Returns + " and no longer " + old.Returns
	case len(old.ArgNames) >= n && len(now.ArgNames) >= n && !slices.Equal(nonEmpty(old.ArgNames[:n]), nonEmpty(now.ArgNames[:n])):
		return "calls that name their arguments " + strings.Join(nonEmpty(old.ArgNames[:n]), ", ") + " fail"
	}
	return ""
}

func nonEmpty(in []string) []string {
	return slices.DeleteFunc(slices.Clone(in), func(s string) bool { return s == "" })
}

// acceptsType reports whether an argument of the one type may be given where the
// other is declared: they are the same, the one is cast to the other without
// being asked to, or the other takes any.
func acceptsType(given, declared string) bool {
	if given == declared || slices.Contains(implicitCasts[given], declared) {
		return true
	}
	array := strings.HasSuffix(given, "[]")
	switch declared {
	case `"any"`, "anyelement", "anycompatible":
		return true
	case "anyarray", "anycompatiblearray":
		return array
	case "anynonarray", "anycompatiblenonarray":
		return !array
	}
	return false
}

// implicitCasts are the casts between built-in types that a function call makes
// by itself (pg_cast.castcontext = 'i'), the same on every major.
var implicitCasts = map[string][]string{
	"smallint":                    {"integer", "bigint", "real", "double precision", "numeric"},
	"integer":                     {"bigint", "real", "double precision", "numeric"},
	"bigint":                      {"real", "double precision", "numeric"},
	"numeric":                     {"real", "double precision"},
	"real":                        {"double precision"},
	"date":                        {"timestamp without time zone", "timestamp with time zone"},
	"timestamp without time zone": {"timestamp with time zone"},
	"time without time zone":      {"time with time zone", "interval"},
	"text":                        {"character varying", "character"},
	"character varying":           {"text", "character"},
	"character":                   {"text", "character varying"},
	"name":                        {"text"},
	"cidr":                        {"inet"},
	"bit":                         {"bit varying"},
	"bit varying":                 {"bit"},
	"macaddr":                     {"macaddr8"},
}
