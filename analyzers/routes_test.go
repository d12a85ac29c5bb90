package analyzers_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
)

const routesBase = `
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE orders (id int PRIMARY KEY, customer_id bigint, ref text, total numeric(10,2), CONSTRAINT total_positive CHECK (total > 0));
CREATE VIEW open_orders AS SELECT id, ref FROM orders;
CREATE TABLE spare (a int);
CREATE FUNCTION apply(sql text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE sql; END $$;
CREATE PROCEDURE apply_all(sql text) LANGUAGE plpgsql AS $$ BEGIN PERFORM apply(sql); END $$;
`

// routes are statements and the first major that has them.
var routes = []struct {
	major int
	sql   string
}{
	{13, "ALTER TABLE orders ALTER COLUMN ref SET NOT NULL"},
	{13, "CREATE INDEX orders_ref ON orders (ref)"},
	{13, "CREATE UNIQUE INDEX orders_ref ON orders (ref)"},
	{13, "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers"},
	{13, "ALTER TABLE orders ALTER COLUMN id TYPE bigint"},
	{13, "ALTER TABLE orders ADD COLUMN code uuid DEFAULT gen_random_uuid()"},
	{13, "ALTER TABLE orders ADD CHECK (ref <> '')"},
	{13, "ALTER TABLE orders DROP COLUMN total"},
	{13, "ALTER TABLE orders DROP COLUMN ref CASCADE"},
	{13, "ALTER TABLE orders RENAME COLUMN total TO sum"},
	{13, "ALTER TABLE orders RENAME TO purchases"},
	{13, "DROP TABLE spare"},
	{13, "DROP INDEX orders_pkey"}, // refused, and so by every route
	{13, "ALTER TABLE orders DROP CONSTRAINT total_positive"},
	{13, "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"},
	{15, "MERGE INTO orders o USING customers c ON o.customer_id = c.id WHEN MATCHED THEN UPDATE SET ref = 'x'"},
	{17, "MERGE INTO orders o USING customers c ON o.customer_id = c.id WHEN MATCHED THEN UPDATE SET ref = 'x' RETURNING merge_action(), o.id"},
	{17, "ALTER TABLE orders ALTER COLUMN total SET EXPRESSION AS (1)"}, // refused: no generated column
	{18, "ALTER TABLE orders ADD COLUMN shout text GENERATED ALWAYS AS (upper(ref)) VIRTUAL"},
	{18, "ALTER TABLE orders ADD COLUMN shout text GENERATED ALWAYS AS (upper(ref)) STORED"},
	{18, "ALTER TABLE orders ADD CONSTRAINT ref_there NOT NULL ref NOT VALID"},
	{18, "ALTER TABLE orders ADD CONSTRAINT ref_there NOT NULL ref"},
}

// TestRoutes runs each statement plainly, in a DO block, by a function and by a
// procedure that calls it: findings and evidence are the same. Only TX107 is for
// plain statements: a block or function may well write in batches.
func TestRoutes(t *testing.T) {
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			server := pgtest.Server(t, major)
			s := newStage(t, server, &fixture.Fixture{Name: "routes", Base: routesBase})
			for _, r := range routes {
				if server.Version().Major() < r.major {
					continue
				}
				t.Run(r.sql, func(t *testing.T) {
					plain := runRoute(t, s, r.sql)
					for _, by := range []string{
						"DO $do$ BEGIN EXECUTE $sql$" + r.sql + "$sql$; END $do$",
						"SELECT apply($sql$" + r.sql + "$sql$)",
						"CALL apply_all($sql$" + r.sql + "$sql$)",
					} {
						if diff := cmp.Diff(plain, runRoute(t, s, by)); diff != "" {
							t.Errorf("%s\n%s", by, diff)
						}
					}
				})
			}
		})
	}
}

// runRoute gives what was found and seen, without what only the text decides.
func runRoute(t *testing.T, s *stage, sql string) []string {
	t.Helper()
	rec := recordCase(t, s, &fixture.Case{Name: "route", Files: map[string]string{"route.sql": "SET lock_timeout = '2s';\n" + sql + ";\n"}})
	var out []string
	for _, f := range judge(t, rec).Findings {
		if f.ID == "TX107" {
			continue
		}
		out = append(out, fmt.Sprintf("finding %s %s %s: %s", f.ID, f.Severity, f.Object, f.Message))
	}
	for _, st := range rec.New[0].Steps {
		out = append(out, seen(st)...)
	}
	slices.Sort(out)
	return out
}

func seen(st *devdb.Step) []string {
	var out []string
	for _, l := range st.Locks {
		out = append(out, fmt.Sprintf("lock %s %s", l.Mode, l.Object))
	}
	for _, r := range st.Rewrites {
		out = append(out, fmt.Sprintf("rewrite %s", r.Object))
	}
	for _, sc := range st.Scans {
		out = append(out, fmt.Sprintf("scan %s", sc.Object))
	}
	for _, d := range st.Dropped {
		out = append(out, fmt.Sprintf("dropped %s, original %t", d.Kind+" "+d.Name, d.Original))
	}
	if st.Err != nil {
		out = append(out, "refused "+st.Err.Code)
	}
	return out
}
