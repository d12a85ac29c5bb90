package state

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/plan"
)

// Connect opens a connection to a database: (*postgres.DB).ConnectOwner or ConnectAdmin.
type Connect func(*postgres.DB, context.Context) (*pgx.Conn, error)

// NewTrial gives a trial on the database, which stays as it is; statements run
// on connections that as opens.
func NewTrial(s *postgres.Server, d *postgres.DB, as Connect) plan.Trial {
	return &trial{server: s, db: d, connect: as}
}

type trial struct {
	server  *postgres.Server
	db      *postgres.DB
	connect Connect
}

// Run runs the statements in one transaction that is rolled back. Where one must
// be committed before the next they run on a copy of the database.
func (t *trial) Run(ctx context.Context, statements []plan.Statement) (_ *plan.State, err error) {
	on := t.db
	if slices.ContainsFunc(statements, func(s plan.Statement) bool { return s.Alone }) {
		if on, err = t.server.Clone(ctx, t.db); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, on.Close()) }()
	}
	c, err := t.connect(on, ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close(ctx) }()
	if err := Apply(ctx, c, statements); err != nil {
		return nil, err
	}
	return Read(ctx, c)
}

// Apply runs statements: those that must be committed by themselves, the others
// in transactions between them. The last transaction stays open. A statement
// that fails is a *plan.Refused.
func Apply(ctx context.Context, c *pgx.Conn, statements []plan.Statement) error {
	open := false
	exec := func(sql string) error {
		_, err := c.PgConn().Exec(ctx, sql).ReadAll()
		return err
	}
	for i, s := range statements {
		var err error
		if open == s.Alone {
			err = exec(map[bool]string{true: "COMMIT", false: "BEGIN"}[open])
			open = !open
		}
		if err == nil {
			err = exec(s.SQL)
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			return &plan.Refused{At: i, SQL: s.SQL, SQLState: refused.Code, Message: refused.Message, Detail: refused.Detail}
		} else if err != nil {
			return fmt.Errorf("trying a plan: %w", err)
		}
	}
	return nil
}
