package pipeline

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

// Enforcement is how firmly a finding holds.
type Enforcement struct {
	Level    string         // "" or one of lint's levels
	Approval *lint.Approval // of an overridable one: whose approval an ignore asks for
}

// Attempt is a place in the files of the change under review that would leave
// an enforced finding out, or weigh it less.
type Attempt struct {
	Path string
	Line int
	Text string // "sets KY103 to off"
}

// enforce marks the findings that are enforced.
func enforce(in Input, findings []*lint.Finding) map[*lint.Finding]Enforcement {
	out := map[*lint.Finding]Enforcement{}
	if in.Enforced == nil {
		return out
	}
	for _, f := range findings {
		if e := in.Enforced(f); e.Level != "" {
			f.Enforced, out[f] = e.Level, e
		}
	}
	return out
}

// resist decides what an ignore does to an enforced finding: of an overridable
// one, with a reason, it asks for the approval; else it does nothing. Both are
// reported.
func resist(f *lint.Finding, e Enforcement, d migration.Directive, rule lint.Rule) *lint.Finding {
	say := fmt.Sprintf("ignores %s, which is %s: the ignore does not count", f.ID, e.Level)
	advice := "Fix the finding, or ask those who enforce the rule to change it."
	if e.Level == lint.Overridable {
		advice = "Give a reason: -- assay:ignore " + f.ID + " <reason>"
	}
	if e.Level == lint.Overridable && d.Reason != "" && f.Approval == nil {
		a := *e.Approval
		a.Reason = d.Reason
		f.Approval = &a
		say = fmt.Sprintf("overrides %s: %s", f.ID, d.Reason)
		advice = ""
	}
	return weakened(rule, f, d.Pos.Path, d.Pos.Line, say, advice)
}

// weakened is the finding about an attempt.
func weakened(rule lint.Rule, f *lint.Finding, path string, line int, say, advice string) *lint.Finding {
	return &lint.Finding{
		ID: lint.WeakenedRule.ID, Name: lint.WeakenedRule.Name, Severity: lint.WeakenedRule.Severity, Confidence: lint.Proven, URL: rule.URL,
		Path: path, Line: max(line, 1), EndLine: max(line, 1), Object: f.Object, Message: say, Advice: advice, Migration: -1, Statement: -1,
	}
}

// attempts are the findings about what the files of the change would do to
// enforced ones, each place and text once.
func attempts(in Input, enforced []*lint.Finding, rule lint.Rule) []*lint.Finding {
	if in.Attempts == nil {
		return nil
	}
	var out []*lint.Finding
	seen := map[Attempt]bool{}
	for _, f := range enforced {
		for _, a := range in.Attempts(f) {
			if !seen[a] {
				seen[a] = true
				out = append(out, weakened(rule, f, a.Path, a.Line, fmt.Sprintf("%s, which is %s: it does not count for this change", a.Text, f.Enforced), ""))
			}
		}
	}
	return out
}
