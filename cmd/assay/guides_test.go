package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGuidesShowFiles: the guides show the files that init writes and the
// examples that are checked, word for word.
func TestGuidesShowFiles(t *testing.T) {
	examples, err := filepath.Glob("../../docs/examples/github-*.yml")
	if err != nil || len(examples) == 0 {
		t.Fatal("there are no examples")
	}
	shown := map[string][]string{
		"github": append(examples, "starter/github.yml"), "gitlab": {"starter/gitlab.yml"},
		"circleci": {"starter/circleci.yml"}, "pre-commit": {"starter/pre-commit.yml"},
	}
	for guide, names := range shown {
		page := file(t, "../../docs/"+guide+".md")
		var inList strings.Builder // the same without a list's indentation
		for line := range strings.Lines(page) {
			inList.WriteString(strings.TrimPrefix(line, "   "))
		}
		for _, name := range names {
			if text := file(t, name); !strings.Contains(page, text) && !strings.Contains(inList.String(), text) {
				t.Errorf("docs/%s.md does not show %s as it is", guide, name)
			}
		}
	}
}

// TestOneVersion: the action, the template, the orb, the hooks, the starters and
// the guides all name the same release.
func TestOneVersion(t *testing.T) {
	named := regexp.MustCompile(`assaydb/assay(?:@v?|:v|/v)(\d+\.\d+\.\d+)|default: v(\d+\.\d+\.\d+)|rev: v(\d+\.\d+\.\d+)`)
	want := ""
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (path == ".git" || path == "bin" || path == "dist" || path == "testdata" || path == "docs/checks") {
			return fs.SkipDir
		}
		if ext := filepath.Ext(path); d.IsDir() || ext != ".yml" && ext != ".yaml" && ext != ".md" {
			return nil
		}
		for _, m := range named.FindAllStringSubmatch(file(t, "../../"+path), -1) {
			got := m[1] + m[2] + m[3]
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s names the release %s, another file %s", path, got, want)
			}
		}
		return nil
	})
	if err != nil || want == "" {
		t.Errorf("no file names a release: %v", err)
	}
}
