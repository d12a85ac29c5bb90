package postgres

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaydb/assay/internal/migration"
)

// environ gives a test the environment without the user's cache.
func openTest(t *testing.T, c Config) *Server {
	t.Helper()
	if c.Env == nil {
		c.Env = os.Getenv
	}
	if c.Postgres == "" {
		c.Postgres = os.Getenv("ASSAY_TEST_POSTGRES")
	}
	s, err := Open(context.Background(), c)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no PostgreSQL to test on: %v", err)
	}
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func TestSandboxRefuses(t *testing.T) {
	ctx := context.Background()
	d := testDatabase(t, openTest(t, Config{}))
	c, err := d.ConnectOwner(ctx)
	must(t, err)
	defer c.Close(ctx)
	for _, sql := range []string{
		"COPY (SELECT 1) TO PROGRAM 'true'", "COPY (SELECT 1) TO '/tmp/assay-breach'", "CREATE TABLE t (a text); COPY t FROM '/etc/passwd'",
		"ALTER SYSTEM SET work_mem = '1MB'", "SELECT pg_read_file('/etc/passwd')", "SELECT lo_import('/etc/passwd')", "SELECT pg_ls_dir('/')",
		"CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'", "ALTER ROLE postgres SUPERUSER", "SET ROLE assay_admin", "SET SESSION AUTHORIZATION assay_admin",
		"GRANT pg_execute_server_program TO postgres", "GRANT pg_read_server_files TO postgres", "CREATE EXTENSION dblink", "CREATE EXTENSION file_fdw",
		"CREATE ROLE x SUPERUSER", "ALTER ROLE assay_admin PASSWORD 'x'",
	} {
		if _, err := c.PgConn().Exec(ctx, sql).ReadAll(); err == nil {
			t.Errorf("%s: was not refused", sql)
		}
	}
	if err := d.CreateExtension(ctx, migration.Extension{Name: "dblink"}, "public"); err == nil || !strings.Contains(err.Error(), "extensions:") {
		t.Errorf("dblink: %v", err)
	}
	for _, sql := range []string{
		"CREATE ROLE app; CREATE TABLE u (); ALTER TABLE u OWNER TO postgres; GRANT SELECT ON u TO app; GRANT pg_monitor TO app; REVOKE SELECT ON u FROM app; DROP ROLE app",
		"COMMENT ON EXTENSION plpgsql IS 'x'", "CREATE DATABASE other; DROP DATABASE other",
	} {
		for _, one := range strings.Split(sql, ";") {
			if _, err := c.Exec(ctx, one); err != nil {
				t.Errorf("%s: %v", one, err)
			}
		}
	}
}

func TestSnapshot(t *testing.T) {
	ctx := context.Background()
	cache := t.TempDir()
	open := func() *Server { return openTest(t, Config{CacheDir: cache}) }
	began := time.Now()
	s := open()
	d, err := s.Create(ctx)
	must(t, err)
	t.Logf("cold open and create: %v", time.Since(began))
	run := func(d *DB, sql string) {
		t.Helper()
		c, err := d.ConnectOwner(ctx)
		must(t, err)
		defer c.Close(ctx)
		_, err = c.PgConn().Exec(ctx, sql).ReadAll()
		must(t, err)
	}
	run(d, "CREATE ROLE kept; CREATE TABLE t (a int); INSERT INTO t VALUES (1)")
	began = time.Now()
	must(t, s.Snapshot(ctx, "k", d))
	t.Logf("snapshot: %v", time.Since(began))
	run(d, "DROP TABLE t")
	began = time.Now()
	e, err := s.Clone(ctx, d)
	must(t, err)
	t.Logf("clone: %v", time.Since(began))
	must(t, e.Close())
	must(t, d.Close())
	if s.keeping != nil {
		<-s.keeping // as Close does
	}

	began = time.Now()
	s = open()
	if _, ok, err := s.Restore(ctx, "other"); ok || err != nil {
		t.Fatal(ok, err)
	}
	d, ok, err := s.Restore(ctx, "k")
	must(t, err)
	if !ok {
		t.Fatal("the base was not kept")
	}
	run(d, "GRANT SELECT ON t TO kept; DO $$ BEGIN ASSERT (SELECT count(*) FROM t) = 1; END $$")
	t.Logf("warm open and restore: %v", time.Since(began))
	must(t, d.Close())
}

func TestCloseLeavesNothing(t *testing.T) {
	s := openTest(t, Config{})
	_, err := s.Create(context.Background())
	must(t, err)
	dir := s.own.run.path
	must(t, s.Close())
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", dir, err)
	}
	// What a killed run leaves has a lock that nobody holds.
	dead, err := makeRunDir(os.TempDir(), nil)
	must(t, err)
	dead.lock.Close()
	removeDead()
	if _, err := os.Stat(filepath.Join(dead.path, "lock")); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", dead.path, err)
	}
}
