package analyzers

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tellers are the checks that tell each hazard.
func tellers() map[string][]*Analyzer {
	out := map[string][]*Analyzer{}
	for _, a := range All {
		for _, h := range a.Hazards {
			out[h] = append(out[h], a)
		}
	}
	return out
}

// TestHazards holds every hazard of the catalogue to be told, once and in one
// way or another, and every reason to be needed.
func TestHazards(t *testing.T) {
	by, seen := tellers(), map[string]bool{}
	for _, h := range Hazards {
		seen[h.ID] = true
		_, policy := byPolicy[h.ID]
		_, recorder := byRecorder[h.ID]
		_, not := untold[h.ID]
		switch {
		case len(by[h.ID]) == 0 && !policy && !recorder && !not:
			t.Errorf("%s (%s): no check tells it, and untold gives no reason", h.ID, h.Title)
		case len(by[h.ID]) > 0 && not:
			t.Errorf("%s: %s tells it, take it out of untold", h.ID, by[h.ID][0].ID)
		}
	}
	for id, as := range by {
		if !seen[id] {
			t.Errorf("%s: hazard %q is not in the catalogue", as[0].ID, id)
		}
	}
	for id, rules := range byPolicy {
		for _, r := range rules {
			if _, err := os.Stat(filepath.Join("..", "docs", "policies", r+".md")); err != nil {
				t.Errorf("%s: no policy rule %s", id, r)
			}
		}
	}
	if len(untold) > 12 {
		t.Errorf("%d hazards are untold: at most 12 may be", len(untold))
	}
}

// TestElsewhere holds every rule of other tools to be an alias or accounted
// for, and every alias to be a rule that there is.
func TestElsewhere(t *testing.T) {
	known := map[string]bool{}
	for tool := range peerRules {
		for _, n := range Elsewhere(tool) {
			known[tool+":"+n] = true
			ours, reason := aliased(tool, n), notTaken[tool+":"+n]
			if len(ours) == 0 && reason == "" {
				t.Errorf("%s:%s is no alias of a check, and notTaken gives no reason", tool, n)
			}
			if len(ours) > 0 && reason != "" {
				t.Errorf("%s:%s is an alias of %s: take it out of notTaken", tool, n, ours[0].ID)
			}
		}
	}
	for _, a := range All {
		for _, alias := range a.Aliases {
			if !known[alias] {
				t.Errorf("%s: alias %q is no rule that the other tool has", a.ID, alias)
			}
		}
	}
	for n := range differs {
		if !known[n] {
			t.Errorf("differs: %q is no rule that the other tool has", n)
		}
	}
}

func aliased(tool, name string) []*Analyzer {
	var out []*Analyzer
	for _, a := range All {
		if slices.Contains(a.Aliases, tool+":"+name) {
			out = append(out, a)
		}
	}
	return out
}

// TestBookkeepingDocs holds docs/hazards.md and docs/coming-from.md against the checks.
func TestBookkeepingDocs(t *testing.T) {
	rewrite := flag.Lookup("update").Value.String() == "true"
	for name, text := range map[string]string{"hazards.md": hazardsPage(), "coming-from.md": comingFromPage()} {
		file := filepath.Join("..", "docs", name)
		if rewrite {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%s is stale: run go test ./analyzers -update", file)
		}
	}
}

func hazardsPage() string {
	var b strings.Builder
	b.WriteString("# Migration hazards\n\nThis page lists the known ways in which a migration can block an application, lose data, or fail, and the check that reports each. A hazard without a check has the reason. " +
		"Checks marked * are off unless switched on.\n\n| hazard | what | check |\n|---|---|---|\n")
	by := tellers()
	for _, h := range Hazards {
		var told []string
		for _, a := range by[h.ID] {
			told = append(told, link(a))
		}
		for _, r := range byPolicy[h.ID] {
			told = append(told, fmt.Sprintf("policy [%s](policies/%s.md)", r, r))
		}
		text := strings.Join(told, ", ")
		if r := byRecorder[h.ID]; r != "" {
			text = r
		}
		if r := untold[h.ID]; r != "" {
			text = "nothing: " + r
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", h.ID, h.Title, text)
	}
	b.WriteString(generated)
	return b.String()
}

// generated is the last line of a page, for maintainers.
const generated = "\nFor maintainers: this page is generated; run `go test ./analyzers -update` after a change.\n"

func link(a *Analyzer) string {
	star := ""
	if a.Optional {
		star = "*"
	}
	return fmt.Sprintf("[%s](checks/%s.md)%s", a.ID, a.ID, star)
}

func comingFromPage() string {
	var b strings.Builder
	b.WriteString("# Coming from another tool\n\nFind the rule that you know in the table of your tool: the second column is the check of assay that reports the same. " +
		"Ignore comments of squawk, eugene and Atlas are read, and their names and those of strong_migrations can be used wherever assay takes a check's name; those that look like assay's own ids with the tool before them, `atlas:DS103`. " +
		"What the documentation of each shows for its rules is run as a test: assay reports it, or differs for the reason in the third column. " +
		"Checks marked * are off unless switched on.\n")
	for _, tool := range Tools {
		fmt.Fprintf(&b, "\n## %s\n\n| there | here | where the verdict differs |\n|---|---|---|\n", tool)
		for _, n := range Elsewhere(tool) {
			var ours []string
			for _, a := range aliased(tool, n) {
				ours = append(ours, link(a))
			}
			here := strings.Join(ours, ", ")
			if here == "" {
				here = "no check of its own"
			}
			note := differs[tool+":"+n] + notTaken[tool+":"+n]
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", n, here, note)
		}
	}
	return b.String()
}
