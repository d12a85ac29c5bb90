package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
)

// starterTexts are the files that bring assay into a CI. docs shows the same text.
//
//go:embed starter/*.yml starter/*.md
var starterTexts embed.FS

// starter is a file that init can write.
type starter struct {
	flag, file, about string
	merge             string // what to do when the project has the file for other things
	text              string
}

var starterFiles = []starter{
	{"github", ".github/workflows/assay.yml", "a GitHub workflow", "", ""},
	{"gitlab", ".gitlab-ci.yml", "a GitLab pipeline", "add the include of the template to it: docs/gitlab.md", ""},
	{"circleci", ".circleci/config.yml", "a CircleCI pipeline", "add the orb to it: docs/circleci.md", ""},
	{"pre-commit", ".pre-commit-config.yaml", "a pre-commit configuration", "add the hook to it: docs/pre-commit.md", ""},
}

// starterFlags adds a flag for each of them.
func starterFlags(f *pflag.FlagSet) map[string]*bool {
	chosen := map[string]*bool{}
	for _, s := range starterFiles {
		chosen[s.flag] = f.Bool(s.flag, false, "write "+s.about+" too: "+s.file)
	}
	return chosen
}

// starters are the chosen files, for the migrations directory dir. It refuses
// before anything is written.
func (a *app) starters(chosen map[string]*bool, dir string, force bool) ([]starter, error) {
	var out []starter
	for _, s := range starterFiles {
		if !*chosen[s.flag] {
			continue
		}
		if _, err := os.Stat(filepath.Join(a.dir, s.file)); err == nil && !force {
			if s.merge == "" {
				return nil, usagef("%s exists: --force overwrites it", s.file)
			}
			return nil, usagef("%s exists: %s, or --force overwrites it", s.file, s.merge)
		}
		text, err := starterTexts.ReadFile("starter/" + s.flag + ".yml")
		if err != nil {
			return nil, fmt.Errorf("reading the file for %s: %w", s.flag, err)
		}
		s.text = string(text)
		// A name that YAML would read otherwise stays for the person to write.
		if dir != "" && dir != "." && !strings.ContainsAny(dir, "'\"#:*&!|>%@`{}[],\\ ") {
			s.text = strings.ReplaceAll(s.text, "db/migrations", dir)
		}
		out = append(out, s)
	}
	return out, nil
}
