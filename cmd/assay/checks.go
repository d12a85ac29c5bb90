package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/analyzers"
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

// oneOf checks a flag's value.
func oneOf(flag, value string, choices ...string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return usagef("%s %s: unknown value; it is one of %s", flag, value, strings.Join(choices, ", "))
}
