package pipeline

import (
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

// Uncovered leaves out what another finding says more exactly: one of a rule
// that covers theirs, at the same statement or, if the rule says so, an earlier
// one of its transaction. It looks only at what is reported: a rule that is off,
// ignored or frozen keeps no other silent.
func Uncovered(r *devdb.Record, rules []lint.Rule, all []*lint.Finding) []*lint.Finding {
	by := map[string]lint.Rule{}
	for _, rule := range rules {
		by[rule.ID] = rule
	}
	step := func(f *lint.Finding) *devdb.Step {
		if f.Migration < 0 || f.Migration >= len(r.New) || f.Statement < 0 || f.Statement >= len(r.New[f.Migration].Steps) {
			return nil
		}
		return r.New[f.Migration].Steps[f.Statement]
	}
	covers := func(c, f *lint.Finding) bool {
		rule := by[c.ID]
		if c == f || c.Migration != f.Migration || !slices.Contains(rule.Covers, f.ID) || step(c) == nil || step(f) == nil {
			return false
		}
		if rule.CoversLater {
			return step(c).TxID == step(f).TxID && c.Statement <= f.Statement
		}
		return c.Statement == f.Statement && (partOf(f.Object, c.Object) || c.On != "" && partOf(f.Object, c.On))
	}
	var covering []*lint.Finding
	for _, f := range all {
		if len(by[f.ID].Covers) > 0 {
			covering = append(covering, f)
		}
	}
	return slices.DeleteFunc(all, func(f *lint.Finding) bool {
		return slices.ContainsFunc(covering, func(c *lint.Finding) bool { return covers(c, f) })
	})
}

// partOf reports whether an object is another or a part of it; what names none
// is about the statement.
func partOf(object, of string) bool {
	return object == "" || of == "" || object == of || strings.HasPrefix(object, of+".")
}
