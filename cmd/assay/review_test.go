package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// askedProject has everything that the input of policies is made of: rows that
// make a statement fail, a use that no longer works, a query, statistics,
// parameters, and a check that the configuration switches on. Its rule prints its input.
var askedProject = map[string]string{
	"assay.yaml": `dir: migrations
policies: [policies]
queries: [queries/*.sql]
checks:
  CV111: warning
rules:
  ORG001:
    params:
      limit: 3
`,
	"queries/q.sql":      "SELECT note FROM orders WHERE id = 1;\n",
	"migrations/1_t.sql": "CREATE TABLE orders (id bigint PRIMARY KEY, note text);\nCREATE VIEW noted AS SELECT id FROM orders;\n",
	"migrations/2_c.sql": `SET lock_timeout = '2s';
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
ALTER TABLE orders DROP COLUMN note;
ALTER TABLE orders ADD COLUMN kind text NOT NULL;
CREATE TABLE made AS SELECT id FROM orders;
`,
	"assay.stats.json": `{"format": 1, "taken": "2099-01-01", "source": "server", "server": {"version": "15"}, "tables": [
		{"schema": "public", "name": "orders", "rows": 5000000, "bytes": 400000000, "total_bytes": 500000000}]}`,
	"policies/shown.rego": `# METADATA
# scope: package
# title: shows its input
# custom:
#   id: ORG001
#   params:
#     limit: 1
package assay.shown

import rego.v1

deny contains {"message": "never"} if {
	print(json.marshal(input))
	input.version == "never"
}
`,
}

func writeProject(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runs runs the program and wants the exit code.
func runs(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(context.Background(), args, os.Getenv, strings.NewReader(""), &out, &errs); code != want {
		t.Fatalf("assay %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), code, want, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// document is a JSON document with its keys in order.
func document(t *testing.T, text string) string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// printed is the input that the project's rule has printed.
func printed(t *testing.T, stderr string) string {
	t.Helper()
	for line := range strings.Lines(stderr) {
		if strings.HasPrefix(line, "{") {
			return document(t, line)
		}
	}
	t.Fatalf("the rule has printed no input:\n%s", stderr)
	return ""
}

// TestOneInput: rules see the same of a change whoever asks them.
func TestOneInput(t *testing.T) {
	t.Parallel()
	dir := writeProject(t, askedProject)
	at := []string{"-C", dir, "--latest", "1"}
	_, linted := runs(t, 1, append([]string{"lint", "--fail-on", "error"}, at...)...)
	shown, _ := runs(t, 0, append([]string{"policy", "input"}, at...)...)
	_, evaluated := runs(t, 0, append([]string{"policy", "eval"}, at...)...)
	want := printed(t, linted)
	for _, part := range []string{`"proven"`, `"CV111"`, `"limit": 3`, `"rows": 5000000`} {
		if !strings.Contains(want, part) {
			t.Errorf("the input has no %s", part)
		}
	}
	if d := cmp.Diff(want, document(t, shown)); d != "" {
		t.Errorf("policy input prints another document than lint gives (-lint +input):\n%s", d)
	}
	if d := cmp.Diff(want, printed(t, evaluated)); d != "" {
		t.Errorf("policy eval asks about another document than lint (-lint +eval):\n%s", d)
	}
}
