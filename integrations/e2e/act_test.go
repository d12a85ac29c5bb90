//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/hosttest"
)

const workflow = `on: [pull_request, merge_group]
permissions: {contents: read, pull-requests: write, statuses: write}
jobs:
  migrations:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {fetch-depth: 0}
      - id: assay
        uses: ./.assay
        with:
          binary: ASSAY
          token: ${{ secrets.GITHUB_TOKEN }}
          cache: "false"
          output: |
            text
            sarif=assay.sarif
      - if: always()
        shell: bash
        env:
          OUTPUTS: ${{ toJSON(steps.assay.outputs) }}
        run: printf 'outputs=%s\n' "$OUTPUTS" | tr -d '\n'; echo
`

// actionProject is a project with the action in it.
func actionProject(t *testing.T) string {
	t.Helper()
	clone := project(t)
	must(t, clone, "mkdir", "-p", ".assay/integrations")
	must(t, clone, "cp", "-r", repo(t, "action.yml"), clone+"/.assay/")
	must(t, clone, "cp", "-r", repo(t, "integrations/action"), clone+"/.assay/integrations/")
	write(t, clone, ".github/workflows/assay.yml", strings.Replace(workflow, "ASSAY", assay(t), 1))
	return clone
}

func repo(t *testing.T, name string) string {
	t.Helper()
	abs, err := filepath.Abs("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// act runs the workflow for an event.
func act(t *testing.T, clone, url, token, event string, payload any) (string, int) {
	t.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	// The action's cache step is off, but act wants to see the action all the same.
	cache := t.TempDir()
	write(t, cache, "action.yml", "name: none\ndescription: none\nruns:\n  using: composite\n  steps: []\n")
	return sh(t, clone, []string{"HOME=" + t.TempDir(), "XDG_CACHE_HOME=" + filepath.Join(os.TempDir(), "assay-e2e-act")}, tool(t, "bin/act"), event,
		"-P", "ubuntu-latest=-self-hosted", "-e", file, "-s", "GITHUB_TOKEN="+token, "--no-cache-server",
		"--local-repository", "actions/cache@55cc8345863c7cc4c66a329aec7e433d2d1c52a9="+cache,
		"--env", "GITHUB_API_URL="+url+"/api/v3", "--env", "GITHUB_REPOSITORY=o/r", "--env", "GITHUB_SERVER_URL="+url)
}

func pullEvent(head, headRepo string) map[string]any {
	return map[string]any{
		"action": "synchronize", "number": 7,
		"pull_request": map[string]any{
			"number": 7, "user": map[string]any{"login": "author"},
			"head": map[string]any{"ref": "feature", "sha": head, "repo": map[string]any{"full_name": headRepo}},
			"base": map[string]any{"ref": "main", "sha": "", "repo": map[string]any{"full_name": "o/r"}},
		},
		"repository": map[string]any{"full_name": "o/r", "default_branch": "main"},
	}
}

func TestAction(t *testing.T) {
	clone := actionProject(t)
	s := hosttest.NewGitHub()
	url := serve(t, s)
	head := commit(t, clone, "bad")
	pushed(t, s, clone, head)
	for range 2 { // the second run changes nothing
		log, code := act(t, clone, url, hosttest.Token, "pull_request", pullEvent(head, "o/r"))
		if code == 0 {
			t.Fatalf("a bad migration passes\n%s", log)
		}
		says(t, s, "LK101", 1, integrations.Failed, log)
		for _, want := range []string{`"findings": "1"`, `"errors": "1"`, `"status": "failure"`, `assay.json"`} {
			if !strings.Contains(log, want) {
				t.Errorf("the log does not have the output %s\n%s", want, log)
			}
		}
		if strings.Contains(log, hosttest.Token) {
			t.Error("the log has the token")
		}
	}
	write(t, clone, migrationFile, good)
	head = commit(t, clone, "good")
	pushed(t, s, clone, head)
	log, code := act(t, clone, url, hosttest.Token, "pull_request", pullEvent(head, "o/r"))
	if code != 0 {
		t.Fatalf("a good migration fails\n%s", log)
	}
	says(t, s, "nothing found", 0, integrations.Success, log)
}

func TestActionWithoutRights(t *testing.T) {
	for name, from := range map[string]string{"a fork": "stranger/r", "a token that may only read": "o/r"} {
		t.Run(name, func(t *testing.T) {
			clone := actionProject(t)
			s := hosttest.NewGitHub()
			url := serve(t, s)
			head := commit(t, clone, "bad")
			pushed(t, s, clone, head)
			log, code := act(t, clone, url, hosttest.ReadOnly, "pull_request", pullEvent(head, from))
			if code == 0 || len(s.Comments) != 0 || len(s.Statuses) != 0 {
				t.Fatalf("exit %d, %d comments\n%s", code, len(s.Comments), log)
			}
			if !strings.Contains(log, "LK101 create-index") || !strings.Contains(log, "::error") && !strings.Contains(log, "❗") {
				t.Errorf("there is no annotation\n%s", log)
			}
			if strings.Contains(log, hosttest.ReadOnly) {
				t.Error("the log has the token")
			}
		})
	}
}

func TestActionInMergeQueue(t *testing.T) {
	clone := actionProject(t)
	s := hosttest.NewGitHub()
	url := serve(t, s)
	head := commit(t, clone, "bad")
	pushed(t, s, clone, head)
	base := must(t, clone, "git", "rev-parse", "main")
	log, code := act(t, clone, url, hosttest.Token, "merge_group", map[string]any{
		"action":      "checks_requested",
		"merge_group": map[string]any{"head_sha": head, "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-x", "base_sha": base, "base_ref": "refs/heads/main"},
		"repository":  map[string]any{"full_name": "o/r", "default_branch": "main"},
	})
	if code == 0 || len(s.Comments) != 0 || len(s.Statuses) != 1 || s.At[0] != head || s.Statuses[0].State != integrations.Failed {
		t.Errorf("exit %d, %d comments, statuses %+v\n%s", code, len(s.Comments), s.Statuses, log)
	}
}
