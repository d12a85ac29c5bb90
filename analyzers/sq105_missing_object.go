package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

var missingObject = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ105", Name: "if-exists-hides-missing", Title: "IF EXISTS on something that is not there", Severity: lint.Info,
		Hazards: []string{"X17"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			for i, s := range m.Steps {
				x := s.Stmt.Syntax
				if s.Err != nil || !x.IfExists || len(s.Changes) > 0 || s.Stmt.Syntax.Routine != nil {
					continue
				}
				for _, n := range s.Notices {
					name := skipped.FindStringSubmatch(n.Message)
					if n.Severity != "NOTICE" || name == nil || madeLater(m.Steps[i+1:], name[1]) {
						continue
					}
					f := lint.Finding{
						Object: name[1], Message: fmt.Sprintf("does nothing: %s", strings.TrimSuffix(n.Message, ", skipping")),
						Evidence: []lint.Evidence{catalogEvidence(name[1], "%s", n.Message)},
						Advice:   "If the name is right, remove the statement. If a database has it that no migration made, find out where it came from.",
					}
					if strings.HasPrefix(x.Tag, "ALTER") {
						f.Severity = lint.Warning
						f.Message += ", and the change is not made"
					}
					p.Report(At{Migration: m, Step: s}, f)
				}
			}
		}
	},
}

// skipped are the server's words for something that IF EXISTS did not find.
var skipped = regexp.MustCompile(`"?([^" ]+)"? (?:of relation "[^"]+" |for (?:relation|table) "[^"]+" )?does not exist, skipping$|^(.+) does not exist, skipping$`)

// madeLater reports whether the file goes on to make something of the name:
// dropping first is how such a file says CREATE OR REPLACE.
func madeLater(steps []*devdb.Step, name string) bool {
	name = strings.TrimSuffix(name[strings.LastIndexByte(name, '.')+1:], "()")
	if i := strings.IndexByte(name, '('); i > 0 {
		name = name[:i]
	}
	return slices.ContainsFunc(steps, func(s *devdb.Step) bool {
		t := strings.ToLower(s.Stmt.Text)
		i := strings.Index(t, strings.ToLower(name))
		return i >= 0 && (strings.HasPrefix(t, "create") || strings.HasPrefix(t, "alter") && !s.Stmt.Syntax.IfExists || s.Stmt.Syntax.Routine != nil)
	})
}
