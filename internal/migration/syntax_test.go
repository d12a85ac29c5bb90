package migration

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func facts(t *testing.T, src string) *Statement {
	t.Helper()
	s, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{})
	if err != nil || len(s.statements) != 1 {
		t.Fatalf("%q: %d statements, %v", src, len(s.statements), err)
	}
	return s.statements[0]
}

var noPlaces = cmpopts.IgnoreTypes(Position{})

func TestSyntax(t *testing.T) {
	for _, c := range []struct {
		src  string
		want Syntax
	}{
		{"BEGIN", Syntax{Tag: "BEGIN", Transaction: "BEGIN"}},
		{"start transaction isolation level serializable", Syntax{Tag: "BEGIN", Transaction: "BEGIN"}},
		{"END", Syntax{Tag: "COMMIT", Transaction: "COMMIT"}},
		{"ROLLBACK TO SAVEPOINT a", Syntax{Tag: "ROLLBACK", Transaction: "ROLLBACK TO"}},
		{"PREPARE TRANSACTION 'x'", Syntax{Tag: "PREPARE TRANSACTION", Transaction: "PREPARE"}},
		{"PREPARE q AS SELECT 1", Syntax{Tag: "PREPARE"}},
		{"SET TRANSACTION READ ONLY", Syntax{Tag: "SET", Transaction: "SET TRANSACTION"}},
		{"SET LOCAL lock_timeout = '2s'", Syntax{Tag: "SET", Set: &Setting{Name: "lock_timeout", Value: "2s", Local: true}}},
		{"SET SESSION Search_Path TO a, \"B\"", Syntax{Tag: "SET", Set: &Setting{Name: "search_path", Value: `a, "B"`}}},
		{"SET TIME ZONE 'UTC'", Syntax{Tag: "SET", Set: &Setting{Name: "timezone", Value: "UTC"}}},
		{"SET statement_timeout TO DEFAULT", Syntax{Tag: "SET", Set: &Setting{Name: "statement_timeout", Reset: true}}},
		{"RESET ALL", Syntax{Tag: "RESET", Set: &Setting{Name: "all", Reset: true}}},
		{"SET ROLE app", Syntax{Tag: "SET", Set: &Setting{Name: "role", Value: "app"}}},
		{"SELECT pg_catalog.set_config('search_path', '', false)", Syntax{Tag: "SELECT", Set: &Setting{Name: "search_path"}}},
		{"SELECT set_config('lock_timeout', '1s', true)", Syntax{Tag: "SELECT", Set: &Setting{Name: "lock_timeout", Value: "1s", Local: true}}},
		{"SELECT set_config('a.b', current_user, true)", Syntax{Tag: "SELECT"}},
		{"SELECT * INTO TEMP u FROM t", Syntax{Tag: "SELECT INTO", Objects: []string{"u"}, Options: []string{"TEMPORARY"}}},
		{"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I\" ON ONLY a.t USING GIN (b) WHERE c", Syntax{Tag: "CREATE INDEX", Concurrently: true, IfNotExists: true, Name: `"I"`, Objects: []string{"a.t"}, Method: "gin", HasWhere: true, Options: []string{"ONLY", "UNIQUE"}}},
		{"CREATE INDEX ON t (a)", Syntax{Tag: "CREATE INDEX", Objects: []string{"t"}, Method: "btree"}},
		{"DROP INDEX CONCURRENTLY IF EXISTS a, b.c CASCADE", Syntax{Tag: "DROP INDEX", Concurrently: true, IfExists: true, Cascade: true, Objects: []string{"a", "b.c"}}},
		{"DROP TRIGGER t ON a.b", Syntax{Tag: "DROP TRIGGER", Name: "t", Objects: []string{"a.b"}}},
		{"DROP FUNCTION f(int, text), g", Syntax{Tag: "DROP FUNCTION", Objects: []string{"f", "g"}}},
		{"DROP MATERIALIZED VIEW v", Syntax{Tag: "DROP MATERIALIZED VIEW", Objects: []string{"v"}}},
		{"TRUNCATE ONLY a, b * RESTART IDENTITY CASCADE", Syntax{Tag: "TRUNCATE TABLE", Cascade: true, Objects: []string{"a", "b"}, Options: []string{"ONLY", "RESTART IDENTITY"}}},
		{"LOCK TABLE a, b IN SHARE ROW EXCLUSIVE MODE NOWAIT", Syntax{Tag: "LOCK TABLE", LockMode: "SHARE ROW EXCLUSIVE", Objects: []string{"a", "b"}, Options: []string{"NOWAIT"}}},
		{"LOCK a", Syntax{Tag: "LOCK TABLE", LockMode: "ACCESS EXCLUSIVE", Objects: []string{"a"}}},
		{"UPDATE ONLY a.t SET b = (SELECT 1 WHERE true)", Syntax{Tag: "UPDATE", Objects: []string{"a.t"}, Options: []string{"ONLY"}}},
		{"DELETE FROM t WHERE a RETURNING b", Syntax{Tag: "DELETE", Objects: []string{"t"}, HasWhere: true, Options: []string{"RETURNING"}}},
		{"INSERT INTO a.\"T\" (b) VALUES (1) ON CONFLICT DO NOTHING RETURNING b", Syntax{Tag: "INSERT", Objects: []string{`a."T"`}, Options: []string{"ON CONFLICT", "RETURNING"}}},
		{"INSERT INTO t SELECT * FROM u", Syntax{Tag: "INSERT", Objects: []string{"t"}}},
		{"WITH d AS (DELETE FROM a.t RETURNING *) INSERT INTO u SELECT * FROM d", Syntax{Parsed: true, Tag: "INSERT", Objects: []string{"u", "a.t"}}},
		{"WITH x AS (SELECT 1) UPDATE t SET a = 1 WHERE b", Syntax{Parsed: true, Tag: "UPDATE", Objects: []string{"t"}, HasWhere: true}},
		{"REFRESH MATERIALIZED VIEW CONCURRENTLY a.v", Syntax{Tag: "REFRESH MATERIALIZED VIEW", Concurrently: true, Objects: []string{"a.v"}}},
		{"REINDEX (CONCURRENTLY, VERBOSE) TABLE t", Syntax{Tag: "REINDEX", Concurrently: true, Objects: []string{"t"}, Options: []string{"TABLE"}}},
		{"REINDEX INDEX i", Syntax{Tag: "REINDEX", Objects: []string{"i"}, Options: []string{"INDEX"}}},
		{"VACUUM (FULL false, ANALYZE) a", Syntax{Tag: "VACUUM", Objects: []string{"a"}}},
		{"VACUUM (ANALYZE, FULL 'off') a", Syntax{Tag: "VACUUM", Objects: []string{"a"}}},
		{"VACUUM (FULL 1, VERBOSE) a", Syntax{Tag: "VACUUM", Objects: []string{"a"}, Options: []string{"FULL"}}},
		{"VACUUM (FULL) a, b (c)", Syntax{Tag: "VACUUM", Objects: []string{"a", "b"}, Options: []string{"FULL"}}},
		{"CLUSTER VERBOSE t USING i", Syntax{Tag: "CLUSTER", Objects: []string{"t"}}},
		{"CREATE TRIGGER g BEFORE UPDATE OF a ON s.t FOR EACH ROW EXECUTE FUNCTION f()", Syntax{Tag: "CREATE TRIGGER", Name: "g", Objects: []string{"s.t"}}},
		{"CREATE POLICY p ON t USING (true)", Syntax{Tag: "CREATE POLICY", Name: "p", Objects: []string{"t"}}},
		{"CREATE RULE r AS ON INSERT TO t DO NOTHING", Syntax{Tag: "CREATE RULE", Name: "r", Objects: []string{"t"}}},
		{"CREATE OR REPLACE VIEW v AS SELECT 1", Syntax{Tag: "CREATE VIEW", OrReplace: true, Objects: []string{"v"}}},
		{"CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1 WITH NO DATA", Syntax{Tag: "CREATE MATERIALIZED VIEW", IfNotExists: true, Objects: []string{"v"}, Options: []string{"WITH NO DATA"}}},
		{"CREATE TEMP TABLE t AS SELECT 1", Syntax{Tag: "CREATE TABLE AS", Objects: []string{"t"}, Options: []string{"TEMPORARY"}}},
		{"CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\"", Syntax{Tag: "CREATE EXTENSION", IfNotExists: true, Objects: []string{`"uuid-ossp"`}}},
		{"CREATE ROLE a PASSWORD 'x'", Syntax{Tag: "CREATE ROLE", Objects: []string{"a"}, Options: []string{"PASSWORD"}}},
		{"GRANT SELECT ON TABLE a, b TO c WITH GRANT OPTION", Syntax{Tag: "GRANT", Objects: []string{"a", "b"}, Options: []string{"WITH GRANT OPTION"}}},
		{"GRANT ALL ON t TO c", Syntax{Tag: "GRANT", Objects: []string{"t"}}},
		{"COMMENT ON COLUMN a.b IS 'x'", Syntax{Tag: "COMMENT", Objects: []string{"a.b"}}},
		{"COPY t FROM PROGRAM 'x'", Syntax{Tag: "COPY", Objects: []string{"t"}, Options: []string{"PROGRAM"}}},
		{"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO a", Syntax{Tag: "ALTER DEFAULT PRIVILEGES"}},
		{"ALTER SYSTEM SET a = 1", Syntax{Tag: "ALTER SYSTEM"}},
		{"MERGE INTO t USING s ON true WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING *", Syntax{Tag: "MERGE", Objects: []string{"t"}, Options: []string{"RETURNING"}}},
		{"DO LANGUAGE plpgsql $$ BEGIN END $$", Syntax{Tag: "DO", Language: "plpgsql", Routine: &Routine{Body: " BEGIN END "}}},
		{
			"CREATE FUNCTION s.f(a int DEFAULT 1) RETURNS SETOF double precision AS 'SELECT ''1''' LANGUAGE SQL STABLE SECURITY DEFINER SET search_path = ''",
			Syntax{Tag: "CREATE FUNCTION", Language: "sql", Objects: []string{"s.f"}, Routine: &Routine{Body: "SELECT '1'", SecurityDefiner: true, SearchPath: true, Volatility: "STABLE", Returns: "double precision"}},
		},
		{"CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1; END", Syntax{Tag: "CREATE PROCEDURE", Language: "sql", Objects: []string{"p"}, Routine: &Routine{Body: "BEGIN ATOMIC SELECT 1; END", Atomic: true}}},
	} {
		if d := cmp.Diff(c.want, *facts(t, c.src).Syntax, noPlaces); d != "" {
			t.Errorf("%s\n%s", c.src, d)
		}
	}
}

