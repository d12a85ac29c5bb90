package policy

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
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
