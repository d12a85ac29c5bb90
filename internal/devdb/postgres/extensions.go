package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/migration"
)

// available is what the server knows of an extension's version.
type available struct {
	trusted, relocatable, installed bool
	schema                          string // where it must be, empty for anywhere
	requires                        []string
}

// CreateExtension makes an extension as the admin, if it and those that it
// requires may be created; here is the schema that the session would make it in.
// What the admin runs is put together from what was asked for, and is never the
// text of a migration. The error says what to do.
func (d *DB) CreateExtension(ctx context.Context, e migration.Extension, here string) error {
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	if e.Schema != "" {
		here = e.Schema
	}
	if err := d.server.createExtension(ctx, c, e, here, map[string]bool{}); err != nil {
		return err
	}
	return d.server.giveExtensions(ctx, c)
}

func (s *Server) createExtension(ctx context.Context, c *pgx.Conn, e migration.Extension, here string, seen map[string]bool) error {
	seen[e.Name] = true
	a, err := s.available(ctx, c, e)
	if err != nil {
		return err
	}
	named := slices.Contains(s.config.Extensions, e.Name)
	if !a.trusted && !slices.Contains(allowedExtensions, e.Name) && !named {
		return fmt.Errorf("extension %q can reach beyond the database, so migrations may not create it: add it to `extensions:` in assay.yaml if you trust them", e.Name)
	}
	for _, r := range a.requires {
		// Without CASCADE the server says what is missing.
		if required, err := s.available(ctx, c, migration.Extension{Name: r}); err != nil || required.installed || !e.Cascade || seen[r] {
			if err != nil {
				return err
			}
			continue
		}
		if err := s.createExtension(ctx, c, migration.Extension{Name: r, Cascade: true}, here, seen); err != nil {
			return err
		}
	}
	if a.schema != "" && e.Schema == "" {
		here = ""
	}
	if here == "" && a.schema == "" {
		return fmt.Errorf("creating extension %q: no schema has been selected to create in: name one with SCHEMA, or set search_path", e.Name)
	}
	if !a.trusted && !a.relocatable && !named {
		if err := s.clean(ctx, c, e.Name, here, a); err != nil {
			return err
		}
	}
	return installExtension(ctx, c, e, here, !a.trusted && a.relocatable && a.schema == "")
}

// available asks the server about an extension.
func (s *Server) available(ctx context.Context, c *pgx.Conn, e migration.Extension) (a available, err error) {
	err = c.QueryRow(ctx, `SELECT v.trusted, v.relocatable, coalesce(v.schema::pg_catalog.text, ''), coalesce(v.requires::pg_catalog.text[], '{}'), e.installed_version IS NOT NULL
		FROM pg_catalog.pg_available_extensions e JOIN pg_catalog.pg_available_extension_versions v
		ON v.name OPERATOR(pg_catalog.=) e.name AND v.version OPERATOR(pg_catalog.=) coalesce(nullif($2, ''), e.default_version)
		WHERE e.name OPERATOR(pg_catalog.=) $1::pg_catalog.name`, e.Name, e.Version).Scan(&a.trusted, &a.relocatable, &a.schema, &a.requires, &a.installed)
	if errors.Is(err, pgx.ErrNoRows) {
		return a, errors.New(missingExtension(e.Name))
	}
	if err != nil {
		err = fmt.Errorf("looking for extension %q: %w", e.Name, err)
	}
	return a, err
}

// clean refuses to run an extension's script as superuser in a schema where it
// could meet functions and operators of the migrations instead of its own.
func (s *Server) clean(ctx context.Context, c *pgx.Conn, name, here string, a available) error {
	if here == "" {
		here = a.schema
	}
	var found string
	err := c.QueryRow(ctx, `SELECT coalesce(pg_catalog.min(x.name), '') FROM (
		SELECT p.oid::pg_catalog.regprocedure::pg_catalog.text AS name, p.oid, p.proowner AS owner, p.pronamespace AS space, 'pg_catalog.pg_proc'::pg_catalog.regclass AS class FROM pg_catalog.pg_proc p
		UNION ALL SELECT o.oid::pg_catalog.regoperator::pg_catalog.text, o.oid, o.oprowner, o.oprnamespace, 'pg_catalog.pg_operator'::pg_catalog.regclass FROM pg_catalog.pg_operator o) x
		JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) x.space JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) x.owner
		WHERE NOT r.rolsuper AND (n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name
			OR n.oid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT q.extnamespace FROM pg_catalog.pg_extension q WHERE q.extname OPERATOR(pg_catalog.=) ANY ($2::pg_catalog.name[]))))
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid OPERATOR(pg_catalog.=) x.class AND d.objid OPERATOR(pg_catalog.=) x.oid AND d.deptype OPERATOR(pg_catalog.=) 'e')`,
		here, a.requires).Scan(&found)
	if err != nil {
		return fmt.Errorf("looking at the schema of extension %q: %w", name, err)
	}
	if found != "" {
		return fmt.Errorf("extension %q runs its script as a superuser, and would meet %s of the migrations in it: create the extension first, in a schema of its own or in a file named under `setup:`, or add it to `extensions:` in assay.yaml if you trust them", name, found)
	}
	return nil
}

// installExtension makes an extension. With apart its script runs in a schema
// where nothing else is, and the extension is moved afterwards.
func installExtension(ctx context.Context, c *pgx.Conn, e migration.Extension, here string, apart bool) error {
	sql := "CREATE EXTENSION "
	if e.IfNotExists {
		sql += "IF NOT EXISTS "
	}
	sql += quoted(e.Name)
	into := here
	if apart {
		into = "assay_extension"
	}
	if into != "" {
		sql += " SCHEMA " + quoted(into)
	}
	if e.Version != "" {
		sql += " VERSION " + literal(e.Version)
	}
	if apart {
		sql = "CREATE SCHEMA assay_extension; " + sql + "; ALTER EXTENSION " + quoted(e.Name) + " SET SCHEMA " + quoted(here) + "; DROP SCHEMA assay_extension"
	}
	_, err := c.PgConn().Exec(ctx, sql).ReadAll()
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return fmt.Errorf("creating extension %q as admin: %s", e.Name, refused.Message)
	}
	if err != nil {
		return fmt.Errorf("creating extension %q as admin: %w", e.Name, err)
	}
	return nil
}
