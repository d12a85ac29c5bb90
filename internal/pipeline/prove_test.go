package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/internal/proof"
	"github.com/assaydb/assay/internal/schema"
)

// kinds are changes by what they demand: what comes of trying it, the code or
// the value after, and the rows.
var kinds = []struct {
	name, base, change string
	want               devdb.Outcome
	code, rows         string
}{
	{
		"unique", "CREATE TABLE t (id bigint PRIMARY KEY, ref text)", "CREATE UNIQUE INDEX u ON t (ref)", devdb.Fails, "23505",
		"INSERT INTO t (id, ref) VALUES (1, 'a'), (2, 'a');",
	},
	{
		"unique, duplicates deleted", "CREATE TABLE t (id bigint PRIMARY KEY, ref text)",
		"DELETE FROM t a USING t b WHERE a.id > b.id AND a.ref = b.ref;\nCREATE UNIQUE INDEX u ON t (ref)", devdb.Passes, "", "",
	},
	{"unique, implied", "CREATE TABLE t (a int UNIQUE, b int)", "CREATE UNIQUE INDEX u ON t (a, b)", devdb.Impossible, "", ""},
	{"unique, expression", "CREATE TABLE t (mail text UNIQUE)", "CREATE UNIQUE INDEX u ON t (lower(mail))", devdb.Fails, "23505", "INSERT INTO t (mail) VALUES ('a'), ('A');"},
	{
		"unique, predicate", "CREATE TABLE t (a int, gone timestamptz)", "CREATE UNIQUE INDEX u ON t (a) WHERE gone IS NOT NULL", devdb.Fails, "23505",
		"INSERT INTO t (a, gone) VALUES (1, '2024-01-01'), (1, '2024-01-01');",
	},
	{"unique, concurrently", "CREATE TABLE t (a int)", "CREATE UNIQUE INDEX CONCURRENTLY u ON t (a)", devdb.Fails, "23505", "INSERT INTO t (a) VALUES (1), (1);"},
	{
		"unique, grouped view", "CREATE TABLE t (a int, b int);\nCREATE MATERIALIZED VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a",
		"CREATE UNIQUE INDEX u ON v (a)", devdb.Impossible, "", "",
	},
	{"unique, view", "CREATE TABLE t (a int, b int);\nCREATE MATERIALIZED VIEW v AS SELECT a, b FROM t", "CREATE UNIQUE INDEX u ON v (a)", devdb.Unknown, "", ""},
	{"not null", "CREATE TABLE t (id int PRIMARY KEY, a int)", "ALTER TABLE t ALTER a SET NOT NULL", devdb.Fails, "23502", "INSERT INTO t (id, a) VALUES (1, NULL);"},
	{"not null, filled", "CREATE TABLE t (id int PRIMARY KEY, a int)", "UPDATE t SET a = 0 WHERE a IS NULL;\nALTER TABLE t ALTER a SET NOT NULL", devdb.Passes, "", ""},
	{"not null, = NULL", "CREATE TABLE t (id int PRIMARY KEY, a int)", "UPDATE t SET a = 0 WHERE a = NULL;\nALTER TABLE t ALTER a SET NOT NULL", devdb.Fails, "23502", ""},
	{
		"not null, missed by date", "CREATE TABLE t (a int, at timestamptz NOT NULL DEFAULT now())",
		"UPDATE t SET a = 0 WHERE at > '2020-01-01';\nALTER TABLE t ALTER a SET NOT NULL", devdb.Fails, "23502", "'2000-01-01'",
	},
	{
		"not null, missed by flag", "CREATE TABLE t (a int, live boolean NOT NULL DEFAULT true)",
		"UPDATE t SET a = 0 WHERE live;\nALTER TABLE t ALTER a SET NOT NULL", devdb.Fails, "23502", "false",
	},
	{"new column", "CREATE TABLE t (id int)", "ALTER TABLE t ADD c int NOT NULL", devdb.Fails, "23502", "INSERT INTO t DEFAULT VALUES;"},
	{"check", "CREATE TABLE t (n int CHECK (n > 5))", "ALTER TABLE t ADD CHECK (n > 10)", devdb.Fails, "23514", "INSERT INTO t (n) VALUES (6);"},
	{
		"check, wider list", "CREATE TABLE t (s text, CONSTRAINT c CHECK (s IN ('a', 'b')))",
		"ALTER TABLE t DROP CONSTRAINT c;\nALTER TABLE t ADD CONSTRAINT c CHECK (s IN ('a', 'b', 'c'))", devdb.Impossible, "", "",
	},
	{"check, validated", "CREATE TABLE t (n int);\nALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT c", devdb.Fails, "23514", "INSERT INTO t (n) VALUES (0);"},
	{"foreign key", "CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE t (p int)", "ALTER TABLE t ADD FOREIGN KEY (p) REFERENCES p", devdb.Fails, "23503", "INSERT INTO t (p) VALUES (1);"},
	{
		"foreign key, validated", "CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE t (p int);\nALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (p) REFERENCES p NOT VALID",
		"ALTER TABLE t VALIDATE CONSTRAINT f", devdb.Fails, "23503", "INSERT INTO t (p) VALUES (1);",
	},
	{
		"foreign key, orphans deleted", "CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE t (p int)",
		"DELETE FROM t WHERE NOT EXISTS (SELECT FROM p WHERE p.id = t.p);\nALTER TABLE t ADD FOREIGN KEY (p) REFERENCES p", devdb.Passes, "", "",
	},
	{"exclusion", "CREATE TABLE t (during tstzrange)", "ALTER TABLE t ADD EXCLUDE USING gist (during WITH &&)", devdb.Fails, "23P01", ""},
	{"domain", "CREATE DOMAIN d AS int;\nCREATE TABLE t (x d)", "ALTER DOMAIN d ADD CHECK (VALUE > 0)", devdb.Fails, "23514", "INSERT INTO t (x) VALUES (0);"},
	{"cast", "CREATE TABLE t (x text)", "ALTER TABLE t ALTER x TYPE int USING x::int", devdb.Fails, "22P02", "INSERT INTO t (x) VALUES ('a');"},
	{"cast, narrower", "CREATE TABLE t (x bigint)", "ALTER TABLE t ALTER x TYPE int", devdb.Fails, "22003", "INSERT INTO t (x) VALUES (2147483648);"},
	{"cast, cut", "CREATE TABLE t (x text)", "ALTER TABLE t ALTER x TYPE varchar(3) USING x::varchar(3)", devdb.Changes, "'aaa'", "INSERT INTO t (x) VALUES ('aaaa');"},
	{"cast, rounded", "CREATE TABLE t (x numeric(6,3))", "ALTER TABLE t ALTER x TYPE numeric(8,1)", devdb.Changes, "", ""},
	{"cast, time of day", "CREATE TABLE t (x timestamptz)", "ALTER TABLE t ALTER x TYPE date", devdb.Changes, "", ""},
	{"cast, wider", "CREATE TABLE t (x int)", "ALTER TABLE t ALTER x TYPE bigint", devdb.Passes, "", ""},
	{
		"enum without a label", "CREATE TYPE e AS ENUM ('a', 'b');\nCREATE TABLE t (x e)",
		"ALTER TYPE e RENAME TO e_old;\nCREATE TYPE e AS ENUM ('a');\nALTER TABLE t ALTER x TYPE e USING x::text::e", devdb.Fails, "22P02", "INSERT INTO t (x) VALUES ('b');",
	},
	{
		"attach", "CREATE TABLE p (d date NOT NULL) PARTITION BY RANGE (d);\nCREATE TABLE t (d date NOT NULL)",
		"ALTER TABLE p ATTACH PARTITION t FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')", devdb.Fails, "23514", "INSERT INTO t (d) VALUES ('2025-01-01');",
	},
	{
		"default partition", "CREATE TABLE p (d date NOT NULL) PARTITION BY RANGE (d);\nCREATE TABLE q PARTITION OF p DEFAULT",
		"CREATE TABLE r PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')", devdb.Fails, "23514", "INSERT INTO p (d) VALUES ('2024-01-01');",
	},
	{"generated", "CREATE TABLE t (a int, b int)", "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a / b) STORED", devdb.Fails, "22012", ""},
	{"index on an expression", "CREATE TABLE t (a text)", "CREATE INDEX i ON t ((a::int))", devdb.Fails, "22P02", "INSERT INTO t (a) VALUES ('a');"},
	{"index on an expression that never fails", "CREATE TABLE t (a text)", "CREATE INDEX i ON t (lower(a))", devdb.Impossible, "", ""},
	{"index on an expression that a check guards", "CREATE TABLE t (a date, b date, CHECK (b >= a))", "CREATE INDEX i ON t (daterange(a, b))", devdb.Impossible, "", ""},
	{"copy of what may be missing", "CREATE TABLE t (id int PRIMARY KEY, a text)", "CREATE TABLE u (a text NOT NULL);\nINSERT INTO u SELECT a FROM t", devdb.Fails, "23502", "INSERT INTO t (id) VALUES (3);"},
	{"copy of what may be there twice", "CREATE TABLE t (id int PRIMARY KEY, a text)", "CREATE TABLE u (a text PRIMARY KEY);\nINSERT INTO u SELECT a FROM t WHERE a IS NOT NULL", devdb.Fails, "23505", "VALUES (1, 'a'), (4, 'a');"},
	{"copy of each once", "CREATE TABLE t (id int PRIMARY KEY, a text)", "CREATE TABLE u (a text PRIMARY KEY);\nINSERT INTO u SELECT DISTINCT a FROM t WHERE a IS NOT NULL", devdb.Passes, "", ""},
	{"update that casts", "CREATE TABLE t (id int PRIMARY KEY, a text)", "ALTER TABLE t ADD n int;\nUPDATE t SET n = a::int", devdb.Fails, "22P02", "INSERT INTO t (id, a) VALUES (1, 'a');"},
	{"update of the numbers", "CREATE TABLE t (id int PRIMARY KEY, a text)", "ALTER TABLE t ADD n int;\nUPDATE t SET n = a::int WHERE a ~ '^[0-9]{1,6}$'", devdb.Passes, "", ""},
	{"update of some", "CREATE TABLE t (id int PRIMARY KEY, kind text NOT NULL, a text)", "ALTER TABLE t ADD n int;\nUPDATE t SET n = a::int WHERE kind = 'count'", devdb.Fails, "22P02", "'count'"},
	{"update to a given key", "CREATE TABLE t (id int PRIMARY KEY, a text)", "UPDATE t SET id = 6 WHERE a = 'six'", devdb.Passes, "", ""},
	{"update to a given key by a list", "CREATE TABLE t (id int PRIMARY KEY, a text)", "UPDATE t SET a = trim(a), id = 6 WHERE a IN ('six', 'vi')", devdb.Passes, "", ""},
	{"insert of given values", "CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)", devdb.Unknown, "", ""},
	{"delete without where", "CREATE TABLE t (id int PRIMARY KEY, a text)", "DELETE FROM t", devdb.Changes, "", "INSERT INTO t"},
	{"delete with where", "CREATE TABLE t (id int PRIMARY KEY, a text)", "DELETE FROM t WHERE id = 7", devdb.Passes, "", ""},
	{"delete, archived", "CREATE TABLE t (id int PRIMARY KEY, a text)", "CREATE TABLE old AS SELECT * FROM t;\nDELETE FROM t", devdb.Passes, "", "old"},
	{"update without where", "CREATE TABLE t (id int PRIMARY KEY, a text)", "UPDATE t SET a = 'new'", devdb.Changes, "id 1, a 'new'", "INSERT INTO t"},
	{"update to the same", "CREATE TABLE t (id int PRIMARY KEY, a text)", "UPDATE t SET a = a", devdb.Passes, "", ""},
	{"update of the missing", "CREATE TABLE t (id int PRIMARY KEY, a text)", "UPDATE t SET a = coalesce(a, 'none')", devdb.Passes, "", ""},
	{"update to what it is", "CREATE TABLE t (id int PRIMARY KEY, a boolean)", "UPDATE t SET a = true", devdb.Changes, "id 1, a true", "false"},
	{"update by a join that matches all", "CREATE TABLE t (id int PRIMARY KEY, a text);\nCREATE TABLE u (x text, live boolean)", "UPDATE t SET a = 'new' FROM u WHERE u.x IS NULL", devdb.Changes, "id 1, a 'new'", "INSERT INTO u"},
	{"update by a join", "CREATE TABLE t (id int PRIMARY KEY, a text);\nCREATE TABLE u (t int, a text)", "UPDATE t SET a = u.a FROM u WHERE u.t = t.id", devdb.Passes, "", ""},
	{"delete cascades", "CREATE TABLE p (id int PRIMARY KEY);\nCREATE TABLE t (id int PRIMARY KEY, p int REFERENCES p ON DELETE CASCADE)", "DELETE FROM p", devdb.Changes, "", "INSERT INTO t"},
	{
		"delete of some cascades", "CREATE TABLE p (id int PRIMARY KEY, code text NOT NULL);\nCREATE TABLE t (id int PRIMARY KEY, p int NOT NULL REFERENCES p ON DELETE CASCADE)",
		"DELETE FROM p x WHERE x.code = 'old'", devdb.Changes, "", "INSERT INTO p (id, code) VALUES (1, 'old');\nINSERT INTO t",
	},
	{
		"delete of some sets null", "CREATE TABLE p (id int PRIMARY KEY, code text NOT NULL);\nCREATE TABLE t (id int PRIMARY KEY, p int REFERENCES p ON DELETE SET NULL)",
		"DELETE FROM p WHERE id < 5", devdb.Changes, "id 1, p NULL", "INSERT INTO p",
	},
	{"drop table", "CREATE TABLE t (id int PRIMARY KEY, a text)", "DROP TABLE t", devdb.Changes, "", "INSERT INTO t"},
	{"drop table, archived", "CREATE TABLE t (id int PRIMARY KEY, a text)", "CREATE TABLE old (LIKE t);\nINSERT INTO old SELECT * FROM t;\nDROP TABLE t", devdb.Passes, "", "old"},
	{"drop table, another copied by chance", "CREATE TABLE t (id int PRIMARY KEY, a text);\nCREATE TABLE o (id int);\nINSERT INTO o VALUES (1)", "CREATE TABLE n (id uuid, at timestamptz);\nINSERT INTO n SELECT gen_random_uuid(), clock_timestamp() FROM o;\nDROP TABLE t", devdb.Changes, "", "INSERT INTO t"},
	{"drop table, folded into another", "CREATE TABLE o (id int PRIMARY KEY, a text);\nCREATE TABLE t (o int NOT NULL PRIMARY KEY REFERENCES o, b text NOT NULL)", "UPDATE o SET a = t.b FROM t WHERE t.o = o.id;\nDROP TABLE t", devdb.Passes, "", "o.a"},
	{"drop table, a part archived", "CREATE TABLE t (id int PRIMARY KEY, live boolean NOT NULL)", "CREATE TABLE old (LIKE t);\nINSERT INTO old SELECT * FROM t WHERE live;\nDROP TABLE t", devdb.Changes, "", "false"},
	{"drop partitioned table", "CREATE TABLE t (id int, d date NOT NULL) PARTITION BY RANGE (d);\nCREATE TABLE q PARTITION OF t DEFAULT", "DROP TABLE t", devdb.Changes, "", "INSERT INTO t"},
	{"truncate", "CREATE TABLE t (id int PRIMARY KEY, a text)", "TRUNCATE t", devdb.Changes, "", "INSERT INTO t"},
	{"truncate in a block", "CREATE TABLE t (id int PRIMARY KEY, a text)", "DO $$ BEGIN TRUNCATE t; END $$", devdb.Changes, "", "INSERT INTO t"},
	{"drop column", "CREATE TABLE t (id int PRIMARY KEY, a text)", "ALTER TABLE t DROP COLUMN a", devdb.Changes, "id 1", "INSERT INTO t (id, a) VALUES (1, 'a');"},
	{"drop column, copied", "CREATE TABLE t (id int PRIMARY KEY, a text)", "ALTER TABLE t ADD b varchar(80);\nUPDATE t SET b = trim(a);\nALTER TABLE t DROP COLUMN a", devdb.Passes, "", "t.b"},
	{"drop column, copied in capitals", "CREATE TABLE t (id int PRIMARY KEY, a text)", "ALTER TABLE t ADD b varchar(80);\nUPDATE t SET b = upper(a);\nALTER TABLE t DROP COLUMN a", devdb.Changes, "", "'Quick'"},
	{"drop column, rounded", "CREATE TABLE t (id int PRIMARY KEY, a numeric(10,2))", "ALTER TABLE t ADD b int;\nUPDATE t SET b = a;\nALTER TABLE t DROP COLUMN a", devdb.Changes, "", "1.23"},
	{
		"drop column, copied to another table", "CREATE TABLE t (id int PRIMARY KEY, a text);\nCREATE TABLE u (t int, a text, at timestamptz DEFAULT clock_timestamp())",
		"INSERT INTO u (t, a) SELECT id, a FROM t;\nALTER TABLE t DROP COLUMN a", devdb.Passes, "", "u.a",
	},
	{"drop column, some copied", "CREATE TABLE t (id int PRIMARY KEY, a text, live boolean NOT NULL)", "ALTER TABLE t ADD b text;\nUPDATE t SET b = a WHERE live;\nALTER TABLE t DROP COLUMN a", devdb.Changes, "", "false"},
	{"drop column, another written", "CREATE TABLE t (id int PRIMARY KEY, a int)", "ALTER TABLE t ADD b int;\nUPDATE t SET b = 1;\nALTER TABLE t DROP COLUMN a", devdb.Changes, "", ""},
	{
		"trigger in the way", "CREATE TABLE t (a int);\nCREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.a IS NULL THEN RAISE 'no'; END IF; RETURN NEW; END $$;\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
		"ALTER TABLE t ALTER a SET NOT NULL", devdb.Fails, "23502", "",
	},
	{
		"a circle", "CREATE TABLE a (id int PRIMARY KEY, b int NOT NULL);\nCREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a);\nALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b;\nALTER TABLE a ADD x text",
		"ALTER TABLE a ALTER x SET NOT NULL", devdb.Fails, "23502", "WITH ",
	},
}

