package migration

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestDirectives(t *testing.T) {
	for _, c := range []struct {
		comment string
		want    string // kind tool checks|reason, "" for none
	}{
		{"-- assay:ignore LK101 small table", "ignore assay LK101|small table"},
		{"--assay:ignore LK101,create-index: small", "ignore assay LK101 create-index|small"},
		{"--  ASSAY: Ignore LK101 , DS102 - we know", "ignore assay LK101 DS102|we know"},
		{"/* assay:ignore LK101 it is fine */", "ignore assay LK101|it is fine"},
		{"/*\n * assay:ignore LK101 it is fine\n */", "ignore assay LK101|it is fine"},
		{"-- assay:ignore", "ignore assay |"},
		{"-- assay:ignore-file LK101 why", "ignore assay LK101|why file"},
		{"-- assay:sensitive", "sensitive assay |"},
		{"-- atlas:sensitive", "sensitive atlas |"},
		{"-- atlas:nolint", "ignore atlas |"},
		{"-- atlas:nolint PG101 DS103", "ignore atlas PG101 DS103|"},
		{"-- squawk-ignore ban-drop-column, adding-not-nullable-field", "ignore squawk ban-drop-column adding-not-nullable-field|"},
		{"-- squawk-ignore-file", "ignore squawk | file"},
		{"-- squawk-ignore-file ban-drop-column", "ignore squawk ban-drop-column| file"},
		{"-- eugene: ignore E6", "ignore eugene E6|"},
		{"-- eugene: ignore E5, E4", "ignore eugene E5 E4|"},
		{"-- this is sensitive, do not ignore", ""},
		{"-- see assay:ignore LK101 in the manual", ""},
		{"-- assay:ignored LK101", ""},
		{"-- squawk-ignored", ""},
	} {
		got := ""
		for _, d := range directivesIn(c.comment, func(int) Position { return Position{} }) {
			got += fmt.Sprintf("%s %s %s|%s", d.Kind, d.Tool, strings.Join(d.Checks, " "), d.Reason)
			if d.File {
				got += " file"
			}
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.comment, got, c.want)
		}
	}
}

func TestDirectivePlaces(t *testing.T) {
	src := strings.Join([]string{
		"-- assay:ignore F1 head", "-- more", "", // the file
		"-- assay:ignore A1 before", "SELECT 1, -- assay:ignore A2 inside", "  2; -- assay:ignore A3 behind",
		"-- assay:ignore B1 next", "", "/* assay:ignore B2 too */ SELECT 3;", "-- squawk-ignore-file x",
		"SELECT '-- assay:ignore S1 in a string';", "", "-- assay:ignore Z1 nothing follows",
	}, "\r\n")
	s, err := readScript(fstest.MapFS{}, "m.sql", src, scriptOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list := func(ds []Directive) string {
		var out []string
		for _, d := range ds {
			out = append(out, fmt.Sprintf("%s:%d:%d", d.Checks[0], d.Pos.Line, d.Pos.Column))
			if !strings.HasPrefix(src[d.Pos.Offset:], "assay:") && !strings.HasPrefix(src[d.Pos.Offset:], "squawk") {
				t.Errorf("%v is not where the directive is", d.Pos)
			}
		}
		return strings.Join(out, " ")
	}
	got := []string{list(s.directives)}
	for _, st := range s.statements {
		got = append(got, list(st.Directives))
	}
	for _, n := range s.notices {
		got = append(got, fmt.Sprintf("%s:%d", n.Kind, n.Pos.Line))
	}
	want := []string{"F1:1:4 x:10:4", "A1:4:4 A2:5:14 A3:6:9", "B1:7:4 B2:9:4", "", "stray-directive:13"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzDirectives(f *testing.F) {
	f.Add("-- assay:ignore LK101, DS102 why")
	f.Add("/* atlas:nolint\n * squawk-ignore a, b\n eugene: ignore E6 */")
	f.Fuzz(func(t *testing.T, comment string) {
		for _, d := range directivesIn(comment, func(o int) Position { return Position{Offset: o} }) {
			if d.Pos.Offset < 0 || d.Pos.Offset >= len(comment) || d.Kind == "" || d.Tool == "" {
				t.Errorf("%q: %+v", comment, d)
			}
			for _, c := range d.Checks {
				if c == "" || strings.ContainsAny(c, ", \t") {
					t.Errorf("%q: the check %q", comment, c)
				}
			}
		}
	})
}
