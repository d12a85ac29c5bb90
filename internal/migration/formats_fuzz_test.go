package migration

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// layouts are small projects of every format: the files that it reads beside the
// SQL, and one migration.
var layouts = []struct {
	format     Format
	name, text string // the file that is special to the format
	sql, body  string
}{
	{GolangMigrate, "000001_a.down.sql", "DROP TABLE t;", "000001_a.up.sql", "CREATE TABLE t (a int);"},
	{Goose, "00002_b.sql", "-- +goose NO TRANSACTION\n-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n-- +goose StatementEnd\n-- +goose ENVSUB ON\nSELECT '${A:-b}';\n-- +goose Down\nSELECT 2;", "00001_a.sql", "-- +goose Up\nSELECT 1;"},
	{Flyway, "flyway.conf", "flyway.placeholders.a=b\nflyway.mixed=true\nflyway.sqlMigrationPrefix=V", "V1__a.sql", "SELECT '${a}';"},
	{Flyway, "V1__a.sql.conf", "executeInTransaction=false", "V1__a.sql", "CREATE INDEX CONCURRENTLY i ON t (a);"},
	{Liquibase, "changelog.xml", "<databaseChangeLog><include file=\"a.sql\"/><changeSet id=\"1\" author=\"a\" runInTransaction=\"false\"><sql splitStatements=\"false\" endDelimiter=\"/\">SELECT 1</sql><rollback>SELECT 2</rollback></changeSet></databaseChangeLog>", "a.sql", "--liquibase formatted sql\n--changeset a:1 runInTransaction:false splitStatements:true endDelimiter:; context:x\n--preconditions onFail:MARK_RAN\n--precondition-sql-check expectedResult:0 SELECT 1\nSELECT 1;\n--rollback SELECT 2;"},
	{Liquibase, "changelog.yaml", "databaseChangeLog:\n- include: {file: a.sql, relativeToChangelogFile: true}\n- includeAll: {path: sub}\n- changeSet: {id: 1, author: a, changes: [{sql: {sql: SELECT 1}}]}", "a.sql", "--liquibase formatted sql\n--changeset a:1\nSELECT 1;"},
	{Dbmate, "2_b.sql", "-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down\nSELECT 2;", "1_a.sql", "-- migrate:up\nSELECT 1;"},
	{SQLMigrate, "dbconfig.yml", "development:\n  dialect: postgres\n  dir: migrations\n", "1_a.sql", "-- +migrate Up notransaction\nSELECT 1;\n-- +migrate StatementBegin\nSELECT 2;\n-- +migrate StatementEnd\n-- +migrate Down"},
	{Atlas, "atlas.sum", "h1:wFjCaE4bJ3Vl7m9Pns0wJ4Nj0mzJ0FvIuqvSnuZ0sqA=\n1_a.sql h1:wFjCaE4bJ3Vl7m9Pns0wJ4Nj0mzJ0FvIuqvSnuZ0sqA=\n", "1_a.sql", "-- atlas:txmode none\n\n-- atlas:delimiter \\n\\n\nSELECT 1;"},
	{Prisma, "migration_lock.toml", "provider = \"postgresql\"", "20240101000000_a/migration.sql", "CREATE TABLE t (a int);"},
	{Drizzle, "meta/_journal.json", `{"version":"7","dialect":"postgresql","entries":[{"idx":0,"version":"7","when":1700000000000,"tag":"0000_a","breakpoints":true}]}`, "0000_a.sql", "SELECT 1;--> statement-breakpoint\nSELECT 2;"},
	{Diesel, "1_a/metadata.toml", "run_in_transaction = false", "1_a/up.sql", "SELECT 1;"},
	{Hasura, "default/1_a/down.sql", "SELECT 2;", "default/1_a/up.sql", "SELECT 1;"},
	{Sqlx, "1_a.down.sql", "SELECT 2;", "1_a.up.sql", "-- no-transaction\nSELECT 1;"},
	{NodePgMigrate, "2_b.sql", "-- Up Migration\nSELECT 1;\n-- Down Migration\nSELECT 2;", "1_a.sql", "SELECT 1;"},
	{GraphileMigrate, "../.gmrc", `{"connectionString": null, "placeholders": {":A": "b"}}`, "committed/000001.sql", "--! Previous: -\n--! Hash: sha1:abc\n--! AllowInvalidHash\n--! no-transaction\n\nSELECT :A;"},
	{Sqitch, "sqitch.plan", "%syntax-version=1.0.0\n%project=p\n\na 2024-01-01T00:00:00Z A <a@b> # note\nb [a !c p:d @v1] 2024-01-01T00:00:00Z A <a@b>\n@v1 2024-01-01T00:00:00Z A <a@b>\na [a@v1] 2024-01-01T00:00:00Z A <a@b>\n", "deploy/a.sql", "BEGIN;\nSELECT 1;\nCOMMIT;"},
	{Sqitch, "sqitch.conf", "[core]\n\tengine = pg\n\ttop_dir = .\n\tplan_file = sqitch.plan\n[deploy \"x\"] ; c", "deploy/a.sql", "\\set x 1\nSELECT :x;"},
	{Supabase, "2_b.sql", "CREATE INDEX CONCURRENTLY i ON t (a);", "1_a.sql", "SELECT 1;"},
	{Plain, "2.sql", "\\i 1.sql\n\\ir 1.sql\n\\if :x\n\\endif\n\\copy t from stdin\n1\n\\.\n", "1.sql", "SELECT 1;"},
}