// TestProveKinds tries every kind of demand, where rows break it and where not.
func TestProveKinds(t *testing.T) {
	for _, major := range pgtest.Majors(t) {
		server := pgtest.Server(t, major)
		for _, k := range kinds {
			p, err := proveOne(server, k.base, k.change)
			if err != nil {
				t.Errorf("%s: %s: %v", major, k.name, err)
				continue
			}
			if p.Outcome != k.want {
				t.Errorf("%s: %s: %s (%s), want %s", major, k.name, p.Outcome, p.Why, k.want)
				continue
			}
			x := p.Counterexample
			if x == nil {
				if got := strings.Join(p.Kept, ", "); p.Outcome == devdb.Passes && got != k.rows {
					t.Errorf("%s: %s: kept in %q, want %q", major, k.name, got, k.rows)
				}
				continue
			}
			if k.want == devdb.Fails && x.Code != k.code || k.want == devdb.Changes && k.code != "" && x.After != k.code {
				t.Errorf("%s: %s: %s %s, after %s, want %s", major, k.name, x.Code, x.Message, x.After, k.code)
			}
			if !strings.Contains(x.Rows, k.rows) {
				t.Errorf("%s: %s: rows are\n%s\nwant\n%s", major, k.name, x.Rows, k.rows)
			}
			if k.name == "trigger in the way" && len(x.Left) != 1 {
				t.Errorf("%s: %s: left out %q, want the trigger", major, k.name, x.Left)
			}
		}
	}
}

