package migration

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func texts(t *testing.T, src string, o scriptOptions) []string {
	t.Helper()
	s, err := readScript(fstest.MapFS{}, "m.sql", src, o)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, st := range s.statements {
		if st.Text != src[st.Pos.Offset:st.End.Offset] {
			t.Errorf("the text %q is not what lies at %d to %d", st.Text, st.Pos.Offset, st.End.Offset)
		}
		out = append(out, st.Text)
	}
	return out
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"empty", "", nil},
		{"only comments", "-- nothing; here\n/* ; */\n", nil},
		{"only semicolons", ";;\n;", nil},
		{"no last semicolon", "SELECT 1;\nSELECT 2 -- end", []string{"SELECT 1", "SELECT 2"}},
		{"quotes", "SELECT ';', 'it''s;', \"a;\"\"b\"; SELECT 2", []string{"SELECT ';', 'it''s;', \"a;\"\"b\"", "SELECT 2"}},
		{"backslash is a character", `SELECT '\'; SELECT 2`, []string{`SELECT '\'`, "SELECT 2"}},
		{"escape string", `SELECT E'\';', e'a\\'; SELECT 2`, []string{`SELECT E'\';', e'a\\'`, "SELECT 2"}},
		{"escape string goes on", "SELECT E'a'\n '\\';b'; SELECT 2", []string{"SELECT E'a'\n '\\';b'", "SELECT 2"}},
		{"name that ends in e", `SELECT name'\'; SELECT 2`, []string{`SELECT name'\'`, "SELECT 2"}},
		{"unicode", `SELECT U&'\0041;', U&"d;"; SELECT 2`, []string{`SELECT U&'\0041;', U&"d;"`, "SELECT 2"}},
		{"conforming off", "SET standard_conforming_strings = off; SELECT 'a\\';b'; SELECT 2", []string{"SET standard_conforming_strings = off", "SELECT 'a\\';b'", "SELECT 2"}},
		{"conforming off and on", "SET standard_conforming_strings TO 'off'; SET standard_conforming_strings TO on; SELECT '\\'; SELECT 2", []string{"SET standard_conforming_strings TO 'off'", "SET standard_conforming_strings TO on", "SELECT '\\'", "SELECT 2"}},
		{"dollar quotes", "DO $$ BEGIN; END $$; DO $a$ $$;$b$ $a$; SELECT $1;", []string{"DO $$ BEGIN; END $$", "DO $a$ $$;$b$ $a$", "SELECT $1"}},
		{"dollar in a name", "SELECT a$b$c; SELECT d$b$", []string{"SELECT a$b$c", "SELECT d$b$"}},
		{"nested comment", "SELECT /* a /* ; */ ; */ 1; /* x */ SELECT 2 /* y */;", []string{"SELECT /* a /* ; */ ; */ 1", "SELECT 2"}},
		{"comment after operator", "SELECT 1 +-- ;\n 2; SELECT 2*/* ; */3", []string{"SELECT 1 +-- ;\n 2", "SELECT 2*/* ; */3"}},
		{"rule", "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3", []string{"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "SELECT 3"}},
		{
			"begin atomic", "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN 1=1 THEN 1 ELSE 2 END; SELECT t.end, 1 AS end FROM t; END; SELECT 3",
			[]string{"CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN 1=1 THEN 1 ELSE 2 END; SELECT t.end, 1 AS end FROM t; END", "SELECT 3"},
		},
		{"begin is a name", "CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS 'SELECT 1'; BEGIN; SELECT 1; END", []string{"CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS 'SELECT 1'", "BEGIN", "SELECT 1", "END"}},
		{"CRLF and BOM", bom + "SELECT 1;\r\n\r\nSELECT\r\n2;\r\n", []string{"SELECT 1", "SELECT\r\n2"}},
		{"CR ends a comment", "-- a\rSELECT 1;", []string{"SELECT 1"}},
		{"newer syntax", "ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (a) VIRTUAL; MERGE INTO t USING s ON true WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING *", []string{"ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (a) VIRTUAL", "MERGE INTO t USING s ON true WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING *"}},
		{"open quote", "SELECT 1; SELECT 'a; SELECT 2", []string{"SELECT 1", "SELECT 'a; SELECT 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, texts(t, c.src, scriptOptions{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPositions(t *testing.T) {
	src := bom + "/* é */ SELECT 'ü';\r\n-- x\n  SELECT\n 2 ;"
	s, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Position{{"m.sql", 1, 9, 12}, {"m.sql", 1, 19, 23}, {"m.sql", 3, 3, 33}, {"m.sql", 4, 3, 42}}
	var got []Position
	for _, st := range s.statements {
		got = append(got, st.Pos, st.End)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPositionsOnLongLines(t *testing.T) {
	src := strings.Repeat("SELECT 'é';", 5000)
	s, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, st := range s.statements {
		if st.Pos.Column != 11*i+1 || st.End.Column != 11*i+11 || st.Pos.Line != 1 {
			t.Fatalf("statement %d lies at %v to %v", i, st.Pos, st.End)
		}
	}
}

func TestCopyData(t *testing.T) {
	src := "COPY t (a) FROM stdin;\n1\n;'\n\\.\nSELECT 1; COPY public.t FROM STDIN WITH (FORMAT csv);\r\na,b\r\n\\.\r\n\nSELECT 2;"
	s, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, st := range s.statements {
		got = append(got, string(st.Kind)+"|"+st.Text+"|"+string(st.Data))
	}
	want := []string{
		"copy-data|COPY t (a) FROM stdin|1\n;'\n", "sql|SELECT 1|",
		"copy-data|COPY public.t FROM STDIN WITH (FORMAT csv)|a,b\r\n", "sql|SELECT 2|",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if _, err := readScript(fstest.MapFS{}, "m.sql", "\nCOPY t FROM stdin;\n1\n", scriptOptions{}); err == nil || !strings.HasPrefix(err.Error(), "m.sql:2: ") {
		t.Errorf("got %v, want an error at m.sql:2", err)
	}
}
