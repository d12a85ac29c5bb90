package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaydb/assay/internal/lint"
)

// TestHistories lints every real history with --all and prints the table of
// docs/benchmarks.md: run it with -v. The histories are where ASSAY_CORPORA says.
func TestHistories(t *testing.T) {
	root := os.Getenv("ASSAY_CORPORA")
	if root == "" {
		t.Skip("ASSAY_CORPORA names no directory of real migration histories")
	}
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]bool{}
	type row struct {
		name                   string
		migrations, statements int
		took                   time.Duration
		found                  map[string]int
	}
	var rows []row
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		var out, said bytes.Buffer
		start := time.Now()
		code := run(context.Background(), []string{"lint", "--all", "--postgres", "18", "-o", "json", "-C", filepath.Join(root, d.Name())}, os.Getenv, strings.NewReader(""), &out, &said)
		r := row{name: d.Name(), took: time.Since(start), found: map[string]int{}}
		var res lint.Result
		if err := json.Unmarshal(out.Bytes(), &res); err != nil || code > 1 {
			t.Errorf("%s: exit code %d: %v: %s", r.name, code, err, said.String())
			continue
		}
		r.migrations = len(res.Migrations)
		for _, m := range res.Migrations {
			r.statements += len(m.Statements)
		}
		for _, f := range res.Findings {
			r.found[f.ID[:2]]++
			families[f.ID[:2]] = true
		}
		rows = append(rows, r)
	}
	names := slices.Sorted(maps.Keys(families))
	table := "| history | migrations | statements | seconds | " + strings.Join(names, " | ") + " |\n" + strings.Repeat("|---", 4+len(names)) + "|\n"
	for _, r := range rows {
		table += fmt.Sprintf("| %s | %d | %d | %.1f |", r.name, r.migrations, r.statements, r.took.Seconds())
		for _, n := range names {
			table += fmt.Sprintf(" %d |", r.found[n])
		}
		table += "\n"
	}
	t.Log("\n" + table)
}