func TestActions(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []Action
	}{
		{"ALTER TABLE IF EXISTS ONLY a.t ADD COLUMN IF NOT EXISTS b numeric(10, 2)[] NOT NULL DEFAULT (1 + 2) CHECK (b > 0) REFERENCES u (i) ON DELETE SET NULL, DROP c CASCADE", []Action{
			{Kind: "ADD COLUMN", Name: "b", Type: "numeric(10, 2)[]", IfNotExists: true, Column: &Column{
				Name: "b", Type: "numeric(10, 2)[]", NotNull: true, HasDefault: true, Default: "(1 + 2)",
				Constraints: []Constraint{{Kind: "CHECK"}, {Kind: "FOREIGN KEY", References: "u", OnDelete: "SET NULL"}},
			}},
			{Kind: "DROP COLUMN", Name: "c", Cascade: true},
		}},
		{"ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.u ON UPDATE CASCADE DEFERRABLE NOT VALID", []Action{
			{Kind: "ADD CONSTRAINT", Name: "f", Constraint: &Constraint{Kind: "FOREIGN KEY", Name: "f", References: "s.u", OnUpdate: "CASCADE", Deferrable: true, NotValid: true}},
		}},
		{"ALTER TABLE t ADD PRIMARY KEY USING INDEX i, ADD EXCLUDE USING gist (a WITH &&) WHERE (b), ADD exclude int", []Action{
			{Kind: "ADD CONSTRAINT", Constraint: &Constraint{Kind: "PRIMARY KEY", UsingIndex: "i"}},
			{Kind: "ADD CONSTRAINT", Constraint: &Constraint{Kind: "EXCLUDE"}},
			{Kind: "ADD COLUMN", Name: "exclude", Type: "int", Column: &Column{Name: "exclude", Type: "int"}},
		}},
		{"ALTER TABLE t ALTER a TYPE timestamp with time zone USING a AT TIME ZONE 'UTC', ALTER COLUMN b SET DATA TYPE \"E\", ALTER COLUMN c SET NOT NULL, ALTER c DROP DEFAULT, VALIDATE CONSTRAINT k", []Action{
			{Kind: "ALTER COLUMN TYPE", Name: "a", Type: "timestamp with time zone", Using: true},
			{Kind: "ALTER COLUMN TYPE", Name: "b", Type: `"E"`},
			{Kind: "SET NOT NULL", Name: "c"},
			{Kind: "DROP DEFAULT", Name: "c"},
			{Kind: "VALIDATE CONSTRAINT", Name: "k"},
		}},
		// PostgreSQL 17 and 18, which the parser does not know.
		{"ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (a + 1) VIRTUAL, ADD CONSTRAINT n NOT NULL c NOT VALID, ADD CHECK (a > 0) NOT ENFORCED, ALTER COLUMN g SET EXPRESSION AS (a)", []Action{
			{Kind: "ADD COLUMN", Name: "v", Type: "int", Column: &Column{Name: "v", Type: "int", Generated: "VIRTUAL"}},
			{Kind: "ADD CONSTRAINT", Name: "n", Constraint: &Constraint{Kind: "NOT NULL", Name: "n", NotValid: true}},
			{Kind: "ADD CONSTRAINT", Constraint: &Constraint{Kind: "CHECK", NotEnforced: true}},
			{Kind: "SET EXPRESSION", Name: "g"},
		}},
		{"ALTER TABLE t ADD a int GENERATED BY DEFAULT AS IDENTITY (START 5), ADD b int GENERATED ALWAYS AS (1) STORED UNIQUE", []Action{
			{Kind: "ADD COLUMN", Name: "a", Type: "int", Column: &Column{Name: "a", Type: "int", NotNull: true, Identity: "BY DEFAULT"}},
			{Kind: "ADD COLUMN", Name: "b", Type: "int", Column: &Column{Name: "b", Type: "int", Generated: "STORED", Constraints: []Constraint{{Kind: "UNIQUE"}}}},
		}},
		{"ALTER TABLE t DETACH PARTITION s.p CONCURRENTLY", []Action{{Kind: "DETACH PARTITION", Name: "s.p"}}},
		{"ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1, 2)", []Action{{Kind: "ATTACH PARTITION", Name: "p"}}},
		{"ALTER TABLE t RENAME a TO b", []Action{{Kind: "RENAME COLUMN", Name: "a", NewName: "b"}}},
		{"ALTER TABLE t RENAME TO u", []Action{{Kind: "RENAME TO", NewName: "u"}}},
		{"ALTER TABLE t SET SCHEMA s", []Action{{Kind: "SET SCHEMA", NewName: "s"}}},
		{"ALTER TABLE t REPLICA IDENTITY USING INDEX i, SET (fillfactor = 70), DISABLE TRIGGER ALL, NO FORCE ROW LEVEL SECURITY", []Action{
			{Kind: "REPLICA IDENTITY", Name: "i"}, {Kind: "SET OPTIONS"}, {Kind: "DISABLE TRIGGER", Name: "ALL"}, {Kind: "NO FORCE ROW LEVEL SECURITY"},
		}},
		{"ALTER TYPE e ADD VALUE IF NOT EXISTS 'it''s' BEFORE 'x'", []Action{{Kind: "ADD VALUE", Name: "it's", IfNotExists: true, Place: "BEFORE"}}},
		{"ALTER TYPE e RENAME VALUE 'a' TO 'b'", []Action{{Kind: "RENAME VALUE", Name: "a", NewName: "b"}}},
		{"ALTER DOMAIN d DROP NOT NULL", []Action{{Kind: "DROP NOT NULL"}}},
		{"ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 5", []Action{{Kind: "SET STATISTICS", Name: "1"}}},
		{"ALTER SEQUENCE s AS bigint", []Action{{Kind: "AS", Type: "bigint"}}},
	} {
		st := facts(t, c.src)
		if d := cmp.Diff(c.want, st.Syntax.Actions, noPlaces); d != "" {
			t.Errorf("%s\n%s", c.src, d)
		}
	}
	src := "ALTER TABLE t\n  ADD a int DEFAULT f(1, 2), -- why\n  DROP b"
	var got []string
	for _, a := range facts(t, src).Syntax.Actions {
		got = append(got, src[a.Pos.Offset:a.End.Offset])
	}
	if d := cmp.Diff([]string{"ADD a int DEFAULT f(1, 2)", "DROP b"}, got); d != "" {
		t.Error(d)
	}
	if s := facts(t, "ALTER TABLE t DETACH PARTITION p CONCURRENTLY").Syntax; !s.Concurrently {
		t.Error("CONCURRENTLY of DETACH PARTITION is not seen")
	}
}

