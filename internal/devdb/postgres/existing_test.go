package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/migration"
)

func TestExistingServer(t *testing.T) {
	ctx := context.Background()
	host := openTest(t, Config{})
	keep, err := host.Create(ctx)
	must(t, err)
	names := func() string {
		c, err := pgx.ConnectConfig(ctx, host.admin.Copy())
		must(t, err)
		defer c.Close(ctx)
		var s string
		must(t, c.QueryRow(ctx, "SELECT string_agg(n, ' ' ORDER BY n) FROM (SELECT rolname::text FROM pg_roles UNION ALL SELECT datname::text FROM pg_database) x(n)").Scan(&s))
		return s
	}
	before := names()
	url := fmt.Sprintf("postgres:///postgres?host=%s&user=%s&sslmode=disable", host.admin.Host, host.admin.User)
	run := func() error {
		s, err := Open(ctx, Config{URL: url})
		if err != nil {
			return err
		}
		defer s.Close()
		d, err := s.Create(ctx)
		if err != nil {
			return err
		}
		sql := "CREATE TABLE t (a int)"
		if s.version.Num >= 160000 {
			sql += "; CREATE ROLE Same; GRANT SELECT ON t TO same"
		}
		return d.Replay(ctx, file(migration.TxFile, sql))
	}
	ends := make(chan error, 2)
	for range 2 {
		go func() { ends <- run() }()
	}
	must(t, <-ends)
	must(t, <-ends)
	if after := names(); after != before {
		t.Errorf("left on the server:\n%s\nbefore:\n%s", after, before)
	}
	must(t, keep.Close())
}

// TestRoleOfSomebodyElse: a role that comes during a run, and that none of its
// statements names, is not dropped.
func TestRoleOfSomebodyElse(t *testing.T) {
	ctx := context.Background()
	host := openTest(t, Config{})
	_, err := host.Create(ctx)
	must(t, err)
	var said []string
	s, err := Open(ctx, Config{
		URL:      fmt.Sprintf("postgres:///postgres?host=%s&user=%s&sslmode=disable", host.admin.Host, host.admin.User),
		Progress: func(line string) { said = append(said, line) },
	})
	must(t, err)
	d, err := s.Create(ctx)
	must(t, err)
	must(t, d.Setup(ctx, []*migration.Migration{file(migration.TxFile, "DO $$BEGIN CREATE ROLE theirs_reader; END$$")}))
	c, err := pgx.ConnectConfig(ctx, host.admin.Copy())
	must(t, err)
	defer c.Close(ctx)
	_, err = c.Exec(ctx, "CREATE ROLE somebody")
	must(t, err)
	must(t, s.Close())
	var names string
	must(t, c.QueryRow(ctx, "SELECT coalesce(string_agg(rolname, ' '), '') FROM pg_roles WHERE rolname IN ('somebody', 'theirs_reader')").Scan(&names))
	if names != "somebody" || len(said) == 0 || !strings.Contains(said[len(said)-1], "somebody") {
		t.Errorf("roles left: %q; said %q", names, said)
	}
}

func TestExistingServerNeedsCreatedb(t *testing.T) {
	ctx := context.Background()
	host := openTest(t, Config{})
	d, err := host.Create(ctx)
	must(t, err)
	c, err := d.ConnectAdmin(ctx)
	must(t, err)
	defer c.Close(ctx)
	_, err = c.Exec(ctx, "CREATE ROLE poor LOGIN")
	must(t, err)
	_, err = Open(ctx, Config{URL: fmt.Sprintf("postgres:///postgres?host=%s&user=poor&sslmode=disable", host.admin.Host)})
	if err == nil || !strings.Contains(err.Error(), "CREATEDB") {
		t.Errorf("got %v", err)
	}
}

// TestOrdinaryRole: a --dev-url of a role that is no superuser can read all that
// a review reads, whether it may make roles or not.
func TestOrdinaryRole(t *testing.T) {
	ctx := context.Background()
	for _, major := range majors() {
		host := testServer(t, major)
		_ = testDatabase(t, host)
		c, err := dialPgx(ctx, host.admin)
		must(t, err)
		defer c.Close(ctx)
		for role, may := range map[string]string{"creator": "CREATEDB CREATEROLE", "maker": "CREATEDB"} {
			_, err := c.Exec(ctx, "CREATE ROLE "+role+" LOGIN "+may)
			must(t, err)
			s, err := Open(ctx, Config{URL: fmt.Sprintf("postgres:///postgres?host=%s&port=%d&user=%s&sslmode=disable", host.admin.Host, host.admin.Port, role)})
			must(t, err)
			d := testDatabase(t, s)
			_, err = d.Catalog(ctx)
			must(t, err)
			steps, err := d.Record(ctx, file(migration.TxFile, "CREATE TABLE t (a int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON TABLE t IS 'x'"))
			if err != nil || len(steps) != 3 {
				t.Errorf("%s: %d steps, %v", may, len(steps), err)
			}
			must(t, s.Close())
			_, err = c.Exec(ctx, "DROP ROLE "+role)
			must(t, err)
		}
	}
}
