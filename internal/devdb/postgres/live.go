package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ReadLive reads a database that is somebody's, in one snapshot of a read-only
// transaction, and gives the major of its server. What f reads should be
// catalogs alone. No error holds a password.
func ReadLive(ctx context.Context, url, flag string, f func(context.Context, *pgx.Conn) error) (major int, err error) {
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return 0, ChoiceError{fmt.Errorf("reading %s: it is not a PostgreSQL URL such as postgres://user:password@host:5432/database", flag)}
	}
	conf.RuntimeParams["application_name"] = "assay"
	p, stop := livePulse("database of " + flag)
	defer func() { err = stop(err) }()
	wired(conf, p)
	pooled := conf.Copy()
	conf.RuntimeParams["default_transaction_read_only"] = "on"
	c, err := dialPgx(ctx, conf)
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) && refused.Code == "08P01" { // PgBouncer takes no such parameters
		c, err = dialPgx(ctx, pooled)
	}
	if err != nil {
		return 0, fmt.Errorf("connecting to the database of %s: %w", flag, err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	for _, sql := range []string{
		"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SET LOCAL lock_timeout = '1s'", "SET LOCAL statement_timeout = '5min'",
		"SET LOCAL datestyle = 'ISO, MDY'", "SET LOCAL intervalstyle = 'postgres'", "SET LOCAL extra_float_digits = 1", "SET LOCAL quote_all_identifiers = off",
	} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return 0, fmt.Errorf("opening a snapshot of the database of %s: %w", flag, err)
		}
	}
	defer func() { _, _ = c.Exec(context.WithoutCancel(ctx), "ROLLBACK") }() // it has only read
	var num int
	if err := c.QueryRow(ctx, "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4").Scan(&num); err != nil {
		return 0, fmt.Errorf("asking the server of %s for its version: %w", flag, err)
	}
	return num / 10000, f(ctx, c)
}

// Adopt gives what roles own in the database to the migrations' role, so that
// an owner whom nobody names is no difference.
func (d *DB) Adopt(ctx context.Context, roles []string) error {
	if len(roles) == 0 {
		return nil
	}
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	for _, r := range roles {
		if _, err := c.Exec(ctx, "REASSIGN OWNED BY "+quoted(r)+" TO "+quoted(d.server.owner)); err != nil {
			return fmt.Errorf("taking over what role %q owns: %w", r, err)
		}
	}
	return nil
}
