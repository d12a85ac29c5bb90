package gitdiff

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkout is a real repository that a test works in.
type checkout struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newCheckout(t *testing.T) *checkout {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	c := &checkout{t: t, dir: t.TempDir(), env: map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "GIT_CONFIG_NOSYSTEM": "1",
	}}
	c.git("init", "-q", "-b", "main")
	c.write("db/001_a.sql", "CREATE TABLE a (id int);\n")
	c.write("db/002_b.sql", "CREATE TABLE b (id int);\nSELECT 1;\nSELECT 2;\n")
	c.write("README.md", "hello\n")
	c.commit("first")
	return c
}

func (c *checkout) run(dir string, args ...string) string {
	c.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = dir
	for k, v := range c.env {
		if !strings.HasPrefix(k, "GIT_DIR") && k != "GIT_INDEX_FILE" {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *checkout) git(args ...string) string { c.t.Helper(); return c.run(c.dir, args...) }

func (c *checkout) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *checkout) write(name, text string) {
	c.t.Helper()
	file := filepath.Join(c.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		c.t.Fatal(err)
	}
}

func (c *checkout) commit(message string) string {
	c.t.Helper()
	c.git("add", "-A")
	c.git("commit", "-q", "--allow-empty", "-m", message)
	return c.git("rev-parse", "HEAD")
}

func (c *checkout) options() Options {
	return Options{Root: c.dir, Env: func(k string) string { return c.env[k] }}
}

func (c *checkout) changes(opt Options) *Set {
	c.t.Helper()
	s, err := Changes(c.t.Context(), opt)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// list is a set in short: "added db/003_c.sql", "renamed db/a.sql -> db/b.sql".
func list(s *Set) []string {
	out := []string{}
	for _, c := range s.Changes {
		line := string(c.Kind) + " " + c.Path
		if c.OldPath != "" {
			line = string(c.Kind) + " " + c.OldPath + " -> " + c.Path
		}
		if c.Kind == Edited {
			line += fmt.Sprint(" ", c.First, c.Lines)
		}
		out = append(out, line)
	}
	return out
}

func (c *checkout) want(opt Options, want ...string) *Set {
	c.t.Helper()
	s := c.changes(opt)
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, list(s)); diff != "" {
		c.t.Errorf("-want +got\n%s", diff)
	}
	return s
}

func TestChangesCommittedAndNot(t *testing.T) {
	c := newCheckout(t)
	c.git("checkout", "-q", "-b", "feature")
	c.write("db/003_committed.sql", "SELECT 3;\n")
	c.commit("third")
	c.write("db/004_staged.sql", "SELECT 4;\n")
	c.git("add", "db/004_staged.sql")
	c.write("db/005 ünträcked.sql", "SELECT 5;\n")
	c.write("db/002_b.sql", "CREATE TABLE b (id int);\nSELECT 'edited';\nSELECT 2;\nSELECT 3;\n")
	c.write("db/ignored.sql", "")
	c.write(".gitignore", "ignored.sql\n")
	opt := c.options()
	opt.Dirs = []string{"db"}
	s := c.want(opt, "edited db/002_b.sql 2 [{2 2} {4 4}]", "added db/003_committed.sql", "added db/004_staged.sql", "added db/005 ünträcked.sql")
	if s.Base != c.git("rev-parse", "main") || s.Why != "the default branch main" {
		t.Errorf("got base %s (%s)", s.Base, s.Why)
	}
	before, err := s.ReadBase(t.Context(), "db/002_b.sql")
	if err != nil || string(before) != "CREATE TABLE b (id int);\nSELECT 1;\nSELECT 2;\n" {
		t.Errorf("at the base: got %q, %v", before, err)
	}
	if _, err := s.ReadBase(t.Context(), "db/none.sql"); err == nil || !strings.Contains(err.Error(), "reading db/none.sql as it was at ") {
		t.Errorf("a file that was not there: got %v", err)
	}
}

func TestChangesOfMergedFiles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*checkout)
		want   []string
	}{
		{"deleted", func(c *checkout) { c.git("rm", "-q", "db/001_a.sql") }, []string{"deleted db/001_a.sql"}},
		{"deleted on disk", func(c *checkout) { os.Remove(filepath.Join(c.dir, "db/001_a.sql")) }, []string{"deleted db/001_a.sql"}},
		{"moved in git", func(c *checkout) { c.git("mv", "db/001_a.sql", "db/009_a.sql") }, []string{"renamed db/001_a.sql -> db/009_a.sql"}},
		{"moved on disk", func(c *checkout) {
			c.must(os.Rename(filepath.Join(c.dir, "db/001_a.sql"), filepath.Join(c.dir, "db/009_a.sql")))
		}, []string{"renamed db/001_a.sql -> db/009_a.sql"}},
		{"moved and edited", func(c *checkout) {
			c.git("mv", "db/002_b.sql", "db/009_b.sql")
			c.write("db/009_b.sql", "CREATE TABLE b (id int);\nSELECT 1;\nSELECT 3;\n")
		}, []string{"deleted db/002_b.sql", "added db/009_b.sql"}},
		{"taken out of git", func(c *checkout) { c.git("rm", "-q", "--cached", "db/001_a.sql") }, nil},
		{"taken out of git and edited", func(c *checkout) {
			c.git("rm", "-q", "--cached", "db/001_a.sql")
			c.write("db/001_a.sql", "SELECT 1;\n")
		}, []string{"edited db/001_a.sql 1 [{1 0}]"}},
		{"made executable", func(c *checkout) { c.must(os.Chmod(filepath.Join(c.dir, "db/001_a.sql"), 0o755)) }, nil},
		{"touched", func(c *checkout) { c.write("db/001_a.sql", "CREATE TABLE a (id int);\n") }, nil},
		{"edited and put back", func(c *checkout) {
			c.write("db/001_a.sql", "x\n")
			c.commit("x")
			c.write("db/001_a.sql", "CREATE TABLE a (id int);\n")
		}, nil},
		{"lines taken out", func(c *checkout) { c.write("db/002_b.sql", "CREATE TABLE b (id int);\n") }, []string{"edited db/002_b.sql 1 []"}},
		{"first line taken out", func(c *checkout) { c.write("db/002_b.sql", "SELECT 1;\nSELECT 2;\n") }, []string{"edited db/002_b.sql 1 []"}},
		{"not text", func(c *checkout) { c.write("db/002_b.sql", "a\x00b") }, []string{"edited db/002_b.sql 1 [{1 0}]"}},
		{"a link in its place", func(c *checkout) {
			os.Remove(filepath.Join(c.dir, "db/001_a.sql"))
			c.must(os.Symlink("002_b.sql", filepath.Join(c.dir, "db/001_a.sql")))
			c.write("db/002_b.sql", "SELECT 1;\nSELECT 2;\nSELECT 4;\n")
		}, []string{"edited db/001_a.sql 1 [{1 0}]", "edited db/002_b.sql 1 [{3 3}]"}},
		{"text that looks like a patch", func(c *checkout) {
			c.write("db/002_b.sql", "diff --git a/x b/x\n@@ -1 +1 @@\nSELECT 2;\n")
			c.write("db/001_a.sql", "x\n")
		}, []string{"edited db/001_a.sql 1 [{1 1}]", "edited db/002_b.sql 1 [{1 2}]"}},
		{"other directories", func(c *checkout) { c.write("README.md", "x\n"); c.write("dbx/1.sql", "") }, nil},
		{"a conflict", func(c *checkout) {
			c.write("db/001_a.sql", "ours\n")
			c.commit("ours")
			c.git("checkout", "-q", "-b", "other", "main")
			c.write("db/001_a.sql", "theirs\n")
			c.commit("theirs")
			c.git("checkout", "-q", "feature")
			cmd := exec.Command("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "merge", "-q", "other")
			cmd.Dir = c.dir
			_ = cmd.Run() // it stops at the conflict and leaves its five lines
		}, []string{"edited db/001_a.sql 1 [{1 5}]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCheckout(t)
			c.git("checkout", "-q", "-b", "feature")
			tt.change(c)
			opt := c.options()
			opt.Dirs = []string{"db"}
			c.want(opt, tt.want...)
		})
	}
}

