package migration

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// shown is a script as lines of kind, place, text and data.
func shown(s *script) []string {
	var out []string
	for _, st := range s.statements {
		line := fmt.Sprintf("%s:%d %s", st.Pos.Path, st.Pos.Line, st.Text)
		if st.Kind != SQL {
			line = string(st.Kind) + " " + line
		}
		if st.Data != nil {
			line += " <" + string(st.Data) + ">"
		}
		if st.Batch != 0 {
			line += fmt.Sprintf(" batch %d", st.Batch)
		}
		out = append(out, line)
	}
	for _, n := range s.notices {
		out = append(out, fmt.Sprintf("%s:%d (%s) %s", n.Pos.Path, n.Pos.Line, n.Kind, n.Text))
	}
	return out
}

func TestPsql(t *testing.T) {
	fsys := fstest.MapFS{
		"p/deploy/a.sql":     {Data: []byte("SELECT 'a';\n\\ir sub/b.sql\nSELECT 'a2'")},
		"p/deploy/sub/b.sql": {Data: []byte("SELECT 'b'")},
		"p/data.csv":         {Data: []byte("1,x\n")},
		"p/deploy/c.sql":     {Data: []byte("\\i c2.sql")},
		"p/deploy/c2.sql":    {Data: []byte("\n\\ir c.sql")},
	}
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"include", "\\i deploy/a.sql\nSELECT 1;", []string{"p/deploy/a.sql:1 SELECT 'a'", "p/deploy/sub/b.sql:1 SELECT 'b'", "p/deploy/a.sql:3 SELECT 'a2'", "p/deploy/m.sql:2 SELECT 1"}},
		{"include by variable", "\\set dir deploy\n\\i :dir/sub/b.sql", []string{"p/deploy/sub/b.sql:1 SELECT 'b'"}},
		{"copy from a file", "\\copy t (a, b) from 'data.csv' with (format csv);\nSELECT 1;", []string{"copy-data p/deploy/m.sql:1 COPY t (a, b) FROM STDIN with (format csv) <1,x\n>", "p/deploy/m.sql:2 SELECT 1"}},
		{"copy from a bare name", "\\copy t from p/data.csv csv", []string{"copy-data p/deploy/m.sql:1 COPY t FROM STDIN csv <1,x\n>"}},
		{"copy from stdin", "\\copy t from stdin csv\n1,2\n\\.\nSELECT 1;", []string{"copy-data p/deploy/m.sql:1 COPY t FROM STDIN csv <1,2\n>", "p/deploy/m.sql:4 SELECT 1"}},
		{"copy from a program", "begin;\n\\copy m(j) from program 'sed ''s/\\\\/\\\\\\\\/g'' < x | tr -d ''\\n''';;\ncommit;", []string{
			"p/deploy/m.sql:1 begin",
			"skip p/deploy/m.sql:2 \\copy m(j) from program 'sed ''s/\\\\/\\\\\\\\/g'' < x | tr -d ''\\n'''", "p/deploy/m.sql:3 commit",
			"p/deploy/m.sql:2 (skipped-meta-command) \\copy was not run: assay runs no programs",
		}},
		{"shell", "\\! rm -rf / ; echo\nSELECT 1;", []string{"skip p/deploy/m.sql:1 \\! rm -rf / ; echo", "p/deploy/m.sql:2 SELECT 1", "p/deploy/m.sql:1 (skipped-meta-command) \\! was not run: assay runs no programs"}},
		{"output to a program", "\\o | mail\nSELECT 1 \\g | tee x\nSELECT 2;", []string{
			"p/deploy/m.sql:2 SELECT 1", "p/deploy/m.sql:3 SELECT 2",
			"p/deploy/m.sql:1 (skipped-meta-command) \\o skipped: assay runs no programs", "p/deploy/m.sql:2 (skipped-meta-command) \\g sends the result to no program",
		}},
		{"dump", "\\restrict abc\nSET x = 1;\n\\connect db\nCOPY public.t (a) FROM stdin;\n\\N\n\\.\n\\unrestrict abc\n", []string{
			"p/deploy/m.sql:2 SET x = 1", "copy-data p/deploy/m.sql:4 COPY public.t (a) FROM stdin <\\N\n>",
			"p/deploy/m.sql:3 (skipped-meta-command) \\connect skipped: everything runs on assay's own database",
		}},
		{"harmless", "\\set ON_ERROR_STOP on \\timing \\\\ SELECT 1;\n\\echo 'hello; :x'\n\\pset format unaligned\n\\dt+ *.*\n\\encoding UTF8\nSELECT 2;", []string{"p/deploy/m.sql:1 SELECT 1", "p/deploy/m.sql:6 SELECT 2"}},
		{"variables", "\\set s app\n\\set v 'it''s'\nCREATE TABLE :s.t AS SELECT :'v', :\"v\"::text, a[1:2], b[:s], f(x := 1), ':s', :owner;", []string{
			`p/deploy/m.sql:3 CREATE TABLE app.t AS SELECT 'it''s', "it's"::text, a[1:2], b[app], f(x := 1), ':s', joe`,
		}},
		{"if", "\\if :{?owner}\nSELECT 1;\n\\if false\nSELECT 2;\n\\elif 1\nSELECT 3;\n\\else\nSELECT 4;\n\\! x\n\\endif\n\\else\nSELECT 5;\n\\endif\nSELECT 6;", []string{"p/deploy/m.sql:2 SELECT 1", "p/deploy/m.sql:6 SELECT 3", "p/deploy/m.sql:14 SELECT 6"}},
		{"if in a statement", "SELECT 1\n\\if off\n+ 2\n\\else\n+ 3\n\\endif\n;", []string{"p/deploy/m.sql:1 SELECT 1\n\n+ 3"}},
		{"sent together", "SELECT 1\\; SELECT 2; SELECT 3;", []string{"p/deploy/m.sql:1 SELECT 1 batch 1", "p/deploy/m.sql:1 SELECT 2 batch 1", "p/deploy/m.sql:1 SELECT 3"}},
		{"a line at a time", "SELECT E'a'\n'\\';SELECT 2;", []string{"p/deploy/m.sql:1 SELECT E'a'\n'\\'", "p/deploy/m.sql:2 SELECT 2"}},
		{"quit", "SELECT 1;\n\\q\nSELECT 2;", []string{"p/deploy/m.sql:1 SELECT 1"}},
		{"reset", "SELECT broken \\r\nSELECT 2;", []string{"p/deploy/m.sql:2 SELECT 2"}},
		{"backticks", "\\set now `date`\nSELECT 1;", []string{"p/deploy/m.sql:2 SELECT 1", `p/deploy/m.sql:1 (skipped-meta-command) \set runs no program: give "now" under values: in assay.yaml`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := readScript(fsys, "p/deploy/m.sql", c.src, scriptOptions{psql: true, base: "p", values: map[string]string{"owner": "joe"}})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, shown(s)); d != "" {
				t.Error(d)
			}
		})
	}
	for _, c := range []struct{ src, want string }{
		{"\n\\i /etc/passwd", "m.sql:2: \\i: /etc/passwd lies outside the project"},
		{"\\ir ../../../x.sql", "m.sql:1: \\ir: ../../../x.sql lies outside the project"},
		{"\\i ~/x.sql", "m.sql:1: \\i: ~/x.sql lies outside the project"},
		{"\\i gone.sql", "m.sql:1: \\i: there is no file p/gone.sql nor gone.sql nor p/deploy/gone.sql"},
		{"\\i deploy/c.sql", "p/deploy/c2.sql:2: \\ir: the files include each other: p/deploy/m.sql → p/deploy/c.sql → p/deploy/c2.sql → p/deploy/c.sql"},
		{"SELECT 'x' \\gexec", "m.sql:1: \\gexec: assay cannot do"},
		{"\\if x\n\\endif", `m.sql:1: \if: "x" is neither true nor false`},
		{"\\if on\n", "m.sql: an \\if has no \\endif"},
		{"\\else", "m.sql:1: \\else: there is no \\if before it"},
		{"SELECT 1;\nSELECT\n :who;", `m.sql:3: no value for "who" (written :who): set values: in assay.yaml`},
		{"\\copy t from 'nothing.csv'", "m.sql:1: \\copy: there is no file p/nothing.csv"},
		{"SELECT 1 \\", "m.sql:1: a backslash that begins no psql command"},
	} {
		_, err := readScript(fsys, "p/deploy/m.sql", c.src, scriptOptions{psql: true, base: "p"})
		if err == nil || !strings.HasPrefix(strings.TrimPrefix(err.Error(), "p/deploy/"), strings.TrimPrefix(c.want, "p/deploy/")) {
			t.Errorf("%q: got %v, want %s", c.src, err, c.want)
		}
	}
}

func TestBackslashWithoutPsql(t *testing.T) {
	s, err := readScript(fstest.MapFS{}, "m.sql", "\\i x.sql\nSELECT 1;", scriptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"m.sql:2 SELECT 1", `m.sql:1 (psql-command) \i is a command of psql: the tool sends it to PostgreSQL, which refuses the query`}, shown(s)); d != "" {
		t.Error(d)
	}
}