func TestCreateTable(t *testing.T) {
	s := facts(t, `CREATE UNLOGGED TABLE IF NOT EXISTS a.t (
		id bigint PRIMARY KEY, "N" varchar(10) COLLATE "C" CONSTRAINT nn NOT NULL, c text DEFAULT 'x'::text,
		CONSTRAINT u UNIQUE (id, c), FOREIGN KEY (c) REFERENCES o (c) ON DELETE CASCADE, LIKE b
	) PARTITION BY RANGE (id)`).Syntax
	want := Syntax{
		Tag: "CREATE TABLE", IfNotExists: true, Objects: []string{"a.t"}, Options: []string{"UNLOGGED"},
		Columns: []Column{
			{Name: "id", Type: "bigint", NotNull: true, Constraints: []Constraint{{Kind: "PRIMARY KEY"}}},
			{Name: `"N"`, Type: "varchar(10)", NotNull: true, Constraints: []Constraint{{Kind: "NOT NULL", Name: "nn"}}},
			{Name: "c", Type: "text", HasDefault: true, Default: "'x'::text"},
		},
		Constraints: []Constraint{{Kind: "UNIQUE", Name: "u"}, {Kind: "FOREIGN KEY", References: "o", OnDelete: "CASCADE"}},
	}
	if d := cmp.Diff(want, *s, noPlaces); d != "" {
		t.Error(d)
	}
}

