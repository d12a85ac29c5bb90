package lint

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoundTrip(t *testing.T) {
	r := sample()
	r.Tool = Tool{"assay", "0.4.0"}
	r.Suppressed = []*Suppressed{{Finding: r.Findings[0], By: "directive", Reason: "we know"}}
	r.Findings = r.Findings[1:]
	Sort(r)
	Fingerprints(r)
	Summarize(r)
	var b bytes.Buffer
	if err := Encode(&b, r); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Errorf("the encoding holds null:\n%s", b.String())
	}
	first := b.String()
	got, err := Decode(strings.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := Encode(&b, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, b.String()); diff != "" {
		t.Error(diff)
	}
}

// TestDecodeErrors: what a report from another job may do wrong, each with a
// message that says what.
func TestDecodeErrors(t *testing.T) {
	const head = `{"version":"1","tool":{"name":"assay","version":"9.9"},`
	finding := func(s string) string {
		return head + `"migrations":[{"path":"a.sql","tx_mode":"file","statements":[]}],"findings":[` + s + `]}`
	}
	for _, c := range []struct{ in, want string }{
		{"", "unexpected end of JSON input"},
		{"<html>", "line 1: invalid character '<'"},
		{"{\n\n\"version\": 1}", "line 3: cannot unmarshal number"},
		{"[]", "cannot unmarshal array"},
		{"{}", `it has no "version"`},
		{`{"version":"2","tool":{"name":"assay","version":"9.9"}}`, `format version "2", this assay reads version 1; use one release of assay in both jobs (the report is by assay 9.9)`},
		{head + `"surprise":1}`, `unknown field "surprise"; the report is by assay 9.9`},
		{head + `"migrations":[null]}`, "migrations[0] is null"},
		{head + `"migrations":[{"path":"../../etc/passwd","statements":[]}]}`, `path "../../etc/passwd" is not a path within the project`},
		{head + `"migrations":[{"path":"/etc/passwd","statements":[]}]}`, "not a path within the project"},
		{finding("null"), "findings[0]: it is null"},
		{finding(`{"id":"X","severity":"fatal","migration":-1,"statement":-1}`), `severity "fatal" is none of info, warning, error`},
		{finding(`{"id":"X","severity":"off","migration":-1,"statement":-1}`), `severity "off"`},
		{finding(`{"severity":"error","migration":-1,"statement":-1}`), "it has no id"},
		{finding(`{"id":"X","severity":"error","migration":1,"statement":-1}`), "it names migration 1 of 1"},
		{finding(`{"id":"X","severity":"error","migration":0,"statement":0}`), "it names statement 0, which is not there"},
		{finding(`{"id":"X","severity":"error","migration":-1,"statement":0}`), "it names statement 0, which is not there"},
		{finding(`{"id":"X","severity":"error","migration":-1,"statement":-1,"line":-4}`), "negative"},
		{finding(`{"id":"X","severity":"error","migration":-1,"statement":-1,"fix":{"title":"","files":[{"path":"../x","text":""}]}}`), `path "../x"`},
		{head + `"suppressed":[{"by":"directive"}]}`, "suppressed[0]"},
	} {
		_, err := Decode(strings.NewReader(c.in))
		if err == nil || !strings.HasPrefix(err.Error(), "reading the report: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Decode(%s): %v, want %s", c.in, err, c.want)
		}
	}
}

// TestDecodeCounts: the summary is not believed.
func TestDecodeCounts(t *testing.T) {
	r, err := Decode(strings.NewReader(`{"version":"1","findings":[{"id":"X","severity":"error","migration":-1,"statement":-1}],"summary":{"errors":0,"warnings":7}}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.Summary != (Summary{Errors: 1}) {
		t.Errorf("the summary is %+v", r.Summary)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"version":"1","findings":[{"id":"X","severity":"error","migration":-1,"statement":-1}]}`)
	f.Add(`{"version":"1","migrations":[{"path":"a.sql","statements":[{}]}],"suppressed":[{"id":"X","severity":"info"}]}`)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Decode(strings.NewReader(s))
		if err != nil {
			return
		}
		Sort(r)
		Fingerprints(r)
		if err := Encode(new(bytes.Buffer), Redacted(r)); err != nil {
			t.Error(err)
		}
	})
}
