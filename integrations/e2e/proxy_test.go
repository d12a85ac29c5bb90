//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/hosttest"
)

// TestProxy publishes to hosts that are reached by a proxy alone, GitLab's below
// a path.
func TestProxy(t *testing.T) {
	clone := project(t)
	head := commit(t, clone, "bad")
	made := filepath.Join(clone, "made.json")
	if out, code := sh(t, clone, nil, assay(t), "lint", "-o", "json="+made); code != 1 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	event := filepath.Join(t.TempDir(), "event.json")
	write(t, filepath.Dir(event), "event.json", `{"number": 7, "pull_request": {"number": 7, "head": {"ref": "feature", "sha": "`+head+`", "repo": {"full_name": "o/r"}}, "base": {"ref": "main", "repo": {"full_name": "o/r"}}}}`)
	for name, c := range map[string]struct {
		fake *hosttest.Server
		env  []string
	}{
		"GitHub Enterprise": {hosttest.NewGitHub(), []string{
			"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_EVENT_PATH=" + event, "GITHUB_REPOSITORY=o/r",
			"GITHUB_API_URL=http://github.corp.example/api/v3", "GITHUB_SERVER_URL=http://github.corp.example", "GITHUB_TOKEN=" + hosttest.Token,
		}},
		"GitLab": {hosttest.NewGitLab(), []string{
			"GITLAB_CI=true", "CI_PIPELINE_SOURCE=merge_request_event", "CI_MERGE_REQUEST_IID=7", "CI_MERGE_REQUEST_PROJECT_ID=42", "CI_PROJECT_ID=42",
			"CI_API_V4_URL=http://tools.corp.example/git/api/v4", "CI_COMMIT_SHA=" + head, "CI_PIPELINE_ID=9", "ASSAY_GITLAB_TOKEN=" + hosttest.Token,
		}},
	} {
		proxy := serve(t, c.fake)
		pushed(t, c.fake, clone, head)
		cmd := exec.CommandContext(t.Context(), assay(t), "ci", "--from", made)
		cmd.Dir = clone
		cmd.Env = append([]string{"HOME=" + t.TempDir(), "HTTP_PROXY=" + proxy, "HTTPS_PROXY=" + proxy}, c.env...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != 1 {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
		says(t, c.fake, "LK101", 1, integrations.Failed, string(out))
	}
}
