package gitdiff

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestTargetFS: the target's files are what was committed there, whatever the
// checkout's attributes and links say.
func TestTargetFS(t *testing.T) {
	c := newCheckout(t)
	c.write("assay.yaml", "fail-on: error\n")
	c.write("policies/a.rego", "package a\n")
	c.write("policies/b.rego", "package b\n")
	c.write("tests/x.sql", strings.Repeat("x", 3000)+"\n")
	c.write(".gitattributes", "policies export-ignore\n* export-subst\n")
	for name, to := range map[string]string{"linked.yaml": "assay.yaml", "rules": "policies", "out.yaml": "../../etc/passwd", "abs.yaml": "/etc/passwd", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(c.dir, name)); err != nil {
			t.Skip(err)
		}
	}
	c.commit("rules")
	c.git("checkout", "-q", "-b", "feature")
	// The change's own attributes and files do not count.
	c.write(".gitattributes", "linked.yaml working-tree-encoding=UTF-16\npolicies/* ident eol=crlf\n")
	c.write("assay.yaml", "fail-on: off\n")
	c.commit("mine")
	s, err := Changes(t.Context(), c.options())
	if err != nil {
		t.Fatal(err)
	}
	for _, open := range []func() (fs.FS, error){func() (fs.FS, error) { return s.TargetFS(t.Context()) }, func() (fs.FS, error) { return s.BaseFS(t.Context()) }} {
		fsys, err := open()
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"assay.yaml": "fail-on: error\n", "linked.yaml": "fail-on: error\n", "policies/a.rego": "package a\n", "rules/b.rego": "package b\n"} {
			if text, err := fs.ReadFile(fsys, name); err != nil || string(text) != want {
				t.Errorf("%s: %q, %v", name, text, err)
			}
		}
		for name, want := range map[string]string{"out.yaml": "leaves the project", "abs.yaml": "leaves the project", "loop": "leads to itself", "none": "does not exist", "policies": "is a directory"} {
			if _, err := fs.ReadFile(fsys, name); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
		sub, err := fs.Sub(fsys, "policies")
		if err != nil {
			t.Fatal(err)
		}
		if err := fstest.TestFS(sub, "a.rego", "b.rego"); err != nil {
			t.Error(err)
		}
	}
	touched, err := s.Touched(t.Context())
	if err != nil || strings.Join(touched, " ") != ".gitattributes assay.yaml" {
		t.Errorf("%q, %v", touched, err)
	}
}

// TestTrustedTip: what judges a stranger's change is the target branch as the
// host names it, not a branch that happens to have the name, and not the merge base.
func TestTrustedTip(t *testing.T) {
	c := newCheckout(t)
	first := c.git("rev-parse", "HEAD")
	c.git("checkout", "-q", "-b", "feature")
	c.write("db/003.sql", "x")
	c.commit("mine")
	c.git("checkout", "-q", "main")
	c.write("assay.yaml", "fail-on: error\n")
	c.commit("rules")
	second := c.git("rev-parse", "HEAD")
	c.git("update-ref", "refs/remotes/origin/main", second)
	c.git("checkout", "-q", "feature")
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(`{"pull_request": {"base": {"ref": "main", "sha": "`+second+`"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]map[string]string{
		"GitHub": {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": event, "GITHUB_BASE_REF": "main"},
		"GitLab": {"GITLAB_CI": "true", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_DIFF_BASE_SHA": first},
	} {
		if name == "GitHub" { // a fork's own main under the name of the target's
			c.git("update-ref", "refs/remotes/origin/main", first)
		} else {
			c.git("update-ref", "refs/remotes/origin/main", second)
		}
		opt := c.options()
		opt.Env = func(k string) string { return env[k] }
		s, err := Changes(t.Context(), opt)
		if err != nil || s.Trusted != second {
			t.Errorf("%s: %+v, %v, want %s", name, s, err, second)
		}
	}
}
