package postgres

import (
	"context"
	"slices"
	"testing"

	"github.com/assaydb/assay/internal/migration"
)

// tempTrapsSQL puts traps where the session of a migration looks first of all:
// relations and types of its own temporary schema, with the names of the server's.
const tempTrapsSQL = `DO $do$ DECLARE o record; BEGIN
  FOR o IN SELECT relname FROM pg_class c WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v') AND relname ~ '^pg_(extension|namespace|depend|type|proc|operator|opclass|opfamily|am|cast|class|authid|roles|settings|description|shdescription)$' LOOP
    EXECUTE format('CREATE TEMP VIEW %I WITH (security_barrier) AS SELECT * FROM pg_catalog.%I WHERE evil.trap()', o.relname, o.relname);
  END LOOP;
  FOR o IN SELECT unnest('{oid,name,record,text,regclass,regrole,regtype,int4,int8,bool,bytea,json}'::text[]) AS t LOOP
    EXECUTE format('CREATE DOMAIN pg_temp.%I AS pg_catalog.%I CHECK (evil.trap())', o.t, CASE o.t WHEN 'record' THEN 'text' ELSE o.t END);
  END LOOP;
END $do$;`

// TestStubTraps has every stub made, and the objects read, by functions with the
// admin's rights in a session and a schema full of traps.
func TestStubTraps(t *testing.T) {
	ctx := context.Background()
	s := stubServer(t)
	base := testDatabase(t, s)
	o, err := base.ConnectOwner(ctx)
	must(t, err)
	_, err = o.PgConn().Exec(ctx, trapsSQL).ReadAll()
	must(t, err)
	must(t, o.Close(ctx))
	for _, hostile := range []struct {
		name   string
		before []string
		schema string
	}{
		{"a temporary schema", []string{tempTrapsSQL}, "ext"},
		{"the stub's own schema", nil, "evil"},
		{"a search_path", []string{"SET search_path = evil, pg_catalog", "SET standard_conforming_strings = off", "SET check_function_bodies = off", "SET quote_all_identifiers = on"}, "ext"},
	} {
		for _, n := range stubNames() {
			t.Run(hostile.name+"/"+n, func(t *testing.T) {
				d, err := s.Clone(ctx, base)
				must(t, err)
				defer d.Close()
				sql := "CREATE SCHEMA ext; "
				for _, r := range s.stubFor(n).requires {
					sql += "CREATE EXTENSION " + quoted(r) + " SCHEMA " + hostile.schema + "; "
				}
				m := file(migration.TxNone, sql+"CREATE EXTENSION "+quoted(n)+" SCHEMA "+hostile.schema+"; CREATE ROLE somebody")
				for i, before := range hostile.before {
					m.Statements = slices.Insert(m.Statements, i, oneStatement(before).Statements[0])
				}
				_, err = d.Record(ctx, m)
				if err != nil {
					t.Logf("refused: %v", err) // as long as no trap goes off
				}
				c, err := d.ConnectAdmin(ctx)
				must(t, err)
				defer c.Close(ctx)
				var sprung bool
				must(t, c.QueryRow(ctx, "SELECT is_called FROM evil.marks").Scan(&sprung))
				if sprung {
					t.Error("a superuser has run code of the migrations")
				}
			})
		}
	}
}
