package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var triggerChange = &Analyzer{
	Rule: lint.Rule{
		ID: "LK110", Name: "trigger-on-table", Title: "creating, dropping or renaming a trigger on an existing table", Severity: lint.Warning, Weight: lint.ByWait,
		Aliases: []string{"atlas:PG308", "squawk:ban-drop-trigger"}, Hazards: []string{"F07", "F08"},
	},
	Run: func(p *Pass) {
		told := map[migrationFunction]bool{}
		for m, s := range p.Steps() {
			at := At{Migration: m, Step: s}
			p.triggerAdded(at, told)
			p.triggerDropped(at)
			for _, c := range Changes[*schema.AlterTrigger](s) {
				if l, ok := inForce(s, c.After.Table); ok && c.Before.Name != c.After.Name && c.After.Parent == 0 && l.Mode.BlocksReads() && !p.IsNew(l.Relation) {
					p.Report(at, lint.Finding{
						Object:   l.Object + "." + c.After.Name,
						Message:  fmt.Sprintf("renaming trigger %q blocks reads and writes to %s while it waits for running queries", c.Before.Name, quote(l.Object)),
						Evidence: []lint.Evidence{lockEvidence(l)},
						Advice:   "Keep the name, or rename the trigger when the table has little traffic.",
					})
				}
			}
		}
	},
}

// migrationFunction is a function that triggers of a migration run.
type migrationFunction struct {
	m        *devdb.Recorded
	function schema.OID
}

// triggerAdded tells that every later write of an existing table runs more code.
func (p *Pass) triggerAdded(at At, told map[migrationFunction]bool) {
	s := at.Step
	for _, c := range Changes[*schema.AddTrigger](s) {
		t := c.Trigger
		table := rel(s, t.Table)
		l, ok := inForce(s, t.Table)
		if !ok || t.Parent != 0 || p.IsNew(t.Table) || table == nil || !isTable(string(table.Kind)) || p.hadTrigger(t) || told[migrationFunction{at.Migration, t.Function}] {
			continue
		}
		told[migrationFunction{at.Migration, t.Function}] = true // for every table it has to be measured once
		f := s.After.Name(functionRef(t.Function))
		if f == "" {
			f = "a function"
		}
		p.Report(at, lint.Finding{
			Severity: lint.Info,
			Object:   l.Object + "." + t.Name,
			Message:  fmt.Sprintf("trigger %q runs %s on every %s of %s", t.Name, short(f), listPlain(triggerEvents(t), 4), quote(l.Object)),
			Evidence: []lint.Evidence{lockEvidence(l), catalogEvidence(l.Object+"."+t.Name, "%s", t.Definition)},
			Advice:   triggerAdvice(t),
		})
	}
}

// hadTrigger reports whether the table had a trigger of that name before the change set.
func (p *Pass) hadTrigger(t *schema.Trigger) bool {
	for _, x := range p.Before.Triggers {
		if x.Table == t.Table && x.Name == t.Name {
			return true
		}
	}
	return false
}

// triggerEvents are the statements that set the trigger off.
func triggerEvents(t *schema.Trigger) []string {
	head, _, _ := strings.Cut(t.Definition, " ON ")
	var on []string
	for _, e := range []string{"INSERT", "UPDATE", "DELETE", "TRUNCATE"} {
		if slices.Contains(strings.Fields(head), e) {
			on = append(on, e)
		}
	}
	return on
}

func triggerAdvice(t *schema.Trigger) string {
	if strings.Contains(t.Definition, " WHEN (") || strings.Contains(t.Definition, "FOR EACH STATEMENT") {
		return "Measure how much the function adds to a write before you merge this."
	}
	return "Measure how much the function adds to a write before you merge this. A WHEN clause, or UPDATE OF with columns, limits it to the rows it is meant for."
}

// triggerDropped tells of ACCESS EXCLUSIVE for a drop, where replacing would do.
func (p *Pass) triggerDropped(at At) {
	s := at.Step
	for _, c := range Changes[*schema.DropTrigger](s) {
		t := c.Trigger
		l, ok := inForce(s, t.Table)
		if !ok || !l.Mode.BlocksReads() || t.Parent != 0 || p.IsNew(t.Table) || s.After.Relations[t.Table] == nil || p.Before.Triggers[t.OID] == nil ||
			!named(s, schema.Ref{Class: schema.ClassTrigger, OID: t.OID}) {
			continue
		}
		f := lint.Finding{
			Object:   l.Object + "." + t.Name,
			Message:  fmt.Sprintf("dropping trigger %q blocks reads and writes to %s while it waits for running queries", t.Name, quote(l.Object)),
			Evidence: []lint.Evidence{lockEvidence(l)},
			Advice:   fmt.Sprintf("Disable it instead, which does not block reads, and drop it when the table has little traffic:\n\nALTER TABLE %s DISABLE TRIGGER %s;", relSQL(rel(s, t.Table)), sqlIdent(t.Name)),
		}
		if again := madeAgain(at, t); again != nil && p.Version.Major() >= 14 {
			f.Message = fmt.Sprintf("dropping trigger %q to re-create it blocks reads and writes to %s; without a transaction, writes in between run without the trigger", t.Name, quote(l.Object))
			if s.InTx {
				f.Message = fmt.Sprintf("dropping trigger %q to re-create it blocks reads and writes to %s", t.Name, quote(l.Object))
			}
			f.Advice = "Replace it in one statement, which does not block reads:\n\n" + strings.Replace(again.Definition, "CREATE TRIGGER", "CREATE OR REPLACE TRIGGER", 1) + ";"
		}
		p.Report(at, f)
	}
}

// madeAgain is the trigger of the same name that a later statement of the migration makes.
func madeAgain(at At, t *schema.Trigger) *schema.Trigger {
	for _, s := range at.Migration.Steps[at.Step.Index+1:] {
		for _, c := range Changes[*schema.AddTrigger](s) {
			if c.Trigger.Table == t.Table && c.Trigger.Name == t.Name && strings.HasPrefix(c.Trigger.Definition, "CREATE TRIGGER") {
				return c.Trigger
			}
		}
	}
	return nil
}
