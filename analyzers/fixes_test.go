package analyzers_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/pipeline"
)

// TestFixes applies the fix of each bad example that has a fixed one beside
// it: the files become those of the fixed one, end in the same schema, the
// finding is gone and none is new.
func TestFixes(t *testing.T) {
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			server := pgtest.Server(t, major)
			seen := map[string]bool{}
			for _, a := range analyzers.All {
				f, err := a.Fixture()
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range f.Cases {
					if !c.Fixed() {
						continue
					}
					seen[a.ID] = true
					if c.Runs(server.Version().Major()) {
						t.Run(a.ID+"/"+c.Name, func(t *testing.T) {
							t.Parallel()
							runFix(t, newStage(t, server, f), a, f, c)
						})
					}
				}
			}
			for _, id := range analyzers.Fixable() {
				if !seen[id] {
					t.Errorf("%s has a fix, and its fixture no fixed example", id)
				}
			}
		})
	}
}

func runFix(t *testing.T, s *stage, a *analyzers.Analyzer, f *fixture.Fixture, fixed *fixture.Case) {
	i := slices.IndexFunc(f.Cases, func(c *fixture.Case) bool { return c.Name == "bad"+strings.TrimPrefix(fixed.Name, "fixed") })
	if i < 0 {
		t.Fatalf("%s: no bad example for %s", f.Name, fixed.Name)
	}
	bad := f.Cases[i]
	if bad.Single() {
		bad = bad.Shown()
	}
	rec := recordCase(t, s, bad)
	res := judge(t, rec)
	i = slices.IndexFunc(res.Findings, func(x *lint.Finding) bool { return x.ID == a.ID })
	if i < 0 {
		t.Fatalf("%s: %s has no finding", f.Name, bad.Name)
	}
	fix := analyzers.Offer(rec, res.Findings[i])
	if fix == nil {
		t.Fatalf("%s: no fix of %s: %s", f.Name, bad.Name, res.Findings[i].Message)
	}
	got := withFix(t, bad.Files, fix)
	want := map[string]string{}
	for name, text := range fixed.Files {
		path := strings.TrimPrefix(name, fixed.Name+"/")
		if fixed.Single() {
			path = bad.Name + ".sql"
		}
		want[path] = fixture.Strip(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: fixed by the check (+) and %s (-) differ:\n%s", f.Name, fixed.Name, diff)
	}
	after := recordCase(t, s, fixed)
	why := (pipeline.Fixing{}).Compare(rec, after, res.Findings, judge(t, after).Findings, res.Findings[i:i+1], fix)
	if why != "" {
		t.Errorf("%s: the fix of %s would not be offered: %s", f.Name, bad.Name, why)
	}
}

// withFix gives the files with the fix applied.
func withFix(t *testing.T, files map[string]string, fix *lint.Fix) map[string]string {
	t.Helper()
	out := maps.Clone(files)
	edits := slices.Clone(fix.Edits)
	slices.SortStableFunc(edits, func(a, b lint.Edit) int { return b.Pos.Offset - a.Pos.Offset })
	for _, e := range edits {
		text, ok := out[e.Pos.Path]
		if !ok {
			t.Fatalf("the fix edits %s, which is not there", e.Pos.Path)
		}
		out[e.Pos.Path] = text[:e.Pos.Offset] + e.Text + text[e.End.Offset:]
	}
	for _, n := range fix.Files {
		out[n.Path] = n.Text
	}
	bare := map[string]string{}
	for name, text := range out {
		bare[name[strings.LastIndexByte(name, '/')+1:]] = fixture.Strip(text)
	}
	return bare
}
