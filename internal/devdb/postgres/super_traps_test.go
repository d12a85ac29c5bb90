package postgres

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assaydb/assay/internal/migration"
)

// trapSQL makes a function for event triggers that notes where a superuser runs it.
const trapSQL = `CREATE TABLE public.mark (who text); GRANT ALL ON public.mark TO PUBLIC; CREATE FUNCTION public.trap() RETURNS event_trigger LANGUAGE plpgsql AS $f$ BEGIN
	IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN INSERT INTO public.mark VALUES (current_user); END IF; END $f$;`

// sprung fails the test if a superuser has run that function, or the migrations' role is one.
func sprung(t *testing.T, s *Server, d *DB) {
	t.Helper()
	ctx := context.Background()
	must(t, d.Disconnect(ctx))
	to := d.admin.Copy()
	to.AfterConnect = nil
	c, err := dialPgx(ctx, to)
	must(t, err)
	defer c.Close(ctx)
	var super bool
	must(t, c.QueryRow(ctx, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = $1", s.owner).Scan(&super))
	if super {
		t.Error("the migrations' role has become a superuser")
	}
	var n int
	if err := c.QueryRow(ctx, "SELECT count(*) FROM public.mark").Scan(&n); err == nil && n > 0 {
		t.Error("a superuser has run the function of an event trigger")
	}
}

// TestEventTriggers: the admin makes extensions in a database whose setup has event
// triggers, and a migration has put its own code into their function.
func TestEventTriggers(t *testing.T) {
	ctx := context.Background()
	for _, major := range majors() {
		for _, always := range []string{"", "; ALTER EVENT TRIGGER e ENABLE ALWAYS"} {
			for name, s := range servers(t, major) {
				t.Run(name+major+always, func(t *testing.T) {
					d := testDatabase(t, s)
					must(t, d.Setup(ctx, []*migration.Migration{script(t, "CREATE FUNCTION public.trap() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.trap()"+always)}))
					_, err := d.Record(ctx, script(t, strings.Replace(trapSQL, "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)+"CREATE SCHEMA x; CREATE EXTENSION xml2 SCHEMA x"))
					t.Logf("%v", err)
					b := s.Bench(d)
					_, _ = b.Query(ctx, "SELECT 1")
					_ = b.Close()
					sprung(t, s, d)
				})
			}
		}
	}
}

// script reads a migration as the program does.
func script(t *testing.T, sql string) *migration.Migration {
	t.Helper()
	m, err := migration.LoadScript(fstest.MapFS{"m.sql": &fstest.MapFile{Data: []byte(sql)}}, "m.sql", migration.Options{})
	must(t, err)
	return m
}

// TestSuperTraps: a schema directory whose statements take a superuser (event
// triggers and the like) gets no more of one than that.
func TestSuperTraps(t *testing.T) {
	ctx := context.Background()
	for _, x := range []struct{ name, sql string }{
		{"an event trigger at the next statement", trapSQL + `CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION public.trap(); CREATE FOREIGN DATA WRAPPER w`},
		{"an event trigger at the end of the next statement", trapSQL + `CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.trap(); CREATE FOREIGN DATA WRAPPER w; CREATE TABLE t (a int)`},
		{"an event trigger that is always there", trapSQL + `CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.trap(); ALTER EVENT TRIGGER e ENABLE ALWAYS; CREATE FOREIGN DATA WRAPPER w; CREATE EXTENSION pgstattuple`},
		{"an event trigger at a drop", trapSQL + `CREATE TABLE t (a int); CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION public.trap(); ALTER EVENT TRIGGER e ENABLE ALWAYS; DROP TABLE t; CREATE FOREIGN DATA WRAPPER w`},
		{"a string that ends elsewhere", `SET standard_conforming_strings = off; CREATE FOREIGN DATA WRAPPER w OPTIONS (a '\''); ALTER ROLE postgres SUPERUSER; --')`},
		{"a string that ends elsewhere, by a setting that no parser sees", `DO $$ BEGIN PERFORM set_config('standard_conforming_strings', 'off', false); END $$; CREATE FOREIGN DATA WRAPPER w OPTIONS (a '\''); ALTER ROLE postgres SUPERUSER; --')`},
		{"a comment that ends elsewhere", "CREATE PUBLICATION p FOR ALL TABLES --\r; ALTER ROLE postgres SUPERUSER"},
		{"a comment that ends at a form feed", "CREATE PUBLICATION p FOR ALL TABLES --\f; ALTER ROLE postgres SUPERUSER"},
		{"the function called again by another path", `CREATE SCHEMA evil; CREATE FOREIGN DATA WRAPPER w; SET search_path = evil`},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := openTest(t, Config{Schemas: true})
			d, err := s.Create(ctx)
			must(t, err)
			_, err = d.Record(ctx, script(t, x.sql))
			t.Logf("%v", err)
			_, _ = d.Record(ctx, script(t, "CREATE TABLE after (a int); DROP TABLE after"))
			_, _ = s.Clone(ctx, d)
			sprung(t, s, d)
			_ = s.Close()
		})
	}
}
