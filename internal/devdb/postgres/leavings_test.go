package postgres

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/migration"
)

// onServer gives the names of all roles, databases and slots, and the role settings.
func onServer(t testing.TB, host *Server) string {
	t.Helper()
	ctx := context.Background()
	c, err := dialPgx(ctx, host.admin)
	must(t, err)
	defer c.Close(ctx)
	var s string
	must(t, c.QueryRow(ctx, `SELECT string_agg(n, ' ' ORDER BY n) FROM (SELECT rolname::text FROM pg_roles UNION ALL SELECT datname::text FROM pg_database UNION ALL SELECT slot_name::text FROM pg_replication_slots
		UNION ALL SELECT gid FROM pg_prepared_xacts UNION ALL SELECT setconfig::text FROM pg_db_role_setting) x(n)`).Scan(&s))
	return s
}

// leave does in a run what leaves something behind.
func leave(t testing.TB, s *Server) {
	t.Helper()
	ctx := context.Background()
	d, err := s.Create(ctx)
	must(t, err)
	must(t, d.Setup(ctx, []*migration.Migration{file(migration.TxNone, "CREATE ROLE of_setup; CREATE TABLE u (a int)")}))
	sql := "BEGIN; CREATE TABLE z (a int); PREPARE TRANSACTION 'it''s left'; CREATE DATABASE other; SELECT pg_create_physical_replication_slot('theirs')"
	if s.version.Num >= 160000 {
		sql += "; CREATE ROLE made; CREATE ROLE \"Made Too\" IN ROLE made; ALTER ROLE made SET work_mem = '1MB'"
	}
	sql += "; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I WITH IS_TEMPLATE true', current_database()); END $$"
	for _, st := range file(migration.TxNone, sql).Statements {
		_ = d.Replay(ctx, &migration.Migration{Path: "m.sql", TxMode: migration.TxNone, Statements: []*migration.Statement{st}}) // some are refused
	}
	must(t, d.Replay(ctx, file(migration.TxNone, "BEGIN; CREATE TABLE y (a int); PREPARE TRANSACTION 'left'")))
	must(t, d.Disconnect(ctx))
	e, err := s.Clone(ctx, d)
	must(t, err)
	must(t, e.Replay(ctx, file(migration.TxNone, "BEGIN; CREATE TABLE y (a int); PREPARE TRANSACTION 'left again'")))
	must(t, e.Disconnect(ctx))
}

// TestLeavings: a run takes away what its migrations have left on a --dev-url server.
func TestLeavings(t *testing.T) {
	for _, major := range majors() {
		host := testServer(t, major)
		_ = testDatabase(t, host)
		before := onServer(t, host)
		s := onURL(t, host, nil)
		leave(t, s)
		must(t, s.Close())
		if after := onServer(t, host); after != before {
			t.Errorf("left on the server:\n%s\nbefore:\n%s", after, before)
		}
	}
}

// TestKilledRun: what a killed run has left is in nobody's way, and the next run
// takes it away; what is somebody else's stays.
func TestKilledRun(t *testing.T) {
	ctx := context.Background()
	for _, major := range majors() {
		host := testServer(t, major)
		_ = testDatabase(t, host)
		c, err := dialPgx(ctx, host.admin)
		must(t, err)
		defer c.Close(ctx)
		exec := func(sql string) {
			t.Helper()
			_, err := c.Exec(ctx, sql)
			must(t, err)
		}
		exec("CREATE ROLE theirs")
		before := onServer(t, host)
		s := onURL(t, host, nil)
		leave(t, s)
		// Killed between CREATE DATABASE and all that follows.
		exec("CREATE DATABASE " + quoted(s.existing.name+"_9") + " OWNER " + quoted(s.existing.role))
		exec("ALTER DATABASE " + quoted(s.existing.name+"_9") + " ALLOW_CONNECTIONS false")
		exec("CREATE ROLE somebody")
		must(t, s.existing.conn.Close(ctx)) // the lock goes with it
		var said []string
		next := onURL(t, host, func(line string) { said = append(said, line) })
		must(t, next.Close())
		exec("DROP ROLE somebody")
		if after := onServer(t, host); after != before {
			t.Errorf("left on the server:\n%s\nbefore:\n%s\nsaid %q", after, before, said)
		}
		exec("DROP ROLE theirs")
	}
}

