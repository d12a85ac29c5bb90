package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	files "github.com/assaydb/assay/internal/project"
	"github.com/assaydb/assay/internal/report"
)

// lintOptions are the flags that lint, trace and ci share.
type lintOptions struct {
	config, migrations, format string
	dirs                       []string // of --dir; migrations is the first
	allDirs, rebased           bool
	only                       []string        // rules that judge, as named
	selected                   map[string]bool // their ids; nil: all
	quiet                      bool
	postgres, devURL           string
	setup                      []string
	base, gitBase              string
	latest                     int
	all                        bool
	files                      []string
	outputs                    []string
	failOn                     string
	timing, noCache, verbose   bool
	superuser                  bool
	timeout                    time.Duration
	writeBaseline, thorough    bool
	quick                      bool // record and judge only: no rows are tried, no way back is run
	seed                       string
	seedNamed                  bool // by --seed, so by whoever started assay
	noProofs                   bool
	trust                      bool
	fix, diff, noFixes         bool
	policyConfig               string
	merged                     bool // no migration is new
	schemas                    bool // whole schemas are loaded: see postgres.Config.Schemas
}

func (o *lintOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.config, "config", "", "configuration `file` (default: assay.yaml where it exists)")
	f.StringVar(&o.policyConfig, "policy-config", "", "`file or https address` of policies that the project cannot weaken: any directory; #sha256:… pins an address")
	f.Var(dirFlag{o}, "dir", "migrations `directory` (default: found); repeatable for lint, ci and trace")
	f.BoolVar(&o.allDirs, "all-dirs", false, "review every migrations directory that is found, with one report")
	f.StringVar(&o.format, "dir-format", "", "migration tool's file `format` (default: detected): "+strings.Join(formats(), ", "))
	f.StringVar(&o.postgres, "postgres", "", "PostgreSQL `major` to run (13 to 18), or the directory with its programs")
	f.StringVar(&o.devURL, "dev-url", "", "existing `server` to run on, in a database of assay's own")
	f.StringArrayVar(&o.setup, "setup", nil, "SQL `file` run first, with the admin connection (default: setup.sql where it exists); repeatable")
	f.StringVar(&o.base, "base", "", "schema dump `file` that is loaded before the oldest migration")
	f.StringVar(&o.gitBase, "git-base", "", "`commit` or branch that new migrations are measured from (default: the pull request's target)")
	f.IntVar(&o.latest, "latest", 0, "take the last `N` migrations as new, whatever git says")
	f.BoolVar(&o.all, "all", false, "judge every migration, each on a base of those before it")
	f.BoolVar(&o.noCache, "no-cache", false, "do not keep or use replayed bases")
	f.StringVar(&o.seed, "seed", "", "SQL `file` or directory of data to try the new migrations on: pg_dump --data-only, *.sql, table.csv")
	f.BoolVar(&o.thorough, "thorough", false, "with --all: look for failing rows and test down migrations as well")
	f.BoolVar(&o.noProofs, "no-proofs", false, "do not look for rows on which a statement fails")
	f.BoolVar(&o.superuser, "superuser", false, "run the migrations as a superuser: for trusted code only")
	f.BoolVar(&o.trust, "trust-checkout", false, "take configuration, policies and the other files that judge from the checkout also for a fork's pull request (default: from the target branch)")
	f.DurationVar(&o.timeout, "timeout", 0, "end the whole run after this `duration` (default 30m)")
}

func formats() []string {
	var out []string
	for _, f := range migration.Formats() {
		out = append(out, string(f))
	}
	return out
}

// merge takes from the configuration what no flag gave.
func (o *lintOptions) merge(c *config.Config) {
	def := func(flag *string, conf string) {
		if *flag == "" {
			*flag = conf
		}
	}
	if !o.allDirs && len(o.dirs) == 0 {
		def(&o.migrations, c.Dir)
	}
	def(&o.format, c.Format)
	def(&o.postgres, c.Postgres)
	def(&o.base, c.Base)
	o.seedNamed = o.seedNamed || o.seed != ""
	def(&o.seed, c.Seed)
	def(&o.gitBase, c.GitBase)
	def(&o.failOn, c.FailOn)
	def(&o.failOn, string(lint.Error))
	if len(o.setup) == 0 {
		o.setup = c.Setup
	}
	o.superuser = o.superuser || c.Superuser
	o.noProofs = o.noProofs || c.Proofs.Off
	if o.timeout == 0 {
		o.timeout = c.RunTimeout.Or(30 * time.Minute)
	}
}

func (o *lintOptions) check(args []string) error {
	o.files = args
	o.quick = o.quick || o.all && !o.thorough
	chosen := 0
	for _, b := range []bool{o.latest != 0, o.all, len(args) > 0} {
		if b {
			chosen++
		}
	}
	if o.fix && o.diff {
		return usagef("--fix writes what --diff shows: give one of them")
	}
	if chosen > 1 {
		return usagef("--latest, --all and file names each choose the new migrations: give one of them")
	}
	if o.latest < 0 {
		return usagef("--latest %d: give a number of 1 or more", o.latest)
	}
	if o.failOn != "" {
		if err := oneOf("--fail-on", o.failOn, "error", "warning", "info", "off"); err != nil {
			return err
		}
	}
	if slices.Contains(args, "-") {
		if len(args) > 1 {
			return usagef("- is standard input, and the only new migration: name no other file with it")
		}
		if o.fix || o.diff || o.writeBaseline {
			return usagef("standard input cannot be written: --fix, --diff and --write-baseline need a file")
		}
	}
	if o.format != "" {
		return oneOf("--dir-format", o.format, formats()...)
	}
	return nil
}

