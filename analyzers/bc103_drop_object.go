package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dropObject = &Analyzer{
	Rule: lint.Rule{
		ID: "BC103", Name: "drop-object", Title: "dropping a view, function or type that deployed code may use", Severity: lint.Warning,
		Aliases: []string{"squawk:ban-drop-view", "squawk:ban-drop-function", "squawk:ban-drop-type"},
		Hazards: []string{"F02", "F14", "F22", "D06"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropView](p) {
			old := p.old(c.View.OID)
			if old == nil || fellWithAnother(at.Step, c.View.OID) || p.relationNamed(old.Schema, old.Name) {
				continue
			}
			p.gone(at, string(old.Kind), qualified(old.Schema, old.Name))
		}
		for at, c := range Each[*schema.DropTable](p) {
			if old := p.old(c.Table.OID); old != nil && c.Table.Kind == schema.ForeignTable && !fellWithAnother(at.Step, old.OID) && !p.relationNamed(old.Schema, old.Name) {
				p.gone(at, "foreign table", qualified(old.Schema, old.Name))
			}
		}
		for at, c := range Each[*schema.DropFunction](p) {
			old := p.Before.Functions[c.Function.OID]
			if old == nil || fell(at.Step, functionRef(old.OID)) || p.functionNamed(old.Schema, old.Name) || isTriggerFunction(old) || p.After.Schemas[schemaOID(p.Before, old.Schema)] == nil {
				continue
			}
			p.gone(at, old.Kind, old.QualifiedName())
		}
		for at, c := range Each[*schema.DropType](p) {
			old := p.Before.Types[c.Type.OID]
			if old == nil || old.Kind == schema.BaseType || fell(at.Step, schema.Ref{Class: schema.ClassType, OID: old.OID}) || p.typeNamed(old.Schema, old.Name) {
				continue
			}
			p.gone(at, typeKind(old), qualified(old.Schema, old.Name))
		}
	},
}

// gone reports a dropped object.
func (p *Pass) gone(at At, kind, name string) {
	p.Report(at, lint.Finding{
		Object:   name,
		Message:  fmt.Sprintf("drops %s %s: code that still uses it will fail", kind, quote(name)),
		Evidence: []lint.Evidence{{Kind: "dropped", Text: kind + " " + name, Object: name}},
		Advice:   "First release code that does not use it, then drop it in a later release.",
	})
}

func typeKind(t *schema.Type) string {
	switch t.Kind {
	case schema.Enum, schema.Composite, schema.Range:
		return string(t.Kind) + " type"
	}
	return string(t.Kind)
}

// isTriggerFunction tells functions that only triggers can call.
func isTriggerFunction(f *schema.Function) bool {
	return f.Returns == "trigger" || f.Returns == "event_trigger"
}

func schemaOID(c *schema.Catalog, name string) schema.OID {
	for oid, s := range c.Schemas {
		if s.Name == name {
			return oid
		}
	}
	return 0
}

// functionNamed reports whether after the change a function has the name, with whatever arguments.
func (p *Pass) functionNamed(schemaName, name string) bool {
	return len(p.functionsNamed(schemaName, name)) > 0
}

func (p *Pass) functionsNamed(schemaName, name string) []*schema.Function {
	var out []*schema.Function
	for _, f := range schema.Sorted(p.After.Functions) {
		if f.Schema == schemaName && strings.EqualFold(f.Name, name) {
			out = append(out, f)
		}
	}
	return out
}

// typeNamed reports whether after the change a type, or a table's row type, has the name.
func (p *Pass) typeNamed(schemaName, name string) bool {
	for _, t := range p.After.Types {
		if t.Schema == schemaName && t.Name == name {
			return true
		}
	}
	return p.relationNamed(schemaName, name)
}