// TestKnownRoles: roles that a --dev-url server has are not handed to migrations
// by the setup; their rights may be any.
func TestKnownRoles(t *testing.T) {
	ctx := context.Background()
	host := testServer(t, "")
	_ = testDatabase(t, host)
	c, err := dialPgx(ctx, host.admin)
	must(t, err)
	defer c.Close(ctx)
	_, err = c.Exec(ctx, "CREATE ROLE deploy; GRANT pg_execute_server_program TO deploy", pgx.QueryExecModeSimpleProtocol)
	must(t, err)
	s := onURL(t, host, nil)
	d := testDatabase(t, s)
	must(t, d.Setup(ctx, []*migration.Migration{file(migration.TxNone, "CREATE ROLE platform")}))
	if err := d.Replay(ctx, file(migration.TxNone, "SET ROLE deploy")); err == nil {
		t.Error("a migration becomes a role that was on the server before")
	}
	must(t, d.Replay(ctx, file(migration.TxNone, "SET ROLE platform")))
}

// TestStrangersSetup: what comes from a checkout that is not trusted runs as the
// migrations' role, and may still make what a platform provides.
func TestStrangersSetup(t *testing.T) {
	ctx := context.Background()
	s := openTest(t, Config{StrangersSetup: true})
	d := testDatabase(t, s)
	must(t, d.Setup(ctx, []*migration.Migration{file(migration.TxNone, "CREATE ROLE app; CREATE SCHEMA auth; CREATE EXTENSION hstore; GRANT USAGE ON SCHEMA auth TO app; CREATE TABLE auth.users (id int)")}))
	breach := filepath.Join(openDir(t), "breach")
	for _, sql := range []string{"COPY (SELECT 1) TO PROGRAM 'cat > " + breach + "'", "COPY (SELECT 1) TO '" + breach + "'", "CREATE ROLE boss SUPERUSER", "CREATE EXTENSION dblink", "ALTER SYSTEM SET work_mem = '1MB'"} {
		if err := d.Setup(ctx, []*migration.Migration{oneStatement(sql)}); err == nil {
			t.Errorf("%s: was not refused", sql)
		}
	}
	if _, err := os.Stat(breach); err == nil {
		t.Error("a file was written")
	}
	c, err := d.ConnectOwner(ctx)
	must(t, err)
	defer c.Close(ctx)
	var owners string
	must(t, c.QueryRow(ctx, "SELECT string_agg(DISTINCT pg_get_userbyid(relowner), ' ') FROM pg_class WHERE relname = 'users'").Scan(&owners))
	if strings.Contains(owners, adminRole) {
		t.Errorf("what the setup made is %s's", owners)
	}
}

// TestPreparedThenRefused: a statement that is refused after PREPARE TRANSACTION
// takes nothing of what is prepared with it. Run again, that would wait for itself.
func TestPreparedThenRefused(t *testing.T) {
	ctx := context.Background()
	d := testDatabase(t, testServer(t, ""))
	for i, sql := range []string{"BEGIN; CREATE TABLE a (a int)", "CREATE TABLE b (a int); BEGIN; CREATE TABLE c (a int)"} {
		steps, err := d.Record(ctx, file(migration.TxImplicit, sql+"; PREPARE TRANSACTION 'left'; SELECT 1/0; CREATE TABLE "+string(rune('x'+i))+" (a int)"))
		if err == nil {
			t.Fatal("a division by zero is no error")
		}
		for _, s := range steps {
			if refused := s.Err != nil; refused != strings.Contains(s.Stmt.Text, "1/0") {
				t.Errorf("%s: %v", s.Stmt.Text, s.Err)
			}
		}
		must(t, d.Replay(ctx, file(migration.TxNone, "ROLLBACK PREPARED 'left'")))
	}
}
