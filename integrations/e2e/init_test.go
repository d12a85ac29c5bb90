//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInit has assay write the file of each CI for a project, and holds it
// against the tool that reads it.
func TestInit(t *testing.T) {
	clone := project(t)
	must(t, clone, "mv", "db", "sql") // a place that the files must be told
	commit(t, clone, "moved")
	must(t, clone, assay(t), "init", "--github", "--gitlab", "--circleci", "--pre-commit")
	text := func(name string) string {
		data, err := os.ReadFile(filepath.Join(clone, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), "sql/migrations") || strings.Contains(string(data), "db/migrations") {
			t.Errorf("%s does not name the project's directory:\n%s", name, data)
		}
		return string(data)
	}

	// GitHub: this checkout's action in the place of the released one.
	scratch := t.TempDir()
	must(t, scratch, "git", "init", "-q")
	must(t, scratch, "cp", repo(t, "action.yml"), ".")
	write(t, scratch, ".github/workflows/assay.yml", strings.Replace(text(".github/workflows/assay.yml"), "assaydb/assay@v0.1.0", "./", 1))
	if out, code := sh(t, scratch, nil, tool(t, "bin/actionlint"), "-no-color"); code != 0 {
		t.Error(out)
	}

	// GitLab: this checkout's template.
	must(t, scratch, "cp", repo(t, ".gitlab-ci-template.yml"), "template.yml")
	file := strings.Replace(text(".gitlab-ci.yml"), "remote: https://raw.githubusercontent.com/assaydb/assay/v0.1.0/.gitlab-ci-template.yml", "local: template.yml", 1)
	if !strings.Contains(file, "local: template.yml") {
		t.Errorf("the pipeline does not include the template:\n%s", file)
	}
	write(t, scratch, ".gitlab-ci.yml", file)
	identify(t, scratch)
	must(t, scratch, "git", "remote", "add", "origin", "https://gitlab.example/g/p.git")
	commit(t, scratch, "pipeline")
	list := must(t, scratch, tool(t, "npm/node_modules/.bin/node"), tool(t, "npm/node_modules/gitlab-ci-local/dist/index.js"), "--preview", "--cwd", ".",
		"--variable", "CI_PIPELINE_SOURCE=merge_request_event")
	if !strings.Contains(list, "assay:") || !strings.Contains(list, "sql/migrations") {
		t.Errorf("gitlab-ci-local sees no job:\n%s", list)
	}

	if out, code := sh(t, ".", nil, tool(t, "npm/node_modules/.bin/node"), "parse.mjs", repo(t, "."), os.Getenv("ASSAY_E2E_TOOLS"), filepath.Join(clone, ".circleci/config.yml")); code != 0 {
		t.Errorf("%s\n%s", out, text(".circleci/config.yml"))
	}

	_ = text(".pre-commit-config.yaml")
	if _, err := exec.LookPath("pre-commit"); err == nil {
		must(t, clone, "pre-commit", "validate-config", ".pre-commit-config.yaml")
	}
	// A second time nothing is overwritten.
	if out, code := sh(t, clone, nil, assay(t), "init", "--gitlab"); code != 2 || !strings.Contains(out, "--force") {
		t.Errorf("exit %d\n%s", code, out)
	}
}
