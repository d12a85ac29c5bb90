package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestBounds: a file that nests or multiplies without an end is refused before
// it costs time and memory.
func TestBounds(t *testing.T) {
	deep := func(begin, end string) string { return strings.Repeat(begin, 100_000) + strings.Repeat(end, 100_000) }
	var steps strings.Builder
	for i := range 1500 {
		fmt.Fprintf(&steps, "%sa:\n", strings.Repeat(" ", i))
	}
	for name, c := range map[string]struct{ text, want string }{
		"lists":              {"dir: " + deep("[", "]"), "more than 100 brackets within one another"},
		"lists without end":  {"dir: " + deep("[", ""), "more than 100 brackets within one another"},
		"mappings":           {deep("{a: ", "}"), "more than 100 brackets within one another"},
		"items on one line":  {deep("- ", ""), "nested more than 100 levels deep"},
		"keys on one line":   {deep("? ", ""), "nested more than 100 levels deep"},
		"steps":              {steps.String(), "nested more than 100 levels deep"},
		"size":               {"dir: " + strings.Repeat("x", 5<<20), "assay reads YAML of up to 4 MB"},
		"braces":             {"queries: ['" + strings.Repeat("{a,b}", 40) + "']", "stands for more than 256 patterns"},
		"braces in braces":   {"queries: ['" + strings.Repeat("{a,", 40) + strings.Repeat("}", 40) + "']", "stands for more than 256 patterns"},
		"stars":              {"checks: {LK101: {exclude: ['" + strings.Repeat("*a", 50) + "']}}", "has more than 20 stars"},
		"a long glob":        {"ignore: [{check: LK101, reason: x, path: '" + strings.Repeat("a", 2000) + "'}]", "has 2000 characters"},
		"aliases of aliases": {"a: &a [x, x]\n" + strings.Repeat("b: &b [*a, *a]\n", 30), "unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("assay.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %.300v, want %s", err, c.want)
			}
		})
	}
	if _, err := Parse("assay.yaml", []byte("queries: ['{app,lib}/**/*.{sql,csv}']\nchecks: {LK101: {exclude: ['[[', 'x']}}\n")); err == nil || strings.Contains(err.Error(), "queries") {
		t.Errorf("an ordinary glob: %v", err)
	}
}
