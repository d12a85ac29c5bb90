package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/proof"
)

var _ proof.Lab = (*Bench)(nil)

// Bench is where rows are tried: on copies, which it throws away, of a database
// as it is before a change set.
type Bench struct {
	server *Server
	base   *DB            // nobody is connected to it while it is copied
	own    bool           // base is the bench's own
	copy   *DB            // as base is; nil: to be made
	conn   *pgconn.PgConn // the admin's, to copy
}

// Bench makes a bench of a database, which must stay as it is. Nothing is
// copied before something is tried.
func (s *Server) Bench(d *DB) *Bench { return &Bench{server: s, base: d} }

// Close throws the bench's copies away.
func (b *Bench) Close() error {
	err := b.discard()
	if b.own {
		err = errors.Join(err, b.base.Close())
	}
	return err
}

// Advance goes on to the state after a migration: what is tried from now on is
// tried there. A statement that the server refuses is a *devdb.StatementError,
// and the state then is as the tool would leave it.
func (b *Bench) Advance(ctx context.Context, m *migration.Migration) error {
	if err := b.discard(); err != nil {
		return err
	}
	if !b.own {
		base, err := b.server.Clone(ctx, b.base)
		if err != nil {
			return fmt.Errorf("copying the base to try rows on: %w", err)
		}
		b.base, b.own = base, true
	}
	return b.base.Replay(ctx, m)
}

// discard throws the copy away.
func (b *Bench) discard() error {
	if b.conn != nil {
		_ = b.conn.Close(context.Background()) // the database goes with it
		b.conn = nil
	}
	d := b.copy
	b.copy = nil
	return d.Close()
}

// fresh gives a connection to a copy that nothing has changed.
func (b *Bench) fresh(ctx context.Context) (*pgconn.PgConn, error) {
	if b.conn != nil && !b.conn.IsClosed() {
		return b.conn, nil
	}
	if b.copy == nil {
		d, err := b.server.Clone(ctx, b.base)
		if err != nil {
			return nil, err
		}
		b.copy = d
	}
	c, err := pgconn.ConnectConfig(ctx, &b.copy.admin.Config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the copy of the base: %w", err)
	}
	b.conn = c
	return c, nil
}

// inBlock opens a transaction in which types and functions of public are found
// by their bare name, as the rows are written.
const inBlock = "BEGIN; SET LOCAL search_path TO public, pg_catalog; SET LOCAL row_security TO off; "

// Query runs a query on a copy of the base.
func (b *Bench) Query(ctx context.Context, sql string) ([][]*string, error) {
	c, err := b.fresh(ctx)
	if err != nil {
		return nil, err
	}
	return ask(ctx, c, inBlock+sql+"; ROLLBACK")
}

// ask gives the rows of the last query that has any.
func ask(ctx context.Context, c *pgconn.PgConn, sql string) ([][]*string, error) {
	res, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, refusalOf(ctx, c, err)
	}
	var out [][]*string
	for _, r := range res {
		if len(r.FieldDescriptions) == 0 {
			continue
		}
		out = nil
		for _, row := range r.Rows {
			vals := make([]*string, len(row))
			for i, v := range row {
				if v != nil {
					s := string(v)
					vals[i] = &s
				}
			}
			out = append(out, vals)
		}
	}
	return out, nil
}

// refusalOf rolls back and gives the server's error as one of the rows or the query.
func refusalOf(ctx context.Context, c *pgconn.PgConn, err error) error {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || c.IsClosed() {
		return fmt.Errorf("trying rows on the dev database: %w", err)
	}
	if c.TxStatus() != 'I' {
		if _, err := c.Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
			return fmt.Errorf("trying rows on the dev database: %w", err)
		}
	}
	return &proof.Refusal{Code: pe.Code, Message: pe.Message, Detail: pe.Detail, Table: pe.TableName, Column: pe.ColumnName, Constraint: pe.ConstraintName}
}

// Try puts the rows into a copy of the base and runs the migrations over them,
// as the role and in the transactions that they would be run in.
func (b *Bench) Try(ctx context.Context, t proof.Trial) (out *proof.Tried, err error) {
	c, err := b.fresh(ctx)
	if err != nil {
		return nil, err
	}
	out = &proof.Tried{}
	parts := append(append([]string{}, t.Prepare...), t.Rows...)
	parts = append(append(parts, "SET CONSTRAINTS ALL IMMEDIATE"), t.Restore...)
	for i, p := range parts {
		parts[i] = strings.TrimSuffix(p, ";")
	}
	_, err = ask(ctx, c, inBlock+strings.Join(parts, "; ")+"; COMMIT")
	if errors.As(err, &out.Refused) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	d := b.copy
	defer func() { err = errors.Join(err, b.discard()) }()
	if t.Look != nil {
		if out.Before, err = ask(ctx, c, t.Look.Before); err != nil {
			return nil, err
		}
	}
	for _, m := range t.Run {
		if err = d.Replay(ctx, m); errors.As(err, &out.Failed) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if t.Look != nil {
		if out.After, err = ask(ctx, c, t.Look.After); err != nil {
			return nil, err
		}
	}
	return out, nil
}
