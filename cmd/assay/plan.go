package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/plan"
	"github.com/assaydb/assay/internal/planned"
)

// planOptions are the flags that the commands of schema as code share.
type planOptions struct {
	lintOptions
	from, to         string
	include, exclude []string
	renames          string
	output           string
	asPlanned        bool // no fixes: the statements stay as they were planned
	bare             bool // no project is needed
}

func (o *planOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.config, "config", "", "configuration `file` (default: assay.yaml where it exists)")
	f.StringVar(&o.migrations, "dir", "", "migrations `directory` (default: found)")
	f.StringVar(&o.format, "dir-format", "", "migration tool's file `format` (default: detected): "+strings.Join(formats(), ", "))
	f.StringVar(&o.postgres, "postgres", "", "PostgreSQL `major` to run (13 to 18; default: that of the database or dump), or the directory with its programs")
	f.StringVar(&o.devURL, "dev-url", "", "existing `server` to run on, in a database of assay's own")
	f.StringArrayVar(&o.setup, "setup", nil, "SQL `file` run before the migrations, with the admin connection; repeatable")
	f.StringVar(&o.base, "base", "", "schema dump `file` that is loaded before the oldest migration")
	f.BoolVar(&o.noCache, "no-cache", false, "do not keep or use replayed bases")
	f.BoolVar(&o.superuser, "superuser", false, "run everything as a superuser: for trusted code only")
	f.DurationVar(&o.timeout, "timeout", 0, "end the whole run after this `duration` (default 30m)")
	f.StringArrayVar(&o.include, "include", nil, "`pattern` of the objects to look at, such as app.* or *.log_*[type=table]; repeatable")
	f.StringArrayVar(&o.exclude, "exclude", nil, "`pattern` of objects to leave as they are; repeatable")
}

// planning adds the flags of the commands that plan.
func (o *planOptions) planning(f *pflag.FlagSet) {
	f.StringVar(&o.to, "to", "", "wanted schema: a `directory` or file of SQL (default: schema.dir of assay.yaml)")
	f.StringVar(&o.renames, "renames", "hints", "what an unhinted drop and add that looks like a rename is: hints stops and asks, off takes it as drop and add")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say why a finding has no fix")
	f.BoolVar(&o.asPlanned, "no-online", false, "keep the plain statements: do not apply the fixes of the checks")
}

func (o *planOptions) check() error {
	o.noProofs, o.fix = true, true
	if err := oneOf("--renames", o.renames, "hints", "off"); err != nil {
		return err
	}
	return o.lintOptions.check(nil)
}

func (a *app) planCommand() *cobra.Command {
	o := &planOptions{}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Plan the statements that lead to a wanted schema, and prove them",
		Long: `Load the current and the wanted schema on a throw-away PostgreSQL, plan the statements that
lead from one to the other, run them there, and say what each locks, scans and rewrites,
what is dropped and re-created and why, and what was proven. Nothing is written.

The current schema is what the migrations make (--from migrations), a database's (a URL,
of which catalogs alone are read), or that of a dump, a file or a directory of SQL.

Exit code: 0 a plan, also an empty one, 2 wrong input, 3 the run failed or there is no
plan, 4 a drop and an add look like a rename.`,
		Example: "  assay plan --to schema\n  assay plan --from old.sql --to new.sql -o sql > change.sql",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			name, file, _ := strings.Cut(o.output, "=")
			if err := oneOf("-o", name, "text", "sql", "json", "markdown"); err != nil {
				return err
			}
			return planExit(a.plan(cmd.Context(), o, name, file))
		},
	}
	o.flags(cmd.Flags())
	o.planning(cmd.Flags())
	cmd.Flags().StringVar(&o.from, "from", "migrations", "current schema: migrations, a database `URL`, a dump, a file or a directory of SQL")
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "`format`, or format=file: text, sql, json, markdown")
	return cmd
}

// plan makes, proves and prints a plan.
func (a *app) plan(ctx context.Context, o *planOptions, format, file string) (err error) {
	ctx, cancel := limited(ctx, o.limit())
	defer cancel()
	r, err := a.openPlan(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	out, err := a.makePlan(ctx, o, r)
	if err != nil {
		return err
	}
	if err := a.writeFile(file, func(w io.Writer) error { return out.write(w, format) }); err != nil {
		return err
	}
	return out.verdict()
}

// makePlan plans, fixes and proves.
func (a *app) makePlan(ctx context.Context, o *planOptions, r *planRun) (*planOutput, error) {
	p, err := planned.Make(ctx, r.server, r.have, r.want, planned.Options{RenamesOff: o.renames == "off", Select: r.selection})
	if err != nil {
		return nil, err
	}
	out := &planOutput{Planned: p, run: r}
	if p.Empty() {
		return out, p.Prove(ctx, false)
	}
	plain := p.Text
	if err := a.online(ctx, o, r, out); err != nil {
		return nil, err
	}
	if err := p.Prove(ctx, true); err != nil {
		return nil, err
	}
	if !p.Proven() && p.Text != plain { // the plain statements may be proven where the fixed ones are not
		for _, g := range p.Failed() {
			a.say("assay: the statements with the fixes of the checks are not proven: %s: %s", g.Name, g.Why)
		}
		o.asPlanned, p.Text = true, plain
		if err := a.online(ctx, o, r, out); err != nil {
			return nil, err
		}
		return out, p.Prove(ctx, true)
	}
	return out, nil
}

// codeError is an error with an exit code of its own.
type codeError struct {
	code int
	error
}

func (e codeError) Unwrap() error { return e.error }

// planExit gives the errors of planning their exit codes.
func planExit(err error) error {
	var load *postgres.LoadError
	var rename *plan.LooksLikeRename
	var nowhere *plan.HintPointsNowhere
	var bad planned.BadHint
	switch {
	case errors.As(err, &load):
		return usageError{fmt.Errorf("the schema cannot be loaded:\n%w", err)}
	case errors.As(err, &nowhere), errors.As(err, &bad):
		return usageError{err}
	case errors.As(err, &rename):
		return codeError{exitWaiting, fmt.Errorf("%w\n(or run with --renames off, which takes each as a drop and an add)", err)}
	}
	return err
}

// findings are those at or above a severity.
func findings(res *lint.Result) []*lint.Finding {
	if res == nil {
		return nil
	}
	return res.Findings
}
