package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// Setup runs SQL with the admin connection: what a platform provides before
// the first migration. A refused statement is a *devdb.StatementError.
func (d *DB) Setup(ctx context.Context, ms []*migration.Migration) error {
	if len(ms) == 0 {
		return nil
	}
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		return fmt.Errorf("connecting for the setup: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	for _, m := range ms {
		for _, st := range m.Statements {
			if err := d.setup(ctx, c.PgConn(), st); err != nil {
				return err
			}
		}
	}
	return d.server.giveExtensions(ctx, c)
}

func (d *DB) setup(ctx context.Context, c *pgconn.PgConn, st *migration.Statement) error {
	if t := d.server.config.StatementTimeout; t > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, t, fmt.Errorf("statement timeout after %s", t))
		defer cancel()
	}
	var err error
	switch st.Kind {
	case migration.Skip:
		return nil
	case migration.CopyData:
		_, err = c.CopyFrom(ctx, bytes.NewReader(st.Data), st.Text)
	default:
		_, err = c.Exec(ctx, st.Text).ReadAll()
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return statementError(st, sent{err: pe})
	}
	if err != nil {
		return fmt.Errorf("%s:%d: running the setup: %w", st.Pos.Path, st.Pos.Line, errors.Join(context.Cause(ctx), err))
	}
	return nil
}

var (
	extensionFile  = regexp.MustCompile(`extension "([^"]+)" is not available|extension control file ".*/([^"/]+)\.control"`)
	missingRole    = regexp.MustCompile(`role "([^"]+)" does not exist`)
	missingSchema  = regexp.MustCompile(`schema "([^"]+)" does not exist`)
	extensionRight = regexp.MustCompile(`permission denied to create extension "([^"]+)"`)
)

// Explain says what to do about a refused statement when the cause is the dev
// server rather than the migration: something that the platform provides is
// missing, or the sandbox refused. Empty if there is nothing to add.
func Explain(err *devdb.StatementError) string {
	switch err.Code {
	case "0A000", "58P01": // an extension's control file: the code was changed in 14
		if m := extensionFile.FindStringSubmatch(err.Message); m != nil {
			return missingExtension(m[1] + m[2])
		}
	case "42704":
		if m := missingRole.FindStringSubmatch(err.Message); m != nil {
			return fmt.Sprintf("if your platform provides role %q, create it in a file named under `setup:` in assay.yaml (or --setup): CREATE ROLE %s;", m[1], quoted(m[1]))
		}
	case "3F000":
		if m := missingSchema.FindStringSubmatch(err.Message); m != nil {
			return fmt.Sprintf("if your platform provides schema %q, create it in a file named under `setup:` in assay.yaml (or --setup): CREATE SCHEMA %s;", m[1], quoted(m[1]))
		}
	case "42710":
		if m := regexp.MustCompile(`role "([^"]+)" already exists`).FindStringSubmatch(err.Message); m != nil {
			return fmt.Sprintf("roles belong to the whole server: drop %q on the --dev-url server, or use a server of assay's own", m[1])
		}
	case "42501":
		if m := extensionRight.FindStringSubmatch(err.Message); m != nil {
			if err.Hint != "" {
				return err.Hint
			}
			return fmt.Sprintf("migrations run without superuser rights: add %q to `extensions:` in assay.yaml if you trust it", m[1])
		}
		return "migrations run without superuser rights, so that a pull request cannot reach the machine: move what the platform provides to a file named under `setup:` in assay.yaml, or set `superuser: true` if you trust every migration"
	}
	return ""
}
