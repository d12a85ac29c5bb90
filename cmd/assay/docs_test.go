package main

import (
	"bytes"
	"context"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadmeShowsRealOutput holds the finding in the README against what the
// demo prints.
func TestReadmeShowsRealOutput(t *testing.T) {
	t.Parallel()
	const id = "LK202"
	readme := filepath.Join("..", "..", "README.md")
	src, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(src), "held fresh by a test: "+id+" -->\n```\n")
	shown, after, ok2 := strings.Cut(rest, "```\n")
	if !ok || !ok2 {
		t.Fatal("README.md has lost the place for the demo's output")
	}
	var out, stderr bytes.Buffer
	code := run(context.Background(), []string{"lint", "-C", filepath.Join("..", "..", "testdata", "demo", "bad"), "--latest", "3"},
		os.Getenv, strings.NewReader(""), &out, &stderr)
	if code == 3 {
		t.Skipf("no PostgreSQL could be started:\n%s", stderr.String())
	}
	if code != 1 {
		t.Fatalf("exit code %d, want 1\n%s%s", code, out.String(), stderr.String())
	}
	_, printed, ok := strings.Cut(out.String(), "\n"+id+" ")
	if !ok {
		t.Fatalf("the demo has no %s:\n%s", id, out.String())
	}
	printed = id + " " + printed
	if next := regexp.MustCompile(`\n\n(?:[A-Z]{2}[0-9]{3} |[0-9]+ errors?)`).FindStringIndex(printed); next != nil {
		printed = printed[:next[0]+1]
	}
	if *update {
		if err := os.WriteFile(readme, []byte(before+"held fresh by a test: "+id+" -->\n```\n"+printed+"```\n"+after), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(printed, shown); diff != "" {
		t.Errorf("README.md does not show what the demo prints; run make update (-printed +shown)\n%s", diff)
	}
}

// TestDemoIsOneProjectTwice: the careless and the careful change stand on the
// same merged migrations.
func TestDemoIsOneProjectTwice(t *testing.T) {
	demo := filepath.Join("..", "..", "testdata", "demo")
	for _, pattern := range []string{"00000[1-8]_*"} {
		bad, err := filepath.Glob(filepath.Join(demo, "bad", "migrations", pattern))
		if err != nil || len(bad) != 16 {
			t.Fatalf("got %d files, %v, want 8 migrations with their ways back", len(bad), err)
		}
		for _, file := range bad {
			one, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			two, err := os.ReadFile(filepath.Join(demo, "good", "migrations", filepath.Base(file)))
			if err != nil || !bytes.Equal(one, two) {
				t.Errorf("%s differs between bad and good (%v)", filepath.Base(file), err)
			}
		}
	}
}

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	fenced = regexp.MustCompile("(?ms)^```.*?^```$")
)

// TestLinks: every relative link of the documentation leads to a file.
func TestLinks(t *testing.T) {
	root := filepath.Join("..", "..")
	var pages []string
	top, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, top...)
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		src, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(string(src), ""), -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %s is no link: %v", page, m[1], err)
				continue
			}
			if u.Scheme != "" || u.Path == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(u.Path))); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}
