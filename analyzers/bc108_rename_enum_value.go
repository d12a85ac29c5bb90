package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var renameEnumValue = &Analyzer{
	Rule: lint.Rule{
		ID: "BC108", Name: "rename-enum-value", Title: "renaming an enum value that deployed code still uses", Severity: lint.Error,
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
				Message:  fmt.Sprintf("renames value '%s' of %s to '%s': code that still writes or queries '%s' will fail", c.Before, quote(name), c.After, c.Before),
				Evidence: factOf(name, "%s had '%s' and has '%s'", name, c.Before, c.After),
				Advice: fmt.Sprintf("Add the new value, make the application accept both, update the rows in batches, and keep the old value:\n\nALTER TYPE %s ADD VALUE '%s' AFTER '%s';",
					sqlName(c.Type.Schema, c.Type.Name), c.After, c.Before),
			})
		}
	},
}
