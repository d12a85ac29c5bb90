//go:build linux

package faults

// The histories: small, as each is replayed many times. The merged part of the
// first takes long enough for its base to be kept.
var histories = []*history{
	{name: "plain", files: map[string]string{
		"assay.yaml":                 "statement-timeout: 60s\n",
		"migrations/000001_a.up.sql": "CREATE TABLE t (id bigint PRIMARY KEY, n int);\nINSERT INTO t SELECT i, i FROM generate_series(1, 100) i;\nSELECT pg_sleep(0.3);\n",
		"migrations/000002_b.up.sql": "CREATE TABLE u (id bigint PRIMARY KEY, t_id bigint);\n",
		"migrations/000003_c.up.sql": "ALTER TABLE t ALTER n SET NOT NULL;\nCREATE INDEX u_t ON u (t_id);\n",
	}},
	{name: "objects", files: map[string]string{
		"assay.yaml":                   "statement-timeout: 60s\nqueries: ['queries.sql']\n",
		"queries.sql":                  "SELECT id, name FROM shop.orders WHERE state = 'new';\n",
		"migrations/000001_a.up.sql":   "CREATE SCHEMA shop;\nCREATE TYPE shop.state AS ENUM ('new', 'done');\nCREATE TABLE shop.orders (id bigint PRIMARY KEY, name text, state shop.state);\nSELECT pg_sleep(0.3);\n",
		"migrations/000001_a.down.sql": "DROP SCHEMA shop CASCADE;\n",
		"migrations/000002_b.up.sql":   "CREATE FUNCTION shop.f() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(name) FROM shop.orders); END $$;\nCREATE VIEW shop.v AS SELECT id, name FROM shop.orders;\nINSERT INTO shop.orders VALUES (1, 'a', 'new');\n",
		"migrations/000002_b.down.sql": "DROP VIEW shop.v;\nDROP FUNCTION shop.f;\n",
		"migrations/000003_c.up.sql":   "DROP VIEW shop.v;\nALTER TABLE shop.orders DROP COLUMN name;\nUPDATE shop.orders SET state = 'done';\n",
		"migrations/000003_c.down.sql": "ALTER TABLE shop.orders ADD COLUMN name text;\nCREATE VIEW shop.v AS SELECT id, name FROM shop.orders;\n",
	}},
	{name: "leaves", files: map[string]string{
		"assay.yaml":                 "statement-timeout: 60s\n",
		"migrations/000001_a.up.sql": "CREATE TABLE t (id bigint PRIMARY KEY);\n",
		"migrations/000002_b.up.sql": "-- atlas:txmode none\nBEGIN;\nCREATE TABLE z (a int);\nPREPARE TRANSACTION 'of the base';\n",
		"migrations/000003_c.up.sql": `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I WITH IS_TEMPLATE true', current_database()); END $$;
CREATE TABLE u (a int);
BEGIN;
CREATE TABLE y (a int);
PREPARE TRANSACTION 'left''s';
SELECT pg_create_physical_replication_slot('left_slot');
CREATE ROLE left_role;
CREATE DATABASE left_database;
`,
	}},
}
