package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var keyBehaviour = &Analyzer{
	Rule: lint.Rule{
		ID: "BC111", Name: "key-behaviour", Title: "a key that does something else than running code expects", Severity: lint.Warning,
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
		f.Message = fmt.Sprintf("deleting a row of %s no longer deletes its rows of %s: they stay, with another key", quote(relName(at.Step, now.RefTable)), quote(table))
		f.Advice = "First release code that expects rows whose key leads nowhere, or that deletes them itself."
	case now.Kind == schema.ForeignKey && old.OnDelete != now.OnDelete && (now.OnDelete == "cascade" || now.OnDelete == "set null" || now.OnDelete == "set default"):
		what := map[string]string{"cascade": "deletes its rows of", "set null": "empties the key of its rows of", "set default": "resets the key of its rows of"}[now.OnDelete]
		f.Severity = lint.Info
		f.Message = fmt.Sprintf("from now on deleting a row of %s %s %s, one by one, where %q did not", quote(relName(at.Step, now.RefTable)), what, quote(table), old.Name)
		f.Advice = "Keep the old key, and delete the dependent rows in the application, in batches, before the row they point to."
	case now.Kind == schema.ForeignKey && old.OnDelete == "cascade" && now.OnDelete != "cascade":
		f.Message = fmt.Sprintf("deleting a row of %s no longer deletes its rows of %s: deletes of running code fail or leave them behind", quote(relName(at.Step, now.RefTable)), quote(table))
		f.Advice = "First release code that deletes the dependent rows itself."
	case (now.Kind == schema.Unique || now.Kind == schema.PrimaryKey) && now.Deferrable && !old.Deferrable:
		f.Message = fmt.Sprintf("%s %q becomes deferrable: INSERT … ON CONFLICT %s fails, and no foreign key can point to it", keyKind(now), now.Name, cols)
		f.Advice = "Keep a unique index on the same columns that is not deferrable for ON CONFLICT and foreign keys."
	case old.Deferrable && !now.Deferrable:
		f.Message = fmt.Sprintf("%s %q of %s can no longer be deferred: SET CONSTRAINTS … DEFERRED fails, and a transaction that breaks it for a moment fails at that statement", keyKind(now), now.Name, quote(table))
		f.Advice = "First release code that writes the rows in an order in which each statement keeps the key."
	case old.Deferred && !now.Deferred:
		f.Message = fmt.Sprintf("%s %q of %s is checked after each statement from now on, no longer at COMMIT: a transaction that breaks it for a moment fails", keyKind(now), now.Name, quote(table))
		f.Advice = fmt.Sprintf("First release code that defers it itself:\n\nSET CONSTRAINTS %s DEFERRED;", sqlIdent(now.Name))
	default:
		return lint.Finding{}, false
	}
	return f, true
}
