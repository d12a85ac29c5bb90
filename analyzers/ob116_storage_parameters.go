package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var storageParameters = &Analyzer{
	Rule: lint.Rule{
		ID: "OB116", Name: "storage-parameters", Title: "storage parameters that disable autovacuum or have little effect", Severity: lint.Warning,
		Aliases: []string{"atlas:PG320"},
		Hazards: []string{"D11"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.SetOptions](p) {
			for _, o := range c.After.Options {
				if !slices.Contains(c.Before.Options, o) {
					reportOption(p, at, c.After, o)
				}
			}
		}
		for at, c := range Each[*schema.AddTable](p) {
			for _, o := range c.Table.Options {
				reportOption(p, at, c.Table, o)
			}
		}
	},
}

func reportOption(p *Pass, at At, t *schema.Relation, option string) {
	now := p.After.Relations[t.OID]
	if now == nil || now.Persistence == "temporary" || !slices.Contains(now.Options, option) || isView(now) {
		return
	}
	name := t.QualifiedName()
	f := lint.Finding{Object: name, Evidence: []lint.Evidence{catalogEvidence(name, "%s: %s", short(name), option)}}
	key, value, _ := strings.Cut(option, "=")
	switch {
	case key == "autovacuum_enabled" && (value == "false" || value == "off" || value == "0"):
		f.Message = fmt.Sprintf("autovacuum is disabled for %s: dead rows accumulate, statistics become stale, and only anti-wraparound vacuums will run", quote(name))
		f.Advice = fmt.Sprintf("Tune it instead of disabling it:\n\nALTER TABLE %s SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 2);", relSQL(t))
	default:
		return
	}
	p.Report(at, f)
}
