package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var lostRights = &Analyzer{
	Rule: lint.Rule{
		ID: "SE105", Name: "lost-rights", Title: "a role loses a privilege, or lacks it on a new object", Severity: lint.Warning,
		Aliases: []string{"squawk:ban-revoke"},
		Hazards: []string{"R10", "D12"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			at := At{Migration: m, Step: s}
			var lost []*grantLine
			for _, g := range Changes[*schema.DropGrant](s) {
				if p.Before.Has(g.Object) && !stillGranted(p, g) && g.Grant.Grantee != "public" {
					lost = addGrant(lost, g.Kind, g.Name, g.Grant)
				}
			}
			reportGrants(p, at, lost, "%[3]s loses %[1]s on %[2]s: queries that need it fail with \"permission denied\"", "Make sure that no deployed version of the application needs it.")
			for _, c := range Changes[*schema.SetOptions](s) {
				if p.Before.Relations[c.After.OID] != nil && isView(c.After) && !invoker(c.Before) && invoker(c.After) {
					p.reportInvoker(at, c.After)
				}
			}
			owned := map[string]bool{}
			for _, c := range Changes[*schema.SetOwner](s) {
				if owned[c.After] || !p.Before.Has(c.Object) {
					continue
				}
				owned[c.After] = true
				p.Report(at, lint.Finding{
					Object:   c.Name,
					Message:  fmt.Sprintf("%s %s is owned by %s now: %s can no longer change it, and loses every privilege that was not granted", c.Kind, quote(c.Name), c.After, c.Before),
					Evidence: []lint.Evidence{catalogEvidence(c.Name, "owner before: %s, after: %s", c.Before, c.After)},
					Advice:   fmt.Sprintf("Grant the privileges that %s still needs in the same transaction.", c.Before),
				})
			}
		}
		for at, c := range Each[*schema.AddTable](p) {
			if now := p.After.Relations[c.Table.OID]; now != nil && now.Persistence != "temporary" && now.PartitionOf == 0 {
				reportSiblings(p, at, now)
			}
		}
		p.columnRights()
		p.sequenceRights()
		p.schemaRights()
	},
}

// reportInvoker tells the roles that may read a view, which from now on reads
// with their own rights, and not what it reads.
func (p *Pass) reportInvoker(at At, v *schema.Relation) {
	now := p.After.Relations[v.OID]
	if now == nil || !invoker(now) {
		return
	}
	var lost []*grantLine
	for e := range p.After.Depends.All() {
		r := p.After.Relations[e.On.OID]
		if e.Object.Class != schema.ClassRelation || e.Object.OID != v.OID || e.On.Class != schema.ClassRelation || r == nil || r.OID == v.OID {
			continue
		}
		for _, g := range now.ACL {
			if g.Privilege != "SELECT" || g.Grantee == r.Owner || slices.ContainsFunc(lost, func(l *grantLine) bool { return l.role == g.Grantee && l.object == r.QualifiedName() }) || mayRead(r, g.Grantee) {
				continue
			}
			lost = addGrant(lost, string(r.Kind), r.QualifiedName(), g)
		}
	}
	if len(lost) == 0 {
		return
	}
	f := grantFinding(lost, "%[3]s may read view "+strings.ReplaceAll(quote(v.QualifiedName()), "%", "%%")+", which now uses the privileges of the querying role, but not %[2]s that it reads: its queries fail with \"permission denied\"", "")
	var sql []string
	for i, l := range lost {
		sql = append(sql, strings.Replace(l.sql(), " ON TABLE ", " ON ", 1))
		f.Evidence[i].Text = fmt.Sprintf("%s has SELECT on %s, and not on %s", l.role, v.QualifiedName(), l.object)
	}
	f.Advice = "First grant access to what the view reads, with policies for the rows that they may see:\n\n" + sqlList(sql)
	p.Report(at, f)
}

// mayRead reports whether a role, or everybody, was given SELECT on a relation or one of its columns.
func mayRead(r *schema.Relation, role string) bool {
	may := func(g schema.Grant) bool {
		return g.Privilege == "SELECT" && (g.Grantee == role || g.Grantee == "public")
	}
	return slices.ContainsFunc(r.ACL, may) || slices.ContainsFunc(r.Columns, func(c *schema.Column) bool { return slices.ContainsFunc(c.ACL, may) })
}

