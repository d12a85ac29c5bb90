package migration

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		"SELECT 1; SELECT 2", bom + "SELECT 'a''b';\r\n-- c\r\n", "DO $$ BEGIN; END $$;", "SELECT E'\\'; x'; /* /* */ ; */",
		"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END; SELECT 1", "COPY t FROM stdin;\n1\n\\.\n;",
		"\\if on\nSELECT :x::int, :'y';\n\\endif", "\\copy t from program 'x'\n", "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
		"ALTER TABLE t ADD COLUMN a int DEFAULT (1, 2) CHECK (a > 0), DROP b CASCADE; SET x TO 'y'", "WITH a AS (DELETE FROM t) SELECT 1",
		"SELECT ${a}; {{ .b }}", "0\\!0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		for _, psql := range []bool{false, true} {
			s, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{psql: psql})
			if err != nil {
				continue
			}
			if !utf8.ValidString(src) {
				t.Fatal("took what is not UTF-8")
			}
			inOrder(t, s, src, psql)
		}
		_, _ = readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{fills: []fill{dollarBrace, goTemplate}, values: map[string]string{"a": "é;", "b": ""}})
	})
}

func inOrder(t *testing.T, s *script, src string, psql bool) {
	at := 0
	for _, st := range s.statements {
		if st.Pos.Offset < at || st.End.Offset < st.Pos.Offset || st.End.Offset > len(src) {
			t.Fatalf("statement at %d to %d after one that ends at %d", st.Pos.Offset, st.End.Offset, at)
		}
		at = st.End.Offset
		before := strings.TrimPrefix(src[:st.Pos.Offset], bom)
		line := 1 + strings.Count(before, "\n")
		column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
		if st.Pos.Line != line || st.Pos.Column != column {
			t.Fatalf("the place is %d:%d, want %d:%d", st.Pos.Line, st.Pos.Column, line, column)
		}
		if !psql && st.Text != src[st.Pos.Offset:st.End.Offset] {
			t.Fatalf("the text %q is not the source's", st.Text)
		}
		for _, a := range st.Syntax.Actions {
			if a.Pos.Offset < st.Pos.Offset || a.End.Offset > st.End.Offset {
				t.Fatalf("an action at %d to %d is outside of its statement", a.Pos.Offset, a.End.Offset)
			}
		}
		_, _ = EmbeddedSQL(st)
	}
}

// seeds are big files as real projects have them.
func seeds(size int) map[string]string {
	row := "INSERT INTO app.customers (id, name, at) VALUES (1, 'O''Neil; é', now());\n"
	values := "(1, 'O''Neil; é', now()),"
	return map[string]string{
		"rows":      strings.Repeat(row, size/len(row)),
		"one line":  strings.Repeat(strings.TrimSuffix(row, "\n"), size/len(row)),
		"values":    "INSERT INTO t VALUES " + strings.Repeat(values, size/len(values)) + "(2,'',now());",
		"copy":      "COPY t FROM stdin;\n" + strings.Repeat("1\tO'Neil;\n", size/10) + "\\.\n",
		"comment":   "/*" + strings.Repeat("* / ", size/4) + "*/ SELECT 1;",
		"quotes":    "SELECT E'" + strings.Repeat(`\'`, size/2) + "';",
		"dollars":   strings.Repeat("$a ", size/3),
		"open":      strings.Repeat("$a$", 1) + strings.Repeat("$b$ ", size/4),
		"parens":    strings.Repeat("(", size) + ";",
		"colons":    "SELECT " + strings.Repeat("a::int,", size/7) + "1;",
		"backslash": strings.Repeat("\\set a b\n", size/9),
	}
}

// TestLinear reads each kind of big file at two sizes: eight times the bytes
// may take eight times the memory, not sixty-four. Bytes are counted and not
// time, which depends on what else the machine does.
func TestLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 30 MB; not with -short")
	}
	taken := func(src string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{psql: true}); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	large := seeds(4 << 20)
	for name, small := range seeds(512 << 10) {
		if a, b := taken(small), taken(large[name]); b > 16*a+(4<<20) {
			t.Errorf("%s: 512 kB take %d bytes of memory, 4 MB %d", name, a, b)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	for _, name := range []string{"rows", "values", "copy", "one line"} {
		src := seeds(8 << 20)[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("ddl", func(b *testing.B) {
		var src strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&src, "ALTER TABLE t%d ADD COLUMN a int NOT NULL DEFAULT 0, ADD CONSTRAINT c CHECK (a > 0) NOT VALID;\nCREATE INDEX i ON t%d (a);\n", i, i)
		}
		b.SetBytes(int64(src.Len()))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := readScript(fstest.MapFS{}, "m.sql", src.String(), scriptOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
