package postgres_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/migration"
)

// TestRehearseTraps: rows are put in and read without a function of a migration's
// ever running as the admin.
func TestRehearseTraps(t *testing.T) {
	ctx := context.Background()
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			server := pgtest.Server(t, major)
			load := func(text string) *migration.Migration {
				m, err := migration.LoadScript(fstest.MapFS{"new.sql": {Data: []byte(text)}}, "new.sql", migration.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			const trap = ` RETURNS text LANGUAGE plpgsql AS $$ BEGIN
				IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN EXECUTE 'CREATE ROLE assay_caught_NAME'; END IF;
				RETURN 'x'; EXCEPTION WHEN OTHERS THEN RETURN 'y'; END $$;
`
			base, err := server.Create(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer base.Close()
			caught := func(name string) string { return strings.Replace(trap, "NAME", name, 1) }
			if err := base.Replay(ctx, load("CREATE FUNCTION filled()"+caught("default")+"CREATE TABLE items (id int, note text DEFAULT filled());\n")); err != nil {
				t.Fatal(err)
			}
			change := load("CREATE FUNCTION written(items)" + caught("cast") + "CREATE CAST (items AS text) WITH FUNCTION written(items);\n")
			got, err := server.Rehearse(ctx, base, []string{"INSERT INTO items (id) VALUES (1)"}, []*migration.Migration{change})
			if err != nil || got.Err != nil || len(got.States) != 2 || len(got.States[1].Tables) != 1 {
				t.Fatalf("%v %+v", err, got)
			}
			c, err := base.ConnectAdmin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(ctx)
			var n int
			if err := c.QueryRow(ctx, "SELECT pg_catalog.count(*) FROM pg_catalog.pg_roles WHERE rolname ~ '^assay_caught'").Scan(&n); err != nil || n != 0 {
				t.Errorf("%d traps ran as the admin (%v)", n, err)
			}
		})
	}
}

// fileOf reads a migration as the program does.
func fileOf(t *testing.T, sql string) *migration.Migration {
	t.Helper()
	m, err := migration.LoadScript(fstest.MapFS{"m.sql": {Data: []byte(sql)}}, "m.sql", migration.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run runs SQL in a database as a migration that is merged.
func run(t *testing.T, d *postgres.DB, sql string) {
	t.Helper()
	if err := d.Replay(context.Background(), fileOf(t, sql)); err != nil {
		t.Fatal(err)
	}
}

// TestRehearsedRows: what other sessions see is the same whoever reads it: the
// session of the migrations, or the admin where that may not see all.
func TestRehearsedRows(t *testing.T) {
	ctx := context.Background()
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			server := pgtest.Server(t, major)
			base, err := server.Create(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer base.Close()
			run(t, base, `CREATE TABLE items (id int PRIMARY KEY, at timestamptz, price money, data bytea, part float8);
				CREATE ROLE assay_rehearsed_reader; GRANT assay_rehearsed_reader TO CURRENT_USER;`)
			rows := []string{`INSERT INTO items VALUES (1, '2026-01-02 03:04:05+00', 3, '\x00ff', 0.1), (2, NULL, 4, NULL, 1e300)`}
			var want []string
			for _, end := range []string{
				"", "SET work_mem = '8MB';", "SET lc_monetary = 'C';", "SET datestyle = 'German'; SET timezone = 'Asia/Tokyo'; SET bytea_output = 'escape'; SET extra_float_digits = -5;",
				"SET search_path = pg_temp;", "SET ROLE assay_rehearsed_reader;", "SET default_transaction_read_only = on;",
				"ALTER TABLE items ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;", "REVOKE ALL ON items FROM CURRENT_USER;",
				"CREATE SCHEMA own; CREATE TABLE own.pg_class (relname text);  SET search_path = own, public;",
			} {
				got, err := server.Rehearse(ctx, base, rows, []*migration.Migration{fileOf(t, "UPDATE items SET id = id + 10; "+end)})
				if err != nil {
					t.Fatalf("%s: %v", end, err)
				}
				var text []string
				for _, row := range got.Last().Tables[0].Rows {
					for _, v := range row {
						if v == nil {
							text = append(text, "NULL")
						} else {
							text = append(text, *v)
						}
					}
				}
				if want == nil {
					want = text
				}
				if diff := cmp.Diff(want, text); diff != "" {
					t.Errorf("%s: %s", end, diff)
				}
			}
			if !slices.Contains(want, "2026-01-02 03:04:05+00") {
				t.Errorf("the rows are %v", want)
			}
			// Something is done in the base: what was kept of it holds no longer.
			run(t, base, "ALTER TABLE items ADD COLUMN fresh int;")
			got, err := server.Rehearse(ctx, base, rows, nil)
			if err != nil || len(got.States) != 1 || len(got.States[0].Tables) != 1 || !slices.Contains(got.States[0].Tables[0].Columns, "fresh") {
				t.Errorf("after a change of the base: %v %+v", err, got)
			}
		})
	}
}

// TestTaken holds what trials cost: sessions are the larger part of the time of
// a review with fixes. It counts them, and the databases.
func TestTaken(t *testing.T) {
	ctx := context.Background()
	server, err := postgres.Open(ctx, postgres.Config{Postgres: pgtest.Majors(t)[0]})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	base, err := server.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer base.Close()
	run(t, base, "CREATE TABLE items (id int PRIMARY KEY, note text);")
	change := []*migration.Migration{fileOf(t, "CREATE INDEX CONCURRENTLY items_note ON items (note);")}
	rows := []string{"INSERT INTO items VALUES (1, 'a')"}
	count := func(what string, connections, databases int, f func() error) {
		t.Helper()
		c, d := server.Taken()
		if err := f(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if a, b := server.Taken(); a-c != connections || b-d != databases {
			t.Errorf("%s took %d connections and %d databases, not %d and %d", what, a-c, b-d, connections, databases)
		}
	}
	rehearse := func() error { _, err := server.Rehearse(ctx, base, rows, change); return err }
	ask := func() error {
		b := server.Bench(base)
		if _, err := b.Query(ctx, "SELECT 1"); err != nil {
			return err
		}
		return b.Close()
	}
	count("the first rehearsal", 3, 2, rehearse)
	count("another over the same rows", 1, 1, rehearse)
	count("the first bench", 1, 1, ask)
	count("another", 0, 0, ask)
}
