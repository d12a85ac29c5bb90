//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/hosttest"
)

// TestOrbScript runs the script of the orb's command as a CircleCI job of a pull
// request would, on a bad and on a good migration. There is no CircleCI to be
// had; its variables are those of its documentation.
func TestOrbScript(t *testing.T) {
	clone := project(t)
	head := commit(t, clone, "bad")
	s := hosttest.NewGitHub()
	url := serve(t, s)
	results := t.TempDir()
	data, err := os.ReadFile(repo(t, "integrations/circleci/orb/scripts/review.sh"))
	if err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(string(data), "/tmp/assay", results)
	review := func() (string, int) {
		pushed(t, s, clone, head)
		return sh(t, clone, []string{
			"CIRCLECI=true", "CIRCLE_SHA1=" + head, "CIRCLE_BRANCH=feature", "CIRCLE_BUILD_NUM=5", "CIRCLE_BUILD_URL=https://circleci.example/5",
			"CIRCLE_PROJECT_USERNAME=o", "CIRCLE_PROJECT_REPONAME=r", "CIRCLE_REPOSITORY_URL=git@github.com:o/r.git", "CIRCLE_PULL_REQUEST=https://github.com/o/r/pull/7",
			"GITHUB_API_URL=" + url + "/api/v3", "GITHUB_TOKEN=" + hosttest.Token,
			// The defaults of the parameters, and booleans as CircleCI writes them.
			"PARAM_BINARY=" + assay(t), "PARAM_DIRECTORY=.", "PARAM_DIR=db/migrations", "PARAM_GIT_BASE=origin/main", "PARAM_FAIL_ON=error", "PARAM_COMMENT=findings",
			"PARAM_STATUS=assay", "PARAM_INLINE=1", "PARAM_ALL=0", "PARAM_NO_CACHE=0", "PARAM_CHECK_RUN=false",
		}, "sh", "-euc", script)
	}
	for range 2 {
		log, code := review()
		if code != 1 {
			t.Fatalf("exit %d\n%s", code, log)
		}
		says(t, s, "LK101", 1, integrations.Failed, log)
	}
	for _, name := range []string{"assay.json", "assay.html", "results/assay.xml"} {
		if data, err := os.ReadFile(filepath.Join(results, name)); err != nil || !strings.Contains(string(data), "LK101") {
			t.Errorf("the artifact %s: %v", name, err)
		}
	}
	write(t, clone, migrationFile, good)
	head = commit(t, clone, "good")
	if log, code := review(); code != 0 {
		t.Errorf("exit %d\n%s", code, log)
	} else {
		says(t, s, "nothing found", 0, integrations.Success, log)
	}
}
