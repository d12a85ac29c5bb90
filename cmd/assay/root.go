package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/report"
	"github.com/assaydb/assay/policy"
)

// The exit codes.
const (
	exitClean    = 0
	exitFindings = 1 // findings at or above --fail-on
	exitUsage    = 2 // flags, configuration, input that names something unknown; nothing was started
	exitFailed   = 3 // the run itself failed
	exitWaiting  = 4 // nothing failed, but findings wait for somebody's approval
)

// app is one invocation.
type app struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
	dir            string // project root: the working directory, or -C
	below          string // the current directory below dir, where dir was found above it
	noColor, quiet bool

	untrusted bool  // configuration and policies of the checkout are a stranger's
	trusted   fs.FS // where they are read instead

	inCI    bool     // assay ci: a pull request may be judged by its target branch
	central *central // of --policy-config; nil: none
	target  fs.FS    // the target branch, if rules are enforced; nil: the checkout judges

	policies *policy.Policies // of this run, nil if there are none
	context  policy.Context   // what is known of the pull request
	// describe asks the host what it knows of the pull request, once there are
	// policies that want to know; nil if there is no host.
	describe func(context.Context) error
	draft    map[string][]byte // files of the checkout that are taken with another text (assay mcp)
	warm     *warm             // keeps the server between runs; nil: each has its own
	// afterFunc is time.AfterFunc for the guards of proofs; nil: the real one.
	afterFunc func(time.Duration, func()) (stop func() bool)
}

// usageError is wrong input; it ends with exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// findingsError says that the run went well and found something. It is not
// printed: the report has said it.
type findingsError struct{ code int }

func (findingsError) Error() string { return "findings" }

func (a *app) root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "assay",
		Short: "Review database migrations by evidence",
		Long: `assay reviews database migrations by evidence. It replays the merged migrations on a
throw-away PostgreSQL, runs the new ones, records what the server really did (locks,
rewrites, scans, dropped objects, rows that fail) and judges that record.`,
		SilenceUsage: true, SilenceErrors: true,
		Version: buildVersion(),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.dir == "" {
				a.dir = "."
				if cmd.Name() != "init" && cmd.Name() != "ci" {
					a.findConfig()
				}
			}
			a.context.Environment = a.getenv("ASSAY_ENVIRONMENT")
			if st, err := os.Stat(a.dir); err != nil || !st.IsDir() {
				return usagef("-C %s: not a directory", a.dir)
			}
			return nil
		},
	}
	cmd.PersistentFlags().StringVarP(&a.dir, "directory", "C", "", "project `directory` to work in (default: the current one)")
	cmd.PersistentFlags().BoolVar(&a.noColor, "no-color", false, "never colour the output (also: NO_COLOR in the environment)")
	cmd.SetVersionTemplate(versionText())
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.AddCommand(a.lintCommand(), a.ciCommand(), a.traceCommand(), a.checksCommand(), a.explainCommand(), a.policyCommand(), a.schemaCommand(), a.initCommand(), a.statsCommand(), a.measureCommand(), a.planCommand(), a.diffCommand(), a.driftCommand(), a.inspectCommand(), a.evidenceCommand(), a.verifyCommand(), a.siteCommand(), a.mcpCommand(), a.versionCommand())
	onceEach(cmd)
	return cmd
}

// exit prints what went wrong and gives the exit code.
func (a *app) exit(ctx context.Context, err error) int {
	var found findingsError
	var usage usageError
	var choice postgres.ChoiceError
	var coded codeError
	switch {
	case err == nil:
		return exitClean
	case errors.As(err, &found):
		return found.code
	case errors.As(err, &coded):
		a.say("assay: %v", err)
		return coded.code
	case errors.As(err, &usage), errors.As(err, &choice):
		a.say("assay: %v", err)
		return exitUsage
	case ctx.Err() != nil:
		a.say("assay: interrupted: %v", err)
		return exitFailed
	default:
		a.say("assay: %v", err)
		return exitFailed
	}
}

// text is standard output for lines that people read.
func (a *app) text() io.Writer { return report.Harmless(a.stdout) }

func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.stderr, strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}

// terminal reports whether w is one, and how wide it is.
func (a *app) terminal(w io.Writer) (width int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return width, err == nil
}

// color reports whether w should be coloured.
func (a *app) color(w io.Writer) bool {
	_, ok := a.terminal(w)
	return ok && !a.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}
