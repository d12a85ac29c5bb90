package gitdiff

import (
	"os"
	"path/filepath"
	"testing"
)

// TestBase walks the ways a CI names what a change is merged into. In each
// the history is main: first, second, third; feature: from second, mine.
func TestBase(t *testing.T) {
	origin := newCheckout(t)
	first := origin.git("rev-parse", "HEAD")
	origin.write("db/003_second.sql", "")
	second := origin.commit("second")
	origin.git("checkout", "-q", "-b", "feature")
	origin.write("db/004_mine.sql", "")
	origin.commit("mine")
	origin.git("checkout", "-q", "main")
	origin.write("db/004_third.sql", "")
	third := origin.commit("third")
	root := t.TempDir()
	origin.run(root, "clone", "-q", origin.dir, "clone")

	for _, tt := range []struct {
		name, head string
		env        map[string]string
		event      string
		flag       string
		base, why  string
	}{
		{name: "local", head: "origin/feature", base: second, why: "the default branch origin/main"},
		{name: "local, on main", head: "main", base: third, why: "the default branch origin/main"},
		{name: "flag", head: "origin/feature", flag: first, base: first, why: "--git-base " + first},
		{name: "flag, a branch of origin", head: "main", flag: "feature", base: second, why: "--git-base feature"},
		{name: "unknown CI, on main", head: "main", env: map[string]string{"CI": "true"}, base: second, why: "the commit before, on default branch origin/main"},
		{name: "unknown CI, on main's first commit", head: first, env: map[string]string{"CI": "true"}, base: first, why: "the default branch origin/main"},
		{
			name: "GitHub pull request", head: "origin/feature", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_BASE_REF": "main"},
			event: `{"pull_request":{"base":{"ref":"main","sha":"` + first + `"}}}`, base: second, why: "GITHUB_BASE_REF=main",
		},
		{
			name: "GitHub pull request, base not fetched", head: "origin/feature", env: map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_BASE_REF": "gone"},
			event: `{"pull_request":{"base":{"ref":"gone","sha":"` + third + `"}}}`, base: second, why: "GITHUB_BASE_REF=gone",
		},
		{
			name: "GitHub event without variable", head: "origin/feature", env: map[string]string{"GITHUB_ACTIONS": "true"},
			event: `{"pull_request":{"base":{"ref":"main","sha":"` + third + `"}}}`, base: second, why: "the pull request's base main",
		},
		{
			name: "GitHub merge queue", head: "origin/feature", env: map[string]string{"GITHUB_ACTIONS": "true"},
			event: `{"merge_group":{"base_sha":"` + second + `","base_ref":"refs/heads/main"}}`, base: second, why: "the merge queue's base",
		},
		{
			name: "GitHub push to main", head: "main", env: map[string]string{"GITHUB_ACTIONS": "true"},
			event: `{"ref":"refs/heads/main","before":"` + first + `","repository":{"default_branch":"main"}}`, base: first, why: "the commit before the push",
		},
		{
			name: "GitHub push of a new main", head: "main", env: map[string]string{"GITHUB_ACTIONS": "true", "CI": "true"},
			event: `{"ref":"refs/heads/main","before":"` + noCommit + `","repository":{"default_branch":"main"}}`, base: second, why: "the commit before, on default branch origin/main",
		},
		{
			name: "GitHub push to a branch", head: "origin/feature", env: map[string]string{"GITHUB_ACTIONS": "true"},
			event: `{"ref":"refs/heads/feature","before":"` + second + `","repository":{"default_branch":"main"}}`, base: second, why: "the default branch main",
		},
		{
			name: "GitHub, unreadable event", head: "origin/feature", env: map[string]string{"GITHUB_ACTIONS": "true"},
			event: `nonsense`, base: second, why: "the default branch origin/main",
		},
		{name: "GitLab merge request", head: "origin/feature", env: map[string]string{"GITLAB_CI": "true", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_DIFF_BASE_SHA": first}, base: first, why: "CI_MERGE_REQUEST_DIFF_BASE_SHA"},
		{name: "GitLab, target by name", head: "origin/feature", env: map[string]string{"GITLAB_CI": "true", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}, base: second, why: "CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main"},
		{name: "GitLab push to main", head: "main", env: map[string]string{"GITLAB_CI": "true", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_BEFORE_SHA": second}, base: second, why: "CI_COMMIT_BEFORE_SHA"},
		{name: "GitLab push to a branch", head: "origin/feature", env: map[string]string{"GITLAB_CI": "true", "CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "feature", "CI_COMMIT_BEFORE_SHA": noCommit}, base: second, why: "CI_DEFAULT_BRANCH=main"},
		{name: "Azure", head: "origin/feature", env: map[string]string{"SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"}, base: second, why: "SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/main"},
		{name: "Bitbucket", head: "origin/feature", env: map[string]string{"BITBUCKET_PR_DESTINATION_BRANCH": "main"}, base: second, why: "BITBUCKET_PR_DESTINATION_BRANCH=main"},
		{name: "Buildkite", head: "origin/feature", env: map[string]string{"BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main"}, base: second, why: "BUILDKITE_PULL_REQUEST_BASE_BRANCH=main"},
		{name: "Drone push", head: "origin/feature", env: map[string]string{"DRONE_TARGET_BRANCH": "feature"}, base: second, why: "the default branch origin/main"},
		{name: "Travis", head: "origin/feature", env: map[string]string{"TRAVIS_BRANCH": "main", "TRAVIS_PULL_REQUEST": "7"}, base: second, why: "TRAVIS_BRANCH=main"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &checkout{t: t, dir: filepath.Join(root, "clone"), env: map[string]string{}}
			for k, v := range origin.env {
				c.env[k] = v
			}
			c.git("checkout", "-q", "--detach", tt.head)
			c.git("branch", "-q", "-f", "main", "origin/main")
			for k, v := range tt.env {
				c.env[k] = v
			}
			if tt.event != "" {
				c.env["GITHUB_EVENT_PATH"] = filepath.Join(t.TempDir(), "event.json")
				if err := os.WriteFile(c.env["GITHUB_EVENT_PATH"], []byte(tt.event), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			opt := c.options()
			opt.Base = tt.flag
			s := c.changes(opt)
			if s.Base != tt.base || s.Why != tt.why {
				t.Errorf("got base %s (%s), want %s (%s)", s.Base, s.Why, tt.base, tt.why)
			}
		})
	}
}
