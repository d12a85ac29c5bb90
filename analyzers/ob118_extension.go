package analyzers

import (
	"fmt"
	"regexp"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var extensionChange = &Analyzer{
	Rule: lint.Rule{
		ID: "OB118", Name: "extension-change", Title: "an extension or collation changed under what is built on it", Severity: lint.Warning,
		Hazards: []string{"F27", "F28"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropExtension](p) {
			if p.Before.Extensions[c.Extension.OID] != nil && !again(p, c.Extension.Name) {
				reportExtension(p, at, c.Extension.Name, fmt.Sprintf("extension %q is gone with its types, functions and operators: what calls them by name, the application's queries and PL/pgSQL bodies, fails", c.Extension.Name),
					"Make sure that nothing uses it, on every server that the migration runs on.")
			}
		}
		for at, c := range Each[*schema.AlterExtension](p) {
			if c.Before.Version != c.After.Version && p.Before.Extensions[c.After.OID] != nil {
				reportExtension(p, at, c.After.Name, fmt.Sprintf("extension %q goes from version %s to %s here; elsewhere to whatever version is installed there", c.After.Name, c.Before.Version, c.After.Version),
					fmt.Sprintf("Name the version, and read its notes for indexes that must be built anew:\n\nALTER EXTENSION %s UPDATE TO '%s';", sqlIdent(c.After.Name), c.After.Version))
			}
		}
		for m, s := range p.Steps() {
			if refreshVersion.MatchString(s.Stmt.Text) {
				reportExtension(p, At{Migration: m, Step: s}, "", "REFRESH VERSION says that every index fits the operating system's new sort order, without looking: one that does not loses rows and lets duplicates in",
					"Build the indexes over texts anew first:\n\nREINDEX INDEX CONCURRENTLY …;")
			}
		}
	},
}

var refreshVersion = regexp.MustCompile(`(?is)^\s*alter\s+(?:collation|database)\b.*\brefresh\s+(?:collation\s+)?version\s*$`)

// again reports whether an extension of the name is there after the change.
func again(p *Pass, name string) bool {
	for _, e := range p.After.Extensions {
		if e.Name == name {
			return true
		}
	}
	return false
}

func reportExtension(p *Pass, at At, name, message, advice string) {
	f := lint.Finding{Object: name, Message: message, Advice: advice}
	if name != "" {
		f.Evidence = []lint.Evidence{catalogEvidence(name, "extension %s", name)}
	}
	p.Report(at, f)
}