// FuzzFormats reads directories of every format: whatever is in the files, there
// is a list of migrations whose statements lie in them, or an error.
func FuzzFormats(f *testing.F) {
	for i, l := range layouts {
		f.Add(uint8(i), l.name, l.text, l.sql, l.body)
	}
	f.Fuzz(func(t *testing.T, which uint8, name, text, sql, body string) {
		l := layouts[int(which)%len(layouts)]
		files := fstest.MapFS{"migrations/keep": {}}
		for n, data := range map[string]string{name: text, sql: body, l.sql: l.body} {
			if n = "migrations/" + n; fs.ValidPath(n) && len(n) < 200 {
				files[n] = &fstest.MapFile{Data: []byte(data)}
			}
		}
		if _, ok := files["migrations/"+l.name]; !ok && fs.ValidPath("migrations/"+l.name) {
			files["migrations/"+l.name] = &fstest.MapFile{Data: []byte(text)}
		}
		if _, err := fs.ReadDir(files, "migrations"); err != nil {
			return // a file in the place of a directory
		}
		_, _ = Detect(files, ".")
		for _, o := range []Options{{Format: l.format}, {}} {
			d, err := Load(files, "migrations", o)
			if err != nil {
				if err.Error() == "" || strings.Contains(err.Error(), "%!") {
					t.Errorf("the error is %q", err)
				}
				continue
			}
			for _, m := range d.Migrations {
				for _, st := range m.Statements {
					if st.Pos.Line < 1 || st.Pos.Offset < 0 || st.End.Offset < st.Pos.Offset {
						t.Fatalf("%s: a statement from %+v to %+v", m.Path, st.Pos, st.End)
					}
				}
				_ = NextName(d, m, "x")
			}
			_, _ = Listed(files, d, nil)
		}
	})
}

// FuzzDump reads the dumps that a base may be: the commands before the schema,
// COPY with data, and whatever else is in them.
func FuzzDump(f *testing.F) {
	f.Add("--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n-- Dumped from database version 17.4\n-- Dumped by pg_dump version 18.0\n\nSET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n\\connect x\nCREATE TABLE public.t (a integer);\nCOPY public.t (a) FROM stdin;\n1\n\\.\n\\unrestrict abc\n")
	f.Add("CREATE DATABASE x;\n\\c x\n--\n-- TOC entry 1 (class 1259 OID 1)\n--\nCREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := LoadScript(fstest.MapFS{"dump.sql": {Data: []byte(text)}}, "dump.sql", Options{})
		if err != nil {
			return
		}
		for _, st := range m.Statements {
			if st.Pos.Offset < 0 || st.End.Offset > len(text) || st.End.Offset < st.Pos.Offset {
				t.Fatalf("a statement from %d to %d of %d", st.Pos.Offset, st.End.Offset, len(text))
			}
			_, _ = ExtensionOf(st.Text)
			_ = Handlers(st)
			_, _ = Writes(st)
		}
	})
}
