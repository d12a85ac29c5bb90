package lint

import (
	"slices"
	"strings"
)

// Family is the part of the id that a family of rules shares: LK of LK101.
func (r Rule) Family() string { return strings.TrimRight(r.ID, "0123456789") }

// Named reports whether name is the rule's own id or name, in any case.
func (r Rule) Named(name string) bool {
	return strings.EqualFold(r.ID, name) || strings.EqualFold(r.Name, name)
}

// Alias reports whether name is what another tool calls the rule, in any case.
// With an empty tool every tool's names count, with or without the tool before
// them: "eugene:E6", "E6". One that looks like an id of the rule's own family
// counts only with its tool: DS103 alone is another rule of ours.
func (r Rule) Alias(tool, name string) bool {
	return slices.ContainsFunc(r.Aliases, func(alias string) bool {
		t, bare, _ := strings.Cut(alias, ":")
		if tool == "" {
			return strings.EqualFold(alias, name) || strings.EqualFold(bare, name) && !r.ownForm(bare)
		}
		return t == tool && (strings.EqualFold(bare, name) || strings.HasPrefix(r.ID, class(tool, name)))
	})
}

// ownForm reports whether a name could be the id of a rule of the same family.
func (r Rule) ownForm(name string) bool { return Rule{ID: name}.Family() == r.Family() }

// class is the beginning of the ids that stand for one of Atlas's analyzers,
// which its nolint comments may name in the place of a code.
func class(tool, name string) string {
	classes := map[string]string{"destructive": "DS", "data_depend": "DD", "incompatible": "BC", "concurrent_index": "LK10", "nestedtx": "TX"}
	if c := classes[strings.ToLower(name)]; c != "" && tool == "atlas" {
		return c
	}
	return "\x00" // begins no id
}

// Matches reports whether an ignore of the tool ("assay" or empty for our own)
// means the rule by name: its id, name, family or an alias for ours, its own
// name for another tool's.
func (r Rule) Matches(tool, name string) bool {
	if tool != "" && tool != "assay" {
		return r.Alias(tool, name)
	}
	return r.Named(name) || !r.Policy && strings.EqualFold(r.Family(), name) || r.Alias("", name)
}

// Lookup finds rules by id, name or alias, in any case. An alias that covers
// several rules gives them all.
func Lookup(rules []Rule, name string) []Rule {
	var out []Rule
	for _, r := range rules {
		if r.Named(name) {
			return []Rule{r}
		}
		if r.Alias("", name) {
			out = append(out, r)
		}
	}
	return out
}
