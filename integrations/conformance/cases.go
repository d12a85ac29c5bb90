package conformance

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// File is one migration of a case, before it is written for a tool.
type File struct {
	Version  int
	Up, Down []Piece
	// NoTx asks for no transaction around the file.
	NoTx bool
	Form Form
}

// Piece is a text that may hold several statements, or less than one.
type Piece struct {
	SQL string
	// Whole: where the tool has a way to send it in one query, it is used.
	Whole bool
}

// Form is how the bytes of a file are written.
type Form struct {
	BOM, CRLF bool
	Open      bool   // the last statement has no semicolon
	Cut       bool   // the last line has no line end
	Head      string // above the tool's first mark
	Mark      string // "lower", "indented", "spaces", "trailing", "tight": other spellings of the marks
	Latin1    bool   // é is one byte
}

// Dialect writes files as one tool wants them.
type Dialect interface {
	// Lay gives texts by path below the migrations directory.
	Lay(files []File) map[string]string
}

// annotated is a tool with marks in comments: before is what stands in front of
// the word, noTx a line of its own that leaves the transaction, option what does
// so behind the mark.
// needsDown: a file without a down part is refused; only the fifth goes without one.
type annotated struct {
	before, noTx, option string
	needsDown            bool
}

func (a annotated) Lay(files []File) map[string]string {
	out := map[string]string{}
	up, down := "Up", "Down"
	if strings.HasSuffix(a.before, ":") {
		up, down = "up", "down"
	}
	for _, f := range files {
		var b strings.Builder
		b.WriteString(f.Form.Head)
		if f.NoTx && a.noTx != "" {
			b.WriteString(a.before + a.noTx + "\n")
		}
		b.WriteString(f.Form.mark(a.before + up))
		if f.NoTx && a.option != "" {
			b.WriteString(" " + a.option)
		}
		b.WriteString("\n" + a.pieces(f.Up))
		text := b.String()
		if f.Form.Open {
			text = opened(text)
		}
		if f.Down != nil || a.needsDown && f.Version != 5 {
			text += "\n" + a.before + down + "\n" + a.pieces(f.Down)
		}
		out[fmt.Sprintf("%04d_step.sql", f.Version)] = f.Form.bytes(text)
	}
	return out
}

func (a annotated) pieces(ps []Piece) string {
	var b strings.Builder
	for _, p := range ps {
		if p.Whole && !strings.HasSuffix(a.before, ":") {
			b.WriteString(a.before + "StatementBegin\n" + p.SQL + "\n" + a.before + "StatementEnd\n")
		} else {
			b.WriteString(p.SQL + "\n")
		}
	}
	return b.String()
}

// upAndDown is a tool with two files for each migration.
type upAndDown struct{}

func (upAndDown) Lay(files []File) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		out[fmt.Sprintf("%04d_step.up.sql", f.Version)] = f.Form.plain(f.Up, "")
		if f.Down != nil {
			out[fmt.Sprintf("%04d_step.down.sql", f.Version)] = plainPieces(f.Down)
		}
	}
	return out
}

func plainPieces(ps []Piece) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.SQL + "\n")
	}
	return b.String()
}

// plain is a file without marks; first is its first line.
func (f Form) plain(ps []Piece, first string) string {
	text := first + f.Head + plainPieces(ps)
	if f.Open {
		text = opened(text)
	}
	return f.bytes(text)
}

// opened is the text without its last semicolon.
func opened(text string) string {
	t := strings.TrimRight(text, "\n")
	return strings.TrimSuffix(t, ";") + "\n"
}

func (f Form) mark(m string) string {
	switch f.Mark {
	case "lower":
		return strings.ToLower(m)
	case "indented":
		return "  " + m
	case "spaces":
		return strings.Replace(m, "-- ", "--   ", 1)
	case "tight":
		return strings.Replace(m, "-- ", "--", 1)
	case "trailing":
		return m + "  "
	}
	return m
}