// TestProveGivesUp holds that a search ends after the same number of tries
// everywhere, and that it is said.
func TestProveGivesUp(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Server(t, "")
	db, err := server.Create(ctx)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	must(t, db.Replay(ctx, script("base.sql", "CREATE TABLE t (id int PRIMARY KEY, a int, live boolean NOT NULL)")))
	work, err := server.Clone(ctx, db)
	must(t, err)
	defer func() { must(t, work.Close()) }()
	bench := server.Bench(db)
	defer func() { must(t, bench.Close()) }()
	rec := &devdb.Record{New: []*devdb.Recorded{{Migration: script("new.sql", "UPDATE t SET a = 0 WHERE a IS NULL AND live;\nALTER TABLE t ALTER a SET NOT NULL")}}}
	must(t, pipeline.RecordAll(ctx, work, rec))
	target := schema.Ref{Class: schema.ClassRelation, OID: rec.New[0].Steps[1].After.RelationNamed("public", "t").OID, Sub: 2}
	for tries, want := range map[int]devdb.Outcome{1: devdb.Unknown, 20: devdb.Fails} {
		step := rec.New[0].Steps[1]
		step.Proofs = nil
		must(t, pipeline.Prove(ctx, bench, rec, pipeline.Proving{Work: proof.Work{Tries: tries, Queries: 500, Statements: 1000}}))
		p := step.Proof(devdb.DemandNotNull, target)
		if p == nil || p.Outcome != want || p.GaveUp != (want == devdb.Unknown) {
			t.Errorf("after %d tries: %+v, want %s", tries, p, want)
		}
	}
}

// TestProveServerGone ends the bench's databases in the middle.
func TestProveServerGone(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Server(t, "")
	db, err := server.Create(ctx)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	must(t, db.Replay(ctx, script("base.sql", "CREATE TABLE t (a int)")))
	work, err := server.Clone(ctx, db)
	must(t, err)
	defer func() { must(t, work.Close()) }()
	rec := &devdb.Record{New: []*devdb.Recorded{{Migration: script("new.sql", "ALTER TABLE t ALTER a SET NOT NULL")}}}
	must(t, pipeline.RecordAll(ctx, work, rec))
	bench := server.Bench(db)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := pipeline.Prove(gone, bench, rec, pipeline.Proving{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v after the run was cancelled", err)
	}
	c, err := work.ConnectAdmin(ctx)
	must(t, err)
	_, err = c.Exec(ctx, "DROP DATABASE "+db.Name()+" WITH (FORCE)") // as if the server had gone: there is nothing to copy
	must(t, errors.Join(err, c.Close(ctx)))
	if err := pipeline.Prove(ctx, bench, rec, pipeline.Proving{}); err == nil || !strings.Contains(err.Error(), "new.sql:1") {
		t.Errorf("error is %v: want one that names the statement", err)
	}
	must(t, bench.Close())
}
