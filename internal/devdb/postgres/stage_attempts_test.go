package postgres

import (
	"context"
	"testing"

	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/proof"
)

// TestStageAttempts: what a change makes is used, and gets no further by it than
// the migration itself; nothing of it is left, and the next use is as if it had not been.
func TestStageAttempts(t *testing.T) {
	ctx := context.Background()
	for _, major := range majors() {
		for name, s := range servers(t, major) {
			t.Run(name+major, func(t *testing.T) {
				d := testDatabase(t, s)
				body := func(name, sql string) string {
					return "CREATE FUNCTION " + name + "() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN EXECUTE " + literal(sql) + "; RETURN 'got out'; END $f$;"
				}
				tries := []struct{ name, sql, code string }{
					{"program", "COPY (SELECT 1) TO PROGRAM 'true'", "42501"},
					{"to_file", "COPY (SELECT 1) TO '/tmp/assay-breach'", "42501"},
					{"from_file", "SELECT pg_read_file('/etc/passwd')", "42501"},
					{"to_object", "SELECT lo_export(lo_from_bytea(0, 'x'), '/tmp/assay-breach')", "42501"},
					{"superuser", "ALTER ROLE CURRENT_USER SUPERUSER", "42501"},
					{"admin", "SET ROLE " + quoted(s.admin.User), "42501"},
					{"session", "SET SESSION AUTHORIZATION " + quoted(s.admin.User), "42501"},
					{"system", "ALTER SYSTEM SET archive_command = 'true'", "25001 42501"},
					{"ends", "COMMIT", "0A000 2D000"},
					{"rolls_back", "ROLLBACK TO SAVEPOINT assay_use", "0A000 2D000"},
					{"prepares", "PREPARE TRANSACTION 'left'", "0A000 2D000"},
					{"database", "CREATE DATABASE left_behind", "25001 42501"},
					{"slot", "SELECT pg_create_logical_replication_slot('left', 'test_decoding')", "42501 25001"},
					{"library", "LOAD '/tmp/evil.so'", "42501 58P01"},
					{"c", "CREATE FUNCTION evil() RETURNS int LANGUAGE c AS 'libc', 'system'", "42501"},
					{"catalog", "UPDATE pg_catalog.pg_proc SET proowner = 10", "42501"},
				}
				sql := "CREATE TABLE rows (a int); CREATE PROCEDURE p() LANGUAGE plpgsql AS $f$ BEGIN COMMIT; END $f$;"
				for _, x := range tries {
					sql += body(x.name, x.sql)
				}
				must(t, d.Replay(ctx, script(t, sql)))
				must(t, d.Disconnect(ctx))
				before := onServer(t, s)
				st, err := s.Stage(ctx, d, []*migration.Migration{})
				must(t, err)
				for _, x := range tries {
					did, err := st.Do(ctx, proof.Act{SQL: "SELECT " + x.name + "()"})
					must(t, err)
					if did.Refused == nil || !hasCode(x.code, did.Refused.Code) {
						t.Errorf("%s: %+v", x.sql, did.Refused)
					}
				}
				did, err := st.Do(ctx, proof.Act{SQL: "CALL p()"})
				if must(t, err); did.Refused == nil {
					t.Error("a procedure has ended the transaction")
				}
				did, err = st.Do(ctx, proof.Act{SQL: "INSERT INTO rows SELECT set_config('statement_timeout', '0', false)::int", Keep: true})
				must(t, err)
				if did.Refused != nil {
					t.Errorf("the limit cannot be tried: %v", did.Refused)
				}
				rows, err := st.Query(ctx, "SELECT current_setting('statement_timeout')")
				must(t, err)
				if got := *rows[0][0]; got != useTimeout {
					t.Errorf("the time limit is %s", got)
				}
				must(t, st.Close())
				sprung(t, s, d)
				if after := onServer(t, s); s.own == nil && after != before { // on a server of assay's own databases are dropped together
					t.Errorf("left on the server:\n%s\nbefore:\n%s", after, before)
				}
			})
		}
	}
}

func hasCode(codes, code string) bool {
	for ; len(codes) >= 5; codes = codes[min(len(codes), 6):] {
		if codes[:5] == code {
			return true
		}
	}
	return false
}
