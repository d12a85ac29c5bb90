package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var recreated = &Analyzer{
	Rule: lint.Rule{
		ID: "OB102", Name: "recreated-object", Title: "an object dropped and re-created, with a gap or without its privileges and comments", Severity: lint.Warning,
		Hazards: []string{"F02"},
	},
	Run: func(p *Pass) {
		p.gaps()
		for at, c := range Each[*schema.AddView](p) {
			for _, old := range schema.Sorted(p.Before.Relations) {
				if old.Schema == c.View.Schema && old.Name == c.View.Name && isView(old) && p.After.Relations[old.OID] == nil && p.After.Relations[c.View.OID] != nil {
					reportLost(p, at, string(c.View.Kind), c.View.QualifiedName(), viewLosses(p, old, p.After.Relations[c.View.OID]))
				}
			}
		}
		for at, c := range Each[*schema.AddFunction](p) {
			for _, old := range schema.Sorted(p.Before.Functions) {
				now := p.After.Functions[c.Function.OID]
				if old.QualifiedName() == c.Function.QualifiedName() && p.After.Functions[old.OID] == nil && now != nil {
					reportLost(p, at, now.Kind, now.QualifiedName(), functionLosses(old, now))
				}
			}
		}
	},
}

// gaps tells of views and routines that one transaction drops and a later one
// makes again: in between they are not there.
func (p *Pass) gaps() {
	type made struct {
		step *devdb.Step
		kind string
	}
	again := map[string]made{}
	for at, c := range Each[*schema.AddView](p) {
		again[c.View.QualifiedName()] = made{at.Step, string(c.View.Kind)}
	}
	for at, c := range Each[*schema.AddFunction](p) {
		again[c.Function.QualifiedName()] = made{at.Step, c.Function.Kind}
	}
	told := map[*devdb.Step]bool{}
	tell := func(at At, name string) {
		m, ok := again[name]
		if !ok || at.Step == m.step || sameTx(at.Step, m.step) || told[at.Step] {
			return
		}
		told[at.Step] = true
		p.Report(at, lint.Finding{
			Object:   name,
			Message:  fmt.Sprintf("%s %s does not exist until another transaction re-creates it: code that uses it in between fails, permanently if that transaction fails", m.kind, quote(name)),
			Evidence: []lint.Evidence{{Kind: "setting", Text: at.Migration.TxReason}},
			Advice:   "Drop and re-create it in one transaction, or use CREATE OR REPLACE.",
		})
	}
	for at, c := range Each[*schema.DropView](p) {
		if p.Before.Relations[c.View.OID] != nil {
			tell(at, c.View.QualifiedName())
		}
	}
	for at, c := range Each[*schema.DropFunction](p) {
		if p.Before.Functions[c.Function.OID] != nil {
			tell(at, c.Function.QualifiedName())
		}
	}
}

// loss is one thing that the new object lacks, and how to give it back.
type loss struct{ what, text, sql string }

func reportLost(p *Pass, at At, kind, name string, losses []loss) {
	if len(losses) == 0 {
		return
	}
	f := lint.Finding{Object: name}
	var what, sql []string
	for _, l := range losses {
		if !slices.Contains(what, l.what) {
			what = append(what, l.what)
		}
		if l.sql != "" {
			sql = append(sql, l.sql)
		}
		f.Evidence = append(f.Evidence, catalogEvidence(name, "%s", l.text))
	}
	f.Message = fmt.Sprintf("%s %s is dropped and re-created without its %s", kind, quote(name), listPlain(what, 4))
	f.Advice = "Restore them in the same transaction, or use CREATE OR REPLACE, which keeps them:\n\n" + sqlList(sql)
	if kind == string(schema.MaterializedView) {
		f.Advice = "Restore them in the same transaction:\n\n" + sqlList(sql)
	}
	p.Report(at, f)
}

