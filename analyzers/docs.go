package analyzers

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/lint"
)

//go:embed *.txtar
var fixtures embed.FS

// DocsURL is where the page of each check is published.
const DocsURL = "https://github.com/assaydb/assay/blob/main/docs/checks/"

// Rules are the metadata of every check with the address of its page, in the order of ids.
func Rules() []lint.Rule {
	out := make([]lint.Rule, 0, len(All))
	for _, a := range All {
		r := a.Rule
		r.URL = DocsURL + r.ID + ".md"
		out = append(out, r)
	}
	return out
}

// Fixture is the check's fixture, parsed.
func (a *Analyzer) Fixture() (*fixture.Fixture, error) {
	names, err := fixtures.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("listing the checks' fixtures: %w", err)
	}
	prefix := strings.ToLower(a.ID) + "_"
	for _, n := range names {
		if strings.HasPrefix(n.Name(), prefix) {
			data, err := fixtures.ReadFile(n.Name())
			if err != nil {
				return nil, fmt.Errorf("reading the fixture of %s: %w", a.ID, err)
			}
			return fixture.Parse("analyzers/"+n.Name(), data)
		}
	}
	return nil, fmt.Errorf("check %s has no fixture: write analyzers/%s<name>.txtar", a.ID, prefix)
}

// Lookup finds the checks that a name stands for: an id, a name, another
// tool's name with or without the tool before it ("PG101", "eugene:E6").
func Lookup(name string) []*Analyzer {
	var out []*Analyzer
	for _, a := range All {
		if a.Matches("", name) {
			out = append(out, a)
		}
	}
	return out
}

// Explain is the check's page as Markdown, without the output of a run.
func (a *Analyzer) Explain() (string, error) { return a.Page(nil) }

// Page is the check's page as Markdown. output gives the report that the tool
// printed for a bad example, by the case's name; nil leaves it out.
func (a *Analyzer) Page(output map[string]string) (string, error) {
	f, err := a.Fixture()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s %s\n\n%s. Severity: %s", a.ID, a.Name, sentence(a.Title), a.Severity)
	if a.Unsized != "" {
		fmt.Fprintf(&b, ", or %s while the size of the table is not known", a.Unsized)
	}
	if a.Optional {
		b.WriteString(", off unless switched on")
	}
	fmt.Fprintf(&b, ".\n\n%s\n", f.Prose)
	if strings.TrimSpace(f.Base) != "" && len(f.Cases) > 0 && f.Cases[0].Example() {
		fmt.Fprintf(&b, "\n## Setup\n\n```sql\n%s\n```\n", fixture.Strip(f.Base))
	}
	for _, c := range f.Cases {
		if !c.Example() || !c.Bad() && !c.Good() && !c.Fixed() || len(c.Wants) == 0 && c.Bad() {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s", heading(c), code(c))
		if out := output[c.Name]; out != "" {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.TrimRight(out, "\n"))
		}
	}
	if len(a.Aliases) > 0 {
		b.WriteString("\n## In other tools\n\n")
		for _, alias := range a.Aliases {
			tool, n, _ := strings.Cut(alias, ":")
			fmt.Fprintf(&b, "- %s: `%s`\n", tool, n)
		}
	}
	b.WriteString("\n## Suppress it\n\n")
	if !a.Whole {
		fmt.Fprintf(&b, "For one statement, with the reason:\n\n```sql\n-- assay:ignore %s <reason>\n```\n\n", a.ID)
	}
	fmt.Fprintf(&b, "For a project, in `assay.yaml`:\n\n```yaml\nchecks:\n  %s: off\n```\n", a.ID)
	return b.String(), nil
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func heading(c *fixture.Case) string {
	switch {
	case c.Fixed():
		return "After the fix"
	case c.Bad():
		return "Reported"
	default:
		return "Not reported"
	}
}

func code(c *fixture.Case) string {
	names := make([]string, 0, len(c.Files))
	for n := range c.Files {
		names = append(names, n)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, n := range names {
		if len(names) > 1 {
			fmt.Fprintf(&b, "`%s`:\n\n", strings.TrimPrefix(n, c.Name+"/"))
		}
		fmt.Fprintf(&b, "```sql\n%s\n```\n", fixture.Strip(c.Files[n]))
	}
	return b.String()
}
