package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/mcp"
	"github.com/assaydb/assay/internal/schema"
)

func (a *app) mcpCommand() *cobra.Command {
	o := &lintOptions{}
	cmd := &cobra.Command{
		Use:   "mcp",
		Short: "Answer a coding agent: a server of the Model Context Protocol",
		Long: `Answer a coding agent over standard input and output, by the Model Context Protocol. An agent's
program starts it; docs/agents.md has the settings of common ones. Its tools review a draft (check),
fix it (fix), show what it does (trace), and give the page of a check (explain), the schema that the
migrations make (schema) and the plan to the wanted one (plan).

Nothing is written, and no database is reached but the throw-away one, which is kept while the
client is there.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.format != "" {
				if err := oneOf("--dir-format", o.format, formats()...); err != nil {
					return err
				}
			}
			e := &engine{app: a, options: *o, warm: &warm{}}
			err := mcp.Serve(cmd.Context(), buildVersion(), a.stdin, a.stdout, e)
			return errors.Join(err, e.warm.drop())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.config, "config", "", "configuration `file` (default: assay.yaml where it exists)")
	f.StringVar(&o.migrations, "dir", "", "migrations `directory` (default: found)")
	f.StringVar(&o.format, "dir-format", "", "migration tool's file `format` (default: detected): "+strings.Join(formats(), ", "))
	f.StringVar(&o.postgres, "postgres", "", "PostgreSQL `major` to run (13 to 18), or the directory with its programs")
	f.DurationVar(&o.timeout, "timeout", 0, "end a call after this `duration` (default 30m)")
	return cmd
}

// engine does what the tools of a server answer with: each call as a run of the
// program, on the server that is kept.
type engine struct {
	app     *app
	options lintOptions
	warm    *warm
}

// call is a run of its own: what it prints is kept, and what it says goes to whoever waits.
func (e *engine) call(say func(string)) (*app, *lintOptions, *bytes.Buffer) {
	out := &bytes.Buffer{}
	b := &app{
		getenv: e.app.getenv, stdin: strings.NewReader(""), stdout: out, stderr: lines(say), dir: e.app.dir, below: e.app.below,
		noColor: true, context: e.app.context, warm: e.warm,
	}
	o := e.options
	if o.migrations != "" {
		o.dirs = []string{o.migrations}
	}
	return b, &o, out
}

// lines is a writer that hands on what is written.
type lines func(string)

// Write hands on what has a text.
func (l lines) Write(p []byte) (int, error) {
	if text := strings.TrimSpace(strings.TrimPrefix(string(p), "assay: ")); text != "" && l != nil {
		l(text)
	}
	return len(p), nil
}

// review runs a draft. After an error the server is not used again.
func (e *engine) review(ctx context.Context, d mcp.Draft, say func(string), set func(*lintOptions)) (*lint.Result, string, error) {
	b, o, out := e.call(say)
	set(o)
	o.files = []string{"-"}
	if d.File == "" {
		b.stdin = strings.NewReader(d.SQL)
	} else {
		b.draft = map[string][]byte{d.File: []byte(d.SQL)}
		o.files = []string{d.File}
	}
	_, res, err := b.lint(ctx, o)
	if err == nil && d.File != "" && len(res.Migrations) == 0 {
		err = usagef("%s is no migration of %s (%s): give it a name as the other files there have, or leave file out", d.File, res.Dir, res.Format)
	}
	if err != nil {
		return nil, "", e.failed(err)
	}
	return res, out.String(), nil
}

// failed drops the server after an error that is not about the input.
func (e *engine) failed(err error) error {
	var usage usageError
	if errors.As(err, &usage) {
		return err
	}
	return errors.Join(err, e.warm.drop())
}

// Check reviews a draft.
func (e *engine) Check(ctx context.Context, d mcp.Draft, say func(string)) (*lint.Result, error) {
	res, _, err := e.review(ctx, d, say, func(*lintOptions) {})
	return res, err
}

// Fix gives the fixes that hold together as a unified diff.
func (e *engine) Fix(ctx context.Context, d mcp.Draft, say func(string)) (string, *lint.Result, error) {
	res, patch, err := e.review(ctx, d, say, func(o *lintOptions) { o.diff = true })
	return patch, res, err
}

// Trace records what a draft does.
func (e *engine) Trace(ctx context.Context, d mcp.Draft, say func(string)) (*lint.Result, error) {
	res, _, err := e.review(ctx, d, say, func(o *lintOptions) { o.noFixes, o.quick = true, true })
	return res, err
}

// Explain gives the page of a check.
func (e *engine) Explain(ctx context.Context, check string) (string, error) {
	b, _, out := e.call(nil)
	err := b.explain(ctx, strings.Fields(check))
	return out.String(), err
}

// Schema is the catalog after the migrations.
func (e *engine) Schema(ctx context.Context, say func(string)) (_ *schema.Catalog, err error) {
	b, o, _ := e.call(say)
	o.merged = true
	p, err := b.openProject(ctx, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx, o.timeout)
	defer cancel()
	s, err := b.openSession(ctx, p, o)
	if err != nil {
		return nil, e.failed(err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	db, err := s.fresh(ctx)
	if err != nil {
		return nil, e.failed(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.Catalog(ctx)
}

// Plan plans from the migrations to the schema of the project. The sides of a
// plan need a server of their own, which ends with it.
func (e *engine) Plan(ctx context.Context, say func(string)) (*mcp.Plan, error) {
	b, o, out := e.call(say)
	plan := &planOptions{lintOptions: *o, from: fromMigrations, renames: "hints"}
	if err := plan.check(); err != nil {
		return nil, err
	}
	err := b.plan(ctx, plan, "json", "")
	var doc mcp.Plan
	if out.Len() == 0 {
		return nil, err
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	return &doc, nil // one that is not proven says so itself
}
