// Package state reads the schema of a database for planning. It shares no code
// with the catalog that internal/schema describes, so that each can be held
// against the other.
package state

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/plan"
)

// Read reads the state that a connection sees, in its transaction if one is
// open. It reads catalogs alone, takes no lock on a table and needs no rights
// but to connect; what the role may not read is named in Unread.
func Read(ctx context.Context, c *pgx.Conn) (*plan.State, error) {
	return nil, errors.New("reading the state is not written yet")
}

// NewTrial gives a trial on the database, which must stay as it is.
func NewTrial(s *postgres.Server, d *postgres.DB) plan.Trial {
	return &trial{server: s, db: d}
}

type trial struct {
	server *postgres.Server
	db     *postgres.DB
}

func (t *trial) Run(ctx context.Context, statements []plan.Statement) (*plan.State, error) {
	return nil, errors.New("trying a plan is not written yet")
}
