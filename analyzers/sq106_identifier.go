package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var identifierTooLong = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ106", Name: "identifier-too-long", Title: "identifier truncated to 63 bytes", Severity: lint.Warning,
		Aliases: []string{"squawk:identifier-too-long"}, Hazards: []string{"X18"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			if !gives(s) {
				continue
			}
			told := map[string]bool{}
			for _, n := range s.Notices {
				if n.Code != "42622" || told[n.Message] {
					continue
				}
				told[n.Message] = true
				f := lint.Finding{
					Message:  "the name is cut: " + n.Message,
					Evidence: []lint.Evidence{{Kind: "error", Text: n.Code + " " + n.Message, Code: n.Code}},
					Advice:   "Choose a name of at most 63 bytes: lookups by the full name will not find the object, and two long names may become the same.",
				}
				if names := cut.FindStringSubmatch(n.Message); names != nil && usesCut(s, names[2]) {
					continue
				} else if names != nil {
					f.Object = names[2]
					f.Message = fmt.Sprintf("the name is truncated to %q: lookups by the full name will not find it", names[2])
				}
				p.Report(At{Migration: m, Step: s}, f)
			}
		}
	},
}

var cut = regexp.MustCompile(`^identifier "(.*)" will be truncated to "(.*)"$`)

// usesCut reports whether an ALTER names by a cut name what was there before it,
// and gives that name to nothing.
func usesCut(s *devdb.Step, name string) bool {
	if !strings.HasPrefix(s.Stmt.Syntax.Tag, "ALTER") {
		return false
	}
	for _, r := range s.Before.Relations {
		if r.Name == name {
			return true
		}
	}
	return !slices.ContainsFunc(s.Changes, func(c schema.Change) bool {
		text := schema.Describe(c)
		return hasWord(text, name) && !strings.HasPrefix(text, "drop ")
	})
}

// gives reports whether the statement gives names; others only use them.
func gives(s *devdb.Step) bool {
	switch word, _, _ := strings.Cut(s.Stmt.Syntax.Tag, " "); word {
	case "CREATE", "ALTER", "DO", "CALL":
		return true
	}
	return false
}
