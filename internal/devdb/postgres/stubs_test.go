package postgres

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/migration"
)

// stubServer is a server that takes stubs even for what it has.
func stubServer(t *testing.T) *Server {
	t.Helper()
	s, err := Open(context.Background(), Config{Env: os.Getenv, Stubbed: true})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// TestStubs makes every stub, each in a database of its own, in the open
// transaction of a file, and takes it away again.
func TestStubs(t *testing.T) {
	s := stubServer(t)
	ctx := context.Background()
	d := testDatabase(t, s)
	for _, n := range stubNames() {
		st := s.stubFor(n)
		sql := ""
		for _, r := range st.requires {
			sql += "create extension if not exists " + quoted(r) + ";"
		}
		sql += "create schema if not exists ext; create extension " + quoted(n) + " schema ext; comment on extension " + quoted(n) + " is 'x'; alter extension " + quoted(n) + " update"
		if _, err := d.Record(ctx, file(migration.TxFile, sql)); err != nil {
			t.Errorf("%s: %v", n, err)
			continue
		}
		c, err := d.Catalog(ctx)
		must(t, err)
		for _, x := range c.Types {
			t.Errorf("%s: type %s is not the extension's", n, x.Name)
		}
		for _, x := range c.Relations {
			t.Errorf("%s: relation %s is not the extension's", n, x.Name)
		}
		for _, x := range c.Functions {
			t.Errorf("%s: function %s is not the extension's", n, x.Name)
		}
		if len(st.requires) > 0 {
			continue
		}
		if _, err := d.Record(ctx, file(migration.TxFile, "drop extension "+quoted(n)+" cascade")); err != nil {
			t.Errorf("%s: dropping it: %v", n, err)
		}
	}
}

// uses are migrations as projects write them, by the extension that they use.
var uses = map[string]string{
	"vector": `create table docs (id bigint primary key, body text, emb vector(3));
		create index on docs using hnsw (emb vector_cosine_ops) with (m = 16, ef_construction = 64);
		create index on docs using ivfflat (emb vector_l2_ops) with (lists = 100);
		insert into docs values (1, 'a', '[1,2,3]');
		alter table docs add column half halfvec(3);
		create function near(q vector(3), n int) returns setof bigint language sql stable as $$ select id from docs order by emb <=> q limit n $$;
		alter table docs alter column emb set not null;
		select id, 1 - (emb <=> '[1,2,3]') from docs order by emb <-> '[3,2,1]' limit 5`,
	"postgis": `create table places (id bigint primary key, at geometry(Point, 4326), area geography(Polygon, 4326), any_shape geometry);
		create index on places using gist (at);
		create index on places using gist (area);
		create index on places using gist (at, any_shape);
		insert into places (id, at) values (1, 'SRID=4326;POINT(1 2)');
		insert into places (id, at) values (2, ST_SetSRID(ST_MakePoint(1, 2), 4326));
		update places set any_shape = at where ST_DWithin(at::geography, ST_MakePoint(1, 2)::geography, 100);
		alter table places alter column at type geometry(Point, 3857) using ST_Transform(at, 3857);
		create view near as select id, ST_AsGeoJSON(at) as shape, ST_Distance(at, at) from places;
		alter table places add column lon double precision generated always as (ST_X(at)) stored;
		select count(*) from spatial_ref_sys where srid = 4326`,
	"pg_cron": `create table docs (id bigint primary key);
		select cron.schedule('nightly', '0 3 * * *', 'DELETE FROM docs');
		select cron.schedule('*/5 * * * *', $$ VACUUM docs $$);
		select cron.unschedule('nightly')`,
	"pg_partman": `create table events (id bigint not null, at timestamptz not null) partition by range (at);
		select {partman}.create_parent(p_parent_table => 'public.events', p_control => 'at', p_interval => '1 month', p_type => 'native');
		update {partman}.part_config set retention = '3 months', retention_keep_table = false where parent_table = 'public.events'`,
	"citext":    `create table users (id bigint primary key, mail citext unique); insert into users values (1, 'A@b'); create index on users (mail); select * from users where mail = 'a@B'`,
	"uuid-ossp": `create table users (id uuid primary key default uuid_generate_v4()); insert into users default values`,
	"pgcrypto":  `create table users (id uuid primary key default gen_random_uuid(), pass text); insert into users (pass) values (crypt('a', gen_salt('bf'))); select encode(digest('a', 'sha256'), 'hex')`,
	"hstore":    `create table things (id bigint primary key, attrs hstore not null default ''); create index on things using gist (attrs); insert into things values (1, 'a=>1'); select attrs -> 'a' from things`,
	"ltree":     `create table nodes (id bigint primary key, path ltree not null); create index on nodes using gist (path); create index on nodes (path); insert into nodes values (1, 'a.b'); select * from nodes where path <@ 'a'`,
	"pg_trgm":   `create table users (name text); create index on users using gist (name gist_trgm_ops); select similarity('a', 'b')`,
}

// TestStubsLikeTheReal holds that what replays with the real extension replays
// with the stub. A real one that is not here is skipped, and said.
func TestStubsLikeTheReal(t *testing.T) {
	ctx := context.Background()
	stubbed := stubServer(t)
	real := testServer(t, "")
	for name, sql := range uses {
		t.Run(name, func(t *testing.T) {
			sql := "create extension if not exists " + quoted(name) + ";\n" + strings.ReplaceAll(sql, "{partman}", "public")
			d := testDatabase(t, stubbed)
			if _, err := d.Record(ctx, file(migration.TxFile, sql)); err != nil {
				t.Errorf("with the stub: %v", err)
			}
			d = testDatabase(t, real)
			c, err := d.ConnectAdmin(ctx)
			must(t, err)
			lacks, err := real.lacks(ctx, c, name)
			must(t, err)
			must(t, c.Close(ctx))
			if lacks {
				t.Skipf("the server has no extension %s, so that the stub cannot be compared with it", name)
			}
			must(t, d.Setup(ctx, []*migration.Migration{file(migration.TxNone, "create extension "+quoted(name))}))
			cat, err := d.Catalog(ctx)
			must(t, err)
			for _, e := range cat.Extensions {
				if e.Name == name && e.Version == "stub" {
					t.Skipf("the server has extension %s, but cannot make it without a restart (shared_preload_libraries)", name)
				}
			}
			if _, err := d.Record(ctx, file(migration.TxFile, sql)); err != nil {
				t.Errorf("with the real one: %v", err)
			}
		})
	}
}
