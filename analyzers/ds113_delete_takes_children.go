package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var takesChildren = &Analyzer{
	Rule: lint.Rule{
		ID: "DS113", Name: "delete-takes-children", Title: "a DELETE also deletes or changes rows of other tables", Severity: lint.Warning,
		Hazards: []string{"B09"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			if s.Err != nil || s.Tag != "DELETE" || s.Tag != s.Stmt.Syntax.Tag || len(s.Stmt.Syntax.Objects) != 1 {
				continue
			}
			t := p.target(s)
			if t == nil || p.IsNew(t.OID) {
				continue
			}
			var keys []*schema.Constraint
			var shown []lint.Evidence
			for _, k := range childKeys(s.Before, t) {
				child := s.Before.Relations[k.Table]
				proof := s.Proof(devdb.DemandKeep, tableRef(k.Table))
				if child != nil && !p.IsNew(child.OID) && proof != nil && proof.Outcome == devdb.Changes && proof.Counterexample != nil && !p.chosen(s, child) {
					keys, shown = append(keys, k), append(shown, counterexample(proof.Counterexample))
				}
			}
			if len(keys) > 0 {
				f := childrenFinding(s, t, keys)
				f.Evidence = append(someEvidence(shown, 3), f.Evidence...)
				p.Report(At{Migration: m, Step: s}, f)
			}
		}
	},
}

// childKeys are the foreign keys to a table by which a DELETE reaches other
// tables, one for each table.
func childKeys(c *schema.Catalog, t *schema.Relation) []*schema.Constraint {
	var out []*schema.Constraint
	for _, k := range schema.Sorted(c.Constraints) {
		acts := k.OnDelete == "cascade" || k.OnDelete == "set null" || k.OnDelete == "set default"
		if k.Kind == schema.ForeignKey && k.RefTable == t.OID && k.Table != t.OID && k.Parent == 0 && acts &&
			!slices.ContainsFunc(out, func(o *schema.Constraint) bool { return o.Table == k.Table }) {
			out = append(out, k)
		}
	}
	return out
}

// chosen reports whether the change set itself deletes or updates rows of the
// child before: then its author has thought of them.
func (p *Pass) chosen(at *devdb.Step, child *schema.Relation) bool {
	for _, s := range p.Steps() {
		if s == at {
			return false
		}
		if (s.Tag == "DELETE" || s.Tag == "UPDATE") && slices.ContainsFunc(s.Stmt.Syntax.Objects, func(n string) bool { return names(n, child) }) {
			return true
		}
	}
	return false
}

func childrenFinding(s *devdb.Step, t *schema.Relation, keys []*schema.Constraint) lint.Finding {
	var gone, cut []string
	var ev []lint.Evidence
	for _, k := range keys {
		child := s.Before.Relations[k.Table].QualifiedName()
		if k.OnDelete == "cascade" {
			gone = append(gone, child)
		} else {
			cut = append(cut, child)
		}
		ev = append(ev, factOf(child, "%s on %s: %s", k.Name, short(child), k.Definition)...)
	}
	var does []string
	if len(gone) > 0 {
		does = append(does, "also deletes their rows of "+list(gone, 4))
	}
	if len(cut) > 0 {
		does = append(does, "clears the reference in their rows of "+list(cut, 4))
	}
	return lint.Finding{
		Object: t.QualifiedName(), Confidence: lint.Proven,
		Message:  fmt.Sprintf("deleting rows of %s %s", quote(t.QualifiedName()), strings.Join(does, ", and ")),
		Evidence: someEvidence(ev, 4),
		Advice:   fmt.Sprintf("First delete or move the rows of %s in separate statements, so that reviewers see what is deleted.", list(append(gone, cut...), 4)),
	}
}
