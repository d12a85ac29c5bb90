package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var redundantIndex = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ108", Name: "redundant-index", Title: "a redundant index", Severity: lint.Warning,
		Hazards: []string{"A09"},
	},
	Run: func(p *Pass) {
		gone := map[schema.OID]bool{}
		for oid := range p.Before.Indexes {
			gone[oid] = p.After.Indexes[oid] == nil
		}
		for at, c := range Each[*schema.AddIndex](p) {
			i := c.Index
			if i.Parent != 0 || p.After.Indexes[i.OID] == nil || at.Step.Err != nil {
				continue
			}
			if key, ok := keyTwice(i); ok {
				p.Report(at, lint.Finding{
					Severity: lint.Info, Object: i.QualifiedName(),
					Message:  fmt.Sprintf("index %q contains %s twice: the second adds size and helps no query", i.Name, key),
					Evidence: []lint.Evidence{catalogEvidence(i.QualifiedName(), "%s", i.Definition)},
					Advice:   "Name each column once.",
				})
			}
			for _, o := range indexesOf(at.Step.After, i.Table) {
				if o.OID == i.OID || gone[o.OID] || p.After.Indexes[o.OID] == nil {
					continue
				}
				if f, ok := redundant(i, o); ok {
					if p.Before.Indexes[o.OID] == nil && strings.HasPrefix(f.Advice, "Drop ") {
						f.Advice = fmt.Sprintf("Remove %q: this change creates both.", o.Name)
					}
					p.Report(at, f)
					break
				}
			}
		}
	},
}

// keyTwice is a key that an index repeats, in the order of the first or against it.
func keyTwice(i *schema.Index) (string, bool) {
	if i.Exclusion {
		return "", false // one column may be compared by two operators
	}
	for n, k := range i.Keys {
		if slices.ContainsFunc(i.Keys[:n], func(o schema.IndexKey) bool {
			return k.Column == o.Column && k.Text == o.Text && k.Opclass == o.Opclass && k.Collation == o.Collation
		}) {
			return clip(k.Text), true
		}
	}
	return "", false
}

// redundant compares a new index with one that is there.
func redundant(i, o *schema.Index) (lint.Finding, bool) {
	f := lint.Finding{Object: i.QualifiedName(), Evidence: []lint.Evidence{
		catalogEvidence(i.QualifiedName(), "%s", i.Definition), catalogEvidence(o.QualifiedName(), "%s", o.Definition),
	}}
	if i.Method != o.Method || i.Predicate != o.Predicate || i.Exclusion || o.Exclusion || len(i.Keys) == 0 || len(o.Keys) == 0 {
		return f, false
	}
	switch n, k := len(i.Keys), len(o.Keys); {
	case slices.Equal(i.Keys, o.Keys) && slices.Equal(i.Include, o.Include):
		if i.Unique && !o.Unique { // the old one may go now
			f.Severity = lint.Info
			f.Message = fmt.Sprintf("index %q is redundant: %q is unique on the same columns", o.Name, i.Name)
			f.Advice = fmt.Sprintf("Drop the other one:\n\nDROP INDEX CONCURRENTLY %s;", sqlName(o.Schema, o.Name))
			return f, true
		}
		if i.NullsNotDistinct != o.NullsNotDistinct && i.Unique {
			return f, false
		}
		f.Message = fmt.Sprintf("index %q duplicates %q: every write maintains both, and queries use one", i.Name, o.Name)
		f.Advice = "Leave it out."
		return f, true
	case n < k && !i.Unique && i.Method == "btree" && len(i.Include) == 0 && slices.Equal(i.Keys, o.Keys[:n]):
		f.Severity = lint.Info
		f.Message = fmt.Sprintf("index %q is covered by %q, which begins with the same columns", i.Name, o.Name)
		f.Advice = "Remove it, unless it is much smaller and many queries use it."
		return f, true
	case k < n && !o.Unique && o.Method == "btree" && len(o.Include) == 0 && slices.Equal(o.Keys, i.Keys[:k]):
		f.Severity = lint.Info
		f.Message = fmt.Sprintf("index %q is now redundant: %q begins with the same columns", o.Name, i.Name)
		f.Advice = fmt.Sprintf("Drop the shorter one:\n\nDROP INDEX CONCURRENTLY %s;", sqlName(o.Schema, o.Name))
		return f, true
	}
	return f, false
}
