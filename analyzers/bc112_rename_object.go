package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var renameObject = &Analyzer{
	Rule: lint.Rule{
		ID: "BC112", Name: "rename-object", Title: "renaming a schema, function or type that deployed code still uses", Severity: lint.Error,
		Aliases: []string{"strong_migrations:rename_schema", "squawk:renaming-object"},
		Hazards: []string{"D05", "D06", "F14"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.RenameSchema](p) {
			if p.Before.Schemas[c.Before.OID] == nil || schemaOID(p.After, c.Before.Name) != 0 {
				continue
			}
			p.otherName(at, "schema", c.Before.Name, c.After.Name, lint.Error)
		}
		for at, c := range Each[*schema.RenameFunction](p) {
			old := p.Before.Functions[c.Before.OID]
			if old == nil || old.Name != c.Before.Name || old.Schema != c.Before.Schema || isTriggerFunction(old) || p.functionNamed(old.Schema, old.Name) {
				continue
			}
			p.otherName(at, old.Kind, qualified(old.Schema, old.Name), qualified(c.After.Schema, c.After.Name), lint.Error)
		}
		for at, c := range Each[*schema.RenameType](p) {
			old := p.Before.Types[c.Before.OID]
			if old == nil || old.Name != c.Before.Name || old.Schema != c.Before.Schema || p.typeNamed(old.Schema, old.Name) {
				continue
			}
			p.otherName(at, typeKind(old), qualified(old.Schema, old.Name), qualified(c.After.Schema, c.After.Name), lint.Warning)
		}
	},
}

func (p *Pass) otherName(at At, kind, from, to string, sev lint.Severity) {
	f := lint.Finding{
		Severity: sev,
		Object:   from,
		Message:  fmt.Sprintf("renames %s %s to %s: code that still uses %s will fail", kind, quote(from), quote(to), quote(from)),
		Evidence: factOf(from, "%s is now %s", from, to),
		Advice:   "First release code that does not use the old name; until then keep it.",
	}
	switch kind {
	case "function", "procedure":
		f.Advice = "Keep a " + kind + " with the old name that calls the new one, and drop it in a later release."
	case "schema":
		f.Advice = "Keep the name, or create views under the old name on the moved objects, until no deployed code uses it."
	}
	p.Report(at, f)
}
