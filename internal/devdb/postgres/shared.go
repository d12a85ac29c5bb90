package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// sharedSQL puts in one text what a migration can change beyond its database:
// roles with their attributes, memberships and settings, tablespaces and databases' settings.
const sharedSQL = `SELECT md5(concat(
  (SELECT string_agg(r::text, ',' ORDER BY oid) FROM pg_catalog.pg_roles r),
  (SELECT string_agg(m::text, ',' ORDER BY roleid, member, grantor) FROM pg_catalog.pg_auth_members m),
  (SELECT string_agg(s::text, ',' ORDER BY setrole) FROM pg_catalog.pg_db_role_setting s WHERE setdatabase = 0),
  (SELECT string_agg(t.oid::text || t::text, ',' ORDER BY t.oid) FROM pg_catalog.pg_tablespace t),
  (SELECT string_agg(d.objoid::text || d.description, ',' ORDER BY d.objoid, d.classoid) FROM pg_catalog.pg_shdescription d)))`

// Shared is a digest of what the databases of the server have in common and a
// migration can change: roles, their settings, tablespaces. A server on which it
// differs is not the one that the next run expects.
func (s *Server) Shared(ctx context.Context) (digest string, err error) {
	err = s.asAdmin(ctx, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, sharedSQL).Scan(&digest)
	})
	if err != nil {
		return "", fmt.Errorf("reading what the databases share: %w", err)
	}
	return digest, nil
}
