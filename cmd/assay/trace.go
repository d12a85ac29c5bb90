package main

import (
	"github.com/spf13/cobra"

	"github.com/assaydb/assay/internal/report"
)

func (a *app) traceCommand() *cobra.Command {
	o := &lintOptions{noFixes: true, quick: true}
	var format string
	cmd := &cobra.Command{
		Use:   "trace [file...]",
		Short: "Show what each statement of the new migrations does",
		Long: `Show the record of each new statement: its locks, those held from before, rewrites,
scans, rows and dropped objects. Nothing is judged; the exit code is 0 unless the run fails.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			if err := oneOf("-o", format, "text", "json"); err != nil {
				return err
			}
			_, res, err := a.lint(cmd.Context(), o)
			if err != nil {
				return err
			}
			if format == "json" {
				f, err := report.Lookup("json")
				if err != nil {
					return err
				}
				return f.Write(a.stdout, res, report.Options{Timing: o.timing})
			}
			width, _ := a.terminal(a.stdout)
			return report.Trace(a.stdout, res, report.Options{Color: a.color(a.stdout), Width: width, Timing: o.timing})
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringVarP(&format, "output", "o", "text", "`format`: text or json")
	cmd.Flags().BoolVar(&o.timing, "timing", false, "show how long each statement took here")
	return cmd
}
