package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing/fstest"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/internal/report"
	"github.com/assaydb/assay/policy"
)

// recordingServer is a server that databases can be made on.
type recordingServer interface {
	Create(context.Context) (*postgres.DB, error)
	Version() devdb.Version
	Close() error
}

// policyFacts records the new migrations and judges them with the built-in
// checks: all that policies are told.
func (a *app) policyFacts(ctx context.Context, o *lintOptions) (f policy.Facts, p *policy.Policies, err error) {
	pr, err := a.openProject(ctx, o)
	if err != nil {
		return f, nil, err
	}
	if p, err = a.loadPolicies(ctx, pr.config, pr.fsys); err != nil {
		return f, nil, err
	}
	if a.context.ChangedFiles, err = a.changedFiles(ctx, pr); err != nil {
		return f, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("the run took longer than %s (--timeout)", o.timeout))
	defer cancel()
	s, err := a.openSession(ctx, pr, o)
	if err != nil {
		return f, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	rec, err := s.record(ctx, pr.dir, pr.new)
	if err != nil {
		return f, nil, err
	}
	rec.Edited = pr.edited
	found, err := analyzers.Checks{Alone: o.all}.Judge(ctx, rec, nil)
	if err != nil {
		return f, nil, err
	}
	if p == nil {
		return policy.Facts{Record: rec, Findings: found, Context: a.context, Stats: policyStats(pr.stats)}, nil, nil
	}
	return p.Facts(rec, found, a.context, policyStats(pr.stats)), p, nil
}

func (a *app) schemaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "schema", Short: "Judge a whole schema, without any migration", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.schemaLintCommand())
	return cmd
}

func (a *app) schemaLintCommand() *cobra.Command {
	r := &policyRun{}
	var url string
	cmd := &cobra.Command{
		Use: "lint [dump.sql]", Short: "Judge a schema by the policies",
		Long: `Judge a whole schema by the policies that the configuration names: that of a dump
(pg_dump --schema-only), of a database (--url, read with pg_dump), or what the migrations make.`,
		Example: "  assay schema lint schema.sql\n  assay schema lint --url postgres://localhost/shop\n  assay schema lint",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && url != "" {
				return usagef("assay schema lint takes one dump, or --url, or neither")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outs, err := parseOutputs(r.outputs)
			if err != nil {
				return err
			}
			res, err := a.lintSchema(cmd.Context(), r, args, url)
			if err != nil {
				return err
			}
			if err := a.write(res, outs, false, false); err != nil {
				return err
			}
			return verdict(res, r.failOn)
		},
	}
	r.serverFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&url, "url", "", "`database` to read the schema of")
	f.StringVar(&r.migrations, "dir", "", "migrations `directory` (default: found)")
	f.StringVar(&r.format, "dir-format", "", "migration tool's file `format` (default: detected): "+strings.Join(formats(), ", "))
	f.StringArrayVarP(&r.outputs, "output", "o", nil, "`format` of the report, or format=file; repeatable: "+report.Names())
	f.StringVar(&r.failOn, "fail-on", "", "lowest `severity` that makes the exit code 1: error, warning, info or off (default error)")
	return cmd
}

// lintSchema makes the schema on a server of its own and judges it.
func (a *app) lintSchema(ctx context.Context, r *policyRun, args []string, url string) (res *lint.Result, err error) {
	p, err := a.openPolicies(ctx, r, nil, false)
	if err != nil {
		return nil, err
	}
	pr := &project{fsys: r.fsys, config: r.config}
	dump, err := a.schemaDump(ctx, r, args, url)
	if err != nil {
		return nil, err
	}
	var merged []*migration.Migration
	subject := ""
	if dump == nil {
		opts := migration.Options{Format: migration.Format(r.format), Values: r.config.Values, Locations: r.config.Locations}
		if pr.dir, err = a.loadDir(r.fsys, &r.lintOptions, &opts); err != nil {
			return nil, usageError{err}
		}
		merged, subject = pr.dir.Migrations, pr.dir.Path
	} else {
		pr.dir = &migration.Dir{Path: path.Dir(dump.Path), Format: migration.Plain, Migrations: []*migration.Migration{dump}}
	}
	if err := pr.scripts(&lintOptions{setup: r.setup}); err != nil {
		return nil, err
	}
	server, err := a.openServer(ctx, pr, &r.lintOptions)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	db, err := server.Create(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := errors.Join(db.Setup(ctx, pr.setup), pipeline.Replay(ctx, db, merged)); err != nil {
		return nil, explained(err)
	}
	rec := &devdb.Record{Version: server.Version(), Dir: pr.dir, Base: merged}
	if dump != nil {
		rec.New = recorded(pr.dir.Migrations, true)
	}
	if err := pipeline.RecordAll(ctx, db, rec); err != nil {
		return nil, err
	}
	for _, m := range rec.New {
		if m.Err != nil {
			return nil, explained(m.Err)
		}
	}
	a.policies = p
	return a.judgeWith(ctx, pr, &r.lintOptions, rec, []pipeline.Judge{&policy.Rules{Policies: p, Subject: subject}})
}

// schemaDump reads the dump, or has pg_dump make one; nil for neither.
func (a *app) schemaDump(ctx context.Context, r *policyRun, args []string, url string) (*migration.Migration, error) {
	var m *migration.Migration
	var err error
	switch {
	case len(args) == 1:
		m, err = migration.LoadScript(r.fsys, path.Clean(filepath.ToSlash(args[0])), migration.Options{})
	case url != "":
		cmd := exec.CommandContext(ctx, "pg_dump", "--schema-only", "--no-owner", "--dbname", url)
		cmd.Stderr = a.stderr
		text, runErr := cmd.Output()
		if runErr != nil {
			return nil, fmt.Errorf("reading the schema with pg_dump: %w", runErr)
		}
		m, err = migration.LoadScript(fstest.MapFS{"schema.sql": &fstest.MapFile{Data: text}}, "schema.sql", migration.Options{})
	default:
		return nil, nil
	}
	if err != nil {
		return nil, usageError{err}
	}
	m.TxMode = migration.TxNone
	return m, nil
}
