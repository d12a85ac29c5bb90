package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// Setup runs what a platform provides before the first migration: as the admin
// does, or where it is a stranger's (Config.StrangersSetup) as the role that
// migrations run as. A refused statement is a *devdb.StatementError.
func (d *DB) Setup(ctx context.Context, ms []*migration.Migration) error {
	if len(ms) == 0 {
		return nil
	}
	if d.server.config.StrangersSetup {
		for _, m := range ms {
			if err := d.Replay(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}
	c, err := d.connectSetup(ctx)
	if err != nil {
		return fmt.Errorf("connecting for the setup: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	for _, m := range ms {
		if err := d.server.existing.note(ctx, m); err != nil {
			return err
		}
		for _, st := range m.Statements {
			if err := d.setup(ctx, c.PgConn(), st); err != nil {
				return err
			}
		}
	}
	admin, err := d.ConnectAdmin(ctx)
	if err != nil {
		return fmt.Errorf("connecting after the setup: %w", err)
	}
	defer admin.Close(context.WithoutCancel(ctx))
	return d.giveSetup(ctx, admin)
}

// connectSetup opens the admin's one session in which an ordinary search_path
// holds: what a setup makes is to be in public.
func (d *DB) connectSetup(ctx context.Context) (*pgx.Conn, error) {
	d.touch()
	c := d.admin.Copy()
	c.AfterConnect, c.RuntimeParams = nil, nil
	return dialPgx(ctx, c)
}

// giveSetup makes the migrations' role own what the setup made, and a member
// of the roles it made: a platform's setup runs as its administrator, its
// migrations as somebody who may work with what is there.
func (d *DB) giveSetup(ctx context.Context, c *pgx.Conn) error {
	s := d.server
	if err := s.giveExtensions(ctx, c); err != nil || s.owner == s.admin.User {
		return err
	}
	var known []string // they were on the server before: nothing of them is the run's to give
	if s.existing != nil {
		known = s.existing.before.roles
	}
	if _, err := c.Exec(ctx, strings.ReplaceAll(giveObjects, "{known}", names(known)), pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("giving what the setup made to the migrations' role: %w", err)
	}
	return nil
}

// giveObjects hands over what the current user owns outside of extensions to
// the owner of schema public, and lets that owner use the new roles that are no
// superuser's. Partitions, owned sequences and the types of tables follow
// their table by themselves.
const giveObjects = `DO $$
DECLARE o record; owner name := (SELECT nspowner::regrole::text FROM pg_catalog.pg_namespace WHERE nspname = 'public');
BEGIN
  FOR o IN
    SELECT format('ALTER SCHEMA %I OWNER TO %s', nspname, owner) AS sql FROM pg_catalog.pg_namespace
    WHERE nspowner = current_user::regrole AND nspname !~ '^pg_|^information_schema$|^assay' AND oid NOT IN (SELECT objid FROM pg_catalog.pg_depend WHERE deptype = 'e')
    UNION ALL
    SELECT format('ALTER %s %s OWNER TO %s', CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.oid::regclass, owner)
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE relowner = current_user::regrole AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND nspname !~ '^pg_|^information_schema$|^assay'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'a', 'i') AND (d.deptype = 'e' OR relkind = 'S'))
    UNION ALL
    SELECT format('ALTER ROUTINE %s OWNER TO %s', p.oid::regprocedure, owner)
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE proowner = current_user::regrole AND nspname !~ '^pg_|^information_schema$|^assay' AND prokind IN ('f', 'p')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT format('ALTER %s %s OWNER TO %s', CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, t.oid::regtype, owner)
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE typowner = current_user::regrole AND nspname !~ '^pg_|^information_schema$|^assay' AND typtype IN ('e', 'd', 'r', 'c')
      AND (typrelid = 0 OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = typrelid AND c.relkind = 'c'))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e')
    UNION ALL
    SELECT format('GRANT %I TO %s', rolname, owner) FROM pg_catalog.pg_roles
    WHERE NOT rolsuper AND rolname !~ '^pg_|^assay' AND quote_ident(rolname) <> owner AND rolname <> ALL (ARRAY[{known}]::name[])
      AND NOT pg_catalog.pg_has_role((SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname = 'public'), oid, 'MEMBER')
  LOOP
    EXECUTE o.sql;
  END LOOP;
END $$`

// names writes a list of names as SQL.
func names(list []string) string {
	out := make([]string, len(list))
	for i, n := range list {
		out[i] = literal(n)
	}
	return strings.Join(out, ", ")
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
	if made, stubbing := d.stubSetup(ctx, c, st.Text, err); made || stubbing != nil {
		return stubbing
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
		if strings.HasSuffix(err.Message, "is a system trigger") {
			return "DISABLE TRIGGER ALL switches foreign keys off, too, which takes a superuser; DISABLE TRIGGER USER leaves them on"
		}
		return "migrations run without superuser rights, so that a pull request cannot reach the machine: move what the platform provides to a file named under `setup:` in assay.yaml, or set `superuser: true` if you trust every migration"
	}
	return ""
}