// stillGranted reports whether the role has the privilege after the whole change.
func stillGranted(p *Pass, g *schema.DropGrant) bool {
	return !p.After.Has(g.Object) || slices.ContainsFunc(aclOf(p.After, g.Object), func(x schema.Grant) bool {
		return x.Grantee == g.Grant.Grantee && x.Privilege == g.Grant.Privilege
	})
}

// aclOf is an object's access control list; a column's is its own.
func aclOf(c *schema.Catalog, ref schema.Ref) []schema.Grant {
	switch ref.Class {
	case schema.ClassRelation:
		if r := c.Relations[ref.OID]; r != nil && ref.Sub == 0 {
			return r.ACL
		} else if col := column(r, ref.Sub); col != nil {
			return col.ACL
		}
	case schema.ClassSchema:
		if s := c.Schemas[ref.OID]; s != nil {
			return s.ACL
		}
	case schema.ClassFunction:
		if f := c.Functions[ref.OID]; f != nil {
			return f.ACL
		}
	case schema.ClassType:
		if t := c.Types[ref.OID]; t != nil {
			return t.ACL
		}
	}
	return nil
}

// mostOf reports whether a role that has a right on some of the tables of a
// schema has it on about all of them: on two at least, and on three of four.
func mostOf(some, all int) bool { return some >= 2 && some*4 >= all*3 }

// bookkeeping reports whether a table is the migration tool's own.
func (p *Pass) bookkeeping(r *schema.Relation) bool {
	for _, m := range p.Base {
		if m.Bookkeeping != "" {
			return hasWord(m.Bookkeeping, r.Name) // the same for every migration of a directory
		}
	}
	return false
}

// reportSiblings tells a new table that a role cannot reach, though it can
// reach about all of the tables that were in the schema before.
func reportSiblings(p *Pass, at At, t *schema.Relation) {
	var siblings int
	count := map[string]int{}
	privileges := map[string]int{}
	var roles []string
	for _, r := range schema.Sorted(p.Before.Relations) {
		if r.Schema != t.Schema || !r.IsTable() || r.PartitionOf != 0 || r.Persistence == "temporary" || r.OID == t.OID || p.bookkeeping(r) {
			continue
		}
		siblings++
		seen := map[string]bool{}
		for _, g := range r.ACL {
			privileges[g.Grantee+" "+g.Privilege]++
			if !seen[g.Grantee] {
				seen[g.Grantee] = true
				count[g.Grantee]++
				if !slices.Contains(roles, g.Grantee) {
					roles = append(roles, g.Grantee)
				}
			}
		}
	}
	var lines []*grantLine
	for _, role := range roles {
		if role == t.Owner || !mostOf(count[role], siblings) || slices.ContainsFunc(t.ACL, func(g schema.Grant) bool { return g.Grantee == role || g.Grantee == "public" }) {
			continue
		}
		for _, x := range []string{"SELECT", "INSERT", "UPDATE", "DELETE"} {
			if mostOf(privileges[role+" "+x], siblings) {
				lines = addGrant(lines, "table", t.QualifiedName(), schema.Grant{Grantee: role, Privilege: x})
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	of := fmt.Sprintf("each of the %d", siblings)
	if n := count[lines[0].role]; n < siblings {
		of = fmt.Sprintf("%d of the %d", n, siblings)
	}
	f := grantFinding(lines, "%[3]s has privileges on "+of+" other tables of schema "+t.Schema+" and none on the new %[2]s", "")
	var sql []string
	for _, g := range lines {
		sql = append(sql, strings.Replace(g.sql(), " ON TABLE ", " ON ", 1))
	}
	f.Advice = "If the role should use it like the others:\n\n" + sqlList(sql)
	for i, g := range lines {
		f.Evidence[i].Text = fmt.Sprintf("%s has %s on %s other tables of schema %s", g.role, g.text(), of, t.Schema)
	}
	p.Report(at, f)
}
