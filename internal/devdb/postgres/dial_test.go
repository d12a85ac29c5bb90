package postgres

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestOnlyDial: every connection of the program is opened in dial.go, where it is
// bounded. No other file calls what opens one. Modules of their own are not the
// program.
func TestOnlyDial(t *testing.T) {
	opens := map[string]bool{"Connect": true, "ConnectConfig": true, "ConnectWithOptions": true, "Construct": true}
	found := map[string]int{}
	root := filepath.Join("..", "..", "..")
	must(t, filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if _, mod := os.Stat(filepath.Join(path, "go.mod")); mod == nil && path != root {
			return filepath.SkipDir
		}
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && (x.Name == "pgx" || x.Name == "pgconn") && opens[s.Sel.Name] {
				found[filepath.Base(path)]++
			}
			return true
		})
		for _, i := range f.Imports {
			if strings.Contains(i.Path.Value, "pgxpool") || strings.Contains(i.Path.Value, "pgx/v5/stdlib") || strings.Contains(i.Path.Value, "database/sql") {
				found[path]++
			}
		}
		return nil
	}))
	if len(found) != 1 || found["dial.go"] != 2 {
		t.Errorf("connections are opened in %v, not in dial.go alone", found)
	}
}

// TestEnvironment: what libpq's variables say is nothing to a server of assay's own.
func TestEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"PGSERVICE": "nowhere", "PGSERVICEFILE": "/nowhere", "PGHOST": "192.0.2.1", "PGUSER": "somebody", "PGOPTIONS": "-c search_path=evil", "PGTARGETSESSIONATTRS": "nonsense", "PGSSLMODE": "nonsense",
		"PGPASSFILE": "/dev/zero", "PGCONNECT_TIMEOUT": "x", "PGTZ": "Mars", "PGMINPROTOCOLVERSION": "9",
	} {
		t.Setenv(name, value)
	}
	ctx := context.Background()
	d := testDatabase(t, openTest(t, Config{}))
	c, err := d.ConnectOwner(ctx)
	must(t, err)
	defer c.Close(ctx)
	var path string
	must(t, c.QueryRow(ctx, "SHOW search_path").Scan(&path))
	if path != `"$user", public` {
		t.Errorf("the path is %s", path)
	}
}

// TestDatabaseSettings gives a database, in its base, every setting that keeps a
// session from working, and one that only an extension knows. The admin works on.
func TestDatabaseSettings(t *testing.T) {
	ctx := context.Background()
	s := openTest(t, Config{})
	d := testDatabase(t, s)
	c, err := d.ConnectOwner(ctx)
	must(t, err)
	_, err = c.PgConn().Exec(ctx, `CREATE SCHEMA evil; CREATE TABLE t (a int)`).ReadAll()
	must(t, err)
	set := 0
	for name, value := range map[string]string{
		"search_path": "evil, pg_catalog", "role": "postgres", "default_transaction_read_only": "on", "statement_timeout": "1ms", "lock_timeout": "1ms",
		"idle_session_timeout": "1ms", "idle_in_transaction_session_timeout": "1ms", "transaction_timeout": "1ms", "local_preload_libraries": "nowhere", "exit_on_error": "on",
		"standard_conforming_strings": "off", "client_encoding": "SQL_ASCII", "default_table_access_method": "nowhere", "default_transaction_isolation": "serializable",
		"array_nulls": "off", "transform_null_equals": "on", "work_mem": "64kB", "session_replication_role": "replica", "row_security": "off", "datestyle": "SQL", "xmlbinary": "hex",
		"client_min_messages": "error", "default_tablespace": "nowhere", "createrole_self_grant": "set", "plpgsql.extra_errors": "all", "some.thing": "x", "vacuum_cost_delay": "100",
	} {
		_, err := c.PgConn().Exec(ctx, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET "+name+" = "+value+"', current_database()); END $$").ReadAll()
		if err == nil {
			set++
		}
	}
	must(t, c.Close(ctx))
	if set < 15 {
		t.Errorf("only %d settings were taken", set)
	}
	admin, err := d.ConnectAdmin(ctx)
	must(t, err)
	rows, err := admin.Query(ctx, "SELECT name || ' = ' || setting FROM pg_settings WHERE source IN ('database', 'user', 'database user') AND setting IS DISTINCT FROM boot_val AND name NOT LIKE 'some.%'")
	must(t, err)
	for rows.Next() {
		var text string
		must(t, rows.Scan(&text))
		t.Errorf("the admin's session has %s of the database's", text)
	}
	_, err = admin.Exec(ctx, "ALTER DATABASE "+quoted(d.name)+" RESET local_preload_libraries") // no session of the owner's would begin
	must(t, err)
	must(t, admin.Close(ctx))
	e, err := s.Clone(ctx, d)
	must(t, err)
	var here, there []string
	must(t, s.asAdmin(ctx, func(ctx context.Context, c *pgx.Conn) error {
		sql := "SELECT setconfig FROM pg_catalog.pg_db_role_setting x JOIN pg_catalog.pg_database d ON d.oid = x.setdatabase WHERE setrole = 0 AND datname = $1"
		if err := c.QueryRow(ctx, sql, d.name).Scan(&here); err != nil {
			return err
		}
		return c.QueryRow(ctx, sql, e.name).Scan(&there)
	}))
	if strings.Join(here, "\n") != strings.Join(there, "\n") || len(here) != set-1 {
		t.Errorf("the copy has other settings:\n%s\nof\n%s", there, here)
	}
	must(t, e.Close())
}
