package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/report"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain CHECK | WORD...", Short: "Explain a check: what happens, why it hurts, what to write instead",
		Long: `Explain a check by its id (LK101), its name (create-index) or another tool's name for it (PG101, E6),
or a policy rule of the library or of this project by its id. Other words list the checks whose pages have them all.`,
		Example: "  assay explain LK101\n  assay explain create-index\n  assay explain not null",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("assay explain takes a check, such as LK101, or words to search for: run `assay checks` for the list")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, r := range analyzers.Rules() {
				ids = append(ids, r.ID+"\t"+r.Title)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func (a *app) explain(ctx context.Context, words []string) error {
	name := strings.Join(words, " ")
	found := analyzers.Lookup(name)
	if len(found) == 0 {
		return a.explainOther(ctx, name)
	}
	for i, c := range found {
		page, err := c.Explain()
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprint(a.text(), "\n---\n\n")
		}
		a.page(page)
	}
	return nil
}

// page prints Markdown: as it is into a file, and without its marks on a terminal.
func (a *app) page(markdown string) {
	if width, ok := a.terminal(a.stdout); ok {
		markdown = report.Plain(markdown, report.Options{Color: a.color(a.stdout), Width: width})
		fmt.Fprint(a.stdout, markdown)
		return
	}
	fmt.Fprint(a.text(), markdown)
}

// explainOther explains what is no check's name: another tool's rule, a policy
// rule, or words to search for.
func (a *app) explainOther(ctx context.Context, name string) error {
	if tool, text := analyzers.Instead(name); text != "" {
		fmt.Fprintf(a.text(), "No check stands for %s's %s alone: %s.\n", tool, name, text)
		return nil
	}
	if page, err := a.explainPolicy(ctx, name); page != "" || err != nil {
		if err == nil {
			a.page(page)
		}
		return err
	}
	if hits, err := searchChecks(name); len(hits) > 0 || err != nil {
		if err == nil {
			a.listHits(name, hits)
		}
		return err
	}
	var names []string
	for _, r := range analyzers.Rules() {
		names = append(names, r.ID, r.Name)
	}
	if near := config.Nearest(name, names, 3); len(near) > 0 {
		return usagef("no check is called %q; did you mean %s? `assay checks` lists them all", name, strings.Join(near, ", "))
	}
	return usagef("no check is called %q: `assay checks` lists them all", name)
}

// searchChecks finds the checks whose page has all the words, or words that
// begin so; those whose name or title has them come first. What has digits or
// dashes is a name and no word.
func searchChecks(text string) ([]*analyzers.Analyzer, error) {
	words := strings.Fields(strings.ToLower(text))
	for _, w := range words {
		if strings.ContainsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) }) {
			return nil, nil
		}
	}
	var first, rest []*analyzers.Analyzer
	for _, c := range analyzers.All {
		f, err := c.Fixture()
		if err != nil {
			return nil, err
		}
		head := c.Name + " " + c.Title
		switch {
		case hasWords(head, words):
			first = append(first, c)
		case hasWords(head+" "+f.Prose, words):
			rest = append(rest, c)
		}
	}
	return append(first, rest...), nil
}

func hasWords(text string, words []string) bool {
	have := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
	for _, w := range words {
		found := false
		for _, h := range have {
			found = found || strings.HasPrefix(h, w)
		}
		if !found {
			return false
		}
	}
	return true
}

func (a *app) listHits(name string, hits []*analyzers.Analyzer) {
	pages := "pages have"
	if len(hits) == 1 {
		pages = "page has"
	}
	fmt.Fprintf(a.text(), "%d %s %q; `assay explain ID` prints one:\n\n", len(hits), pages, name)
	w := tabwriter.NewWriter(a.text(), 0, 0, 2, ' ', 0)
	for _, c := range hits {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", c.ID, c.Name, c.Title)
	}
	_ = w.Flush()
}
