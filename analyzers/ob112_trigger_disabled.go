package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var triggerDisabled = &Analyzer{
	Rule: lint.Rule{
		ID: "OB112", Name: "trigger-enabled", Title: "a trigger that fires for other writes than before", Severity: lint.Warning,
		Aliases: []string{"squawk:ban-disable-trigger"},
		Hazards: []string{"F09"},
	},
	Run: func(p *Pass) {
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
				f.Message = fmt.Sprintf("trigger %q of %s is off: what it checks, logs or fills in is missing for every write from now on, whoever writes", c.After.Name, quote(t))
				f.Advice = "Switch it on again in the same transaction: nobody else can write meanwhile."
				if now := p.After.Triggers[c.After.OID]; now != nil && now.Enabled != "disabled" {
					f.Message = fmt.Sprintf("trigger %q of %s is off until another transaction switches it on: the application's writes in between miss it too", c.After.Name, quote(t))
				}
			case "always", "replica":
				f.Severity = lint.Info
				f.Message = fmt.Sprintf("trigger %q of %s fires for replicated rows from now on", c.After.Name, quote(t))
				if c.After.Enabled == "replica" {
					f.Message = fmt.Sprintf("trigger %q of %s fires for replicated rows alone, no longer for the application's writes", c.After.Name, quote(t))
				}
			default:
				continue
			}
			p.Report(at, f)
		}
	},
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
