package lint

import (
	"testing"
)

func TestNormalize(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"ALTER  TABLE\n\torders ADD COLUMN a int;", "alter table orders add column a int"},
		{"-- why\nSELECT 1 -- end", "select 1"},
		{"SELECT /* a /* nested */ b */ 1", "select 1"},
		{"SELECT 'It''s -- NOT a  Comment', \"Mixed Case\"", "select 'It''s -- NOT a  Comment', \"Mixed Case\""},
		{`SELECT E'a\'B' , B`, `select E'a\'B' , b`},
		{"DO $body$ BEGIN  RAISE; END $body$", "do $body$ BEGIN  RAISE; END $body$"},
		{"SELECT $1, a$b FROM T", "select $1, a$b from t"},
		{"SELECT 'open", "select 'open"},
		{"SELECT $tag$ open", "select $tag$ open"},
		{"/* open", ""},
		{"", ""},
		{" ; ", ""},
	} {
		if got := Normalize(c.in); got != c.want {
			t.Errorf("Normalize(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, s := range []string{"SELECT 1", "$a$ $b$", "/*/**/", "E'\\", "'", `"`, "--", "$", "é$é$"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Normalize(s)
		// A trailing comment or semicolon that the first pass drops may uncover
		// another; after that nothing moves.
		if twice := Normalize(Normalize(once)); twice != Normalize(once) {
			t.Errorf("Normalize(%q) keeps changing: %q, %q", s, once, twice)
		}
	})
}

func sample() *Result {
	st := func(line int, text string) *Statement {
		return &Statement{Line: line, Column: 1, EndLine: line, EndColumn: len(text) + 1, Text: text}
	}
	r := &Result{Migrations: []*Migration{
		{Path: "m/1.sql", Statements: []*Statement{st(1, "CREATE INDEX a ON t (a)"), st(2, "CREATE INDEX b ON t (b)"), st(3, "CREATE INDEX b ON t (b)")}},
		{Path: "m/2.sql", Statements: []*Statement{st(1, "DROP TABLE t")}},
	}}
	add := func(id string, m, s int, object string) {
		line := 1
		if s >= 0 {
			line = r.Migrations[m].Statements[s].Line
		}
		r.Findings = append(r.Findings, &Finding{ID: id, Severity: Error, Path: r.Migrations[m].Path, Line: line, Object: object, Migration: m, Statement: s})
	}
	add("DS101", 1, 0, "public.t")
	add("LK101", 0, 2, "public.t")
	add("LK101", 0, 0, "public.t")
	add("LK101", 0, 1, `public."t"`)
	add("SQ301", 0, -1, "")
	add("SQ301", 1, -1, "")
	return r
}

func prints(r *Result) map[*Finding]string {
	Fingerprints(r)
	out := map[*Finding]string{}
	for _, f := range r.Findings {
		out[f] = f.Fingerprint
	}
	for _, s := range r.Suppressed {
		out[s.Finding] = s.Fingerprint
	}
	return out
}

func TestFingerprintsUnique(t *testing.T) {
	seen := map[string]bool{}
	for f, p := range prints(sample()) {
		if len(p) != 16 || seen[p] {
			t.Errorf("%s at %s:%d has fingerprint %q", f.ID, f.Path, f.Line, p)
		}
		seen[p] = true
	}
}

// TestFingerprintsStable: what a person does elsewhere in the file, or to the
// file as a whole, changes no fingerprint.
func TestFingerprintsStable(t *testing.T) {
	want := sample()
	Fingerprints(want)
	for name, edit := range map[string]func(*Result){
		"lines above": func(r *Result) {
			for _, m := range r.Migrations {
				for _, s := range m.Statements {
					s.Line += 10
				}
			}
			for _, f := range r.Findings {
				f.Line += 10
			}
		},
		"reindented and commented": func(r *Result) {
			r.Migrations[0].Statements[0].Text = "CREATE INDEX a -- why\n    ON t\n    (a)"
		},
		"renumbered": func(r *Result) {
			r.Migrations[0].Path = "m/0.sql"
			for _, f := range r.Findings {
				if f.Migration == 0 && f.Statement >= 0 {
					f.Path = "m/0.sql"
				}
			}
		},
		"another order": func(r *Result) { r.Findings[0], r.Findings[3] = r.Findings[3], r.Findings[0] },
		"one suppressed": func(r *Result) {
			r.Suppressed = append(r.Suppressed, &Suppressed{Finding: r.Findings[1], By: "directive"})
			r.Findings = append(r.Findings[:1:1], r.Findings[2:]...)
		},
	} {
		got := sample()
		original := append([]*Finding(nil), got.Findings...)
		edit(got)
		fingerprints := prints(got)
		for i, f := range original {
			if fingerprints[f] != want.Findings[i].Fingerprint {
				t.Errorf("%s: the fingerprint of finding %d changed", name, i)
			}
		}
	}
}

func TestSort(t *testing.T) {
	r := sample()
	r.Findings = append(r.Findings, &Finding{ID: "SQ201", Severity: Warning, Path: "m/9.sql", Migration: -1, Statement: -1},
		&Finding{ID: "AA101", Severity: Info, Path: "m/1.sql", Line: 1, Migration: 0, Statement: 0})
	Sort(r)
	var got string
	for _, f := range r.Findings {
		got += f.ID + " "
	}
	if want := "SQ201 LK101 SQ301 AA101 LK101 LK101 DS101 SQ301 "; got != want {
		t.Errorf("the order is %s, want %s", got, want)
	}
	Summarize(r)
	if r.Summary != (Summary{Errors: 6, Warnings: 1, Infos: 1}) {
		t.Errorf("the summary is %+v", r.Summary)
	}
}
