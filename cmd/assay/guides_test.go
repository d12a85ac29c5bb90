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
		var page strings.Builder
		for line := range strings.Lines(file(t, "../../docs/"+guide+".md")) {
			page.WriteString(strings.TrimPrefix(line, "   "))
		}
		for _, name := range names {
			var text strings.Builder
			for line := range strings.Lines(file(t, name)) {
				text.WriteString(strings.TrimPrefix(line, "   "))
			}
			if !strings.Contains(page.String(), text.String()) {
				t.Errorf("docs/%s.md does not show %s as it is", guide, name)
			}
		}
	}
}
