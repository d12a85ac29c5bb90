//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/hosttest"
)

// gitlab runs the template's job in a merge request's pipeline.
func gitlab(t *testing.T, clone, url, token, head string) (string, int) {
	t.Helper()
	args := []string{
		tool(t, "npm/node_modules/gitlab-ci-local/dist/index.js"), "--force-shell-executor", "--cwd", ".",
	}
	for k, v := range map[string]string{
		"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_PROJECT_ID": "42", "CI_PROJECT_ID": "42",
		"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_API_V4_URL": url + "/git/api/v4",
		"CI_SERVER_URL": url + "/git", "CI_COMMIT_SHA": head, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature", "CI_PIPELINE_ID": "99",
		"ASSAY_GITLAB_TOKEN": token,
	} {
		if v != "" {
			args = append(args, "--variable", k+"="+v)
		}
	}
	return sh(t, clone, nil, tool(t, "npm/node_modules/.bin/node"), append(args, "assay")...)
}

func TestGitLabTemplate(t *testing.T) {
	clone := project(t)
	must(t, clone, "cp", repo(t, ".gitlab-ci-template.yml"), "template.yml")
	write(t, clone, ".gitlab-ci.yml", "include:\n  - local: template.yml\n    inputs:\n      binary: "+assay(t)+"\n      dir: db/migrations\n")
	s := hosttest.NewGitLab()
	url := serve(t, s)
	head := commit(t, clone, "bad")
	pushed(t, s, clone, head)
	for range 2 {
		log, code := gitlab(t, clone, url, hosttest.Token, head)
		if code == 0 {
			t.Fatalf("a bad migration passes\n%s", log)
		}
		says(t, s, "LK101", 1, integrations.Failed, log)
		if strings.Contains(log, hosttest.Token) {
			t.Error("the log has the token")
		}
	}
	var quality []map[string]any
	data, err := os.ReadFile(found(t, clone, "gl-code-quality-report.json"))
	if err != nil || json.Unmarshal(data, &quality) != nil || len(quality) != 1 {
		t.Errorf("the Code Quality report is %q: %v", data, err)
	}
	write(t, clone, migrationFile, good)
	head = commit(t, clone, "good")
	pushed(t, s, clone, head)
	log, code := gitlab(t, clone, url, hosttest.Token, head)
	if code != 0 {
		t.Fatalf("a good migration fails\n%s", log)
	}
	says(t, s, "nothing found", 0, integrations.Success, log)

	// Without a token: nothing is posted, the log says why.
	s = hosttest.NewGitLab()
	url = serve(t, s)
	write(t, clone, migrationFile, bad)
	head = commit(t, clone, "bad again")
	log, code = gitlab(t, clone, url, "", head)
	if code == 0 || len(s.Log) != 0 || !strings.Contains(log, "ASSAY_GITLAB_TOKEN") || !strings.Contains(log, "LK101") {
		t.Errorf("exit %d, requests %v\n%s", code, s.Log, log)
	}
}

// TestGitLabDefaultBranch: the template runs on the default branch too, so that
// GitLab has a Code Quality report to compare with; there is nothing to comment
// on.
func TestGitLabDefaultBranch(t *testing.T) {
	clone := project(t)
	must(t, clone, "cp", repo(t, ".gitlab-ci-template.yml"), "template.yml")
	write(t, clone, ".gitlab-ci.yml", "include:\n  - local: template.yml\n    inputs:\n      binary: "+assay(t)+"\n      fail-on: \"off\"\n")
	before := must(t, clone, "git", "rev-parse", "main")
	commit(t, clone, "bad")
	must(t, clone, "git", "checkout", "-q", "main")
	must(t, clone, "git", "merge", "-q", "--ff-only", "feature")
	head := must(t, clone, "git", "rev-parse", "HEAD")
	s := hosttest.NewGitLab()
	url := serve(t, s)
	s.Head = head
	args := []string{tool(t, "npm/node_modules/gitlab-ci-local/dist/index.js"), "--force-shell-executor", "--cwd", "."}
	for k, v := range map[string]string{
		"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BEFORE_SHA": before, "CI_COMMIT_SHA": head,
		"CI_PROJECT_ID": "42", "CI_API_V4_URL": url + "/git/api/v4", "CI_SERVER_URL": url + "/git", "CI_PIPELINE_ID": "99", "ASSAY_GITLAB_TOKEN": hosttest.Token,
	} {
		args = append(args, "--variable", k+"="+v)
	}
	log, code := sh(t, clone, nil, tool(t, "npm/node_modules/.bin/node"), append(args, "assay")...)
	if code != 0 || len(s.Comments) != 0 || len(s.Statuses) != 1 || s.At[0] != head {
		t.Fatalf("exit %d, %d comments, statuses %+v\n%s", code, len(s.Comments), s.Statuses, log)
	}
	for _, name := range []string{"gl-code-quality-report.json", "assay-junit.xml"} {
		if data, err := os.ReadFile(found(t, clone, name)); err != nil || !strings.Contains(string(data), "LK101") {
			t.Errorf("%s is %q: %v", name, data, err)
		}
	}
}

// found is the place of an artifact, which gitlab-ci-local keeps below its own
// directory.
func found(t *testing.T, dir, name string) string {
	t.Helper()
	return strings.TrimSpace(strings.SplitN(must(t, dir, "find", dir, "-name", name), "\n", 2)[0])
}
