// Command assay reviews database migrations by evidence: it runs them on a
// throw-away PostgreSQL, records what the server did, and judges the record.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/assaydb/assay/internal/report"
)

// memory is how much the program tries to do with. What a project needs beyond
// it, it gets: the limit is a soft one.
const memory = 185 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory) // collect sooner than let garbage double what is needed
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // and far from the limit seldom: most runs are short
	}
	if err := enoughMemory(); err != nil {
		fmt.Fprintf(os.Stderr, "assay: %v\n", err)
		os.Exit(exitFailed)
	}
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT}
	if !signal.Ignored(syscall.SIGHUP) { // nohup wants it ignored
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the program without its process: everything it needs is handed in.
func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) int {
	// Standard error is read by people alone, so this is the one place where all of it is made harmless.
	stderr = report.Harmless(stderr)
	a := &app{getenv: getenv, stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return a.exit(ctx, root.ExecuteContext(ctx))
}
