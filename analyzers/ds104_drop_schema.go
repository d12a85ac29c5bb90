package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dropSchema = &Analyzer{
	Rule: lint.Rule{
		ID: "DS104", Name: "drop-schema", Title: "dropping a schema or a database with everything in it", Severity: lint.Error, Covers: []string{"DS105"},
		Aliases: []string{"atlas:DS101", "squawk:ban-drop-database", "squawk:ban-drop-schema"}, Hazards: []string{"D03"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropSchema](p) {
			tables, others := p.inSchema(at.Step, c.Schema.Name)
			if p.Before.Schemas[c.Schema.OID] == nil && len(tables)+len(others) == 0 {
				continue
			}
			f := schemaFinding(c.Schema, tables, others)
			var refs []schema.Ref
			for _, d := range Changes[*schema.DropTable](at.Step) {
				if !p.IsNew(d.Table.OID) {
					refs = append(refs, tableRef(d.Table.OID))
				}
			}
			p.reportLoss(at, f, func(string) string { return f.Message }, refs...)
		}
		for m, s := range p.Steps() {
			if tag := s.Stmt.Syntax.Tag; tag == "DROP DATABASE" && (s.Err == nil || s.Err.Code == "3D000") {
				name := strings.Join(s.Stmt.Syntax.Objects, ", ")
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object: name, Confidence: lint.Inferred,
					Message:  fmt.Sprintf("drops database %s with everything in it", quote(name)),
					Evidence: []lint.Evidence{{Kind: "syntax", Text: clip(s.Stmt.Text)}},
					Advice:   "Remove it: a migration should never drop a database.",
				})
			}
		}
	},
}

// inSchema gives what the step drops with a schema and was there before the
// change, in this schema or in another: the names are those of before the change.
func (p *Pass) inSchema(s *devdb.Step, name string) (tables, others []string) {
	for _, r := range schema.Sorted(s.Before.Relations) {
		old := p.old(r.OID)
		switch {
		case old == nil || r.Schema != name || s.After.Relations[r.OID] != nil:
		case r.IsTable():
			tables = append(tables, qualified(old.Schema, old.Name))
		default:
			others = append(others, string(r.Kind)+" "+short(old.QualifiedName()))
		}
	}
	for _, f := range schema.Sorted(s.Before.Functions) {
		if old := p.Before.Functions[f.OID]; old != nil && f.Schema == name && s.After.Functions[f.OID] == nil {
			others = append(others, f.Kind+" "+short(old.QualifiedName()))
		}
	}
	return tables, others
}

func schemaFinding(n *schema.Schema, tables, others []string) lint.Finding {
	f := lint.Finding{Object: n.Name, Advice: "First drop the objects in it by name, so that reviewers see what is dropped, and drop the schema when it is empty."}
	switch {
	case len(tables) > 0:
		f.Message = fmt.Sprintf("drops schema %q with %s (%s): their rows are lost, and code that uses them will fail", n.Name, plural(len(tables), "table"), list(tables, 4))
	case len(others) > 0:
		f.Message = fmt.Sprintf("drops schema %q with %s: code that uses them will fail", n.Name, listPlain(others, 3))
	default:
		f.Severity = lint.Warning
		f.Message = fmt.Sprintf("drops schema %q: code that still uses it will fail", n.Name)
		f.Advice = "First release code that does not use it, then drop it in a later release."
	}
	for _, t := range tables {
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "dropped", Text: "table " + t + " with its rows", Object: t})
	}
	for _, o := range others {
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "dropped", Text: o})
	}
	if len(f.Evidence) == 0 {
		f.Evidence = factOf(n.Name, "schema %s is dropped", n.Name)
	}
	return f
}
