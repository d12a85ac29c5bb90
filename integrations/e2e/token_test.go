//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/assaydb/assay/integrations/hosttest"
)

// spies makes programs that write down their environment, and what /proc has of
// their parent, before they do their work: git, and those of PostgreSQL.
func spies(t *testing.T, seen string) (path, postgres string) {
	t.Helper()
	path, postgres = t.TempDir(), t.TempDir()
	spy := func(dir, name, program string) {
		write(t, dir, name, "#!/bin/sh\n{ echo \"spy "+name+" $*\"; env; tr '\\0' '\\n' </proc/$PPID/environ; } >>"+seen+" 2>&1\nexec "+program+" \"$@\"\n")
		must(t, dir, "chmod", "755", name)
	}
	git, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	spy(path, "git", git)
	programs, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(programs) == 0 {
		t.Skip("there is no PostgreSQL of Debian's to spy in")
	}
	for _, name := range []string{"initdb", "postgres", "pg_ctl"} {
		spy(postgres, name, filepath.Join(filepath.Dir(programs[0]), name))
	}
	return path, postgres
}

// TestTokenStaysInside runs reviews as an ordinary user, on both hosts and of a
// report made by another job. Every program that assay starts tries to get at
// the token: in its own environment, and in what /proc has of its parent.
func TestTokenStaysInside(t *testing.T) {
	const commit1 = `"head": {"ref": "feature", "sha": "{head}", "repo": {"full_name": "o/r"}}`
	for name, c := range map[string]struct {
		fake  func() *hosttest.Server
		env   []string
		event string
		from  bool
	}{
		"GitHub": {hosttest.NewGitHub, []string{
			"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=pull_request", "GITHUB_EVENT_PATH={event}", "GITHUB_REPOSITORY=o/r", "GITHUB_API_URL={url}/api/v3",
			"GITHUB_TOKEN=" + hosttest.Token,
		}, `{"number": 7, "pull_request": {"number": 7, ` + commit1 + `, "base": {"ref": "main", "repo": {"full_name": "o/r"}}}}`, false},
		"GitLab": {hosttest.NewGitLab, []string{
			"GITLAB_CI=true", "CI_PIPELINE_SOURCE=merge_request_event", "CI_MERGE_REQUEST_IID=7", "CI_MERGE_REQUEST_PROJECT_ID=42", "CI_PROJECT_ID=42",
			"CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main", "CI_API_V4_URL={url}/git/api/v4", "CI_COMMIT_SHA={head}", "CI_PIPELINE_ID=9", "ASSAY_GITLAB_TOKEN=" + hosttest.Token, "CI_JOB_TOKEN=" + hosttest.Token,
		}, "{}", false},
		"a report of another job": {hosttest.NewGitHub, []string{
			"GITHUB_ACTIONS=true", "GITHUB_EVENT_NAME=workflow_run", "GITHUB_EVENT_PATH={event}", "GITHUB_REPOSITORY=o/r", "GITHUB_API_URL={url}/api/v3",
			"ASSAY_GITHUB_TOKEN=" + hosttest.Token, "GITHUB_TOKEN=" + hosttest.Token,
		}, `{"workflow_run": {"head_sha": "{head}", "head_branch": "feature", "event": "pull_request", "pull_requests": [], "head_repository": {"owner": {"login": "stranger"}}}}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			clone := project(t)
			s := c.fake()
			url := serve(t, s)
			head := commit(t, clone, "bad")
			pushed(t, s, clone, head)
			seen := filepath.Join(t.TempDir(), "seen")
			path, postgres := spies(t, seen)
			fill := strings.NewReplacer("{head}", head, "{url}", url, "{event}", filepath.Join(path, "event.json"))
			write(t, path, "event.json", fill.Replace(c.event))
			files := []string{"r.html", "r.json", "r.sarif", "r.md", "r.xml", "r.gitlab.json"}
			args := []string{"ci", "-o", "text", "-o", "html=r.html", "-o", "json=r.json", "-o", "sarif=r.sarif", "-o", "markdown=r.md", "-o", "junit=r.xml", "-o", "gitlab=r.gitlab.json"}
			if c.from {
				made := filepath.Join(clone, "made.json")
				if out, code := sh(t, clone, nil, assay(t), "lint", "-o", "json="+made); code != 1 {
					t.Fatalf("exit %d\n%s", code, out)
				}
				args = append(args, "--from", made)
			} else {
				args = append(args, "--postgres", postgres, "--no-cache")
			}
			home := t.TempDir()
			cmd := exec.CommandContext(t.Context(), assay(t), args...)
			cmd.Dir = clone
			cmd.Env = []string{"PATH=" + path + ":" + os.Getenv("PATH"), "HOME=" + home, "ASSAY_CACHE_DIR=" + home, "GITHUB_STEP_SUMMARY=" + clone + "/summary", "GITHUB_OUTPUT=" + clone + "/output"}
			for _, e := range c.env {
				cmd.Env = append(cmd.Env, fill.Replace(e))
			}
			asNobody(t, cmd, filepath.Dir(clone), home, path, postgres, filepath.Dir(seen), filepath.Dir(assay(t)))
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
				t.Fatalf("%v\n%s", err, out.String())
			}
			texts := map[string]string{"the log": out.String()}
			for _, f := range append(files, "summary", "output") {
				data, err := os.ReadFile(filepath.Join(clone, f))
				if err != nil {
					t.Fatal(err)
				}
				texts[f] = string(data)
			}
			for _, c := range s.Comments {
				texts["a comment"] += c.Body
			}
			data, err := os.ReadFile(seen)
			if err != nil && !c.from {
				t.Fatal(err)
			}
			texts["what the spies saw"] = string(data)
			for where, text := range texts {
				if strings.Contains(text, hosttest.Token) {
					t.Errorf("%s has the token", where)
				}
			}
			for _, spy := range []string{"git", "initdb", "postgres"} {
				if !c.from && !strings.Contains(string(data), "spy "+spy) {
					t.Errorf("the spy in %s saw nothing", spy)
				}
			}
			if len(s.Comments) == 0 || len(s.Statuses) == 0 {
				t.Errorf("nothing was published\n%s", out.String())
			}
		})
	}
}

// asNobody runs the command as an ordinary user who owns the directories: root
// may read everything.
func asNobody(t *testing.T, cmd *exec.Cmd, dirs ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	for _, d := range dirs {
		must(t, "/", "chown", "-R", "65534:65534", d)
		for up := filepath.Dir(d); up != filepath.Clean(os.TempDir()) && up != "/"; up = filepath.Dir(up) {
			must(t, "/", "chmod", "a+x", up) // the way there
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}
