package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// schemaFiles reads the files of a schema that a test writes.
func schemaFiles(t testing.TB, files map[string]string) []*migration.Migration {
	t.Helper()
	fsys := fstest.MapFS{}
	for n, text := range files {
		fsys[n] = &fstest.MapFile{Data: []byte(text)}
	}
	var out []*migration.Migration
	for n := range files {
		m, err := migration.LoadScript(fsys, n, migration.Options{})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *migration.Migration) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func load(t testing.TB, s *Server, files ...*migration.Migration) (*schema.Catalog, *Loaded, error) {
	t.Helper()
	d, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	l, err := d.Load(t.Context(), files)
	if err != nil {
		return nil, nil, err
	}
	c, err := d.Catalog(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return c, l, nil
}

const shuffled = `CREATE SCHEMA app;
CREATE TYPE app.state AS ENUM ('new', 'paid');
CREATE DOMAIN app.email AS text CHECK (VALUE LIKE '%@%');
CREATE FUNCTION app.twice(n bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN n * 2;
CREATE TABLE app.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail app.email, parent bigint);
CREATE TABLE app.orders (id bigint PRIMARY KEY, customer bigint REFERENCES app.customers, state app.state DEFAULT 'new', double bigint GENERATED ALWAYS AS (app.twice(id)) STORED);
ALTER TABLE app.customers ADD CONSTRAINT parent FOREIGN KEY (parent) REFERENCES app.customers;
CREATE INDEX orders_state ON app.orders (state) WHERE state = 'paid';
CREATE VIEW app.paid AS SELECT * FROM app.orders WHERE state = 'paid';
CREATE VIEW app.totals AS SELECT customer, count(*) AS n FROM app.paid GROUP BY customer;
CREATE MATERIALIZED VIEW app.top AS SELECT * FROM app.totals WHERE n > 10;
CREATE UNIQUE INDEX top_customer ON app.top (customer);
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE OF state ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON app.orders TO clerk USING (customer IN (SELECT id FROM app.customers));
GRANT SELECT ON app.paid TO clerk WITH GRANT OPTION;
COMMENT ON COLUMN app.totals.n IS 'how many';
CREATE FUNCTION app.count_paid() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM app.paid';
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION app.watched();
CREATE FUNCTION app.watched() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE PUBLICATION everything FOR ALL TABLES`

// TestLoadShuffled loads the statements of a schema in many orders and
// layouts: the catalog is the same.
func TestLoadShuffled(t *testing.T) {
	s := openTest(t, Config{Schemas: true})
	statements := strings.Split(shuffled, ";\n")
	want, _, err := load(t, s, schemaFiles(t, map[string]string{"all.sql": shuffled + ";"})...)
	if err != nil {
		t.Fatal(err)
	}
	times := 10
	if os.Getenv("ASSAY_TEST_ALL") != "" {
		times = 200
	}
	for seed := range uint64(times) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		order := rnd.Perm(len(statements))
		files := map[string]string{}
		for _, i := range order {
			n := fmt.Sprintf("%d.sql", rnd.IntN(5))
			files[n] += statements[i] + ";\n"
		}
		got, _, err := load(t, s, schemaFiles(t, files)...)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if d := schema.Differences(want, got); len(d) > 0 {
			t.Fatalf("seed %d: %s", seed, cmp.Diff(nil, d))
		}
	}
}

// TestLoadRefuses loads schemas that are wrong, and wants each mistake with its place.
func TestLoadRefuses(t *testing.T) {
	s := openTest(t, Config{Schemas: true})
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"circle": {map[string]string{"a.sql": "CREATE VIEW a AS SELECT * FROM b;\nCREATE VIEW b AS\nSELECT *\nFROM a;"},
			"a.sql:1: relation \"b\" does not exist (SQLSTATE 42P01)\na.sql:4: relation \"a\" does not exist (SQLSTATE 42P01)"},
		"twice": {map[string]string{"a.sql": "CREATE TABLE t (id int);", "b.sql": "\nCREATE TABLE t (id int);"},
			"b.sql:2: relation \"t\" already exists (SQLSTATE 42P07)\n    a.sql:1 makes it first: a schema says what each object is in one place"},
		"if not exists": {map[string]string{"a.sql": "CREATE TABLE t (id int);", "b.sql": "CREATE TABLE IF NOT EXISTS t (id int);"},
			"b.sql:1: relation \"t\" already exists (SQLSTATE 42P07)\n    a.sql:1 makes it first: a schema says what each object is in one place"},
		"or replace": {map[string]string{"a.sql": "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql RETURN 1;", "b.sql": "CREATE OR REPLACE FUNCTION F(a integer) RETURNS int LANGUAGE sql RETURN 2;"},
			"b.sql:1: f is made twice (SQLSTATE 42710)\n    a.sql:1 makes it first: a schema says what each object is in one place"},
		"rows": {map[string]string{"a.sql": "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1);"},
			"a.sql:2: INSERT changes rows, and a schema file holds objects alone\n    move it to a migration or a seed; if the file is to hold rows beside the schema, write the line `-- assay:data` at its top, and they are not loaded here"},
		"body": {map[string]string{"a.sql": "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS 'SELECT n FROM nothing';"},
			"a.sql:1: the body of f: relation \"nothing\" does not exist (SQLSTATE 42P01)"},
		"syntax": {map[string]string{"a.sql": "CREATE TABLE a (id int);\n\nCREATE TABEL b (id int);"}, "a.sql:3: syntax error at or near \"TABEL\" (SQLSTATE 42601)"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(t, s, schemaFiles(t, c.files)...)
			var refused *LoadError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
			if d := cmp.Diff(c.want, err.Error()); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestLoadTakes loads what people and pg_dump write.
func TestLoadTakes(t *testing.T) {
	s := openTest(t, Config{Schemas: true})
	_, l, err := load(t, s, schemaFiles(t, map[string]string{
		"dump.sql": "-- PostgreSQL database dump\nSET check_function_bodies = false;\nSELECT pg_catalog.set_config('search_path', '', false);\nCREATE VIEW public.v AS\nSELECT\n    NULL::integer AS id;\n" +
			"CREATE TABLE public.w (id integer);\nALTER TABLE public.w OWNER TO somebody;\nCOPY public.w (id) FROM stdin;\n1\n\\.\nCREATE OR REPLACE VIEW public.v AS SELECT id FROM public.w;\nCREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql AS 'SELECT n FROM nothing';\n",
		"schema.sql": "CREATE SCHEMA IF NOT EXISTS app;\nSET search_path = app;\nCREATE TABLE t ( -- assay:was old_t\n  id bigint,\n  -- @renamed from=\"Mail\"\n  email text,\n  name text -- assay:was title\n);\nCREATE TYPE e AS ENUM (\n  'a', -- assay:was b\n  'c');\n",
		"other.sql":  "CREATE SCHEMA IF NOT EXISTS app;\nCREATE OR REPLACE FUNCTION g(a int) RETURNS int LANGUAGE sql RETURN 1;\nCREATE OR REPLACE FUNCTION g(a text) RETURNS int LANGUAGE sql RETURN 1;\n",
		"rows.sql":   "-- assay:data\nINSERT INTO t VALUES (1);\n",
	})...)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, h := range l.Hints {
		got = append(got, fmt.Sprintf("%d %s %s.%s.%s was %s", h.Pos.Line, h.Kind, h.Schema, h.Name, h.Column, h.Old))
	}
	want := []string{"3 table app.t. was old_t", "5 column app.t.email was Mail", "7 column app.t.name was title", "10 label app.e.a was b"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// BenchmarkLoad loads a thousand tables with their keys, in the wrong order.
func BenchmarkLoad(b *testing.B) {
	s := testServer(b, "")
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "CREATE TABLE t%d (id bigint PRIMARY KEY, name text NOT NULL, made timestamptz DEFAULT now(), next bigint%s);\nCREATE INDEX ON t%[1]d (name);\n", i,
			map[bool]string{true: fmt.Sprintf(" REFERENCES t%d", (i*7+13)%1000), false: ""}[i%3 == 0 && (i*7+13)%1000 > i])
	}
	files := schemaFiles(b, map[string]string{"all.sql": text.String()})
	for b.Loop() {
		if _, _, err := load(b, s, files...); err != nil {
			b.Fatal(err)
		}
	}
}
