package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// harmless are predefined roles that the migrations' role may hand on. Those
// for server files and programs, and for subscriptions, are not among them.
var harmless = []string{
	"pg_monitor", "pg_read_all_settings", "pg_read_all_stats", "pg_stat_scan_tables", "pg_signal_backend",
	"pg_read_all_data", "pg_write_all_data", "pg_checkpoint", "pg_use_reserved_connections", "pg_maintain", "pg_signal_autovacuum_worker",
}

// allowedExtensions may be created by the admin though they are not trusted:
// none of them gives a way to files, programs or the network. dblink,
// postgres_fdw, file_fdw and untrusted languages are left out for that.
var allowedExtensions = []string{
	"address_standardizer", "address_standardizer_data_us", "amcheck", "autoinc", "bloom", "earthdistance",
	"hypopg", "insert_username", "moddatetime", "pg_buffercache", "pg_freespacemap", "pg_prewarm", "pg_stat_statements", "pg_visibility",
	"pgrouting", "pgrowlocks", "pgstattuple", "postgis", "postgis_raster", "postgis_sfcgal", "postgis_tiger_geocoder", "postgis_topology",
	"refint", "sslinfo", "timescaledb", "vector", "xml2",
}

// makeOwner makes the role that migrations run as on an own server: everything
// that a superuser may, short of what reaches out of the database.
func (s *Server) makeOwner(ctx context.Context, c *pgx.Conn) error {
	var there bool
	if err := c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) $1::pg_catalog.name)", ownerRole).Scan(&there); err != nil || there {
		return err
	}
	if s.owner == adminRole { // migrations are trusted; dumps name the superuser that most servers have
		if _, err := c.Exec(ctx, "CREATE ROLE "+quoted(ownerRole)+" SUPERUSER"); err != nil {
			return fmt.Errorf("making role %s: %w", ownerRole, err)
		}
		return nil
	}
	pass := ""
	if s.own.pass != "" {
		s.pass = s.own.pass
		pass = " PASSWORD '" + s.pass + "'"
	}
	owner := quoted(s.owner)
	sql := ""
	if s.version.Num < 160000 {
		// There CREATEROLE may grant itself any role that is no superuser, those
		// for server programs and files included. Nobody can become these; made
		// superusers they can be granted by superusers alone.
		sql = "UPDATE pg_catalog.pg_authid SET rolsuper = true WHERE rolname OPERATOR(pg_catalog.=) ANY ('{pg_execute_server_program,pg_read_server_files,pg_write_server_files}'::pg_catalog.name[]);\n"
	}
	sql += "CREATE ROLE " + owner + " LOGIN NOSUPERUSER CREATEROLE CREATEDB REPLICATION BYPASSRLS" + pass + ";\n"
	var roles []string
	if err := c.QueryRow(ctx, "SELECT pg_catalog.array_agg(rolname::pg_catalog.text ORDER BY 1) FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) ANY($1::pg_catalog.name[])", harmless).Scan(&roles); err != nil {
		return err
	}
	for _, r := range roles {
		sql += "GRANT " + quoted(r) + " TO " + owner + " WITH ADMIN OPTION;\n"
	}
	if s.version.Num >= 150000 { // seeds and dumps switch triggers off with it
		sql += "GRANT SET ON PARAMETER session_replication_role TO " + owner + ";\n"
	}
	if s.version.Num >= 160000 { // before, CREATEROLE alone let it use the roles it makes
		sql += "ALTER ROLE " + owner + " SET createrole_self_grant = 'set, inherit';\n"
	}
	if _, err := c.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
		return fmt.Errorf("making the role that migrations run as: %w", err)
	}
	return nil
}

// give makes the owner own what a new database holds.
func (d *DB) give(ctx context.Context) error {
	s := d.server
	if s.owner == s.admin.User {
		return nil
	}
	c, err := d.ConnectAdmin(ctx)
	if err != nil {
		return fmt.Errorf("connecting to the new database: %w", err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "ALTER SCHEMA public OWNER TO "+quoted(s.owner)); err != nil {
		return fmt.Errorf("giving schema public to the migrations' role: %w", err)
	}
	if err := s.closeSlots(ctx, c); err != nil {
		return err
	}
	return s.giveExtensions(ctx, c)
}

// closeSlots keeps migrations from making replication slots. The plugin of a
// logical one is any library of the machine, and a pull request may bring one;
// on a server that is not assay's own a physical one would stay and keep the log.
// The role keeps REPLICATION, which it needs to give it to others.
func (s *Server) closeSlots(ctx context.Context, c *pgx.Conn) error {
	if !s.super {
		return nil
	}
	closed := "'{pg_create_logical_replication_slot,pg_copy_logical_replication_slot}'"
	if s.own == nil {
		closed = "'{pg_create_logical_replication_slot,pg_copy_logical_replication_slot,pg_create_physical_replication_slot,pg_copy_physical_replication_slot}'"
	}
	_, err := c.Exec(ctx, `DO $$ DECLARE f pg_catalog.regprocedure; BEGIN
		FOR f IN SELECT p.oid FROM pg_catalog.pg_proc p WHERE p.pronamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace AND p.proname OPERATOR(pg_catalog.=) ANY (`+closed+`::pg_catalog.name[]) LOOP
			EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
		END LOOP; END $$`, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return fmt.Errorf("keeping replication slots from the migrations' role: %w", err)
	}
	return nil
}

// giveExtensions lets the owner comment on extensions, as dumps do: there is
// no ALTER EXTENSION … OWNER TO.
func (s *Server) giveExtensions(ctx context.Context, c *pgx.Conn) error {
	if !s.super {
		return nil
	}
	_, err := c.Exec(ctx, "UPDATE pg_catalog.pg_extension SET extowner = r.oid FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND extowner OPERATOR(pg_catalog.<>) r.oid", s.owner)
	if err != nil {
		return fmt.Errorf("giving the extensions to the migrations' role: %w", err)
	}
	return nil
}

func missingExtension(name string) string {
	return fmt.Sprintf("the dev server has no extension %q: use one that has it, such as a container of the image that production runs, with --dev-url", strings.Trim(name, `"`))
}
