package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var policyRows = &Analyzer{
	Rule: lint.Rule{
		ID: "SE102", Name: "policy-expression", Title: "a policy that allows everything, or is slow", Severity: lint.Warning,
		Hazards: []string{"R07"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddPolicy](p) {
			judgePolicy(p, at, c.Policy)
		}
		for at, c := range Each[*schema.AlterPolicy](p) {
			if c.Before.Using != c.After.Using || c.Before.WithCheck != c.After.WithCheck || !slices.Equal(c.Before.Roles, c.After.Roles) {
				judgePolicy(p, at, c.After)
			}
		}
	},
}

var (
	perRow       = regexp.MustCompile(`(?i)\b(?:auth\.(?:uid|jwt|role|email)\(\)|current_setting\()`)
	userMetadata = regexp.MustCompile(`(?i)\b(?:raw_)?user_meta_?data\b`)
)

func judgePolicy(p *Pass, at At, x *schema.Policy) {
	t := p.After.Relations[x.Table]
	if t == nil || p.After.Policies[x.OID] == nil {
		return
	}
	name := t.QualifiedName()
	f := lint.Finding{Object: name, Evidence: []lint.Evidence{policyEvidence(name, "policy", x)}}
	all := x.Using + " " + x.WithCheck
	switch {
	case x.Permissive && x.Command != "select" && open(x) && everybody(x.Roles):
		f.Message = fmt.Sprintf("policy %q lets %s %s any row of %s: its condition is always true", x.Name, rolesText(x.Roles), verb(x.Command), quote(name))
		f.Advice = "Restrict the rows in USING and WITH CHECK, or name with TO a role that may write all of them."
	case userMetadata.MatchString(all):
		f.Message = fmt.Sprintf("policy %q of %s trusts user metadata, which users can change themselves", x.Name, quote(name))
		f.Advice = "Take the role or tenant from a table, or from metadata that only the server writes."
	case asksPerRow(all):
		f.Severity = lint.Info
		f.Message = fmt.Sprintf("policy %q of %s calls the user function once per row", x.Name, quote(name))
		f.Advice = "Put the call into a subquery, which runs once per statement: (SELECT auth.uid())."
	default:
		other := overlapping(p, x)
		if other == nil {
			return
		}
		if x.Command == "select" && strings.Trim(x.Using, "()") == "true" && everybody(x.Roles) {
			f.Message = fmt.Sprintf("policy %q lets %s read every row of %s: its condition is always true, and policy %q no longer restricts anything", x.Name, rolesText(x.Roles), quote(name), other.Name)
			f.Evidence = append(f.Evidence, policyEvidence(name, "policy", other))
			f.Advice = "If everybody may read all rows, drop the other policy for reads; otherwise restrict the rows in USING, or name a role with TO."
			break
		}
		f.Severity = lint.Info
		f.Message = fmt.Sprintf("policies %q and %q of %s are both permissive for %s: one that is true is enough, and both are evaluated for every row", other.Name, x.Name, quote(name), x.Command)
		f.Evidence = append(f.Evidence, policyEvidence(name, "policy", other))
		f.Advice = "Combine them with OR in one policy, or make the restricting one AS RESTRICTIVE."
	}
	p.Report(at, f)
}

// open reports whether a policy's condition for what is written is always true.
func open(x *schema.Policy) bool {
	check := x.WithCheck
	if check == "" {
		check = x.Using
	}
	if x.Command == "delete" {
		check = x.Using
	}
	return strings.Trim(check, "()") == "true"
}

// everybody reports whether a policy is for a role that anybody can have.
func everybody(roles []string) bool {
	return len(roles) == 0 || slices.ContainsFunc(roles, func(r string) bool { return r == "public" || r == "anon" || r == "authenticated" })
}

func rolesText(roles []string) string {
	if len(roles) == 0 || slices.Contains(roles, "public") {
		return "everybody"
	}
	return listPlain(slices.Clone(roles), 4)
}

func asksPerRow(text string) bool {
	for _, at := range perRow.FindAllStringIndex(text, -1) {
		if !once(text[:at[0]]) {
			return true
		}
	}
	return false
}

var (
	selectList = regexp.MustCompile(`(?i)^\(\s*SELECT\b`)
	fromRows   = regexp.MustCompile(`(?i)\bFROM\b`)
)

// once reports whether what follows the text is computed by a sub-select that
// reads no rows: one whose list it is in.
func once(before string) bool {
	depth := 0
	for i := len(before) - 1; i >= 0; i-- {
		switch before[i] {
		case ')':
			depth++
		case '(':
			if depth > 0 {
				depth--
			} else if rest := before[i:]; selectList.MatchString(rest) {
				return !fromRows.MatchString(rest)
			}
		}
	}
	return false
}

// overlapping finds another permissive policy, from before the change, for the same command and a common role.
func overlapping(p *Pass, x *schema.Policy) *schema.Policy {
	for _, o := range schema.Sorted(p.After.Policies) {
		if o.OID == x.OID || o.Table != x.Table || p.Before.Policies[o.OID] == nil || !o.Permissive || !x.Permissive || p.Before.Policies[x.OID] != nil {
			continue
		}
		command := o.Command == x.Command || o.Command == "all" || x.Command == "all"
		role := slices.ContainsFunc(o.Roles, func(r string) bool { return slices.Contains(x.Roles, r) || r == "public" }) || slices.Contains(x.Roles, "public")
		if command && role {
			return o
		}
	}
	return nil
}
