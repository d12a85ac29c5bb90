package report

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/lint"
)

var update = flag.Bool("update", false, "write the golden files anew")

const samples = "../../testdata/report"

// load reads a case: input.json, with the migrations that lie beside it as sources.
func load(t testing.TB, name string) *lint.Result {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, name, "input.json"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := lint.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Migrations {
		if src, err := os.ReadFile(filepath.Join(samples, name, filepath.FromSlash(m.Path))); err == nil {
			m.Source = string(src)
		}
	}
	lint.Sort(r)
	lint.Fingerprints(r)
	return r
}

func cases(t testing.TB) []string {
	t.Helper()
	entries, err := fs.ReadDir(os.DirFS(samples), ".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != "schemas" {
			names = append(names, e.Name())
		}
	}
	return names
}

var options = Options{
	Link: func(path string, line int) string {
		return lineURL("https://git.example/acme/shop/blob/abc123", path, line)
	},
	URL: "https://ci.example/runs/42",
}

func render(t testing.TB, f Format, r *lint.Result, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run go test ./internal/report -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is stale, run go test ./internal/report -update (-want +got):\n%s", path, diff)
	}
}

var extensions = map[string]string{
	"text": "txt", "line": "line.txt", "agent": "agent.jsonl", "json": "json", "sarif": "sarif", "gitlab": "gitlab.json",
	"junit": "xml", "markdown": "md", "html": "html",
}

// TestGolden holds every format of every case against its golden file.
func TestGolden(t *testing.T) {
	for _, name := range cases(t) {
		for _, f := range Formats {
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				golden(t, filepath.Join(samples, name, "report."+extensions[f.Name]), render(t, f, load(t, name), options))
			})
		}
	}
}

// TestDeterministic: the same result gives the same bytes, and writing does not change it.
func TestDeterministic(t *testing.T) {
	for _, name := range cases(t) {
		r := load(t, name)
		for _, f := range Formats {
			first := render(t, f, r, options)
			for range 3 {
				if second := render(t, f, r, options); second != first {
					t.Fatalf("%s %s: two runs differ", name, f.Name)
				}
			}
		}
		if diff := cmp.Diff(load(t, name), r); diff != "" {
			t.Errorf("%s: the reports changed the result:\n%s", name, diff)
		}
	}
}

// TestSensitive: nothing planted in the sensitive case is in any output.
func TestSensitive(t *testing.T) {
	r := load(t, "sensitive")
	o := options
	o.Verbose, o.Timing, o.Color = true, true, true
	for _, f := range Formats {
		if out := render(t, f, r, o); strings.Contains(out, "s3cr3t") {
			t.Errorf("%s shows sensitive text:\n%s", f.Name, out)
		}
	}
}

func TestLookup(t *testing.T) {
	if f, err := Lookup("json"); err != nil || f.Name != "json" {
		t.Errorf("Lookup(json) = %v, %v", f.Name, err)
	}
	for name, want := range map[string]string{"sarf": `did you mean "sarif"?`, "md": `did you mean "markdown"?`, "qqqqq": "the formats are text, line, agent, json"} {
		if _, err := Lookup(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Lookup(%s): %v, want %s", name, err, want)
		}
	}
}

// TestTrace holds the table of assay trace against its golden file.
func TestTrace(t *testing.T) {
	for _, name := range []string{"findings", "sensitive", "hostile", "empty"} {
		var b bytes.Buffer
		if err := Trace(&b, load(t, name), Options{Timing: true}); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join(samples, name, "trace.txt"), b.String())
	}
}
