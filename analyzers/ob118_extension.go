package analyzers

import (
	"fmt"
	"regexp"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var extensionChange = &Analyzer{
	Rule: lint.Rule{
		ID: "OB118", Name: "extension-change", Title: "changing an extension or collation that other objects depend on", Severity: lint.Warning,
		Hazards: []string{"F27", "F28"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropExtension](p) {
			if p.Before.Extensions[c.Extension.OID] != nil && !again(p, c.Extension.Name) {
				reportExtension(p, at, c.Extension.Name, fmt.Sprintf("extension %q is dropped with its types, functions and operators: application queries and PL/pgSQL bodies that use them will fail", c.Extension.Name),
					"Make sure that nothing uses it, on every server that the migration runs on.")
			}
		}
		for at, c := range Each[*schema.AlterExtension](p) {
			if c.Before.Version != c.After.Version && p.Before.Extensions[c.After.OID] != nil {
				reportExtension(p, at, c.After.Name, fmt.Sprintf("extension %q is updated from version %s to %s here; on other servers to the version installed there", c.After.Name, c.Before.Version, c.After.Version),
					fmt.Sprintf("Name the version, and check its release notes for indexes that must be rebuilt:\n\nALTER EXTENSION %s UPDATE TO '%s';", sqlIdent(c.After.Name), c.After.Version))
			}
		}
		for m, s := range p.Steps() {
			if refreshVersion.MatchString(s.Stmt.Text) {
				reportExtension(p, At{Migration: m, Step: s}, "", "REFRESH VERSION marks every index as matching the operating system's new sort order without checking: an index that does not match loses rows and accepts duplicates",
					"Rebuild the indexes on text columns first:\n\nREINDEX INDEX CONCURRENTLY …;")
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
