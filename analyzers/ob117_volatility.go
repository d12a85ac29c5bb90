package analyzers

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var volatility = &Analyzer{
	Rule: lint.Rule{
		ID: "OB117", Name: "mutable-promise", Title: "a CHECK or IMMUTABLE function whose result depends on time or data", Severity: lint.Warning,
		Hazards: []string{"B14", "F17"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddConstraint](p) {
			k := p.After.Constraints[c.Constraint.OID]
			if k == nil || k.Kind != schema.Check || k.Inherited {
				continue
			}
			if why := mutable(p.After, k); why != "" {
				p.Report(at, lint.Finding{
					Severity: lint.Info, Object: relName(at.Step, k.Table),
					Message:  fmt.Sprintf("CHECK %q depends on %s: a row that passes now may fail later, and then restoring a dump fails", k.Name, why),
					Evidence: []lint.Evidence{catalogEvidence(relName(at.Step, k.Table), "%s", k.Definition)},
					Advice:   "Check it in a trigger when the row is written, or store the time of writing in a column and compare with that.",
				})
			}
		}
		for at, c := range Each[*schema.AddFunction](p) {
			judgeImmutable(p, at, c.Function)
		}
		for at, c := range Each[*schema.ReplaceFunction](p) {
			judgeImmutable(p, at, c.After)
		}
	},
}

var (
	clock   = regexp.MustCompile(`(?i)\b(?:now\(\)|CURRENT_DATE|CURRENT_TIMESTAMP|LOCALTIMESTAMP|CURRENT_TIME\b|clock_timestamp\(\)|statement_timestamp\(\)|random\(\)|gen_random_uuid\(\)|CURRENT_USER|SESSION_USER|current_setting\()`)
	fromAny = regexp.MustCompile(`(?i)\b(?:from|join|update|insert\s+into|delete\s+from)\s+((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?)`)
	comment = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/`)
)

// mutable says what makes the answer of a CHECK change; empty if nothing does.
func mutable(c *schema.Catalog, k *schema.Constraint) string {
	if m := clock.FindString(outsideQuotes(k.Expression)); m != "" {
		return strings.TrimSuffix(m, "(")
	}
	for e := range c.Depends.All() {
		if e.Object.Class == schema.ClassConstraint && e.Object.OID == k.OID && e.On.Class == schema.ClassFunction {
			if f := c.Functions[e.On.OID]; f != nil && (f.Volatility != "immutable" || readsData(c, f) != "") {
				return "function " + quote(f.QualifiedName()) + ", whose result can change"
			}
		}
	}
	return ""
}

// readsData names a table that a function's body reads or writes, empty if there is none.
func readsData(c *schema.Catalog, f *schema.Function) string {
	if f.Language != "sql" && f.Language != "plpgsql" {
		return ""
	}
	for _, m := range fromAny.FindAllStringSubmatch(outsideQuotes(comment.ReplaceAllString(f.Body, " ")), -1) {
		name := strings.ToLower(strings.ReplaceAll(m[1], `"`, ""))
		for _, r := range c.Relations {
			if name == r.Name || name == strings.ToLower(r.QualifiedName()) {
				return r.QualifiedName()
			}
		}
	}
	return ""
}

func judgeImmutable(p *Pass, at At, f *schema.Function) {
	now := p.After.Functions[f.OID]
	if now == nil || now.Raw != f.Raw || now.Volatility != "immutable" || now.Language != "sql" && now.Language != "plpgsql" {
		return
	}
	why := ""
	if t := readsData(p.After, now); t != "" {
		why = "reads " + quote(t)
	} else if m := clock.FindString(outsideQuotes(comment.ReplaceAllString(now.Body, " "))); m != "" {
		why = "uses " + strings.TrimSuffix(m, "(")
	}
	if why == "" {
		return
	}
	p.Report(at, lint.Finding{
		Object:     now.QualifiedName(),
		Confidence: lint.Inferred,
		Message:    fmt.Sprintf("%s is declared IMMUTABLE and %s: plans, indexes and generated columns keep an outdated result", quote(now.QualifiedName()), why),
		Evidence:   []lint.Evidence{catalogEvidence(now.QualifiedName(), "volatility: immutable")},
		Advice:     fmt.Sprintf("Declare its actual volatility:\n\nALTER FUNCTION %s STABLE;", short(now.QualifiedName())),
	})
}
