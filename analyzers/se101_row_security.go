package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var rowSecurity = &Analyzer{
	Rule: lint.Rule{
		ID: "SE101", Name: "row-security", Title: "row-level security without policies, or policies without row-level security", Severity: lint.Warning,
		Aliases: []string{"squawk:ban-alter-row-level-security", "squawk:ban-drop-policy"},
		Hazards: []string{"R06"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.SetRowSecurity](p) {
			now := p.After.Relations[c.After.OID]
			if now == nil || p.IsNew(now.OID) {
				continue
			}
			name := quote(now.QualifiedName())
			switch {
			case c.Before.RowSecurity && !now.RowSecurity && !c.After.RowSecurity:
				reportRLS(p, at, now, fmt.Sprintf("row-level security is disabled on %s: every role with privileges on the table sees all its rows", name),
					fmt.Sprintf("If one role must see all rows, give that role BYPASSRLS instead. Otherwise keep it enabled:\n\nALTER TABLE %s ENABLE ROW LEVEL SECURITY;", relSQL(now)))
			case !c.Before.RowSecurity && now.RowSecurity && !permissive(p.After, now.OID):
				reportRLS(p, at, now, fmt.Sprintf("row-level security is enabled on %s without a permissive policy: every role%s reads and writes no rows", name, butOwner(now)),
					fmt.Sprintf("Create the policies first, in the same transaction:\n\nCREATE POLICY … ON %s FOR SELECT TO … USING (…);", relSQL(now)))
			case !c.Before.RowSecurity && now.RowSecurity:
				if denied := p.deniedCommands(at, now); len(denied) > 0 {
					reportRLS(p, at, now, fmt.Sprintf("row-level security is enabled on %s without a policy for %s: what worked until now %s", name, listPlain(denied, 4), deniedHow(denied)),
						fmt.Sprintf("Create a policy for each command that the application uses, in the same transaction:\n\nCREATE POLICY … ON %s FOR %s TO … …;", relSQL(now), strings.SplitN(denied[0], " ", 2)[0]))
				}
			case c.Before.RowSecurity && c.Before.ForceRowSecurity && !c.After.ForceRowSecurity && !now.ForceRowSecurity:
				reportRLS(p, at, now, fmt.Sprintf("the owner of %s is no longer subject to its policies", name),
					fmt.Sprintf("If the application connects as the owner, keep it:\n\nALTER TABLE %s FORCE ROW LEVEL SECURITY;", relSQL(now)))
			}
		}
		told := map[schema.OID]bool{}
		for at, c := range Each[*schema.AddPolicy](p) {
			now := p.After.Relations[c.Policy.Table]
			if now == nil || now.RowSecurity || p.After.Policies[c.Policy.OID] == nil || told[now.OID] {
				continue
			}
			told[now.OID] = true
			reportRLS(p, at, now, fmt.Sprintf("policy %q has no effect: row-level security is disabled on %s", c.Policy.Name, quote(now.QualifiedName())),
				fmt.Sprintf("Enable it in the same transaction:\n\nALTER TABLE %s ENABLE ROW LEVEL SECURITY;", relSQL(now)))
		}
		for at, c := range Each[*schema.DropPolicy](p) {
			now := p.After.Relations[c.Policy.Table]
			if now == nil || !now.RowSecurity || p.Before.Policies[c.Policy.OID] == nil || permissive(p.After, now.OID) || !permissive(at.Step.Before, now.OID) || permissive(at.Step.After, now.OID) {
				continue
			}
			reportRLS(p, at, now, fmt.Sprintf("policy %q was the last permissive policy of %s: every role%s sees no rows", c.Policy.Name, quote(now.QualifiedName()), butOwner(now)),
				"Create the policy that replaces it in the same transaction, before you drop this one.")
		}
	},
}

// butOwner leaves out the owner, unless FORCE holds him to the policies too.
func butOwner(r *schema.Relation) string {
	if r.ForceRowSecurity {
		return ", the owner too,"
	}
	return " but the owner"
}

// permissive reports whether some policy of a table lets rows through.
func permissive(c *schema.Catalog, table schema.OID) bool {
	return slices.ContainsFunc(schema.Sorted(c.Policies), func(x *schema.Policy) bool { return x.Table == table && x.Permissive })
}

func reportRLS(p *Pass, at At, r *schema.Relation, message, advice string) {
	f := lint.Finding{Object: r.QualifiedName(), Message: message, Advice: advice}
	f.Evidence = append(f.Evidence, catalogEvidence(r.QualifiedName(), "row security of %s: %s", short(r.QualifiedName()), map[bool]string{true: "on", false: "off"}[r.RowSecurity]))
	for _, x := range schema.Sorted(p.After.Policies) {
		if x.Table == r.OID {
			f.Evidence = append(f.Evidence, policyEvidence(r.QualifiedName(), "policy", x))
		}
	}
	p.Report(at, f)
}

func policyEvidence(table, word string, x *schema.Policy) lint.Evidence {
	kind := "permissive"
	if !x.Permissive {
		kind = "restrictive"
	}
	text := fmt.Sprintf("%s %s: %s, for %s to %s", word, x.Name, kind, x.Command, listPlain(slices.Clone(x.Roles), 5))
	if x.Using != "" {
		text += ", using " + x.Using
	}
	if x.WithCheck != "" {
		text += ", with check " + x.WithCheck
	}
	return catalogEvidence(table, "%s", text)
}

// deniedCommands are the commands that a role other than the owner had the
// right to before row security came on, and that no permissive policy is for.
// Where FORCE holds the owner to the policies too, every command counts.
func (p *Pass) deniedCommands(at At, now *schema.Relation) []string {
	var out []string
	for _, command := range []string{"SELECT", "INSERT", "UPDATE", "DELETE"} {
		var roles []string
		for _, g := range at.Step.Before.Relations[now.OID].ACL {
			if g.Privilege == command && g.Grantee != now.Owner && !p.letsThrough(now, command, g.Grantee) {
				roles = append(roles, g.Grantee)
			}
		}
		switch {
		case now.ForceRowSecurity && !p.letsThrough(now, command, now.Owner):
			out = append(out, command)
		case slices.Contains(roles, "public"):
			out = append(out, command)
		case len(roles) > 0:
			out = append(out, fmt.Sprintf("%s by %s", command, listPlain(roles, 3)))
		}
	}
	return out
}

// letsThrough reports whether a permissive policy is for a command and a role.
func (p *Pass) letsThrough(t *schema.Relation, command, role string) bool {
	for _, x := range p.After.Policies {
		if x.Table == t.OID && x.Permissive && (x.Command == "all" || strings.EqualFold(x.Command, command)) &&
			(slices.Contains(x.Roles, "public") || slices.Contains(x.Roles, role) || role == "public") {
			return true
		}
	}
	return false
}

// deniedHow says what comes of a command that no policy is for.
func deniedHow(commands []string) string {
	if slices.ContainsFunc(commands, func(c string) bool { return strings.HasPrefix(c, "INSERT") }) {
		return "fails (INSERT) or affects no row"
	}
	return "reaches no row"
}
