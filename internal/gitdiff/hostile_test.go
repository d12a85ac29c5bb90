package gitdiff

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostileConfig names a program for whatever git runs one for.
const hostileConfig = `[core]
	repositoryformatversion = 0
	bare = false
	worktree = .
	fsmonitor = "touch %[1]s; false"
	hooksPath = hooks
	pager = "touch %[1]s"
	sshCommand = "touch %[1]s"
	alternateRefsCommand = "touch %[1]s"
[diff]
	external = "touch %[1]s; false"
[diff "x"]
	textconv = "touch %[1]s; cat"
	command = "touch %[1]s; false"
[filter "x"]
	clean = "touch %[1]s; cat"
	smudge = "touch %[1]s; cat"
[gpg]
	program = "touch %[1]s"
[log]
	showSignature = true
[credential]
	helper = "!touch %[1]s"
`

// TestBareInCheckout: a directory of the checkout that is laid out like a bare
// repository, as a pull request can bring one, runs no program of its author's
// and does not say what is new.
func TestBareInCheckout(t *testing.T) {
	root := t.TempDir()
	getenv := func(k string) string {
		if k == "PATH" || k == "HOME" {
			return os.Getenv(k)
		}
		return ""
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("git %s: %v: %s", args[0], err, out)
		}
	}
	put := func(name, text string) {
		t.Helper()
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put("app/m/1.sql", "SELECT 1;")
	git("init", "-q", "-b", "main")
	git("add", "-A")
	git("commit", "-q", "-m", "a")
	pwned := filepath.Join(root, "pwned")
	if err := os.CopyFS(filepath.Join(root, "app", "objects"), os.DirFS(filepath.Join(root, ".git", "objects"))); err != nil {
		t.Fatal(err)
	}
	id, err := os.ReadFile(filepath.Join(root, ".git", "refs", "heads", "main"))
	if err != nil {
		t.Skip("this git keeps its branches elsewhere")
	}
	put("app/refs/heads/main", string(id))
	put("app/refs/remotes/origin/main", string(id))
	put("app/HEAD", "ref: refs/heads/main\n")
	put("app/config", fmt.Sprintf(hostileConfig, pwned))
	for _, hook := range []string{"post-index-change", "pre-commit", "post-checkout", "reference-transaction"} {
		put("app/hooks/"+hook, "#!/bin/sh\ntouch "+pwned+"\n")
	}
	put("app/.gitattributes", "* filter=x diff=x\n")
	put("app/m/1.sql", "SELECT 2;")
	put("app/m/2.sql", "SELECT 3;")
	ctx := context.Background()
	dir := filepath.Join(root, "app")
	set, err := Changes(ctx, Options{Root: dir, Base: "main", Env: getenv})
	_, err2 := ChangedFiles(ctx, dir, "main", getenv)
	if _, err := os.Stat(pwned); err == nil {
		t.Fatal("git has run a program that the checkout names")
	}
	if err == nil || err2 == nil || !strings.Contains(err.Error(), "bare repository") {
		t.Errorf("a bare repository in the checkout gives %v, %v, %v", set, err, err2)
	}
	// The real repository above it is still read.
	if files, err := ChangedFiles(ctx, root, "main", getenv); err != nil || len(files) == 0 {
		t.Errorf("the checkout gives %q, %v", files, err)
	}
}
