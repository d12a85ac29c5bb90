package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var keyBehaviour = &Analyzer{
	Rule: lint.Rule{
		ID: "BC111", Name: "key-behaviour", Title: "a constraint changes behavior that deployed code relies on", Severity: lint.Warning,
		Hazards: []string{"B09", "B30"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AlterConstraint](p) {
			if k := c.After; p.Before.Constraints[k.OID] != nil && k.Parent == 0 {
				if f, ok := behaviourFinding(at, c.Before, k); ok {
					p.Report(at, f)
				}
			}
		}
		for at, c := range Each[*schema.AddConstraint](p) {
			k := c.Constraint
			if p.NewTable(k.Table) || k.Parent != 0 || k.Table == 0 {
				continue
			}
			for _, old := range schema.Sorted(p.Before.Constraints) {
				if old.Table != k.Table || old.Kind != k.Kind || p.After.Constraints[old.OID] != nil || !slices.Equal(old.Columns, k.Columns) {
					continue
				}
				if f, ok := behaviourFinding(at, old, k); ok {
					p.Report(at, f)
				}
				break
			}
		}
	},
}

func behaviourFinding(at At, old, now *schema.Constraint) (lint.Finding, bool) {
	t := rel(at.Step, now.Table)
	if t == nil {
		return lint.Finding{}, false
	}
	table, cols := qualified(t.Schema, t.Name), paren(idents(columnNames(t, now.Columns)))
	f := lint.Finding{Object: table, Evidence: factOf(table, "before: %s; after: %s", old.Definition, now.Definition)}
	switch {
	case now.Kind == schema.ForeignKey && old.OnDelete == "cascade" && (now.OnDelete == "set null" || now.OnDelete == "set default"):
		f.Message = fmt.Sprintf("deleting a row of %s no longer deletes its rows of %s: they stay, and their key changes", quote(relName(at.Step, now.RefTable)), quote(table))
		f.Advice = "First release code that handles rows without a parent, or that deletes them itself."
	case now.Kind == schema.ForeignKey && old.OnDelete != now.OnDelete && (now.OnDelete == "cascade" || now.OnDelete == "set null" || now.OnDelete == "set default"):
		what := map[string]string{"cascade": "deletes its rows of", "set null": "sets the key to NULL in its rows of", "set default": "sets the key to its default in its rows of"}[now.OnDelete]
		f.Severity = lint.Info
		f.Message = fmt.Sprintf("from now on deleting a row of %s %s %s, one by one, which %q did not do", quote(relName(at.Step, now.RefTable)), what, quote(table), old.Name)
		f.Advice = "Keep the old key, and delete the referencing rows in the application, in batches, before the referenced row."
	case now.Kind == schema.ForeignKey && old.OnDelete == "cascade" && now.OnDelete != "cascade":
		f.Message = fmt.Sprintf("deleting a row of %s no longer deletes its rows of %s: deletes from deployed code fail or leave them behind", quote(relName(at.Step, now.RefTable)), quote(table))
		f.Advice = "First release code that deletes the referencing rows itself."
	case (now.Kind == schema.Unique || now.Kind == schema.PrimaryKey) && now.Deferrable && !old.Deferrable:
		f.Message = fmt.Sprintf("%s %q becomes deferrable: INSERT … ON CONFLICT %s fails, and no foreign key can reference it", keyKind(now), now.Name, cols)
		f.Advice = "Keep a unique index on the same columns that is not deferrable for ON CONFLICT and foreign keys."
	case old.Deferrable && !now.Deferrable:
		f.Message = fmt.Sprintf("%s %q of %s can no longer be deferred: SET CONSTRAINTS … DEFERRED fails, and a transaction that violates it temporarily fails at that statement", keyKind(now), now.Name, quote(table))
		f.Advice = "First release code that writes the rows in an order in which no statement violates the key."
	case old.Deferred && !now.Deferred:
		f.Message = fmt.Sprintf("%s %q of %s is checked after each statement from now on, no longer at COMMIT: a transaction that violates it temporarily fails", keyKind(now), now.Name, quote(table))
		f.Advice = fmt.Sprintf("First release code that defers it explicitly:\n\nSET CONSTRAINTS %s DEFERRED;", sqlIdent(now.Name))
	default:
		return lint.Finding{}, false
	}
	return f, true
}
