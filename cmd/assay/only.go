package main

import (
	"strings"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/lint"
)

// selectRules resolves --only: the ids of the rules that judge.
func (a *app) selectRules(o *lintOptions) error {
	if len(o.only) == 0 {
		return nil
	}
	rules := analyzers.Rules()
	for _, x := range a.allPolicies() {
		rules = append(rules, x.Lint()...)
	}
	o.selected = map[string]bool{}
	var names []string
	for _, r := range rules {
		names = append(names, r.ID, r.Name)
	}
	for _, name := range o.only {
		found := false
		for _, r := range rules {
			if r.Matches("", strings.TrimSpace(name)) || r.Policy && strings.EqualFold(r.Family(), name) {
				o.selected[r.ID], found = true, true
			}
		}
		if found {
			continue
		}
		if near := config.Nearest(name, names, 3); len(near) > 0 {
			return usagef("--only %s: no check is called that; did you mean %s? `assay checks` lists them all", name, strings.Join(near, ", "))
		}
		return usagef("--only %s: it takes ids (LK101), names (create-index) and families (LK): `assay checks` lists them all", name)
	}
	return nil
}

// chosen is the severity of a rule under --only. An optional check that it names is on.
func (o *lintOptions) chosen(r lint.Rule, configured lint.Severity) lint.Severity {
	switch {
	case o.selected == nil:
		return configured
	case !o.selected[r.ID]:
		return lint.Off
	case configured == lint.Off && r.Optional:
		return r.Severity
	}
	return configured
}
