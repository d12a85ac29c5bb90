package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// has reports whether an access control list gives a role, or everybody, a privilege.
func has(acl []schema.Grant, role string, privileges ...string) bool {
	return slices.ContainsFunc(acl, func(g schema.Grant) bool {
		return (g.Grantee == role || g.Grantee == "public") && slices.Contains(privileges, g.Privilege)
	})
}

// columnRights reports a new column of a table whose other columns were granted
// one by one: a role that was given some of them has no right on it.
func (p *Pass) columnRights() {
	for at, c := range Each[*schema.AddColumn](p) {
		old, now := p.Before.Relations[c.Table.OID], p.After.Relations[c.Table.OID]
		col := column(now, c.Column.Num)
		if old == nil || col == nil || p.fromParent(at.Step, c) {
			continue
		}
		var lines []*grantLine
		for _, other := range old.Columns {
			for _, g := range other.ACL {
				if g.Grantee == old.Owner || has(now.ACL, g.Grantee, g.Privilege) || has(col.ACL, g.Grantee, g.Privilege) {
					continue
				}
				lines = addGrant(lines, "column", now.QualifiedName()+"."+col.Name, schema.Grant{Grantee: g.Grantee, Privilege: g.Privilege})
			}
		}
		if len(lines) == 0 {
			continue
		}
		f := grantFinding(lines, "%[3]s has %[1]s on other columns of "+strings.ReplaceAll(quote(now.QualifiedName()), "%", "%%")+" and not on the new %[2]s: queries that name it, and SELECT *, fail with \"permission denied\"", "")
		var sql []string
		for i, g := range lines {
			var words []string
			for _, x := range g.privileges {
				words = append(words, fmt.Sprintf("%s (%s)", x, sqlIdent(col.Name)))
			}
			sql = append(sql, fmt.Sprintf("GRANT %s ON %s TO %s;", strings.Join(words, ", "), relSQL(now), sqlIdent(g.role)))
			f.Evidence[min(i, len(f.Evidence)-1)].Text = fmt.Sprintf("%s has %s on single columns of %s", g.role, g.text(), short(now.QualifiedName()))
		}
		f.Advice = "If the role should use it:\n\n" + sqlList(sql)
		p.Report(at, f)
	}
}

// sequenceRights reports a new sequence that a role needs for its INSERT into a
// table, and may not use. The sequence of an identity column needs no right.
func (p *Pass) sequenceRights() {
	told := map[schema.OID]bool{}
	report := func(at At, t *schema.Relation, col *schema.Column) {
		now := p.After.Relations[t.OID]
		c := column(now, col.Num)
		if c == nil || c.Identity != "" || !strings.Contains(c.Default, "nextval(") || now.Persistence == "temporary" {
			return
		}
		for _, seq := range schema.Sorted(p.After.Relations) {
			if seq.Kind != schema.Sequence || seq.OwnedBy.OID != now.OID || seq.OwnedBy.Sub != c.Num || !p.IsNew(seq.OID) || told[seq.OID] {
				continue
			}
			var lines []*grantLine
			for _, g := range now.ACL {
				if g.Privilege == "INSERT" && g.Grantee != now.Owner && !has(seq.ACL, g.Grantee, "USAGE", "UPDATE") {
					lines = addGrant(lines, "sequence", seq.QualifiedName(), schema.Grant{Grantee: g.Grantee, Privilege: "USAGE"})
				}
			}
			if len(lines) == 0 {
				continue
			}
			told[seq.OID] = true
			f := grantFinding(lines, "%[3]s may insert into "+strings.ReplaceAll(quote(now.QualifiedName()), "%", "%%")+" but not use %[2]s, which generates "+strings.ReplaceAll(fmt.Sprintf("%q", c.Name), "%", "%%")+" its values: an INSERT fails with \"permission denied\"", "")
			var sql []string
			for i, g := range lines {
				role := sqlIdent(g.role)
				if g.role == "public" {
					role = "PUBLIC"
				}
				sql = append(sql, fmt.Sprintf("GRANT USAGE ON SEQUENCE %s TO %s;", relSQL(seq), role))
				f.Evidence[min(i, len(f.Evidence)-1)].Text = fmt.Sprintf("%s has INSERT on %s, but no USAGE on %s", g.role, short(now.QualifiedName()), short(seq.QualifiedName()))
			}
			f.Advice = "Grant it, or make the column an identity column, whose sequence needs no privilege:\n\n" + sqlList(sql)
			p.Report(at, f)
		}
	}
	for at, c := range Each[*schema.AddTable](p) {
		for _, col := range c.Table.Columns {
			report(at, c.Table, col)
		}
	}
	for at, c := range Each[*schema.AddColumn](p) {
		report(at, c.Table, c.Column)
	}
}

// schemaRights reports privileges on what is in a schema that the role may not
// look into.
func (p *Pass) schemaRights() {
	type pair struct{ schema, role string }
	told := map[pair]bool{}
	for at, c := range Each[*schema.AddGrant](p) {
		r := p.After.Relations[c.Object.OID]
		if c.Object.Class != schema.ClassRelation || r == nil || c.Grant.Grantee == r.Owner || told[pair{r.Schema, c.Grant.Grantee}] {
			continue
		}
		for _, s := range schema.Sorted(p.After.Schemas) {
			if s.Name != r.Schema || s.Owner == c.Grant.Grantee || s.Name == "public" || has(s.ACL, c.Grant.Grantee, "USAGE") {
				continue
			}
			told[pair{r.Schema, c.Grant.Grantee}] = true
			role := sqlIdent(c.Grant.Grantee)
			if c.Grant.Grantee == "public" {
				role = "PUBLIC"
			}
			p.Report(at, lint.Finding{
				Object:   r.QualifiedName(),
				Message:  fmt.Sprintf("%s gets %s on %s, and has no USAGE on schema %q: every query fails with \"permission denied for schema\"", c.Grant.Grantee, c.Grant.Privilege, quote(r.QualifiedName()), s.Name),
				Evidence: []lint.Evidence{catalogEvidence(s.Name, "no USAGE on schema %s for %s", s.Name, c.Grant.Grantee)},
				Advice:   fmt.Sprintf("Grant it in the same transaction:\n\nGRANT USAGE ON SCHEMA %s TO %s;", sqlIdent(s.Name), role),
			})
		}
	}
}
