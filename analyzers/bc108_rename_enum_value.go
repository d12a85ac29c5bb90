package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var renameEnumValue = &Analyzer{
	Rule: lint.Rule{
		ID: "BC108", Name: "rename-enum-value", Title: "renaming an enum value that running code still uses", Severity: lint.Error,
		Aliases: []string{"squawk:renaming-object"},
		Hazards: []string{"F21"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.RenameEnumValue](p) {
			old, now := p.Before.Types[c.Type.OID], p.After.Types[c.Type.OID]
			if old == nil || !slices.Contains(old.Labels, c.Before) || now != nil && slices.Contains(now.Labels, c.Before) {
				continue
			}
			name := qualified(c.Type.Schema, c.Type.Name)
			p.Report(at, lint.Finding{
				Object:   name,
				Message:  fmt.Sprintf("value '%s' of %s becomes '%s': code that still writes or looks for '%s' fails", c.Before, quote(name), c.After, c.Before),
				Evidence: factOf(name, "%s had '%s' and has '%s'", name, c.Before, c.After),
				Advice: fmt.Sprintf("Add the new value beside it, teach the application both, move the rows in batches, and leave the old value alone:\n\nALTER TYPE %s ADD VALUE '%s' AFTER '%s';",
					sqlName(c.Type.Schema, c.Type.Name), c.After, c.Before),
			})
		}
	},
}
