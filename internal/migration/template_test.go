package migration

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestTemplates(t *testing.T) {
	values := map[string]string{"schema": "app", "Name": "users", "postgres": "true", "two": "SELECT 1; SELECT 2", "body": "'a;b'"}
	for _, c := range []struct {
		name, src string
		fill      fill
		want      []string
	}{
		{"flyway", "-- ${WEBAPP_URL} is no placeholder\nCREATE TABLE ${schema}.t ();\n/* ${x} */ SELECT 'é${SCHEMA}';", dollarBrace, []string{"m.sql:2 CREATE TABLE app.t ()", "m.sql:3 SELECT 'éapp'"}},
		{"in a dollar quote", "DO $$${schema}$$; DO $a$ ${ } $a$;SELECT $1", dollarBrace, []string{"m.sql:1 DO $$app$$", "m.sql:1 DO $a$ ${ } $a$", "m.sql:1 SELECT $1"}},
		{"value with a semicolon", "${two};\nSELECT ${body};", dollarBrace, []string{"m.sql:1 SELECT 1", "m.sql:1 SELECT 2", "m.sql:2 SELECT 'a;b'"}},
		{
			"go", "{{- if .postgres }}\nCREATE TABLE {{ .Name }} ();\n{{ else if .mysql }}\nWRONG;\n{{ else }}\nWRONG {{ .missing }};\n{{end}}{{/* done */}}\n-- {{ call .x }} {{ .y }}\nSELECT '{{1,2},{3,4}}', '{{\"a\"}}', {{ index .Options \"schema\" }};", goTemplate,
			[]string{"m.sql:2 CREATE TABLE users ()", "m.sql:9 SELECT '{{1,2},{3,4}}', '{{\"a\"}}', app"},
		},
		{"go, left out", "{{ if .mysql }}{{ if .postgres }}WRONG;{{ else }}WRONG;{{ end }}{{ .missing }};{{ else }}SELECT 1;{{ end }}", goTemplate, []string{"m.sql:1 SELECT 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := readScript(fstest.MapFS{}, "m.sql", c.src, scriptOptions{fills: []fill{c.fill}, values: values})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, shown(s)); d != "" {
				t.Error(d)
			}
		})
	}
	for _, c := range []struct {
		src, want string
		fill      fill
	}{
		{"SELECT 1;\nSELECT '${logic.psql-only}';", `m.sql:2: no value for "logic.psql-only" (written ${logic.psql-only}): set values: in assay.yaml`, dollarBrace},
		{"SELECT 1;\n\nSELECT {{ .Table }};", `m.sql:3: no value for "Table" (written {{ .Table }}): set values: in assay.yaml`, goTemplate},
		{"\n{{ addColumnIfNeeded \"t\" \"c\" }}", "m.sql:2: assay cannot run the template action {{ addColumnIfNeeded", goTemplate},
		{"{{ if .x }}", "reading the template m.sql: line 1: {{ if }} has no {{ end }}", goTemplate},
		{"{{ end }}", "reading the template m.sql: line 1: {{ end }} without {{ if }}", goTemplate},
	} {
		_, err := readScript(fstest.MapFS{}, "m.sql", c.src, scriptOptions{fills: []fill{c.fill}, values: values})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.src, err, c.want)
		}
	}
}

func TestPositionsInTemplates(t *testing.T) {
	src := "SELECT ${long};  SELECT ${long}, 1; SELECT 2"
	s, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{fills: []fill{dollarBrace}, values: map[string]string{"long": "'a\nlong\nvalue'"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, st := range s.statements {
		got = append(got, src[st.Pos.Offset:st.End.Offset])
	}
	if d := cmp.Diff([]string{"SELECT ${long}", "SELECT ${long}, 1", "SELECT 2"}, got); d != "" {
		t.Error(d)
	}
}

func TestRegions(t *testing.T) {
	src := "SELECT 1\n-- BEGIN\nSELECT 2; SELECT 3\n-- END\nSELECT 4;\n-- down\nSELECT 5;"
	begin, end := strings.Index(src, "SELECT 2"), strings.Index(src, "-- END")
	s, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{part: span{0, strings.Index(src, "-- down")}, whole: []span{{begin, end}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"m.sql:1 SELECT 1", "m.sql:3 SELECT 2 batch 19", "m.sql:3 SELECT 3 batch 19", "m.sql:5 SELECT 4"}
	if d := cmp.Diff(want, shown(s)); d != "" {
		t.Error(d)
	}
}

func TestEncoding(t *testing.T) {
	for src, want := range map[string]string{
		"SELECT 1;\nSELECT 'caf\xe9';": "m.sql:2: the file is not UTF-8 text (the byte 0xe9): save it as UTF-8",
		"\xff\xfeS\x00":                "m.sql:1: the file is UTF-16: save it as UTF-8",
		"\n\nSELECT\x00":               "m.sql:3: the file is not UTF-8 text (a zero byte): save it as UTF-8",
	} {
		if _, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{}); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", src, err, want)
		}
	}
}
