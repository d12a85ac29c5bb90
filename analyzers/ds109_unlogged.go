package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

var unlogged = &Analyzer{
	Rule: lint.Rule{
		ID: "DS109", Name: "unlogged-table", Title: "an unlogged table loses its data on a crash", Severity: lint.Warning,
		Hazards: []string{"D07", "S19"},
	},
	Run: func(p *Pass) {
		const why = "an unlogged table is empty after a crash of the server, and replicas do not have its rows"
		for at, c := range Each[*schema.SetPersistence](p) {
			if c.After.Persistence != "unlogged" || !c.After.IsTable() || p.IsNew(c.After.OID) {
				continue
			}
			name := qualified(c.After.Schema, c.After.Name)
			p.Report(at, lint.Finding{
				Object:   name,
				Message:  fmt.Sprintf("makes %s unlogged: a server crash empties it, and replicas lose its rows", quote(name)),
				Evidence: factOf(name, "%s was %s and is unlogged; %s", name, c.Before.Persistence, why),
				Advice:   "Keep it logged, unless its rows can be regenerated at any time.",
			})
		}
		for m, s := range p.Steps() {
			i := slices.IndexFunc(s.Stmt.Syntax.Actions, func(a migration.Action) bool { return a.Kind == "SET LOGGED" || a.Kind == "SET UNLOGGED" })
			if i < 0 || s.Err != nil || len(s.Changes) > 0 || s.Stmt.Syntax.Tag != "ALTER TABLE" {
				continue
			}
			for _, l := range s.Locks {
				if l.Kind != string(schema.PartitionedTable) || l.Mode != devdb.AccessExclusive {
					continue
				}
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Object:   l.Object,
					Message:  fmt.Sprintf("%s has no effect on the partitioned table %s: its partitions stay as they are", s.Stmt.Syntax.Actions[i].Kind, quote(l.Object)),
					Evidence: []lint.Evidence{lockEvidence(l), factOf(l.Object, "the statement changes nothing; PostgreSQL 18 refuses it")[0]},
					Advice:   "Change each partition.",
				})
			}
		}
		for at, c := range Each[*schema.AddTable](p) {
			now := p.After.Relations[c.Table.OID]
			if c.Table.Persistence != "unlogged" || now == nil || now.Persistence != "unlogged" || c.Table.PartitionOf != 0 {
				continue
			}
			name := qualified(c.Table.Schema, c.Table.Name)
			p.Report(at, lint.Finding{
				Severity: lint.Info,
				Object:   name,
				Message:  fmt.Sprintf("%s is unlogged: a server crash empties it, and replicas do not have its rows", quote(name)),
				Evidence: factOf(name, "%s", why),
				Advice:   fmt.Sprintf("If its rows cannot be regenerated, make it a logged table:\n\nALTER TABLE %s SET LOGGED;", sqlName(c.Table.Schema, c.Table.Name)),
			})
		}
	},
}