func (a *app) lintCommand() *cobra.Command {
	o := &lintOptions{}
	cmd := &cobra.Command{
		Use:   "lint [file... | -]",
		Short: "Review the new migrations",
		Long: `Review the new migrations: those that the branch adds since it left its target branch,
committed or not; or the last N (--latest), or all of them (--all), or the named files, or
standard input (-) as the newest migration. Without a migrations directory, a named file is
run on an empty database.

Exit code: 0 clean, 1 findings at or above --fail-on, 2 wrong input, 3 the run failed,
4 findings that wait for an approval.`,
		Example: "  assay lint\n  assay lint --latest 1\n  assay lint -o text -o sarif=assay.sarif\n  assay lint - < new.sql\n  assay lint --only LK,DD101 -o line",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			if a.quiet = o.quiet; o.quiet && len(o.outputs) == 0 {
				o.outputs = []string{"line"}
			}
			outs, err := parseOutputs(o.outputs)
			if err != nil {
				return err
			}
			p, res, err := a.lint(cmd.Context(), o)
			if err != nil {
				return err
			}
			if o.diff {
				return verdict(res, o.failOn)
			}
			if o.writeBaseline {
				if err := incomplete(res); err != nil {
					return err
				}
				return a.writeBaseline(p, res)
			}
			if err := a.write(res, outs, o.timing, o.verbose); err != nil {
				return err
			}
			return verdict(res, o.failOn)
		},
	}
	o.flags(cmd.Flags())
	f := cmd.Flags()
	f.StringArrayVarP(&o.outputs, "output", "o", nil, "`format` of the report, or format=file; repeatable: "+report.Names())
	f.StringVar(&o.failOn, "fail-on", "", "lowest `severity` that makes the exit code 1: error, warning, info or off (default error)")
	f.StringSliceVar(&o.only, "only", nil, "judge with these `checks` alone: ids, names or families, as in LK,DD101")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print one line for each finding, and nothing else")
	f.BoolVar(&o.timing, "timing", false, "keep how long each statement took (the output then differs from run to run)")
	f.BoolVar(&o.fix, "fix", false, "write the fixes that hold when replayed into the files")
	f.BoolVar(&o.diff, "diff", false, "show what --fix would write, and no report")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "list suppressed findings and all evidence in the text report")
	f.BoolVar(&o.writeBaseline, "write-baseline", false, "freeze what is found now in the baseline file, and exit 0")
	return cmd
}

// output is one report to write.
type output struct {
	format report.Format
	file   string // empty: standard output
}

func parseOutputs(values []string) ([]output, error) {
	if len(values) == 0 {
		values = []string{"text"}
	}
	var out []output
	stdout := 0
	for _, v := range values {
		name, file, _ := strings.Cut(v, "=")
		f, err := report.Lookup(name)
		if err != nil {
			return nil, usageError{err}
		}
		if file == "" || file == "-" {
			file = ""
			stdout++
		}
		out = append(out, output{f, file})
	}
	if stdout > 1 {
		return nil, usagef("-o: only one report can go to standard output; give the others a file, as in -o sarif=assay.sarif")
	}
	return out, nil
}

// write writes every report. A file is written whole or not at all.
func (a *app) write(res *lint.Result, outs []output, timing, verbose bool) error {
	for _, out := range outs {
		if out.file == "" {
			width, _ := a.terminal(a.stdout)
			if err := out.format.Write(a.stdout, res, report.Options{Color: a.color(a.stdout), Width: width, Timing: timing, Verbose: verbose}); err != nil {
				return err
			}
			continue
		}
		if err := a.writeFile(out.file, func(w io.Writer) error { return out.format.Write(w, res, report.Options{Timing: timing}) }); err != nil {
			return fmt.Errorf("writing the report %s: %w", out.format.Name, err)
		}
	}
	return nil
}

// writeFile writes a file that the command line names, below the project
// directory if the name is relative; nothing and - are standard output.
func (a *app) writeFile(name string, write func(io.Writer) error) error {
	if name == "" || name == "-" {
		return write(a.stdout)
	}
	name = a.fileNamed(name)
	if a.untrusted {
		return files.WriteWithin(a.dir, name, write)
	}
	return files.Write(name, write)
}

// incomplete is an error if some rules could not judge: what was found stands,
// but nothing may pass for having been judged by them.
func incomplete(res *lint.Result) error {
	if len(res.Failed) == 0 {
		return nil
	}
	return fmt.Errorf("the review is not complete:\n%s", strings.Join(res.Failed, "\n"))
}

// verdict is the exit code as an error.
func verdict(res *lint.Result, failOn string) error {
	if err := incomplete(res); err != nil {
		return err
	}
	limit := lint.Severity(failOn)
	waiting := false
	for _, f := range res.Findings {
		waiting = waiting || f.Approval != nil
		if f.Fails(limit) {
			return findingsError{exitFindings}
		}
	}
	if slices.ContainsFunc(res.Suppressed, func(s *lint.Suppressed) bool { return counts(s, limit) }) {
		return findingsError{exitFindings}
	}
	if waiting {
		return findingsError{exitWaiting}
	}
	return nil
}

// counts reports whether a suppressed finding makes the run fail all the same.
func counts(s *lint.Suppressed, limit lint.Severity) bool {
	return s.Counts && limit != lint.Off && s.Severity.Rank() >= limit.Rank()
}