func viewLosses(p *Pass, old, now *schema.Relation) []loss {
	kind, name := strings.ToUpper(string(now.Kind)), relSQL(now)
	out := grantLosses(lostGrants(string(now.Kind), now.QualifiedName(), old.ACL, now.ACL))
	for _, o := range old.Options {
		key, _, _ := strings.Cut(o, "=")
		if !slices.ContainsFunc(now.Options, func(n string) bool { return strings.HasPrefix(n, key+"=") }) {
			out = append(out, loss{"options", "it had " + o, fmt.Sprintf("ALTER %s %s SET (%s);", kind, name, o)})
		}
	}
	for _, i := range indexesOf(p.Before, old.OID) {
		if !slices.ContainsFunc(indexesOf(p.After, now.OID), func(n *schema.Index) bool { return slices.Equal(n.Keys, i.Keys) && n.Unique == i.Unique }) {
			out = append(out, loss{"indexes", "it had index " + short(i.QualifiedName()), i.Definition + ";"})
		}
	}
	for _, t := range schema.Sorted(p.Before.Triggers) {
		if t.Table == old.OID && !slices.ContainsFunc(schema.Sorted(p.After.Triggers), func(n *schema.Trigger) bool { return n.Table == now.OID && n.Name == t.Name }) {
			out = append(out, loss{"triggers", "it had trigger " + t.Name, t.Definition + ";"})
		}
	}
	for _, w := range schema.Sorted(p.Before.Rules) {
		if w.Table == old.OID && !slices.ContainsFunc(schema.Sorted(p.After.Rules), func(n *schema.Rule) bool { return n.Table == now.OID && n.Name == w.Name }) {
			out = append(out, loss{"rules", "it had rule " + w.Name, w.Definition})
		}
	}
	if old.Comment != "" && now.Comment == "" {
		out = append(out, loss{"comment", "it had a comment", fmt.Sprintf("COMMENT ON %s %s IS %s;", kind, name, sqlString(old.Comment))})
	}
	for _, c := range old.Columns {
		n := columnByName(now, c.Name)
		if n == nil {
			continue
		}
		if c.Comment != "" && n.Comment == "" {
			out = append(out, loss{"column comments", "column " + c.Name + " had a comment", fmt.Sprintf("COMMENT ON COLUMN %s.%s IS %s;", name, sqlIdent(c.Name), sqlString(c.Comment))})
		}
		for _, g := range lostGrants("column", c.Name, c.ACL, append(n.ACL, now.ACL...)) {
			out = append(out, loss{
				"column privileges", fmt.Sprintf("%s had %s on column %s", g.role, g.text(), c.Name),
				fmt.Sprintf("GRANT %s (%s) ON TABLE %s TO %s;", g.text(), sqlIdent(c.Name), name, roleSQL(g.role)),
			})
		}
	}
	return out
}

func functionLosses(old, now *schema.Function) []loss {
	out := grantLosses(lostGrants("routine", now.QualifiedName(), old.ACL, now.ACL))
	born := func(f *schema.Function) bool {
		return slices.ContainsFunc(f.ACL, func(g schema.Grant) bool { return g.Grantee == "public" && g.Privilege == "EXECUTE" })
	}
	if !born(old) && born(now) {
		out = append(out, loss{
			"REVOKE from PUBLIC", "PUBLIC had no EXECUTE privilege and now has it",
			fmt.Sprintf("REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC;", short(now.QualifiedName())),
		})
	}
	if old.SecurityDefiner && now.SecurityDefiner && len(old.Config) > 0 && len(now.Config) == 0 {
		out = append(out, loss{"settings", "it had SET " + strings.Join(old.Config, ", "), ""})
	}
	if old.Comment != "" && now.Comment == "" {
		out = append(out, loss{"comment", "it had a comment", fmt.Sprintf("COMMENT ON ROUTINE %s IS %s;", short(now.QualifiedName()), sqlString(old.Comment))})
	}
	return out
}

func grantLosses(lines []*grantLine) []loss {
	var out []loss
	for _, g := range lines {
		out = append(out, loss{"privileges", fmt.Sprintf("%s had %s", g.role, g.text()), g.sql()})
	}
	return out
}

// sqlString writes a text as an SQL literal.
func sqlString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
