package postgres

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// answerWithin is how long a server may take to let assay in. Only one that is
// stopped takes that long.
const answerWithin = 40 * time.Second

// plainConfig is a configuration that no PG* variable of the environment has had
// a say in: pgx reads them, so they are out of the way for that moment, before
// anything else runs.
var plainConfig = func() *pgx.ConnConfig {
	var away [][2]string
	for _, kv := range os.Environ() {
		if name, value, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "PG") {
			away = append(away, [2]string{name, value})
			os.Unsetenv(name)
		}
	}
	c, err := pgx.ParseConfig("sslmode=disable host=localhost passfile=''")
	for _, kv := range away {
		os.Setenv(kv[0], kv[1])
	}
	if err != nil {
		panic(err) // the text is a constant
	}
	c.Fallbacks, c.RuntimeParams = nil, map[string]string{}
	return c
}()

// dial opens a connection, and dialPgx one with more comfort: the only two
// places from which assay reaches a server. The configuration is one that
// wired has made.
func dial(ctx context.Context, c *pgconn.Config) (*pgconn.PgConn, error) {
	if c.AfterNetConnect == nil {
		return nil, fmt.Errorf("connecting to %s: the connection has no limits", c.Host)
	}
	return pgconn.ConnectConfig(ctx, c)
}

func dialPgx(ctx context.Context, c *pgx.ConnConfig) (*pgx.Conn, error) {
	if c.AfterNetConnect == nil {
		return nil, fmt.Errorf("connecting to %s: the connection has no limits", c.Host)
	}
	return pgx.ConnectConfig(ctx, c.Copy())
}

// wired bounds what a connection may take: the time to be let in, and the size
// of what the server says. The pulse gets every connection and every error; nil for nobody.
func wired(c *pgx.ConnConfig, p *pulse) {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = answerWithin
	}
	c.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, n net.Conn) (net.Conn, error) {
		b := newBounded(n, p)
		if p == nil {
			return b, nil
		}
		return b, p.opened(b)
	}
}

// adminPins are startup parameters of every session of the admin's. They
// outrank what ALTER DATABASE and ALTER ROLE set, which the owner of a database
// may do: an operator or view of a migration's own is never found, and no
// setting of a migration ends or changes what the admin does.
var adminPins = map[string]string{
	"search_path":                         "pg_catalog, pg_temp",
	"role":                                "none",
	"default_transaction_read_only":       "off",
	"default_transaction_deferrable":      "off",
	"default_transaction_isolation":       "read committed",
	"statement_timeout":                   "0",
	"lock_timeout":                        "0",
	"idle_in_transaction_session_timeout": "0",
	"local_preload_libraries":             "",
	"client_encoding":                     "UTF8",
	"standard_conforming_strings":         "on",
	"exit_on_error":                       "off",
	"row_security":                        "on",
	"check_function_bodies":               "on",
	"default_tablespace":                  "",
	"temp_tablespaces":                    "",
	"default_table_access_method":         "heap",
	"transform_null_equals":               "off",
	"array_nulls":                         "on",
	"bytea_output":                        "hex",
	"quote_all_identifiers":               "off",
	"datestyle":                           "ISO, MDY",
	"intervalstyle":                       "postgres",
	"timezone":                            "UTC",
	"extra_float_digits":                  "1",
}

// latePins are those that older majors do not know, and that only a superuser may set.
func latePins(num int, super bool) map[string]string {
	out := map[string]string{}
	if num >= 140000 {
		out["idle_session_timeout"] = "0"
	}
	if num >= 170000 {
		out["transaction_timeout"] = "0"
	}
	if super {
		// Event triggers run their functions as whoever changes something, and the
		// functions may be a migration's: none fires for the admin.
		out["session_preload_libraries"], out["session_replication_role"] = "", "replica"
		if num >= 170000 {
			out["event_triggers"] = "off"
		}
	}
	return out
}

// unsetSQL takes back every other setting that ALTER DATABASE or ALTER ROLE made
// for the admin's session: extensions have settings that no list can name.
const unsetSQL = `SELECT pg_catalog.set_config(s.name, s.boot_val, false) FROM pg_catalog.pg_settings s
WHERE EXISTS (SELECT FROM pg_catalog.pg_db_role_setting x
    WHERE (x.setdatabase OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR x.setdatabase OPERATOR(pg_catalog.=)
        (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()))
      AND (x.setrole OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR x.setrole OPERATOR(pg_catalog.=)
        (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) session_user)))
  AND s.source OPERATOR(pg_catalog.=) ANY (ARRAY['database', 'user', 'database user', 'global']::pg_catalog.text[])
  AND (s.context OPERATOR(pg_catalog.=) 'user'::pg_catalog.text
    OR s.context OPERATOR(pg_catalog.=) 'superuser'::pg_catalog.text AND pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'on'::pg_catalog.text)`

// fortify makes a configuration the admin's. num is the server's version, 0 while
// it is not known.
func fortify(c *pgx.ConnConfig, num int, super bool) {
	if c.RuntimeParams == nil {
		c.RuntimeParams = map[string]string{}
	}
	maps.Copy(c.RuntimeParams, adminPins)
	maps.Copy(c.RuntimeParams, latePins(num, super))
	c.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if _, err := conn.Exec(ctx, unsetSQL).ReadAll(); err != nil {
			return fmt.Errorf("taking back the settings of the database for the admin: %w", err)
		}
		if super && num < 170000 {
			return unarmed(ctx, conn)
		}
		return nil
	}
}

// alwaysSQL gives an event trigger that fires in every session whatever its settings
// say, and whose function is not a superuser's.
const alwaysSQL = `SELECT v.evtname::pg_catalog.text FROM pg_catalog.pg_event_trigger v JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) v.evtfoid
	JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) p.proowner WHERE v.evtenabled OPERATOR(pg_catalog.=) 'A'::pg_catalog."char" AND NOT r.rolsuper ORDER BY 1 LIMIT 1`

// unarmed refuses to go on as the admin in a database where that would run code of
// the migrations as soon as the admin makes something. From 17 on a setting keeps
// that from happening.
func unarmed(ctx context.Context, c *pgconn.PgConn) error {
	name, err := query(ctx, c, alwaysSQL)
	if err != nil {
		return fmt.Errorf("looking at the event triggers of the database: %w", err)
	}
	if name != "" {
		return fmt.Errorf("event trigger %q is enabled always: PostgreSQL before 17 would run its function with the admin's rights; enable it without ALWAYS, or take a server of 17 or newer", name)
	}
	return nil
}
