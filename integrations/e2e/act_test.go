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
func act(t *testing.T, clone, url, token, event string, payload any, more ...string) (string, int) {
	t.Helper()
	data, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{
		event, "-P", "ubuntu-latest=-self-hosted", "-e", file, "-s", "GITHUB_TOKEN=" + token,
		"--local-repository", cacheAction + "=" + cacheStandIn(t),
		"--local-repository", cosignAction + "=" + cosignStandIn(t),
		"--env", "GITHUB_API_URL=" + url + "/api/v3", "--env", "GITHUB_REPOSITORY=o/r", "--env", "GITHUB_SERVER_URL=" + url,
	}
	if more == nil {
		more = []string{"--no-cache-server"}
	}
	return sh(t, clone, []string{"HOME=" + t.TempDir(), "XDG_CACHE_HOME=" + filepath.Join(os.TempDir(), "assay-e2e-act")}, tool(t, "bin/act"), append(args, more...)...)
}

// cosignAction installs what verifies a release. act reads it even where its
// step is left out, as here, where the binary is given.
const cosignAction = "sigstore/cosign-installer@6f9f17788090df1f26f669e9d70d6ae9567deba6"

func cosignStandIn(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "action.yml", "name: cosign\ndescription: stands in for cosign-installer\nruns:\n  using: composite\n  steps: [{run: exit 1, shell: bash}]\n")
	return dir
}

// cacheAction is what action.yml uses to keep PostgreSQL and bases.
const cacheAction = "actions/cache@55cc8345863c7cc4c66a329aec7e433d2d1c52a9"

// cacheStandIn does what actions/cache/restore and save do, with the same
// library. The actions themselves are on GitHub alone.
func cacheStandIn(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const action = `name: cache
description: stands in for actions/cache
inputs:
  path: {description: paths, required: true}
  key: {description: key, required: true}
  restore-keys: {description: prefixes, default: ""}
runs: {using: node20, main: main.js}
`
	script := `const cache = require("` + tool(t, "npm/node_modules/@actions/cache") + `");
const fs = require("fs");
const list = (s) => (s || "").split("\n").map((l) => l.trim()).filter(Boolean);
const paths = list(process.env.INPUT_PATH), key = process.env.INPUT_KEY;
const output = (name, value) => fs.appendFileSync(process.env.GITHUB_OUTPUT, name + "=" + value + "\n");
`
	write(t, dir, "restore/action.yml", action)
	write(t, dir, "restore/main.js", script+`
output("cache-primary-key", key);
cache.restoreCache(paths, key, list(process.env["INPUT_RESTORE-KEYS"])).then((hit) => {
  if (hit) output("cache-hit", hit.toLowerCase() === key.toLowerCase()); // act's server writes keys small
  console.log(hit ? "Cache restored from key: " + hit : "Cache not found for input keys: " + key);
});
`)
	write(t, dir, "save/action.yml", action)
	write(t, dir, "save/main.js", script+`cache.saveCache(paths, key).then(() => console.log("Cache saved with key: " + key));`)
	return dir
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

// TestActionCache runs the action over a real cache server: what the first run
// replayed is there for the second, and a new migration starts from the cache
// of the one before.
func TestActionCache(t *testing.T) {
	clone := actionProject(t)
	write(t, clone, "setup.sql", "SELECT pg_sleep(0.3);\n") // what is replayed in a moment is not kept
	text := strings.Replace(strings.Replace(workflow, "ASSAY", assay(t), 1), `          cache: "false"`+"\n", "", 1)
	write(t, clone, ".github/workflows/assay.yml", text)
	kept := filepath.Join(t.TempDir(), "kept") // GitHub's runners have one place for it, act a new one for each run
	args := []string{"--cache-server-addr", "127.0.0.1", "--cache-server-path", t.TempDir(), "--env", "ASSAY_CACHE_DIR=" + kept}
	run := func(message string, want ...string) {
		t.Helper()
		s := hosttest.NewGitHub()
		url := serve(t, s)
		head := commit(t, clone, message)
		pushed(t, s, clone, head)
		log, code := act(t, clone, url, hosttest.Token, "pull_request", pullEvent(head, "o/r"), args...)
		if code == 0 { // the migration is bad: what was made is kept all the same
			t.Fatalf("exit %d\n%s", code, log)
		}
		for _, w := range want {
			w, not := strings.CutPrefix(w, "not ")
			if strings.Contains(strings.ToLower(log), strings.ToLower(w)) == not {
				t.Errorf("%s: the log says %q: %t\n%s", message, w, not, log)
			}
		}
	}
	bases := func() []string {
		list, err := filepath.Glob(kept + "/base/*")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	run("first", "Cache not found for input keys: assay-Linux-", "Cache saved with key: assay-Linux-")
	if len(bases()) == 0 {
		t.Fatal("the first run kept no base")
	}
	first := bases()
	must(t, "/", "rm", "-rf", kept)
	write(t, clone, "README", "another commit")
	run("the same migrations", "Cache restored from key: assay-Linux-", "not Cache saved")
	if got := bases(); len(got) != len(first) {
		t.Errorf("the second run has the bases %v, the first had %v", got, first)
	}
	must(t, "/", "rm", "-rf", kept)
	write(t, clone, strings.Replace(migrationFile, "20260102", "20260103", 1), "ALTER TABLE users ADD COLUMN name text;\n")
	write(t, clone, strings.Replace(strings.Replace(migrationFile, "20260102", "20260103", 1), ".up.", ".down.", 1), "ALTER TABLE users DROP COLUMN name;\n")
	run("a new migration", "Cache restored from key: assay-Linux-", "Cache saved with key: assay-Linux-")
}
