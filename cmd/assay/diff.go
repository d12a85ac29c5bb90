package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/planned"
	files "github.com/assaydb/assay/internal/project"
)

func (a *app) diffCommand() *cobra.Command {
	o := &planOptions{from: fromMigrations}
	check := false
	cmd := &cobra.Command{
		Use:   "diff [name]",
		Short: "Write the migration that leads to the wanted schema",
		Long: `Plan from what the migrations make to the wanted schema, and write the plan as migration
files in the format of this project, with the down migration where the format has one. The files
are what the checks and their fixes leave, and what was proven. With --check nothing is written.

Exit code: 0 written, or nothing to do, 1 a migration is missing (--check), 2 wrong input,
3 the run failed or there is no plan, 4 a drop and an add look like a rename.`,
		Example: "  assay diff add_email --to schema\n  assay diff --check",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			name := "schema"
			if len(args) > 0 {
				name = args[0]
			}
			return planExit(a.diff(cmd.Context(), o, name, check))
		},
	}
	o.flags(cmd.Flags())
	o.planning(cmd.Flags())
	cmd.Flags().BoolVar(&check, "check", false, "write nothing, and exit with 1 if a migration is missing")
	return cmd
}

func (a *app) diff(ctx context.Context, o *planOptions, name string, check bool) (err error) {
	ctx, cancel := limited(ctx, o.limit())
	defer cancel()
	r, err := a.openPlan(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	p, err := planned.Make(ctx, r.server, r.have, r.want, planned.Options{RenamesOff: o.renames == "off", Select: r.selection})
	if err != nil {
		return err
	}
	out := &planOutput{Planned: p, run: r}
	if p.Empty() {
		fmt.Fprintf(a.text(), "the migrations make what %s has\n", r.to)
		return nil
	}
	if check {
		fmt.Fprintf(a.text(), "a migration is missing: %s\nwrite it with: assay diff NAME\n", out.summary())
		for _, st := range p.Plan.Statements {
			fmt.Fprintf(a.text(), "  %s\n", firstLine(st.SQL))
		}
		return findingsError{exitFindings}
	}
	w, err := a.intoMigrations(ctx, o, r, p, name)
	if err != nil {
		return err
	}
	if err := p.ProveFiles(ctx, w.migrations(), true); err != nil {
		return err
	}
	if !p.Proven() && !o.asPlanned { // the plain statements may be proven where the fixed ones are not
		o.asPlanned = true
		if w, err = a.intoMigrations(ctx, o, r, p, name); err != nil {
			return err
		}
		if err := p.ProveFiles(ctx, w.migrations(), true); err != nil {
			return err
		}
	}
	if err := out.verdict(); err != nil {
		return err
	}
	for _, n := range w.names() {
		if err := files.WriteFile(filepath.Join(a.dir, filepath.FromSlash(n)), w.files[n]); err != nil {
			return fmt.Errorf("writing %s: %w", n, err)
		}
		fmt.Fprintf(a.text(), "wrote %s\n", n)
	}
	fmt.Fprintln(a.text(), out.summary())
	for _, f := range w.findings {
		fmt.Fprintf(a.text(), "%s:%d: %s %s: %s\n", f.Path, f.Line, f.ID, f.Severity, f.Message)
	}
	for _, g := range p.Gates {
		fmt.Fprintf(a.text(), "  yes  %-24s %s\n", g.Name, g.Why)
	}
	if n := atOrAbove(w.findings, lint.Error); n > 0 {
		fmt.Fprintf(a.text(), "%d findings are left for the review: run assay lint\n", n)
	}
	return nil
}

func firstLine(s string) string {
	for i := range s {
		if s[i] == '\n' {
			return s[:i] + " …"
		}
	}
	return s
}
