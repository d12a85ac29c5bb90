package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var takesChildren = &Analyzer{
	Rule: lint.Rule{
		ID: "DS113", Name: "delete-takes-children", Title: "a DELETE that takes the rows of other tables with it", Severity: lint.Warning,
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
			for _, k := range childKeys(s.Before, t) {
				child := s.Before.Relations[k.Table]
				ref := tableRef(k.Table)
				proof := s.Proof(devdb.DemandKeep, ref)
				if child == nil || p.IsNew(child.OID) || proof == nil || proof.Outcome != devdb.Changes || p.chosen(s, child) {
					continue
				}
				p.reportLoss(At{Migration: m, Step: s}, childrenFinding(k, t, child), func(string) string { return "" }, ref)
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

func childrenFinding(k *schema.Constraint, t, child *schema.Relation) lint.Finding {
	from, to := qualified(child.Schema, child.Name), qualified(t.Schema, t.Name)
	does := fmt.Sprintf("also deletes their rows of %s", quote(from))
	if k.OnDelete != "cascade" {
		does = fmt.Sprintf("also takes %s from their rows of %s", list(columnNames(child, k.Columns), 3), quote(from))
	}
	return lint.Finding{
		Object:   from,
		Message:  fmt.Sprintf("deleting rows of %s %s, by foreign key %q", quote(to), does, k.Name),
		Evidence: factOf(from, "%s: %s", k.Name, k.Definition),
		Advice:   fmt.Sprintf("Delete or move the rows of %s by a statement of their own first, so that the reviewer sees what goes.", short(from)),
	}
}
