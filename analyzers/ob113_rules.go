package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var rulesAndEvents = &Analyzer{
	Rule: lint.Rule{
		ID: "OB113", Name: "hidden-effects", Title: "rules, event triggers and inheritance change what statements do", Severity: lint.Warning,
		Hazards: []string{"F10", "D15"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddRule](p) {
			if p.NewTable(c.Rule.Table) {
				continue
			}
			if r := rel(at.Step, c.Rule.Table); r != nil && r.Kind != schema.View {
				reportHidden(p, at, r.QualifiedName(), c.Rule.Definition,
					fmt.Sprintf("rule %q rewrites statements on %s before they run: COPY, RETURNING and row counts behave differently, volatile arguments are evaluated twice", c.Rule.Name, quote(r.QualifiedName())),
					"Use a trigger: it runs once for each row.")
			}
		}
		for at, c := range Each[*schema.AddEventTrigger](p) {
			reportHidden(p, at, c.EventTrigger.Name, c.EventTrigger.Event, fmt.Sprintf("event trigger %q runs at every %s in the database, including other migrations", c.EventTrigger.Name, c.EventTrigger.Event),
				"Make sure that its function cannot fail: an error in it fails every DDL statement, and only a superuser can drop the trigger.")
		}
		for at, c := range Each[*schema.DropEventTrigger](p) {
			if p.Before.EventTriggers[c.EventTrigger.OID] != nil {
				reportHidden(p, at, c.EventTrigger.Name, c.EventTrigger.Event, fmt.Sprintf("event trigger %q is dropped: the DDL that it handled is no longer monitored", c.EventTrigger.Name), "")
			}
		}
		for at, c := range Each[*schema.SetInheritance](p) {
			for _, parent := range c.Before.Inherits {
				r := at.Step.After.Relations[parent]
				if r == nil || p.Before.Relations[c.After.OID] == nil || contains(c.After.Inherits, parent) || p.Before.Relations[parent] == nil {
					continue
				}
				reportHidden(p, at, r.QualifiedName(), "no longer inherits "+r.QualifiedName(), fmt.Sprintf("queries of %s no longer read the rows of %s", quote(r.QualifiedName()), quote(c.After.QualifiedName())),
					"First release code that reads them from their own table.")
			}
			for _, parent := range c.After.Inherits {
				r := at.Step.After.Relations[parent]
				if r == nil || p.IsNew(parent) || contains(c.Before.Inherits, parent) {
					continue
				}
				reportHidden(p, at, r.QualifiedName(), "inherits "+r.QualifiedName(), fmt.Sprintf("every query of %s now also reads %s; unique keys and foreign keys do not span both", quote(r.QualifiedName()), quote(c.After.QualifiedName())),
					"Use declarative partitioning if the two are one logical table.")
			}
		}
	},
}

func contains(oids []schema.OID, oid schema.OID) bool {
	for _, o := range oids {
		if o == oid {
			return true
		}
	}
	return false
}

func reportHidden(p *Pass, at At, object, fact, message, advice string) {
	p.Report(at, lint.Finding{Object: object, Message: message, Evidence: []lint.Evidence{catalogEvidence(object, "%s", fact)}, Advice: advice})
}