func TestChangesSeeTheMergeBase(t *testing.T) {
	c := newCheckout(t)
	c.git("checkout", "-q", "-b", "feature")
	c.write("db/003_mine.sql", "")
	c.commit("mine")
	c.git("checkout", "-q", "main")
	c.write("db/003_theirs.sql", "")
	c.commit("theirs")
	c.git("checkout", "-q", "feature")
	s := c.want(c.options(), "added db/003_mine.sql")
	if s.Target != c.git("rev-parse", "main") || s.Base == s.Target {
		t.Errorf("got base %s, target %s", s.Base, s.Target)
	}
	fsys, err := s.TargetFS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(fsys, "db/003_theirs.sql"); err != nil {
		t.Errorf("the target's files: %v", err)
	}
	if _, err := fs.ReadFile(fsys, "assay.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: got %v", err)
	}
}

func TestChangesBelowTheRepository(t *testing.T) {
	c := newCheckout(t)
	c.write("svc/a b/migrations/1.sql", "one\n")
	c.commit("service")
	c.git("checkout", "-q", "-b", "feature")
	c.write("svc/a b/migrations/1.sql", "two\n")
	c.write("svc/a b/migrations/2.sql", "")
	c.write("db/003.sql", "")
	opt := c.options()
	opt.Root = filepath.Join(c.dir, "svc", "a b")
	s := c.want(opt, "edited migrations/1.sql 1 [{1 1}]", "added migrations/2.sql")
	if text, err := s.ReadBase(t.Context(), "migrations/1.sql"); err != nil || string(text) != "one\n" {
		t.Errorf("got %q, %v", text, err)
	}
	fsys, err := s.TargetFS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := fs.ReadFile(fsys, "migrations/1.sql"); err != nil || string(text) != "one\n" {
		t.Errorf("got %q, %v", text, err)
	}
	opt.Dirs = []string{"../../db"}
	if _, err := Changes(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "outside of the project") {
		t.Errorf("got %v", err)
	}
}

