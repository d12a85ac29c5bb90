package lint

import "testing"

func TestMatches(t *testing.T) {
	index := Rule{ID: "LK101", Name: "create-index", Aliases: []string{"eugene:E6", "atlas:PG101"}}
	drop := Rule{ID: "DS102", Name: "drop-column", Aliases: []string{"atlas:DS103"}}
	own := Rule{ID: "KY101", Name: "key", Policy: true}
	for _, c := range []struct {
		rule       Rule
		tool, name string
		want       bool
	}{
		{index, "", "lk101", true},
		{index, "assay", "Create-Index", true},
		{index, "", "LK", true},
		{index, "", "L", false},
		{index, "", "eugene:e6", true},
		{index, "", "E6", true},
		{index, "eugene", "E6", true},
		{index, "squawk", "E6", false},
		{index, "eugene", "LK101", false},
		{index, "atlas", "concurrent_index", true},
		{drop, "atlas", "concurrent_index", false},
		{drop, "atlas", "destructive", true},
		{drop, "", "destructive", false},
		{drop, "", "DS103", false},
		{drop, "", "atlas:DS103", true},
		{drop, "atlas", "DS103", true},
		{own, "", "KY", false},
		{own, "", "KY101", true},
	} {
		if got := c.rule.Matches(c.tool, c.name); got != c.want {
			t.Errorf("%s, %q of %q: %v, want %v", c.rule.ID, c.name, c.tool, got, c.want)
		}
	}
	rules := []Rule{index, {ID: "LK104", Name: "other", Aliases: []string{"eugene:E6"}}, drop}
	if n := len(Lookup(rules, "E6")); n != 2 {
		t.Errorf("E6 finds %d rules, want 2", n)
	}
	if found := Lookup(rules, "DS102"); len(found) != 1 || found[0].Name != "drop-column" {
		t.Errorf("DS102 finds %v", found)
	}
}
