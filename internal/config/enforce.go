package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
)

// The levels of an enforcement.
const (
	Advisory    = "advisory"
	Overridable = "overridable"
	Mandatory   = "mandatory"
)

func (c *Config) checkEnforced(d *decoder) {
	for _, name := range slices.Sorted(maps.Keys(c.Enforce)) {
		e, at := c.Enforce[name], "enforce."+name
		switch {
		case e.Level == "":
			d.failAt(at, "an enforcement needs a level: one of %s, %s, %s", Advisory, Overridable, Mandatory)
		case e.Level == Overridable && e.Team == "":
			d.failAt(at, "an overridable rule needs the team that approves: write {level: overridable, team: NAME}")
		case e.Level != Overridable && (e.Team != "" || e.Count != 0):
			d.failAt(at, "team and count go with level overridable")
		case e.Count < 0 || e.Count > 10:
			d.failAt(at, "count is %d, but must be 1 to 10", e.Count)
		}
	}
}

func (c *Config) validateEnforced(d *decoder, known Known) {
	all := slices.Concat(known.Checks, known.Policies)
	for _, name := range slices.Sorted(maps.Keys(c.Enforce)) {
		if e := c.Enforce[name]; e.Level != Advisory && (c.Rules[name].Level == string(lint.Off) || c.Checks[name].Severity == string(lint.Off)) {
			d.failAt("enforce."+name, "%s is %s here and off elsewhere in this file: keep one", name, e.Level)
		}
		if name == "*" || slices.Contains(known.PolicyPacks, name) || len(lint.Lookup(all, name)) > 0 || isFamily(known.Checks, name) {
			continue
		}
		if known.Policies != nil || len(c.Policies)+len(c.PolicyPacks) == 0 {
			d.failAt("enforce."+name, "%s", unknownCheck(name, all))
		}
	}
}

// policyKeys are the keys of a policy configuration: those that say what is
// judged how, and nothing of the project that is judged.
var policyKeys = []string{"policies", "policy-packs", "policy-timeout", "rules", "checks", "overrides", "ignore", "baseline", "enforce", "owners", "packs"}

// OnlyPolicies refuses keys that are about a project: a policy configuration
// holds for many.
func (c *Config) OnlyPolicies() error {
	d := &decoder{name: c.Path, places: c.places}
	for _, key := range slices.Sorted(maps.Keys(c.places)) {
		if key != "" && !strings.Contains(key, ".") && !slices.Contains(policyKeys, key) {
			d.failAt(key, "%s belongs in a project's assay.yaml, not in a policy configuration (one of %s)", key, strings.Join(policyKeys, ", "))
		}
	}
	return d.err()
}

// Enforced is how firmly the rule holds by the file: by its id, name or alias,
// else by its family or pack, else by "*" if it is a policy rule. With no level it
// is not enforced.
func (c *Config) Enforced(rule lint.Rule) Enforcement {
	best, rank := Enforcement{}, 0
	for name, e := range c.Enforce {
		r := 0
		switch {
		case rule.Named(name):
			r = 4
		case rule.Alias("", name):
			r = 3
		case !rule.Policy && strings.EqualFold(name, rule.Family()), rule.Policy && rule.Pack != "" && name == rule.Pack:
			r = 2
		case name == "*" && rule.Policy:
			r = 1
		}
		if r > rank {
			best, rank = e, r
		}
	}
	if best.Level == Overridable {
		best.Count = max(best.Count, 1)
	}
	return best
}
