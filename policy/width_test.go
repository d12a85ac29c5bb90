package policy

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
)

// objectsSQL makes what the document reads from text or from a table of our own.
const objectsSQL = `-- Ticket: ABC-1
/* a second
 * line */
CREATE TABLE cust (id bigint PRIMARY KEY, email text, a smallint[], e bool);
CREATE VIEW v AS SELECT id, lower(email) AS e FROM cust;
CREATE VIEW w AS SELECT e FROM v;
ALTER TABLE cust RENAME COLUMN email TO mail;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, UPDATE ON TABLES TO PUBLIC;
CREATE ROLE assay_test_group;
CREATE ROLE assay_test_app CREATEROLE VALID UNTIL '2030-01-01';
GRANT assay_test_group TO assay_test_app;
CREATE CAST (text AS cust) WITH INOUT;
CREATE TABLE widths AS SELECT format_type(oid, NULL) AS type, typlen, typalign FROM pg_type
	WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typcategory <> 'A';
DO $$ DECLARE t text; BEGIN
	FOR t IN SELECT CASE type WHEN 'bit' THEN 'bit(1)' ELSE type END FROM widths WHERE type !~ '^(pg_|aclitem|refcursor|int2vector|oidvector|gtsvector|cstring|regdefault)' OR type IN ('pg_lsn', 'pg_snapshot') LOOP
		EXECUTE format('CREATE TABLE w%s (c %s, d %s[]); COMMENT ON TABLE w%s IS %L', substr(md5(t), 1, 8), t, t, substr(md5(t), 1, 8),
			(SELECT concat_ws(' ', typlen, typalign) FROM widths WHERE type = t OR t = 'bit(1)' AND type = 'bit'));
	END LOOP;
END $$;
DROP ROLE assay_test_app, assay_test_group;
`

// TestObjects holds the facts of the document that come from text or from a
// table of our own against a server of every major: widths of types, roles,
// default privileges, what views read, and other objects.
func TestObjects(t *testing.T) {
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			c := &fixture.Case{Name: "good", Files: map[string]string{"good.sql": objectsSQL}}
			dir, err := c.Load()
			if err != nil {
				t.Fatal(err)
			}
			rec, _, err := recorder(t, pgtest.Server(t, major))(context.Background(), nil, dir)
			if err != nil {
				t.Fatal(err)
			}
			if m := rec.New[0]; m.Err != nil {
				t.Fatal(m.Err)
			}
			in := NewInput(Facts{Record: rec})
			if want := "Ticket: ABC-1\na second\nline"; in.Migrations[0].Header != want {
				t.Errorf("the header is %q", in.Migrations[0].Header)
			}
			aligned := map[int]string{1: "c", 2: "s", 4: "i", 8: "d"}
			seen := 0
			for _, x := range in.After.Tables {
				if x.Comment == "" {
					continue
				}
				seen++
				col, list := x.Columns[0], x.Columns[1]
				if got := fmt.Sprint(col.Length, " ", aligned[col.Alignment]); got != x.Comment {
					t.Errorf("%s is %s, not %s", col.Type, x.Comment, got)
				}
				if list.Length != -1 || list.Alignment != max(col.Alignment, 4) {
					t.Errorf("%s is %d and %d", list.Type, list.Length, list.Alignment)
				}
			}
			if seen < 50 {
				t.Errorf("%d types", seen)
			}
			var said []string
			for _, v := range in.After.Views {
				said = append(said, fmt.Sprint(v.Object, v.Reads))
			}
			for _, d := range in.After.DefaultPrivileges {
				said = append(said, strings.Join([]string{d.Schema, d.Kind, d.Grantee, d.Privilege}, " "))
			}
			for _, o := range in.After.Objects {
				said = append(said, o.Kind+" "+o.Object)
			}
			want := "public.v[public.cust.id public.cust.mail], public.w[public.v.e], public table public SELECT, public table public UPDATE, cast (pg_catalog.text AS public.cust)"
			if got := strings.Join(said, ", "); got != want {
				t.Errorf("got %s", got)
			}
			last := rec.New[0].Steps[10].After
			roles := newBuilder().catalog(last).Roles
			var names []string
			for _, r := range roles {
				if strings.HasPrefix(r.Name, "assay_test") {
					names = append(names, fmt.Sprint(r.Name, " ", r.CreateRole, r.Login, r.MemberOf))
				}
			}
			if got := strings.Join(names, ", "); got != "assay_test_app true false [assay_test_group], assay_test_group false false []" {
				t.Errorf("roles: %s", got)
			}
		})
	}
}
