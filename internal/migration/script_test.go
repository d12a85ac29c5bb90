package migration

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// dump is what pg_dump writes, 13 to 18, one of each kind of thing.
const dump = `--
-- PostgreSQL database dump
--

\restrict 8f1kRZ

-- Dumped from database version 18.0

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

CREATE FUNCTION public.f(a integer) RETURNS integer
    LANGUAGE sql
    BEGIN ATOMIC
 SELECT CASE WHEN (f.a > 0) THEN 1 ELSE 2 END AS "case";
END;

CREATE TABLE public.t (
    a integer,
    b text DEFAULT 'x;\'::text
);

COPY public.t (a, b) FROM stdin;
1	x;'\n
2	\N
\.

COPY public.u (a) FROM stdin;
\.

--
-- PostgreSQL database dump complete
--

\unrestrict 8f1kRZ

`

func TestLoadScript(t *testing.T) {
	fsys := fstest.MapFS{"db/structure.sql": {Data: []byte(dump)}, "other.sql": {Data: []byte("SELECT :x;")}}
	m, err := LoadScript(fsys, "db/structure.sql", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, st := range m.Statements {
		line := st.Syntax.Tag
		if st.Kind == CopyData {
			line += " <" + string(st.Data) + ">"
		}
		got = append(got, line)
	}
	want := []string{"SET", "SET", "SET", "SELECT", "CREATE FUNCTION", "CREATE TABLE", "COPY <1\tx;'\\n\n2\t\\N\n>", "COPY <>"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if m.TxMode != TxNone || m.Path != "db/structure.sql" || len(m.Notices) > 0 {
		t.Errorf("got %s, %s, %v", m.TxMode, m.Path, m.Notices)
	}
	a, err := LoadScript(fsys, "other.sql", Options{Values: map[string]string{"x": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := LoadScript(fsys, "other.sql", Options{Values: map[string]string{"x": "2"}})
	if err != nil || a.Hash == b.Hash || a.Statements[0].Text != "SELECT 1" {
		t.Errorf("other values must make another hash: %s, %v", a.Statements[0].Text, err)
	}
	if _, err := LoadScript(fsys, "none.sql", Options{}); err == nil || err.Error() != "reading the script none.sql: open none.sql: file does not exist" {
		t.Errorf("got %v", err)
	}
}

func TestFingerprint(t *testing.T) {
	for _, c := range [][2]string{
		{"SELECT 1", "select  2 -- x"},
		{"ALTER TABLE t ADD v int GENERATED ALWAYS AS (a) VIRTUAL", "alter table t add V int generated always as (a) virtual"},
	} {
		if Fingerprint(c[0]) != Fingerprint(c[1]) {
			t.Errorf("%q and %q are not the same", c[0], c[1])
		}
	}
	if Fingerprint("SELECT a FROM t") == Fingerprint("SELECT b FROM t") {
		t.Error("other columns are the same")
	}
}

func TestQuoteIdent(t *testing.T) {
	for in, want := range map[string]string{"a_1$": "a_1$", "User": `"User"`, "user": `"user"`, "1a": `"1a"`, `a"b`: `"a""b"`, "": `""`, "é": `"é"`, "name": "name"} {
		if got := QuoteIdent(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
