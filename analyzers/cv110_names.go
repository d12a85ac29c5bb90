package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// The conventions about names.
var (
	quotedName = convention("CV110", "quoted-name", "a name that always needs quotes", []string{"S12"}, nil, func(p *Pass) {
		tell := func(at At, kind, name, object string) {
			if sqlIdent(name) != name {
				p.Report(at, lint.Finding{
					Object: object, Message: fmt.Sprintf("%s %s must be quoted in every statement", kind, sqlIdent(name)),
					Evidence: syntaxEvidence("a key word, or not only a-z, 0-9 and _"), Advice: "Choose a name of lower-case letters, digits and underscores that is not a key word.",
				})
			}
		}
		for at, t := range p.newTables() {
			tell(at, "table", t.Name, t.QualifiedName())
		}
		for at, c := range p.newColumns() {
			tell(at, "column", c.column.Name, c.name())
		}
	})
	unqualifiedName = convention("CV111", "unqualified-name", "a table created without a schema name", []string{"S13"}, []string{"squawk:require-table-schema"}, func(p *Pass) {
		for at, t := range p.newTables() {
			x := at.Step.Stmt.Syntax
			if x.Tag != "CREATE TABLE" && x.Tag != "CREATE TABLE AS" && x.Tag != "SELECT INTO" || len(x.Objects) == 0 {
				continue
			}
			if in, name := splitName(x.Objects[0]); in == "" && name == t.Name {
				p.Report(at, lint.Finding{
					Object: t.QualifiedName(), Message: fmt.Sprintf("table %q is created in the first schema of search_path", name),
					Evidence: []lint.Evidence{{Kind: "setting", Text: "search_path = " + at.Step.Settings.SearchPath}},
					Advice:   "Write the schema: " + sqlIdent(t.Schema) + "." + sqlIdent(t.Name),
				})
			}
		}
	})
	unnamedIndex = convention("CV119", "unnamed-index", "an index with a generated name", []string{"A17"}, nil, func(p *Pass) {
		for at, c := range Each[*schema.AddIndex](p) {
			x := at.Step.Stmt.Syntax
			if x.Tag != "CREATE INDEX" || x.Name != "" || c.Index.Parent != 0 {
				continue
			}
			p.Report(at, lint.Finding{
				Object: c.Index.QualifiedName(), Message: fmt.Sprintf("the index has a generated name: here it is %q, in other databases it may have a number", c.Index.Name),
				Evidence: syntaxEvidence("CREATE INDEX without a name"), Advice: "Name it, so that a later migration can drop it.",
			})
		}
	})
	unnamedConstraint = convention("CV120", "unnamed-constraint", "a constraint with a generated name", []string{"B29"}, nil, func(p *Pass) {
		for m, s := range p.Steps() {
			x := s.Stmt.Syntax
			if s.Err != nil || len(s.Changes) == 0 {
				continue
			}
			for _, k := range writtenConstraints(*x) {
				// Keys and NOT NULL are found by the table; they are one of a kind.
				if k.Name != "" || k.Kind == "PRIMARY KEY" || k.Kind == "NOT NULL" {
					continue
				}
				p.Report(At{Migration: m, Step: s, Pos: k.Pos, End: k.End}, lint.Finding{
					Message:  fmt.Sprintf("the %s constraint has no name: PostgreSQL generates one, and dropping it later needs a lookup in each database", strings.ToLower(k.Kind)),
					Evidence: syntaxEvidence(k.Kind + " without CONSTRAINT name"), Advice: "Add CONSTRAINT and a name before it.",
				})
			}
		}
	})
	keyWithoutAction = convention("CV115", "foreign-key-without-action", "a foreign key without ON DELETE", []string{"S21"}, nil, func(p *Pass) {
		for m, s := range p.Steps() {
			if s.Err != nil || len(s.Changes) == 0 {
				continue
			}
			for _, k := range writtenConstraints(*s.Stmt.Syntax) {
				if k.Kind == "FOREIGN KEY" && k.OnDelete == "" {
					p.Report(At{Migration: m, Step: s, Pos: k.Pos, End: k.End}, lint.Finding{
						Message:  fmt.Sprintf("the foreign key to %s does not specify what happens to its rows when the referenced row is deleted", quote(k.References)),
						Evidence: syntaxEvidence("REFERENCES without ON DELETE"), Advice: "Add ON DELETE RESTRICT, CASCADE or SET NULL.",
					})
				}
			}
		}
	})
)

// writtenConstraints are all constraints that a statement spells out.
func writtenConstraints(x migration.Syntax) []migration.Constraint {
	out := append([]migration.Constraint(nil), x.Constraints...)
	for _, c := range x.Columns {
		out = append(out, c.Constraints...)
	}
	for _, a := range x.Actions {
		if a.Constraint != nil && a.Constraint.UsingIndex == "" {
			out = append(out, *a.Constraint)
		}
		if a.Column != nil {
			out = append(out, a.Column.Constraints...)
		}
	}
	return out
}
