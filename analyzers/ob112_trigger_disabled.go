package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var triggerDisabled = &Analyzer{
	Rule: lint.Rule{
		ID: "OB112", Name: "trigger-enabled", Title: "a trigger is disabled or fires for different writes", Severity: lint.Warning,
		Aliases: []string{"squawk:ban-disable-trigger"},
		Hazards: []string{"F09"},
	},
	Run: func(p *Pass) {
		p.eventsLost()
		for at, c := range Each[*schema.AlterTrigger](p) {
			if c.Before.Enabled == c.After.Enabled || p.NewTable(c.After.Table) || p.Before.Triggers[c.After.OID] == nil || c.After.Parent != 0 || undone(at, c) {
				continue
			}
			t := relName(at.Step, c.After.Table)
			f := lint.Finding{
				Object:   t,
				Evidence: []lint.Evidence{catalogEvidence(t, "%s", c.After.Definition)},
			}
			switch c.After.Enabled {
			case "disabled":
				f.Message = fmt.Sprintf("trigger %q of %s is disabled: from now on no write is checked, logged or filled in by it", c.After.Name, quote(t))
				f.Advice = "Enable it again in the same transaction: its lock blocks other writes meanwhile."
				if now := p.After.Triggers[c.After.OID]; now != nil && now.Enabled != "disabled" {
					f.Message = fmt.Sprintf("trigger %q of %s is disabled until another transaction enables it: writes of the application in between run without it", c.After.Name, quote(t))
				}
			case "always", "replica":
				f.Severity = lint.Info
				f.Message = fmt.Sprintf("trigger %q of %s fires for replicated rows from now on", c.After.Name, quote(t))
				if c.After.Enabled == "replica" {
					f.Message = fmt.Sprintf("trigger %q of %s fires for replicated rows only, no longer for writes of the application", c.After.Name, quote(t))
				}
			default:
				continue
			}
			p.Report(at, f)
		}
	},
}

// eventsLost tells of triggers that are replaced, or dropped and made again
// under their name, and leave writes alone that set them off before.
func (p *Pass) eventsLost() {
	report := func(at At, now *schema.Trigger) {
		for _, old := range schema.Sorted(p.Before.Triggers) {
			t := rel(at.Step, now.Table)
			if old.Table != now.Table || old.Name != now.Name || now.Parent != 0 || t == nil || p.After.Triggers[now.OID] == nil {
				continue
			}
			lost := slices.DeleteFunc(triggerEvents(old), func(e string) bool { return slices.Contains(triggerEvents(now), e) })
			if len(lost) == 0 {
				return
			}
			name := t.QualifiedName()
			p.Report(at, lint.Finding{
				Severity: lint.Info, Object: name,
				Message:  fmt.Sprintf("trigger %q of %s no longer fires for %s", now.Name, quote(name), listPlain(lost, 4)),
				Evidence: []lint.Evidence{catalogEvidence(name, "before: %s", old.Definition), catalogEvidence(name, "after: %s", now.Definition)},
				Advice:   "Make sure that nothing relies on what it checked, logged or filled in there.",
			})
			return
		}
	}
	for at, c := range Each[*schema.AlterTrigger](p) {
		report(at, c.After)
	}
	for at, c := range Each[*schema.AddTrigger](p) {
		report(at, c.Trigger)
	}
}

// undone reports whether a later statement of the same transaction puts the
// trigger back, before anybody else can write.
func undone(at At, c *schema.AlterTrigger) bool {
	for _, s := range at.Migration.Steps {
		if s.Index <= at.Step.Index || !sameTx(s, at.Step) {
			continue
		}
		if t := s.After.Triggers[c.After.OID]; t == nil || t.Enabled == c.Before.Enabled {
			return true
		}
	}
	return false
}
