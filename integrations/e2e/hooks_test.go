//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPreCommit(t *testing.T) {
	if _, err := exec.LookPath("pre-commit"); err != nil {
		t.Skip("pre-commit is not installed")
	}
	must(t, "../..", "pre-commit", "validate-manifest", ".pre-commit-hooks.yaml")
	// A repository with just the hooks: what is installed is on PATH.
	hooks := t.TempDir()
	must(t, hooks, "git", "init", "-q")
	identify(t, hooks)
	must(t, hooks, "cp", repo(t, ".pre-commit-hooks.yaml"), ".")
	commit(t, hooks, "hooks")
	clone := project(t)
	commit(t, clone, "bad")
	env := []string{"PATH=" + filepath.Dir(assay(t)) + ":" + os.Getenv("PATH"), "PRE_COMMIT_HOME=" + t.TempDir()}
	out, code := sh(t, clone, env, "pre-commit", "try-repo", hooks, "assay-system", "--all-files")
	if code == 0 || !strings.Contains(out, "LK101") {
		t.Errorf("a bad migration: exit %d\n%s", code, out)
	}
	write(t, clone, migrationFile, good)
	must(t, clone, "git", "add", "-A")
	if out, code := sh(t, clone, env, "pre-commit", "try-repo", hooks, "assay-system", "--all-files"); code != 0 {
		t.Errorf("a good migration: exit %d\n%s", code, out)
	}
	write(t, clone, ".pre-commit-config.yaml", "repos:\n  - repo: "+hooks+"\n    rev: "+must(t, hooks, "git", "rev-parse", "HEAD")+"\n    hooks: [{id: assay-system}]\n")
	must(t, clone, "git", "add", "-A")
	sh(t, clone, env, "pre-commit", "run", "--all-files")
	took := func(name string, args ...string) time.Duration {
		start := time.Now()
		if out, code := sh(t, clone, env, name, args...); code != 0 {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
		return time.Since(start).Round(time.Millisecond)
	}
	plain, hook := took(assay(t), "lint"), took("pre-commit", "run", "--all-files")
	t.Logf("the second run took %s, assay alone %s", hook, plain)
	// A second on an idle machine; a busy one is slow at both.
	if hook > time.Second && hook > 3*plain+2*time.Second {
		t.Errorf("the second run took %s, assay alone %s", hook, plain)
	}
}

// TestPreCommitBuild builds the hook from the committed source, as a user's
// first run does: minutes, so only when asked to.
func TestPreCommitBuild(t *testing.T) {
	if os.Getenv("ASSAY_E2E_SLOW") == "" {
		t.Skip("it compiles everything anew: set ASSAY_E2E_SLOW=1")
	}
	clone := project(t)
	commit(t, clone, "bad")
	env := []string{"PRE_COMMIT_HOME=" + t.TempDir()}
	out, code := sh(t, clone, env, "pre-commit", "try-repo", repo(t, "."), "assay", "--all-files")
	if code == 0 || !strings.Contains(out, "LK101") {
		t.Errorf("exit %d\n%s", code, out)
	}
}