func TestEmbeddedSQL(t *testing.T) {
	src := "\nDO $$\nDECLARE n int := 1;\nBEGIN\n  IF n > 0 THEN\n    ALTER TABLE t ADD a int;\n  END IF;\n  EXECUTE 'DROP TABLE ' || n;\n  FOR r IN SELECT 1 LOOP\n    UPDATE t SET a = 1;\n  END LOOP;\nEND $$"
	for _, c := range []struct {
		src  string
		want []string
	}{
		{strings.Replace(src, "FOR r", "FOR n", 1), []string{"3 1 expression", "5 n > 0 expression", "6 ALTER TABLE t ADD a int", "8 'DROP TABLE ' || n dynamic", "9 SELECT 1 expression", "10 UPDATE t SET a = 1"}},
		{"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n  UPDATE t SET a = 1;\n  SELECT 1 $$", []string{"2 UPDATE t SET a = 1", "3 SELECT 1"}},
		{"CREATE FUNCTION f() RETURNS int\nBEGIN ATOMIC\n  SELECT CASE WHEN true THEN 1 END;\n  SELECT 2; END", []string{"3 SELECT CASE WHEN true THEN 1 END", "4 SELECT 2"}},
		{"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN\nNEW.a := now(); RETURN NEW; END $$", []string{"2 NEW.a := now() expression", "2 NEW expression"}},
		{"DO LANGUAGE plperl 'x'", nil},
	} {
		st := facts(t, c.src)
		in, err := EmbeddedSQL(st)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
		}
		var got []string
		for _, e := range in {
			line := fmt.Sprintf("%d %s", e.Pos.Line, e.SQL)
			if e.Dynamic {
				line += " dynamic"
			} else if e.Expression {
				line += " expression"
			}
			if !strings.HasPrefix(c.src[e.Pos.Offset:], e.SQL) {
				t.Errorf("%q is not at %v", e.SQL, e.Pos)
			}
			got = append(got, line)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s\n%s", c.src, d)
		}
	}
	if _, err := EmbeddedSQL(facts(t, "DO $$ BEGIN IF END $$")); err == nil || !strings.Contains(err.Error(), "m.sql:1") {
		t.Errorf("got %v, want an error that names the place", err)
	}
}
