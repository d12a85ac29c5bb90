package state

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/plan"
)

// ReadURL reads the state of somebody's database, catalogs alone, and the major
// of its server. flag is where the URL was given.
func ReadURL(ctx context.Context, url, flag string) (s *plan.State, major int, err error) {
	major, err = postgres.ReadLive(ctx, url, flag, func(ctx context.Context, c *pgx.Conn) (err error) {
		s, err = Read(ctx, c)
		return err
	})
	return s, major, err
}
