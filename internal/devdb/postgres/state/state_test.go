package state_test

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/devdb/postgres"
)

// admin connects as the admin, with the search_path that users have.
func admin(d *postgres.DB, ctx context.Context) (*pgx.Conn, error) {
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		return nil, err
	}
	_, err = c.Exec(ctx, `SET search_path = "$user", public`)
	return c, err
}
