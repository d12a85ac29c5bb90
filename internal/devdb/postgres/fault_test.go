//go:build unix

package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/migration"
)

// TestOfServer tells errors of the server from those of a statement.
func TestOfServer(t *testing.T) {
	for _, x := range []struct {
		code, file  string
		own, shared bool
	}{
		{"53100", "md.c", true, true},
		{"53200", "mcxt.c", true, true},
		{"53200", "lock.c", false, false}, // max_locks_per_transaction: the migration's
		{"53100", "pl_exec.c", false, false},
		{"53200", "copyto.c", false, false}, // a program that does not start
		{"53400", "fd.c", true, true},
		{"57P01", "postgres.c", false, true},
		{"57P02", "postgres.c", false, true},
		{"57P05", "postgres.c", false, false}, // a setting of the migration's
		{"57014", "postgres.c", false, false},
		{"58030", "copydir.c", true, true},
		{"58P01", "md.c", true, true},
		{"58P01", "extension.c", false, false},
		{"42501", "md.c", true, true},
		{"42501", "aclchk.c", false, false},
		{"54000", "md.c", false, false},
		{"0A000", "bufmgr.c", false, false},
		{"XX000", "relcache.c", false, false},
		{"XX001", "bufmgr.c", true, true},
		{"XX002", "nbtpage.c", true, true},
		{"XX001", "plpy_elog.c", false, false},
		{"08001", "dblink.c", false, false},
		{"23505", "nbtinsert.c", false, false},
		{"", "md.c", false, false},
	} {
		for shared, want := range map[bool]bool{false: x.own, true: x.shared} {
			if got := (serverError{code: x.code, file: x.file}).ofServer(shared); got != want {
				t.Errorf("%s of %s is the server's: %v (shared %v)", x.code, x.file, got, shared)
			}
		}
	}
}

// TestServerFails does harm to a --dev-url server in the middle of a run: the run
// ends with an error, whether it meets the harm or not.
func TestServerFails(t *testing.T) {
	ctx := context.Background()
	change := file(migration.TxFile, "CREATE TABLE t (a int)")
	for _, major := range majors() {
		host := testServer(t, major)
		_ = testDatabase(t, host) // it runs then
		c, err := dialPgx(ctx, host.admin)
		must(t, err)
		defer c.Close(ctx)
		do := func(sql string) {
			t.Helper()
			for _, s := range strings.Split(sql, ";") {
				_, err := c.Exec(ctx, s, pgx.QueryExecModeSimpleProtocol)
				must(t, err)
			}
		}
		const undo = "ALTER SYSTEM RESET ALL;SELECT pg_reload_conf()"
		reload := func(sql string) func(*Server, *DB) {
			return func(*Server, *DB) {
				do(sql + ";SELECT pg_reload_conf()")
				if !waitFor(func() bool {
					var pending bool
					must(t, c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_file_settings f JOIN pg_settings s USING (name) WHERE f.sourcefile ~ 'auto.conf' AND s.source = 'default')").Scan(&pending))
					return !pending
				}) {
					t.Fatal("the settings are not read")
				}
			}
		}
		for _, x := range []struct {
			name, want string
			harm       func(*Server, *DB)
		}{
			{"none", "", func(*Server, *DB) {}},
			{"read-only", `default_transaction_read_only was "off" and is "on"`, reload("ALTER SYSTEM SET default_transaction_read_only = on")},
			{"another path", "search_path was", reload("ALTER SYSTEM SET search_path = nowhere")},
			{"another statement_timeout", "they may have been changed", reload("ALTER SYSTEM SET statement_timeout = '1ms'")},
			{"another lock_timeout", "lock_timeout was", reload("ALTER SYSTEM SET lock_timeout = '1ms'")},
			{"a session ended", "a session of the run was ended", func(_ *Server, d *DB) { do(fmt.Sprintf("SELECT pg_terminate_backend(%d)", d.rec.conn.PID())) }},
			{"the session of the lock ended", "was restarted in the middle", func(s *Server, _ *DB) {
				do(fmt.Sprintf("SELECT pg_terminate_backend(%d)", s.existing.conn.PgConn().PID()))
			}},
			{"a connection cut", "was lost in the middle", func(_ *Server, d *DB) {
				must(t, d.rec.conn.Conn().(*bounded).Conn.(interface{ CloseRead() error }).CloseRead())
			}},
		} {
			t.Run(x.name+"/"+major, func(t *testing.T) {
				s := onURL(t, host, nil)
				d, err := s.Create(ctx)
				must(t, err)
				_, err = d.Record(ctx, file(migration.TxFile, "CREATE TABLE before (a int)"))
				must(t, err)
				x.harm(s, d)
				_, err = d.Record(ctx, change)
				if err == nil {
					_ = d.Close()
				}
				err = s.Close()
				do(undo)
				if x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
					t.Errorf("the run ends with %v", err)
				}
				onURL(t, host, nil) // the next run takes away what is left
			})
		}
	}
}