func (f Form) bytes(text string) string {
	if f.Cut {
		text = strings.TrimRight(text, "\n")
	}
	if f.CRLF {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	if f.Latin1 {
		text = strings.ReplaceAll(text, "é", "\xe9")
	}
	if f.BOM {
		text = "\ufeff" + text
	}
	return text
}

// kinds of pieces. %d is a number of its own for each use. One that begins with
// a blank is the rarer kind that ends most files.
var pieces = []string{
	"CREATE TABLE t%[1]d (id integer PRIMARY KEY, v text);",
	"CREATE TABLE t%[1]d (\n  id integer,\n\n  -- a note; with a semicolon\n  v text DEFAULT 'a;b' /* ; */\n);",
	"INSERT INTO base VALUES (%[1]d, 'x;y');",
	"INSERT INTO base VALUES (%[1]d, 'first line;\nsecond ''line''; --not a comment\n');",
	`INSERT INTO base VALUES (%[1]d, E'it\'s;\n');`,
	"INSERT INTO base VALUES (%[1]d, $q$a;\n$$ b;\n$q$);",
	"INSERT INTO base VALUES (%[1]d, 'tab\tand é ü');",
	"CREATE FUNCTION f%[1]d() RETURNS integer LANGUAGE plpgsql AS $$\nBEGIN\n  PERFORM 1;\n  RETURN 2;\nEND\n$$;",
	"CREATE FUNCTION f%[1]d(a integer) RETURNS integer LANGUAGE sql\nBEGIN ATOMIC\n  SELECT 1;\n  SELECT CASE WHEN a > 1 THEN 2 ELSE 3 END;\nEND;",
	"CREATE FUNCTION f%[1]d() RETURNS text LANGUAGE sql AS 'SELECT ''a;''::text';",
	"DO $do$\nBEGIN\n  CREATE TABLE d%[1]d (id integer);\n  EXECUTE 'CREATE INDEX ON d%[1]d (id);';\nEND\n$do$;",
	"DO $$ BEGIN IF true THEN CREATE TABLE d%[1]d (); END IF; END $$;",
	"CREATE PROCEDURE p%[1]d() LANGUAGE plpgsql AS $$\nBEGIN\n  NULL;\nEND;\n$$;",
	"CREATE TABLE r%[1]d (id integer);\nCREATE RULE r AS ON INSERT TO r%[1]d DO ALSO (\n  INSERT INTO base VALUES (1, 'r');\n  INSERT INTO base VALUES (2, 'r')\n);",
	"CREATE TABLE a%[1]d (id integer); CREATE TABLE b%[1]d (id integer);",
	"CREATE TABLE a%[1]d (id integer); CREATE INDEX\n ON a%[1]d (id);",
	"CREATE TABLE c%[1]d (id integer); -- done;",
	"CREATE TABLE c%[1]d (id integer); /* done */",
	"/* a comment;\n over lines; */\nCREATE TABLE c%[1]d (id integer);",
	"/* outer /* inner; */ still; */ CREATE TABLE c%[1]d (id integer);",
	"-- a comment; with a semicolon;\nCREATE TABLE c%[1]d (id integer);",
	"-- it's an apostrophe\nCREATE TABLE c%[1]d (id integer);",
	"-- half a $$ quote\nCREATE TABLE c%[1]d (id integer);",
	`CREATE TABLE "q;%[1]d" ("a;b" integer);`,
	"CREATE TABLE \"Q\n;%[1]d\" (id integer);",
	`CREATE TABLE "été%[1]d" (U&"d\0061t\+000061" integer);`,
	"COMMENT ON TABLE base IS 'number %[1]d;';",
	";;\nCREATE TABLE e%[1]d (id integer);;",
	"SELECT 1 WHERE 'a' = 'a'\n;\n\n\n",
	"CREATE VIEW v%[1]d AS\nSELECT id, CASE WHEN id > 1 THEN 'a;' ELSE $$;$$ END AS c\nFROM base;",
	"CREATE TEMP TABLE tmp%[1]d ON COMMIT DROP AS SELECT 1 AS id;\nCREATE TABLE n%[1]d AS SELECT * FROM tmp%[1]d;",
	"ALTER TYPE mood ADD VALUE 'm%[1]d';",
	"ALTER TABLE base ADD COLUMN c%[1]d integer NOT NULL DEFAULT 7;",
	"CREATE INDEX ON base (v);\nANALYZE base;",
	"CREATE SCHEMA s%[1]d;\nCREATE TABLE s%[1]d.inner (id integer);",
	"CREATE SEQUENCE s%[1]d;\nSELECT nextval('s%[1]d');\nSELECT setval('s%[1]d', 40);",
	"CREATE FUNCTION t%[1]d() RETURNS trigger LANGUAGE plpgsql AS $body$\nBEGIN\n  NEW.v := 'é;';\n  RETURN NEW;\nEND;\n$body$;\nCREATE TRIGGER t%[1]d BEFORE INSERT ON base FOR EACH ROW EXECUTE FUNCTION t%[1]d();",
	"WITH x AS (INSERT INTO base VALUES (%[1]d, 'w') RETURNING id) SELECT * FROM x;",
	"CREATE TABLE w%[1]d (\n\tid integer,\n\tv text CHECK (v <> ';')\n)\n;",
	"CREATE TABLE x%[1]d (id integer) -- why\n;",
}

// traps are the pieces that fail somewhere or change what follows.
var traps = []string{
	"SELECT * FROM missing%[1]d;",
	"SELECT 1/0;",
	"INSERT INTO base VALUES (%[1]d, 'kept?');\nCREATE TABLE base (id integer);",
	"CREATE TABLE bad%[1]d (id integre);",
	"CREATE TABEL bad%[1]d (id integer);",
	"CREATE INDEX CONCURRENTLY i%[1]d ON base (id);",
	"CREATE INDEX CONCURRENTLY i%[1]d ON base (id);\nCREATE TABLE after%[1]d (id integer);",
	"DROP INDEX CONCURRENTLY IF EXISTS nothing%[1]d;",
	"VACUUM base;",
	"REINDEX TABLE CONCURRENTLY base;",
	"ALTER TYPE mood ADD VALUE 'u%[1]d';\nCREATE TABLE u%[1]d (m mood DEFAULT 'u%[1]d');",
	"COPY base (id, v) FROM stdin;\n%[1]d\tcopied; row\n\\.",
	`\restrict abc%[1]d`,
	`\echo hello`,
	`\set x 1`,
	"SELECT 1 \\gset",
	"SET search_path = other;\nCREATE TABLE here%[1]d (id integer);",
	"SET search_path TO other, public;\nCREATE TABLE here%[1]d (id integer);",
	"SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.dump%[1]d (id integer);",
	"SET LOCAL search_path = other;\nCREATE TABLE here%[1]d (id integer);",
	"SET ROLE conformance_role;",
	"SET standard_conforming_strings = off;\nINSERT INTO base VALUES (%[1]d, 'a\\'b;');",
	"SET client_encoding = 'LATIN1';\nINSERT INTO base VALUES (%[1]d, 'é');",
	"SET default_transaction_read_only = on;",
	"SET check_function_bodies = false;\nCREATE FUNCTION g%[1]d() RETURNS integer LANGUAGE sql AS 'SELECT * FROM nowhere';",
	"SET statement_timeout = '20s';",
	"BEGIN;\nCREATE TABLE tx%[1]d (id integer);\nCOMMIT;",
	"BEGIN; CREATE TABLE tx%[1]d (id integer); COMMIT;",
	"BEGIN;\nCREATE TABLE tx%[1]d (id integer);\nROLLBACK;",
	"BEGIN;\nCREATE TABLE tx%[1]d (id integer);",
	"COMMIT;\nCREATE TABLE tx%[1]d (id integer);",
	"COMMIT;",
	"ROLLBACK;",
	"ROLLBACK;\nCREATE TABLE tx%[1]d (id integer);",
	"SAVEPOINT sp%[1]d;\nCREATE TABLE tx%[1]d (id integer);\nROLLBACK TO SAVEPOINT sp%[1]d;",
	"START TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE tx%[1]d (id integer);\nEND;",
	"INSERT INTO child%[2]s VALUES (%[1]d, 999);",
	"LOCK TABLE base;",
	"DECLARE c%[1]d CURSOR FOR SELECT 1;\nFETCH c%[1]d;",
	"PREPARE p%[1]d AS SELECT 1;\nEXECUTE p%[1]d;",
	"/* never closed;\nCREATE TABLE z%[1]d (id integer);",
	"INSERT INTO base VALUES (%[1]d, 'never closed;\n);",
	"DO $$ BEGIN\n  RAISE EXCEPTION 'stop; here';\nEND $$;",
	"CREATE TABLE z%[1]d (id integer)\nCREATE TABLE y%[1]d (id integer);",
	"# a comment of another dialect\nCREATE TABLE z%[1]d (id integer);",
	"CREATE TABLE z%[1]d (id integer);\nGO",
	"CREATE TABLE z%[1]d (id integer);\n/",
	"DISCARD ALL;",
	"LISTEN c%[1]d;\nNOTIFY c%[1]d, 'x;';",
	"INSERT INTO base VALUES (%[1]d, 'a $1 ? :name {{x}} ${y} %%s');",
	"CREATE TABLE g%[1]d (id integer, e integer GENERATED ALWAYS AS (id * 2) STORED);\nCALL nothing();",
	"ALTER SYSTEM SET work_mem = '5MB';",
	"EXPLAIN SELECT 1;",
	"SELECT 'no semicolon at the end of the line' ; SELECT 2",
}

// first is the first migration of every case.
func first() File {
	return File{Version: 1, Up: []Piece{{SQL: `CREATE TABLE base (id integer, v text);
CREATE SCHEMA other;
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (id integer, parent integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED);`}}}
}

// Mixture is the case of a seed: two to five migrations.
func Mixture(seed uint64) []File {
	r := rand.New(rand.NewPCG(seed, 17))
	files := []File{first()}
	n := 0
	some := func(of []string) Piece {
		n++
		return Piece{SQL: strings.ReplaceAll(fmt.Sprintf(of[r.IntN(len(of))]+"%[2]s", n, ""), "\x00", ""), Whole: r.IntN(3) > 0}
	}
	trapAt := 2 + r.IntN(3)
	for v := 2; v <= 2+r.IntN(4); v++ {
		f := File{Version: v, NoTx: r.IntN(5) == 0}
		for range 1 + r.IntN(3) {
			f.Up = append(f.Up, some(pieces))
		}
		if v == trapAt {
			at := r.IntN(len(f.Up) + 1)
			f.Up = append(f.Up[:at:at], append([]Piece{some(traps)}, f.Up[at:]...)...)
			if r.IntN(4) == 0 {
				f.Up = f.Up[at : at+1]
			}
		}
		if r.IntN(2) == 0 {
			f.Down = []Piece{{SQL: "DROP TABLE IF EXISTS base;"}}
		}
		if r.IntN(6) == 0 {
			f.Form = form(r)
		}
		switch r.IntN(40) {
		case 0:
			f.Up = nil
		case 1:
			f.Up = []Piece{{SQL: "-- nothing to do"}}
		}
		files = append(files, f)
	}
	return files
}

func form(r *rand.Rand) Form {
	var f Form
	switch r.IntN(10) {
	case 0:
		f.BOM = true
	case 1, 2:
		f.CRLF = true
	case 3:
		f.Open = true
	case 4:
		f.Cut = true
	case 5:
		f.Head = "-- what this is for\n\n"
	case 6:
		f.Head = "/* what this\n is for */\n"
	case 7:
		f.Latin1 = true
	case 8:
		f.Mark = []string{"lower", "indented", "spaces", "trailing", "tight"}[r.IntN(5)]
	case 9:
		f.Head = "\n\n"
	}
	return f
}
