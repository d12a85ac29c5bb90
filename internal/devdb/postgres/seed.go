package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// Seed gives a copy of the bench's base with the team's own data in it, the
// caller's to close. Foreign keys and triggers are out of the way while it is
// loaded, where the server allows that, since a dump has its tables in any
// order. It is loaded as the role that migrations run as: the file may come
// with a pull request. Data that the base does not take is a *devdb.StatementError with the
// line of the row.
func (b *Bench) Seed(ctx context.Context, files []*migration.Migration) (d *DB, err error) {
	if d, err = b.server.Clone(ctx, b.base); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
			d = nil
		}
	}()
	d.large = true
	conn, err := d.connectQuiet(ctx)
	quiet := conn != nil
	if err == nil && !quiet { // foreign keys then hold while loading
		conn, err = d.ConnectOwner(ctx)
	}
	if err != nil {
		return d, fmt.Errorf("connecting to load the seed: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	c := conn.PgConn()
	for _, m := range files {
		for _, st := range m.Statements {
			if st.Kind == migration.Skip || quiet && quieting.MatchString(st.Text) {
				continue
			}
			if err := loadSeed(ctx, c, st); err != nil {
				return d, err
			}
		}
	}
	return d, orphans(ctx, c, files)
}

// quieting are statements with which dumps leave triggers out of the way. Only a
// superuser may run them, and the triggers are out of the way already.
var quieting = regexp.MustCompile(`(?is)^\s*(?:ALTER\s+TABLE\s+(?:ONLY\s+)?\S+\s+(?:DIS|EN)ABLE\s+TRIGGER\s+ALL|SET\s+(?:SESSION\s+|LOCAL\s+)?session_replication_role\b[^;]*)\s*;?\s*$`)

// findOrphans raises an error for the first foreign key that rows break: they
// were loaded with the triggers that check it off.
const findOrphans = `DO $$
DECLARE k record; n bigint;
BEGIN
  FOR k IN
    SELECT c.conname, c.conrelid::regclass AS child, c.confrelid::regclass AS parent,
      (SELECT string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ') FROM unnest(c.conkey) x JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = x) AS given,
      (SELECT string_agg(format('p.%I = c.%I', b.attname, a.attname), ' AND ') FROM unnest(c.conkey, c.confkey) AS u (x, y)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = x JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = y) AS same
    FROM pg_constraint c WHERE c.contype = 'f' AND c.convalidated AND c.conparentid = 0 ORDER BY 2, 1
  LOOP
    EXECUTE format('SELECT count(*) FROM %s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s)', k.child, k.given, k.parent, k.same) INTO n;
    IF n > 0 THEN
      RAISE foreign_key_violation USING MESSAGE = format('%s of its rows in %s refer to rows of %s that are not there (foreign key %I)', n, k.child, k.parent, k.conname), TABLE = k.child::text;
    END IF;
  END LOOP;
END $$`

// orphans refuses a seed that breaks a foreign key of the base, at the first
// statement that writes the table.
func orphans(ctx context.Context, c *pgconn.PgConn, files []*migration.Migration) error {
	_, err := c.Exec(ctx, findOrphans).ReadAll()
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		if err != nil {
			return fmt.Errorf("checking the foreign keys of the seed: %w", err)
		}
		return nil
	}
	for _, m := range files {
		for _, st := range m.Statements {
			for _, o := range st.Syntax.Objects {
				if o == pe.TableName || strings.HasSuffix(o, "."+pe.TableName) {
					return fmt.Errorf("%s:%d: %s", st.Pos.Path, st.Pos.Line, pe.Message)
				}
			}
		}
	}
	return fmt.Errorf("the seed: %s", pe.Message)
}

var copyLine = regexp.MustCompile(`^COPY .*, line (\d+)`)

func loadSeed(ctx context.Context, c *pgconn.PgConn, st *migration.Statement) error {
	var err error
	if st.Kind == migration.CopyData {
		_, err = c.CopyFrom(ctx, bytes.NewReader(st.Data), st.Text)
	} else {
		_, err = c.Exec(ctx, st.Text).ReadAll()
	}
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		if err != nil {
			return fmt.Errorf("%s:%d: loading the seed: %w", st.Pos.Path, st.Pos.Line, err)
		}
		return nil
	}
	at := *st
	if m := copyLine.FindStringSubmatch(pe.Where); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			at.Pos.Line += n
		}
	}
	return statementError(&at, sent{err: pe})
}

// Rerun runs migrations on a copy of a seeded database. A statement that fails
// comes back as such; the error is the run's own.
func (b *Bench) Rerun(ctx context.Context, seeded *DB, run []*migration.Migration) (failed *devdb.StatementError, err error) {
	d, err := b.server.Clone(ctx, seeded)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for _, m := range run {
		if err = d.Replay(ctx, m); errors.As(err, &failed) {
			return failed, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}
