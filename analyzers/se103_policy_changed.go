package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var policyChanged = &Analyzer{
	Rule: lint.Rule{
		ID: "SE103", Name: "policy-changed", Title: "an active policy is changed or dropped", Severity: lint.Info,
		Aliases: []string{"squawk:ban-alter-policy-condition", "squawk:ban-alter-policy-roles"},
		Hazards: []string{"R08"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AlterPolicy](p) {
			if old := p.Before.Policies[c.After.OID]; old != nil && inForceOn(p, c.After.Table) && !samePolicy(c.Before, c.After) {
				reportPolicy(p, at, c.Before, c.After)
			}
		}
		for at, c := range Each[*schema.ReplaceFunction](p) {
			p.policyFunction(at, c)
		}
		for at, c := range Each[*schema.DropPolicy](p) {
			if p.Before.Policies[c.Policy.OID] == nil || !inForceOn(p, c.Policy.Table) || !permissive(p.After, c.Policy.Table) && c.Policy.Permissive {
				continue
			}
			now := namesake(p.After, c.Policy)
			switch {
			case now == nil && c.Policy.Permissive && p.widerPolicy(at, c.Policy):
			case now == nil:
				reportPolicy(p, at, c.Policy, nil)
			case !samePolicy(c.Policy, now):
				reportPolicy(p, at, c.Policy, now)
			default:
				p.policyGap(at, c.Policy, now)
			}
		}
	},
}

// policyGap tells of a policy that is made again as it was, by another transaction.
func (p *Pass) policyGap(at At, old, now *schema.Policy) {
	for again, c := range Each[*schema.AddPolicy](p) {
		if c.Policy.OID != now.OID || again.Step == at.Step || sameTx(at.Step, again.Step) {
			continue
		}
		t := p.After.Relations[now.Table].QualifiedName()
		f := lint.Finding{
			Severity: lint.Warning, Object: t,
			Message:  fmt.Sprintf("policy %q of %s does not exist until another transaction re-creates it: in between, rows that only it allows are not accessible", old.Name, quote(t)),
			Evidence: []lint.Evidence{policyEvidence(t, "policy", old)},
			Advice:   "Drop and re-create it in one transaction, or change it with ALTER POLICY.",
		}
		if !old.Permissive {
			f.Message = fmt.Sprintf("restrictive policy %q of %s does not exist until another transaction re-creates it: in between, the rows it hides are accessible", old.Name, quote(t))
		}
		p.Report(at, f)
		return
	}
}

// policyFunction tells of policies in force that ask a function with another body.
func (p *Pass) policyFunction(at At, c *schema.ReplaceFunction) {
	if p.Before.Functions[c.After.OID] == nil || c.Before.Body == c.After.Body {
		return
	}
	name := c.After.QualifiedName()
	var used []string
	var ev []lint.Evidence
	for _, d := range at.Step.Before.Dependents(functionRef(c.After.OID)) {
		x := p.After.Policies[d.Ref.OID]
		if d.Ref.Class != schema.ClassPolicy || x == nil || p.Before.Policies[x.OID] == nil || len(d.Via) > 2 || !inForceOn(p, x.Table) {
			continue
		}
		t := p.After.Relations[x.Table].QualifiedName()
		used = append(used, fmt.Sprintf("%q of %s", x.Name, quote(t)))
		ev = append(ev, policyEvidence(t, "policy", x))
	}
	if len(used) == 0 {
		return
	}
	p.Report(at, lint.Finding{
		Object:   name,
		Message:  fmt.Sprintf("%s gets a new body: policies that call it may allow other rows, %s", quote(name), listPlain(used, 3)),
		Evidence: someEvidence(ev, 5),
		Advice:   "Compare the two bodies with what the application needs, for each role.",
	})
}

