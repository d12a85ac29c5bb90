package analyzers

import (
	"fmt"
	"regexp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var maybeInvalid = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ107", Name: "keeps-invalid-index", Title: "CREATE INDEX CONCURRENTLY IF NOT EXISTS keeps an invalid index of a failed build", Severity: lint.Warning,
		Hazards: []string{"A07"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			for i, s := range m.Steps {
				x := s.Stmt.Syntax
				if s.Err != nil || x.Tag != "CREATE INDEX" || !x.Concurrently || !x.IfNotExists || x.Name == "" || droppedBefore(m.Steps[:i], x.Name) {
					continue
				}
				if c, ok := Has[*schema.AddIndex](s); ok && p.NewTable(c.Index.Table) {
					continue
				}
				_, name := splitName(x.Name)
				object := name
				if t := writtenRelation(s, x.Objects[0]); t != nil {
					object = t.QualifiedName() + "." + name
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object: object, Confidence: lint.Inferred,
					Message:  fmt.Sprintf("if the build fails, a second run keeps the invalid index %q: no query uses it, and every write maintains it", name),
					Evidence: syntaxEvidence("a failed CREATE INDEX CONCURRENTLY leaves an invalid index; IF NOT EXISTS checks only the name"),
					Advice:   fmt.Sprintf("First drop a leftover index:\n\nDROP INDEX CONCURRENTLY IF EXISTS %s;\n%s;", x.Name, withoutIfNotExists(s.Stmt.Text)),
				})
			}
		}
	},
}

// droppedBefore reports whether an earlier step of the file drops the index if it is there.
func droppedBefore(steps []*devdb.Step, name string) bool {
	_, want := splitName(name)
	for _, s := range steps {
		for _, o := range s.Stmt.Syntax.Objects {
			if _, n := splitName(o); n == want && s.Stmt.Syntax.Tag == "DROP INDEX" {
				return true
			}
		}
		if _, n := splitName(s.Stmt.Syntax.Name); n == want && s.Stmt.Syntax.Tag == "DROP INDEX" {
			return true
		}
	}
	return false
}

var ifNotExists = regexp.MustCompile(`(?i)\s+IF\s+NOT\s+EXISTS`)

func withoutIfNotExists(sql string) string { return ifNotExists.ReplaceAllString(sql, "") }
