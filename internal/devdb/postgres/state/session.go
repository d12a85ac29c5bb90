package state

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/plan"
)

// Session tries statements on one database, which stays as it is.
type Session struct{ conn *pgx.Conn }

// Open connects as the role that migrations run as. The session is the caller's to close.
func Open(ctx context.Context, d *postgres.DB) (*Session, error) {
	c, err := d.ConnectOwner(ctx)
	if err != nil {
		return nil, err
	}
	return &Session{c}, nil
}

// Close ends the session.
func (s *Session) Close(ctx context.Context) error { return s.conn.Close(context.WithoutCancel(ctx)) }

// Read reads the state of the database.
func (s *Session) Read(ctx context.Context) (*plan.State, error) { return Read(ctx, s.conn) }

// Try runs statements in a transaction that is rolled back, and reads the state
// that they lead to. A statement that fails is a *plan.Refused.
func (s *Session) Try(ctx context.Context, all []plan.Statement) (*plan.State, error) {
	defer func() { _, _ = s.conn.Exec(context.WithoutCancel(ctx), "ROLLBACK") }()
	if err := Apply(ctx, s.conn, all); err != nil {
		return nil, err
	}
	return Read(ctx, s.conn)
}

// Parts splits a name as SQL does; nothing if it is none.
func (s *Session) Parts(ctx context.Context, name string) (parts []string, err error) {
	err = s.conn.QueryRow(ctx, "SELECT pg_catalog.parse_ident($1)", name).Scan(&parts)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "22023" {
		return nil, nil
	}
	return parts, err
}
