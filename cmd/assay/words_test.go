package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// banned are words of a home-made dialect that users had to learn, and the
// standard term of the PostgreSQL manual for each.
var banned = []struct {
	word     *regexp.Regexp
	standard string
}{
	{regexp.MustCompile(`(?i)\b(?:un)?told\b`), "reported, recorded or configured"},
	{regexp.MustCompile(`(?i)\bways? back\b`), "down migration or rollback"},
	{regexp.MustCompile(`(?i)\bmend(?:s|ed|ing)?\b`), "fix"},
	{regexp.MustCompile(`(?i)\banew\b`), "again, rewrites, rebuilds or re-creates"},
	{regexp.MustCompile(`(?i)\bma(?:de|kes?) (?:\w+ )?again\b`), "re-created"},
	{regexp.MustCompile(`(?i)\bfor ever\b`), "permanently"},
	{regexp.MustCompile(`(?i)\bwithout (?:CASCADE or )?a word\b`), "silently"},
	{regexp.MustCompile(`(?i)\brows that are there\b`), "existing rows"},
	{regexp.MustCompile(`(?i)\bthe server refuses\b`), "fails"},
	{regexp.MustCompile(`(?i)\bfalls? with\b`), "is dropped with"},
	{regexp.MustCompile(`(?i)\bwhile (?:reads|writes|reads and writes) (?:wait|go on)\b`), "while blocking, or without blocking"},
}

// TestWords holds what a user reads to standard terms: string literals of the
// program, the prose of the fixtures, README, the newest changes and the docs.
func TestWords(t *testing.T) {
	root := filepath.Join("..", "..")
	check := func(where, text string) {
		for _, b := range banned {
			if found := b.word.FindString(text); found != "" {
				t.Errorf("%s: %q: write %s", where, found, b.standard)
			}
		}
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		switch {
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata"):
			return filepath.SkipDir
		case strings.HasSuffix(rel, ".go") && !strings.HasSuffix(rel, "_test.go"):
			literals(t, path, func(line int, text string) { check(rel+":"+strconv.Itoa(line), text) })
		case strings.HasPrefix(rel, "analyzers") && strings.HasSuffix(rel, ".txtar"):
			prose, _, _ := strings.Cut("\n"+read(t, path), "\n-- ")
			check(rel, prose)
		case rel == "README.md":
			check(rel, read(t, path))
		case rel == "CHANGELOG.md":
			parts := strings.SplitN(read(t, path), "\n## ", 3)
			check(rel, parts[min(1, len(parts)-1)])
		case filepath.Dir(rel) == "docs" && strings.HasSuffix(rel, ".md"):
			check(rel, read(t, path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// literals passes every string of a Go file with its line.
func literals(t *testing.T, path string, each func(line int, text string)) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if text, err := strconv.Unquote(l.Value); err == nil {
				each(files.Position(l.Pos()).Line, text)
			}
		}
		return true
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
