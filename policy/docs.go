package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/lint"
)

// Docs renders one Markdown page for each rule and an index, by file name. With
// a recorder the pages show what the examples really gave; without one, what
// their fixtures want.
func (p *Policies) Docs(ctx context.Context, record Recorder) (map[string][]byte, error) {
	out := map[string][]byte{"README.md": []byte(p.index())}
	files, err := p.allFixtures()
	if err != nil {
		return nil, err
	}
	for _, r := range p.Rules {
		if out[r.ID+".md"], err = p.document(ctx, record, files, r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Explain is the page of a rule, by its id or name; empty if there is none.
func (p *Policies) Explain(ctx context.Context, name string) (string, error) {
	i := slices.IndexFunc(p.Rules, func(r *Rule) bool { return r.Lint().Matches("", name) })
	if i < 0 {
		return "", nil
	}
	files, err := p.allFixtures()
	if err != nil {
		return "", err
	}
	page, err := p.document(ctx, nil, files, p.Rules[i])
	return string(page), err
}

// document is the page of one rule.
func (p *Policies) document(ctx context.Context, record Recorder, files []*fixtureFile, r *Rule) ([]byte, error) {
	var b strings.Builder
	r.page(&b)
	for _, f := range files {
		if !slices.Contains(f.rules, r.ID) {
			continue
		}
		for _, c := range f.Cases {
			if !c.Example() || !c.Single() {
				continue
			}
			if err := p.example(ctx, &b, record, f, c, r); err != nil {
				return nil, err
			}
		}
	}
	return []byte(b.String()), nil
}

func (p *Policies) allFixtures() ([]*fixtureFile, error) {
	ours, err := p.fixtures(true)
	if err != nil {
		return nil, err
	}
	own, err := p.fixtures(false)
	return append(ours, own...), err
}

func (p *Policies) index() string {
	var b strings.Builder
	b.WriteString("# Policy rules\n")
	pack := "\x00"
	for _, r := range p.byPack() {
		if r.Pack != pack {
			pack = r.Pack
			if pack == "" {
				b.WriteString("\n## Own rules\n")
			} else {
				fmt.Fprintf(&b, "\n## %s\n", pack)
			}
			b.WriteString("\n| id | what | severity |\n|---|---|---|\n")
		}
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", r.ID, r.ID, cell(r.Title), r.Severity)
	}
	return b.String()
}

// byPack are the rules in order of pack and id.
func (p *Policies) byPack() []*Rule {
	out := slices.Clone(p.Rules)
	slices.SortStableFunc(out, func(a, b *Rule) int { return strings.Compare(a.Pack, b.Pack) })
	return out
}

func (r *Rule) page(b *strings.Builder) {
	fmt.Fprintf(b, "# %s: %s\n", r.ID, r.Title)
	if r.Pack != "" {
		fmt.Fprintf(b, "\nPack `%s`, severity %s.\n", r.Pack, r.Severity)
	} else {
		fmt.Fprintf(b, "\nSeverity %s, in `%s`.\n", r.Severity, r.File)
	}
	if r.Description != "" {
		fmt.Fprintf(b, "\n%s\n", strings.Join(strings.Fields(r.Description), " "))
	}
	if len(r.Params) > 0 {
		b.WriteString("\n| parameter | default | what |\n|---|---|---|\n")
		for _, p := range r.Params {
			fmt.Fprintf(b, "| `%s` | `%s` | %s |\n", p.Name, cell(shortJSON(p.Default)), cell(p.Description))
		}
	}
	if len(r.Aliases) > 0 {
		fmt.Fprintf(b, "\nIn other tools: %s.\n", strings.Join(r.Aliases, ", "))
	}
	for _, url := range r.Related {
		fmt.Fprintf(b, "\nSee <%s>.\n", url)
	}
}

func shortJSON(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSpace(b.String())
}

// cell escapes what would end a cell of a Markdown table.
func cell(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "|", "\\|")), " ")
}

// example shows a case, and for a bad one what it gives.
func (p *Policies) example(ctx context.Context, b *strings.Builder, record Recorder, f *fixtureFile, c *fixture.Case, r *Rule) error {
	title := map[bool]string{true: "Bad", false: "Good"}[c.Bad()]
	fmt.Fprintf(b, "\n## %s\n\n```sql\n%s\n```\n", title, fixture.Strip(c.SQL()))
	if !c.Bad() {
		return nil
	}
	var lines []string
	if record == nil {
		for _, w := range c.Wants {
			if w.ID == r.ID {
				lines = append(lines, fmt.Sprintf("%s %s: %s", r.Severity, w.ID, strings.ReplaceAll(w.Message.String(), `\`, "")))
			}
		}
	} else {
		res, err := p.runCase(ctx, record, f, c)
		if err != nil {
			return err
		}
		for _, x := range res.Findings {
			if x.ID == r.ID {
				lines = append(lines, printed(x))
			}
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(b, "\n```\n%s\n```\n", strings.Join(lines, "\n"))
	}
	return nil
}

// printed is a finding as the pages show it.
func printed(f *lint.Finding) string {
	s := fmt.Sprintf("%s %s: %s", f.Severity, f.ID, f.Message)
	for _, e := range f.Evidence {
		s += "\n  " + e.Text
	}
	if f.Advice != "" {
		s += "\n  fix: " + f.Advice
	}
	return s
}
