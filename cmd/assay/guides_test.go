package main

import (
	"path/filepath"
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
