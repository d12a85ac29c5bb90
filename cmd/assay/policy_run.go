package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/spf13/cobra"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/report"
	"github.com/assaydb/assay/policy"
)

// recordingServer is a server that databases can be made on.
type recordingServer interface {
	Create(context.Context) (*postgres.DB, error)
	Version() devdb.Version
	Close() error
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
	var address string
	cmd := &cobra.Command{
		Use: "lint [dump.sql]", Short: "Judge a schema by the policies",
		Long: `Judge a whole schema by the policies that the configuration names: that of a dump
(pg_dump --schema-only), of a database (--url, read with pg_dump), or what the migrations make.`,
		Example: "  assay schema lint schema.sql\n  assay schema lint --url postgres://localhost/shop\n  assay schema lint",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && address != "" {
				return usagef("assay schema lint takes one dump, or --url, or neither")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			outs, err := parseOutputs(r.outputs)
			if err != nil {
				return err
			}
			res, err := a.lintSchema(cmd.Context(), r, args, address)
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
	f.StringVar(&address, "url", "", "`database` to read the schema of")
	f.StringVar(&r.migrations, "dir", "", "migrations `directory` (default: found)")
	f.StringVar(&r.format, "dir-format", "", "migration tool's file `format` (default: detected): "+strings.Join(formats(), ", "))
	f.StringArrayVarP(&r.outputs, "output", "o", nil, "`format` of the report, or format=file; repeatable: "+report.Names())
	f.StringVar(&r.failOn, "fail-on", "", "lowest `severity` that makes the exit code 1: error, warning, info or off (default error)")
	return cmd
}

// lintSchema makes the schema on a server of its own and judges it.
func (a *app) lintSchema(ctx context.Context, r *policyRun, args []string, address string) (res *lint.Result, err error) {
	p, err := a.openPolicies(ctx, r, nil, false)
	if err != nil {
		return nil, err
	}
	pr := &project{fsys: r.fsys, rules: r.fsys, data: r.fsys, config: r.config}
	dump, roles, err := a.schemaDump(ctx, r, args, address)
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
	if err := errors.Join(pr.scripts(&lintOptions{setup: r.setup}), pr.loadStats(time.Now())); err != nil {
		return nil, err
	}
	if roles != nil && len(roles.Statements) > 0 {
		pr.setup = append(pr.setup, roles)
	}
	pr.base = merged
	if dump != nil {
		pr.new = recorded(pr.dir.Migrations, true)
	}
	o := r.lintOptions
	o.quick, o.noProofs = true, true // a schema is judged, and no change
	s, err := a.openSession(ctx, pr, &o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	fitDump(dump, s.server.Version())
	rec, err := a.first(ctx, s, &o)
	if err != nil {
		return nil, err
	}
	for _, m := range rec.New {
		if m.Err != nil {
			return nil, explained(m.Err, dump, s.server.Version())
		}
	}
	a.policies = p
	res, err = a.judgeWith(ctx, pr, &o, rec, a.policyJudges(pr, subject))
	if err == nil {
		name := subject
		if dump != nil {
			name = dump.Path
		}
		res.Against = fmt.Sprintf("the schema of %s, PostgreSQL %s", name, rec.Version.Text)
	}
	return res, err
}

// schemaDump reads the dump, or has pg_dump make one; nil for neither. The
// roles that it grants to are made, and owners are left as they are.
func (a *app) schemaDump(ctx context.Context, r *policyRun, args []string, address string) (dump, roles *migration.Migration, err error) {
	switch {
	case len(args) == 1:
		dump, err = migration.LoadScript(r.fsys, path.Clean(filepath.ToSlash(args[0])), migration.Options{})
	case address != "":
		var text string
		if text, err = pgDump(ctx, address); err != nil {
			return nil, nil, err
		}
		dump, err = script("schema.sql", text)
	default:
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, usageError{err}
	}
	dump.TxMode = migration.TxNone
	dump.Statements = slices.DeleteFunc(dump.Statements, func(s *migration.Statement) bool { return ownerTo.MatchString(s.Text) })
	roles, err = script("roles.sql", grantees(dump))
	return dump, roles, err
}

// pgDump reads the schema of a database. The password goes by the environment:
// everybody on the machine may read a program's arguments.
func pgDump(ctx context.Context, address string) (string, error) {
	env := os.Environ()
	if u, err := url.Parse(address); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			u.User = url.User(u.User.Username())
			address, env = u.String(), append(env, "PGPASSWORD="+password)
		}
	}
	cmd := exec.CommandContext(ctx, "pg_dump", "--schema-only", "--no-owner", "--dbname", address)
	var errs bytes.Buffer
	cmd.Stderr, cmd.Env = &errs, env
	text, err := cmd.Output()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", usagef("--url reads the schema with pg_dump, which is not installed: give a dump, made with pg_dump --schema-only")
	case err != nil && strings.Contains(errs.String(), "server version mismatch"):
		return "", fmt.Errorf("reading the schema: %s\nput a pg_dump of the server's major or a newer one first in PATH, or give a dump", strings.TrimSpace(errs.String()))
	case err != nil:
		return "", fmt.Errorf("reading the schema: %w: %s", err, strings.TrimSpace(errs.String()))
	}
	return string(text), nil
}

