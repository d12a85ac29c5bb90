package policy

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
)

const shapesBase = `CREATE SCHEMA other;
CREATE SCHEMA api;
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE "Old" (id bigint PRIMARY KEY, "Mail" text NOT NULL DEFAULT '', customer_id bigint);
COMMENT ON TABLE "Old" IS 'old';
COMMENT ON COLUMN "Old"."Mail" IS 'PII: mail';
CREATE TABLE api.notes (id bigint PRIMARY KEY, owner text);
`

const shapes = `CREATE DOMAIN other.mail AS character varying(80);
CREATE DOMAIN other.moment AS timestamp;
CREATE DOMAIN other.amount AS real;
CREATE DOMAIN other.doc AS json;
CREATE DOMAIN other.code AS char(4);
CREATE DOMAIN other.flag AS boolean;
CREATE TABLE parts (at timestamp, price real, note varchar(20), doc json, code char(4), "BadName" text, ok boolean, email text) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE TABLE parent (at timestamp, price real, note varchar(20), ok boolean, email text);
CREATE TABLE child (extra integer) INHERITS (parent);
CREATE TABLE "Quoted" ("order" varchar(20), "Price" real, "At" timestamp, "Ok" boolean, "eMail" text);
CREATE TABLE other.plain (at timestamp, price real, note varchar(20), doc json, code char(4), ok boolean, email text);
CREATE TABLE other.domains (at other.moment, price other.amount, note other.mail, doc other.doc, code other.code, ok other.flag, email other.mail);
CREATE TEMP TABLE scratch (at timestamp, price real, note varchar(20), doc json, code char(4), "BadName" text, ok boolean, email text);
CREATE TABLE gone (at timestamp, price real, email text);
DROP TABLE gone;
CREATE TABLE keyed (id integer, tenant_id bigint, customer_id integer REFERENCES customers, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE keyed_1 PARTITION OF keyed FOR VALUES FROM (0) TO (10);
CREATE TABLE other."Keyed" (id serial PRIMARY KEY, "Customer" integer CONSTRAINT "Fk" REFERENCES customers, CONSTRAINT "Ck" CHECK (id > 0));
CREATE INDEX "Ix" ON other."Keyed" ("Customer");
CREATE INDEX "Ix2" ON other."Keyed" ("Customer");
CREATE TEMP TABLE keyless (id serial, customer_id integer);
CREATE VIEW api."V" AS SELECT id, owner FROM api.notes;
CREATE MATERIALIZED VIEW api.m AS SELECT id FROM api.notes;
CREATE TABLE api.parts (id bigint PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE api.parts_1 PARTITION OF api.parts FOR VALUES FROM (0) TO (10);
GRANT SELECT ON api."V", api.m, api.parts TO pg_monitor;
CREATE FUNCTION other."F"() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
CREATE SEQUENCE other."S";
CREATE TYPE other."E" AS ENUM ('a');
CREATE POLICY "P" ON "Old" USING (true);
GRANT SELECT ON "Old" TO PUBLIC;
GRANT SELECT ("Mail") ON "Old" TO PUBLIC;
ALTER TABLE "Old" DROP COLUMN customer_id;
`

// TestLibraryShapes asks all packs about tables of every shape: partitions and
// temporary tables are never reported, what a table inherits is its parent's,
// domains count as what they are made of, and names in quotes and other schemas
// are as good as any.
func TestLibraryShapes(t *testing.T) {
	f := &fixture.Fixture{Base: shapesBase}
	base, err := f.BaseMigration()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := (&fixture.Case{Name: "bad", Files: map[string]string{"bad.sql": shapes}}).Load()
	if err != nil {
		t.Fatal(err)
	}
	rec, _, err := recorder(t, pgtest.Server(t, pgtest.Majors(t)[0]))(context.Background(), base, dir)
	if err != nil {
		t.Fatal(err)
	}
	if rec.New[0].Err != nil {
		t.Fatal(rec.New[0].Err)
	}
	found, err := (&Rules{Policies: loadLibrary(t)}).Judge(context.Background(), rec, nil)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string][]string{}
	for _, x := range found {
		objects[x.ID] = append(objects[x.ID], x.Object)
	}
	got := map[string]string{}
	for id, list := range objects {
		got[id] = strings.Join(list, " ")
	}
	want := map[string]string{
		"CC104": `public.Old.customer_id`,
		"CL101": `public.parts public.parts public.parent public.parent public.child public.child public.Quoted public.Quoted other.plain other.plain other.domains other.domains public.keyed public.keyed other.Keyed other.Keyed api.parts api.parts`,
		"CL102": `public.parts.ok public.parent.ok public.Quoted.Ok other.plain.ok other.domains.ok`,
		"CM101": `public.parts public.parent public.child public.Quoted other.plain other.domains public.keyed other.Keyed api.parts`,
		"CM102": `public.parts.BadName public.parts.at public.parts.code public.parts.doc public.parts.email public.parts.note public.parts.ok public.parts.price public.parent.at public.parent.email public.parent.note public.parent.ok public.parent.price public.child.extra public.Quoted.At public.Quoted.Ok public.Quoted.Price public.Quoted.eMail public.Quoted.order other.plain.at other.plain.code other.plain.doc other.plain.email other.plain.note other.plain.ok other.plain.price other.domains.at other.domains.code other.domains.doc other.domains.email other.domains.note other.domains.ok other.domains.price public.keyed.customer_id public.keyed.tenant_id other.Keyed.Customer`,
		"EC102": `public.Old.customer_id`,
		"KY101": `public.parts public.parent public.child public.Quoted other.plain other.domains`,
		"KY102": `public.keyed.id other.Keyed.id`,
		"KY103": `public.keyed.keyed_customer_id_fkey`,
		"KY104": `public.keyed.keyed_customer_id_fkey other.Keyed.Fk`,
		"KY105": `other.Ix2`,
		"NM101": `public.Quoted other.Keyed`,
		"NM102": `public.parts.BadName public.Quoted.At public.Quoted.Ok public.Quoted.Price public.Quoted.eMail other.Keyed.Customer`,
		"NM103": `other.Ix other.Ix2`,
		"NM104": `other.Keyed.Fk`,
		"NM105": `other.Keyed.Ck`,
		"NM107": `other.Keyed_id_seq other.S`,
		"NM108": `api.V`,
		"NM109": `other.F()`,
		"NM111": `other.E`,
		"NM112": `public.Quoted.order`,
		"PI101": `public.parts.email public.parent.email public.Quoted.eMail other.plain.email other.domains.email`,
		"PI103": `public.Old public.Old.Mail`,
		"RL101": `api.parts public.Old`,
		"RL103": `public.Old.P`,
		"RL105": `public.Old.P`,
		"RL106": `api.V`,
		"SP101": `other.F()`,
		"SP102": `public.Old public.Old.Mail`,
		"SP107": `api.m`,
		"TY101": `public.parts.at public.parent.at public.Quoted.At other.plain.at other.domains.at`,
		"TY102": `public.parts.note public.parent.note public.Quoted.order other.plain.note`,
		"TY103": `public.parts.code other.plain.code other.domains.code`,
		"TY104": `public.parts.doc other.plain.doc other.domains.doc`,
		"TY105": `public.parts.price public.parent.price public.Quoted.Price other.plain.price other.domains.price`,
		"TY106": `other.Keyed.id`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}
