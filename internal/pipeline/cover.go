package pipeline

import (
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

// Uncovered leaves out what another finding says more exactly: one of a rule
// that covers theirs, at the same statement or an earlier one of its
// transaction. It looks only at what is reported: a rule that is off, ignored
// or frozen keeps no other silent.
func Uncovered(r *devdb.Record, rules []lint.Rule, all []*lint.Finding) []*lint.Finding {
	covers := map[string][]string{}
	for _, rule := range rules {
		covers[rule.ID] = rule.Covers
	}
	type place struct {
		migration, transaction int
		id                     string
	}
	at := func(f *lint.Finding, id string) (place, bool) {
		if f.Migration < 0 || f.Migration >= len(r.New) || f.Statement < 0 || f.Statement >= len(r.New[f.Migration].Steps) {
			return place{}, false
		}
		return place{f.Migration, r.New[f.Migration].Steps[f.Statement].TxID, id}, true
	}
	first := map[place]int{} // the statement that covers from there on
	for _, f := range all {
		for _, id := range covers[f.ID] {
			if p, ok := at(f, id); ok {
				if n, seen := first[p]; !seen || f.Statement < n {
					first[p] = f.Statement
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(f *lint.Finding) bool {
		p, ok := at(f, f.ID)
		n, covered := first[p]
		return ok && covered && f.Statement >= n
	})
}