func script(name, text string) (*migration.Migration, error) {
	return migration.LoadScript(fstest.MapFS{name: &fstest.MapFile{Data: []byte(text)}}, name, migration.Options{})
}

var (
	ownerTo = regexp.MustCompile(`(?is)^ALTER\s.*\sOWNER\s+TO\s+\S+$`)
	granted = regexp.MustCompile(`(?is)^(?:GRANT|REVOKE|ALTER\s+DEFAULT\s+PRIVILEGES)\s.*\s(?:TO|FROM)\s+("[^"]+"|[a-z_][a-z0-9_$]*)(?:\s+WITH\s+GRANT\s+OPTION)?$`)
	toRoles = regexp.MustCompile(`(?is)\sTO\s+((?:"[^"]+"|[a-z_][a-z0-9_$]*)(?:\s*,\s*(?:"[^"]+"|[a-z_][a-z0-9_$]*))*)\s+(?:USING|WITH\s+CHECK)\s`)
)

// grantees is SQL that makes the roles that a dump speaks of.
func grantees(dump *migration.Migration) string {
	names := map[string]bool{}
	for _, s := range dump.Statements {
		if m := granted.FindStringSubmatch(s.Text); m != nil {
			names[m[1]] = true
		}
		if m := toRoles.FindStringSubmatch(s.Text); m != nil && strings.HasPrefix(strings.ToUpper(s.Text), "CREATE POLICY") {
			for _, name := range strings.Split(m[1], ",") {
				names[strings.TrimSpace(name)] = true
			}
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if strings.EqualFold(name, "public") || strings.HasPrefix(strings.ToLower(strings.Trim(name, `"`)), "pg_") {
			continue
		}
		fmt.Fprintf(&b, "DO $$ BEGIN CREATE ROLE %s; EXCEPTION WHEN duplicate_object THEN NULL; END $$;\n", name)
	}
	return b.String()
}

// explainPolicy is the page of a rule of the library or the project; empty if
// there is none of that name. A project whose policies do not load still has
// the library's.
func (a *app) explainPolicy(ctx context.Context, name string) (string, error) {
	shipped, err := policy.Load(ctx, policy.Options{Packs: policy.Packs()})
	if err != nil {
		return "", err
	}
	if page, err := shipped.Explain(ctx, name); page != "" || err != nil {
		return page, err
	}
	fsys, err := a.checkout()
	if err != nil {
		return "", err
	}
	c, err := a.loadConfig(&lintOptions{}, fsys)
	if err != nil {
		return "", usageError{err}
	}
	own, err := a.loadPolicies(ctx, c, fsys)
	if err != nil || own == nil {
		return "", err
	}
	return own.Explain(ctx, name)
}
