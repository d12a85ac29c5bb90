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
		ID: "SQ105", Name: "if-exists-hides-missing", Title: "IF EXISTS on an object that does not exist", Severity: lint.Info,
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
					found := skipped.FindStringSubmatch(n.Message)
					if n.Severity != "NOTICE" || found == nil {
						continue
					}
					name := found[1] + found[2]
					if madeLater(m.Steps[i+1:], name) {
						continue
					}
					f := lint.Finding{
						Object: name, Message: fmt.Sprintf("does nothing: %s", strings.TrimSuffix(n.Message, ", skipping")),
						Evidence: []lint.Evidence{catalogEvidence(name, "%s", n.Message)},
						Advice:   "Check the name. If some databases have the object although no migration created it, keep the statement for them. Otherwise remove it.",
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

// skipped are the server's words for something that IF EXISTS did not find. A
// quoted name comes first in them, but for a routine or cast, which has none.
var skipped = regexp.MustCompile(`^(?:[a-z -]+ )?"([^"]+)"(?: of relation "[^"]+"| for (?:relation|table) "[^"]+")? does not exist, skipping$|^(?:[a-z -]+ )?(\S.*?) does not exist, skipping$`)

// madeLater reports whether the file goes on to make something of the name:
// dropping first is how such a file says CREATE OR REPLACE.
func madeLater(steps []*devdb.Step, name string) bool {
	name = strings.TrimSuffix(name[strings.LastIndexByte(name, '.')+1:], "()")
	if i := strings.IndexByte(name, '('); i > 0 {
		name = name[:i]
	}
	return slices.ContainsFunc(steps, func(s *devdb.Step) bool {
		t := strings.ToLower(s.Stmt.Text)
		return hasWord(t, strings.ToLower(name)) && (strings.HasPrefix(t, "create") || strings.HasPrefix(t, "alter") && !s.Stmt.Syntax.IfExists || s.Stmt.Syntax.Routine != nil)
	})
}
