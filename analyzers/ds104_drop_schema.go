package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dropSchema = &Analyzer{
	Rule: lint.Rule{
		ID: "DS104", Name: "drop-schema", Title: "dropping a schema or a database with all that is in it", Severity: lint.Error,
		Aliases: []string{"atlas:DS101", "squawk:ban-drop-database", "squawk:ban-drop-schema"}, Hazards: []string{"D03"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropSchema](p) {
			if p.Before.Schemas[c.Schema.OID] == nil {
				continue
			}
			f := p.schemaFinding(at, c.Schema)
			var refs []schema.Ref
			for _, d := range Changes[*schema.DropTable](at.Step) {
				refs = append(refs, tableRef(d.Table.OID))
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
					Advice:   "Leave databases to the people who run the server: no migration should drop one.",
				})
			}
		}
	},
}

func (p *Pass) schemaFinding(at At, n *schema.Schema) lint.Finding {
	var tables, others []string
	rows := false
	for _, r := range schema.Sorted(p.Before.Relations) {
		switch {
		case r.Schema != n.Name || at.Step.After.Relations[r.OID] != nil:
		case r.IsTable():
			tables = append(tables, qualified(r.Schema, r.Name))
			rows = rows || r.Kind != schema.ForeignTable
		default:
			others = append(others, string(r.Kind)+" "+qualified(r.Schema, r.Name))
		}
	}
	for _, f := range schema.Sorted(p.Before.Functions) {
		if f.Schema == n.Name && at.Step.After.Functions[f.OID] == nil {
			others = append(others, f.Kind+" "+f.QualifiedName())
		}
	}
	f := lint.Finding{Object: n.Name, Advice: "Drop what is in it by name first, so that the reviewer sees what goes, and the schema when it is empty."}
	switch {
	case len(tables) > 0:
		f.Message = fmt.Sprintf("drops schema %q with %s (%s): their rows are gone, and code that uses them fails", n.Name, plural(len(tables), "table"), list(tables, 4))
	case len(others) > 0:
		f.Message = fmt.Sprintf("drops schema %q with %s: code that uses them fails", n.Name, listPlain(others, 3))
	default:
		f.Severity = lint.Warning
		f.Message = fmt.Sprintf("drops schema %q: code that still names it fails", n.Name)
		f.Advice = "First release code that does not name it, then drop it in a later release."
	}
	for _, t := range tables {
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "dropped", Text: "table " + t + " with its rows", Object: t})
	}
	for _, o := range others {
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "dropped", Text: o})
	}
	if len(f.Evidence) == 0 {
		f.Evidence = factOf(n.Name, "schema %s is gone", n.Name)
	}
	return f
}