// widerPolicy tells of a permissive policy that the change replaces by one of
// another name for the same commands and roles: what it let through can still
// be reached if the other has no condition, and perhaps not if it has one.
func (p *Pass) widerPolicy(at At, old *schema.Policy) bool {
	for _, x := range schema.Sorted(p.After.Policies) {
		if x.Table != old.Table || !x.Permissive || p.Before.Policies[x.OID] != nil || !policyCovers(old, x) {
			continue
		}
		t := p.After.Relations[old.Table].QualifiedName()
		f := lint.Finding{
			Object:   t,
			Message:  fmt.Sprintf("policy %q of %s is replaced by %q, which changes who may %s which rows", old.Name, quote(t), x.Name, verb(old.Command)),
			Evidence: []lint.Evidence{policyEvidence(t, "before: policy", old), policyEvidence(t, "after: policy", x)},
			Advice:   "Compare the conditions above with what the application needs, for each role.",
		}
		switch {
		case old.Using == x.Using && old.WithCheck == x.WithCheck:
			f.Message = fmt.Sprintf("policy %q of %s is replaced by %q, with the same conditions for more roles or commands", old.Name, quote(t), x.Name)
			if old.Command == x.Command && slices.Equal(old.Roles, x.Roles) {
				return true // only its name is another
			}
		case unconditional(x) && !unconditional(old):
			f.Severity = lint.Warning
			f.Message = fmt.Sprintf("policy %q of %s is replaced by %q, which has no condition: rows that it hid become accessible", old.Name, quote(t), x.Name)
		}
		p.Report(at, f)
		return true
	}
	return false
}

// policyCovers reports whether a policy is for all the commands and roles of another.
func policyCovers(old, now *schema.Policy) bool {
	if now.Command != "all" && now.Command != old.Command {
		return false
	}
	return slices.Contains(now.Roles, "public") || !slices.ContainsFunc(old.Roles, func(r string) bool { return !slices.Contains(now.Roles, r) })
}

// unconditional reports whether a policy lets every row through.
func unconditional(x *schema.Policy) bool {
	always := func(e string) bool { return e == "" || e == "true" || e == "(true)" }
	return always(x.Using) && always(x.WithCheck)
}

// inForceOn reports whether a table is there before and after the change, with row security on.
func inForceOn(p *Pass, table schema.OID) bool {
	b, a := p.Before.Relations[table], p.After.Relations[table]
	return b != nil && a != nil && b.RowSecurity && a.RowSecurity
}

func namesake(c *schema.Catalog, x *schema.Policy) *schema.Policy {
	for _, o := range schema.Sorted(c.Policies) {
		if o.Table == x.Table && o.Name == x.Name {
			return o
		}
	}
	return nil
}

func samePolicy(a, b *schema.Policy) bool {
	return a.Command == b.Command && a.Permissive == b.Permissive && slices.Equal(a.Roles, b.Roles) && a.Using == b.Using && a.WithCheck == b.WithCheck
}

func reportPolicy(p *Pass, at At, before, after *schema.Policy) {
	t := p.After.Relations[before.Table].QualifiedName()
	f := lint.Finding{Object: t, Evidence: []lint.Evidence{policyEvidence(t, "before: policy", before)}}
	switch {
	case after != nil:
		f.Message = fmt.Sprintf("policy %q of %s changes who may %s which rows", before.Name, quote(t), verb(before.Command))
		f.Evidence = append(f.Evidence, policyEvidence(t, "after: policy", after))
	case !before.Permissive:
		f.Severity = lint.Warning
		f.Message = fmt.Sprintf("restrictive policy %q of %s is dropped: rows that it hid can be read or written", before.Name, quote(t))
	default:
		f.Message = fmt.Sprintf("policy %q of %s is dropped: rows that only it allowed are no longer accessible", before.Name, quote(t))
	}
	f.Advice = "Compare the conditions above with what the application needs, for each role."
	p.Report(at, f)
}

func verb(command string) string {
	if command == "all" {
		return "read and write"
	}
	return command
}
