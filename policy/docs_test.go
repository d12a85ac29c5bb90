package policy

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

// golden holds a generated file against the one that is checked in, or writes
// it with -update.
func golden(t *testing.T, name string, want []byte) {
	t.Helper()
	file := filepath.Join("..", filepath.FromSlash(name))
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got = bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n"))
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s is stale: go test ./policy -update rewrites it\n%s", name, d)
	}
}

func TestInputSchema(t *testing.T) {
	s, err := InputSchema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "docs/schemas/policy-input.json", s)
}

// TestLibraryDocs renders the library's pages from metadata, fixtures and what
// the tool gave for them on a real server.
func TestLibraryDocs(t *testing.T) {
	p := loadLibrary(t)
	majors := pgtest.Majors(t)
	server := pgtest.Server(t, majors[len(majors)-1]) // the newest: RL106 needs 15
	pages, err := p.Docs(context.Background(), recorder(t, server))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range pages {
		golden(t, "docs/policies/"+name, text)
	}
	entries, err := os.ReadDir(filepath.Join("..", "docs", "policies"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if pages[e.Name()] == nil {
			t.Errorf("docs/policies/%s is of no rule: remove it", e.Name())
		}
	}
}