func TestChangesInHooksAndWorktrees(t *testing.T) {
	c := newCheckout(t)
	tree := filepath.Join(t.TempDir(), "tree")
	c.git("worktree", "add", "-q", "-b", "feature", tree)
	if err := os.WriteFile(filepath.Join(tree, "db", "003.sql"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	c.env["GIT_DIR"], c.env["GIT_INDEX_FILE"] = "/nowhere", "/nowhere/index" // as a hook of another repository has them
	opt := c.options()
	opt.Root = tree
	c.want(opt, "added db/003.sql")
}

func TestChangesSparse(t *testing.T) {
	c := newCheckout(t)
	c.git("checkout", "-q", "-b", "feature")
	c.git("sparse-checkout", "set", "--no-cone", "db/002*")
	c.write("db/003.sql", "")
	c.want(c.options(), "added db/003.sql")
}

func TestChangesOfSubmodule(t *testing.T) {
	lib := newCheckout(t)
	c := newCheckout(t)
	c.git("submodule", "--quiet", "add", lib.dir, "lib")
	c.commit("with a submodule")
	c.git("checkout", "-q", "-b", "feature")
	c.write("lib/db/003.sql", "")
	c.want(c.options())
	opt := c.options()
	opt.Dirs = []string{"lib/db"}
	if _, err := Changes(t.Context(), opt); !errors.Is(err, ErrNoBase) || !strings.Contains(err.Error(), "lies in the submodule") {
		t.Errorf("got %v", err)
	}
}

func TestChangesKeepLineEnds(t *testing.T) {
	c := newCheckout(t)
	c.git("config", "core.autocrlf", "true")
	c.git("rm", "-q", "--cached", "-r", ".")
	c.git("reset", "-q", "--hard")
	c.git("checkout", "-q", "-b", "feature")
	s := c.want(c.options())
	if text, err := s.ReadBase(t.Context(), "db/001_a.sql"); err != nil || string(text) != "CREATE TABLE a (id int);\r\n" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestErrors(t *testing.T) {
	c := newCheckout(t)
	opt := c.options()
	opt.Root = t.TempDir()
	if _, err := Changes(t.Context(), opt); !errors.Is(err, ErrNoGit) || !strings.Contains(err.Error(), "is not in a git checkout") {
		t.Errorf("no repository: got %v", err)
	}
	c.run(opt.Root, "init", "-q")
	if _, err := Changes(t.Context(), opt); !errors.Is(err, ErrNoGit) || !strings.Contains(err.Error(), "no commit yet") {
		t.Errorf("no commit: got %v", err)
	}
	opt = c.options()
	opt.Base = "nowhere"
	if _, err := Changes(t.Context(), opt); !errors.Is(err, ErrNoBase) || !strings.Contains(err.Error(), "nowhere (--git-base nowhere) is not in this clone; fetch it") {
		t.Errorf("an unknown base: got %v", err)
	}
	opt.Base = "--output=/tmp/x"
	if _, err := Changes(t.Context(), opt); !errors.Is(err, ErrNoBase) {
		t.Errorf("a base that is an option: got %v", err)
	}
	c.git("checkout", "-q", "--orphan", "apart")
	c.commit("apart")
	opt.Base = "main"
	if _, err := Changes(t.Context(), opt); !errors.Is(err, ErrNoBase) || !strings.Contains(err.Error(), "no commit in common") {
		t.Errorf("unrelated histories: got %v", err)
	}
	c.git("branch", "-D", "main")
	c.git("branch", "-m", "apart", "odd")
	opt.Base = ""
	if _, err := Changes(t.Context(), opt); !errors.Is(err, ErrNoBase) || !strings.Contains(err.Error(), "--git-base") {
		t.Errorf("no default branch: got %v", err)
	}
	c.env["PATH"] = ""
	t.Setenv("PATH", "")
	if _, err := Changes(t.Context(), opt); !errors.Is(err, ErrNoGit) || !strings.Contains(err.Error(), "git is not installed") {
		t.Errorf("no git: got %v", err)
	}
}

func TestErrorOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to give the repository to another user")
	}
	c := newCheckout(t)
	if err := os.Chown(c.dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(c.dir, ".git"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	_, err := Changes(t.Context(), c.options())
	if err == nil || !strings.Contains(err.Error(), "git config --global --add safe.directory "+c.dir) {
		t.Errorf("got %v", err)
	}
	c.env["GIT_CONFIG_COUNT"], c.env["GIT_CONFIG_KEY_0"], c.env["GIT_CONFIG_VALUE_0"] = "1", "safe.directory", c.dir
	if _, err := Changes(t.Context(), c.options()); err != nil {
		t.Errorf("with safe.directory from the environment: got %v", err)
	}
}

func TestShallow(t *testing.T) {
	origin := newCheckout(t)
	origin.git("checkout", "-q", "-b", "feature")
	origin.write("db/003.sql", "")
	origin.commit("third")
	c := &checkout{t: t, dir: filepath.Join(t.TempDir(), "clone"), env: origin.env}
	c.run(t.TempDir(), "clone", "-q", "--depth=1", "--branch=feature", "file://"+origin.dir, c.dir)
	c.env["CI"], c.env["GITHUB_ACTIONS"], c.env["GITHUB_BASE_REF"] = "true", "true", "main"
	_, err := Changes(t.Context(), c.options())
	if !errors.Is(err, ErrNoBase) || !strings.Contains(err.Error(), "origin/main (GITHUB_BASE_REF=main) is not in this clone, because the clone is shallow") || !strings.Contains(err.Error(), "fetch-depth: 0") {
		t.Fatalf("got %v", err)
	}
	c.git("fetch", "-q", "--depth=1", "origin", "+refs/heads/main:refs/remotes/origin/main")
	if _, err := Changes(t.Context(), c.options()); err == nil || !strings.Contains(err.Error(), "has no commit in common with HEAD, because the clone is shallow") {
		t.Fatalf("got %v", err)
	}
	c.git("fetch", "-q", "--unshallow", "origin", "+refs/heads/*:refs/remotes/origin/*")
	c.want(c.options(), "added db/003.sql")
}

func TestLineSet(t *testing.T) {
	s := LineSet{{2, 3}, {7, 7}}
	for line, want := range map[int]bool{1: false, 2: true, 3: true, 4: false, 7: true, 8: false} {
		if s.Has(line) != want {
			t.Errorf("line %d: got %v", line, !want)
		}
	}
	if !(LineSet{{From: 1}}).Has(1000) || (LineSet)(nil).Has(1) {
		t.Error("a new file has every line, an empty set none")
	}
}
