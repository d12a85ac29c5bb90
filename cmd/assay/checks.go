package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/config"
)

func (a *app) checksCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "checks", Short: "List the checks", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := oneOf("-o", output, "text", "json"); err != nil {
				return err
			}
			return a.listChecks(output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`format`: text or json")
	return cmd
}

func (a *app) listChecks(output string) error {
	type row struct {
		ID       string   `json:"id"`
		Name     string   `json:"name"`
		Severity string   `json:"severity"`
		Optional bool     `json:"optional,omitempty"`
		Title    string   `json:"title"`
		Aliases  []string `json:"aliases"`
		URL      string   `json:"url"`
	}
	var rows []row
	for _, r := range analyzers.Rules() {
		rows = append(rows, row{r.ID, r.Name, string(r.Severity), r.Optional, r.Title, append([]string{}, r.Aliases...), r.URL})
	}
	if output == "json" {
		e := json.NewEncoder(a.stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tSEVERITY\tWHAT\tELSEWHERE")
	for _, r := range rows {
		sev := r.Severity
		if r.Optional {
			sev += " (off)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Name, sev, r.Title, strings.Join(r.Aliases, " "))
	}
	return w.Flush()
}

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use: "explain CHECK", Short: "Explain a check: what happens, why it hurts, what to write instead",
		Long: `Explain a check by its id (LK101), its name (create-index) or another tool's name for it (PG101, E6),
or a policy rule of the library or of this project by its id.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("assay explain takes one check, such as LK101: run `assay checks` for the list")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd.Context(), args[0]) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, r := range analyzers.Rules() {
				ids = append(ids, r.ID+"\t"+r.Title)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func (a *app) explain(ctx context.Context, name string) error {
	found := analyzers.Lookup(name)
	if len(found) == 0 {
		if tool, text := analyzers.Instead(name); text != "" {
			fmt.Fprintf(a.text(), "No check stands for %s's %s alone: %s.\n", tool, name, text)
			return nil
		}
		if page, err := a.explainPolicy(ctx, name); page != "" || err != nil {
			fmt.Fprint(a.text(), page)
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
	for i, c := range found {
		page, err := c.Explain()
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprint(a.text(), "\n---\n\n")
		}
		fmt.Fprint(a.text(), page)
	}
	return nil
}

// oneOf checks a flag's value.
func oneOf(flag, value string, choices ...string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return usagef("%s %s: unknown value; it is one of %s", flag, value, strings.Join(choices, ", "))
}
