package postgres_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

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
