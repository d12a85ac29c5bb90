package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

// TestMeasureSandbox measures migrations that do their harm once there are
// rows, which there are none of when they are recorded.
func TestMeasureSandbox(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) { // the server runs as another user
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	breach := filepath.Join(dir, "breach")
	tests := []struct{ name, harm, refused string }{
		{"a program", "COPY (SELECT 1) TO PROGRAM 'touch " + breach + "'", "SQLSTATE 42501"},
		{"a file", "COPY (SELECT 1) TO '" + breach + "'", "SQLSTATE 42501"},
		{"reading a file", "PERFORM pg_read_file('/etc/passwd')", "SQLSTATE 42501"},
		{"the catalog", "UPDATE pg_class SET relname = relname", "SQLSTATE 42501"},
		{"becoming admin", "SET ROLE assay_admin", "SQLSTATE 42501"},
		{"a superuser", "CREATE ROLE measured SUPERUSER", "SQLSTATE 42501"},
		{"who it is", "RAISE EXCEPTION 'run as % and %', current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)", "run as postgres and f"},
		{"triggers", "RAISE EXCEPTION 'role is %', current_setting('session_replication_role')", "role is origin"},
	}
	change := ""
	for _, test := range tests {
		change += "DO $$ BEGIN IF (SELECT count(*) FROM orders) > 0 THEN " + test.harm + "; END IF; END $$;\n"
	}
	base, rec := recordOn(t, server, measureBase, change)
	defer base.Close()
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := server.Measure(ctx, base, nil, rec, rec.Steps[i], measureStats(100), []int64{100})
			if err != nil || m == nil || !strings.Contains(m.Why, test.refused) {
				t.Errorf("%v %+v", err, m)
			}
		})
	}
	t.Run("an operator on the admin's path", func(t *testing.T) {
		trap := "CREATE FUNCTION trap(oid, oid) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN COPY (SELECT 1) TO '" + breach + `'; RETURN false; END $$;
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = trap);
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$;`
		base, rec := recordOn(t, server, measureBase+trap, "ALTER TABLE orders ADD FOREIGN KEY (user_id) REFERENCES users;")
		defer base.Close()
		m, err := server.Measure(ctx, base, nil, rec, rec.Steps[0], measureStats(100), []int64{10, 100})
		if err != nil || m == nil || m.Why != "" {
			t.Errorf("%v %+v", err, m)
		}
	})
	if _, err := os.Stat(breach); !os.IsNotExist(err) {
		t.Errorf("a measured statement has written a file: %v", err)
	}
}
