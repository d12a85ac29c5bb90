package project

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, name); err != nil {
		t.Skip("no links here: ", err)
	}
}

func pipe(t *testing.T, name string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no named pipes in directories")
	}
	if err := mkfifo(name); err != nil {
		t.Fatal(err)
	}
}

// TestReads: what lies in the project is read, over links too.
func TestReads(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a/b/c.sql"), "SELECT 1;")
	write(t, filepath.Join(dir, ".gitignore"), "x")
	link(t, "a/b", filepath.Join(dir, "l"))
	link(t, "../a/../l/c.sql", filepath.Join(dir, "a/up.sql"))
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/b/c.sql", "l/c.sql", "a/up.sql"} {
		if text, err := fs.ReadFile(p, name); err != nil || string(text) != "SELECT 1;" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
		if i, err := fs.Stat(p, name); err != nil || i.Size() != 9 {
			t.Errorf("%s: %v, %v", name, i, err)
		}
	}
	for _, name := range []string{"none.sql", "a/b/none/x"} {
		if _, err := fs.ReadFile(p, name); !errors.Is(err, fs.ErrNotExist) && runtime.GOOS != "windows" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if list, err := fs.ReadDir(p, "l"); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if err := fstest.TestFS(os.DirFS(t.TempDir())); err != nil {
		t.Error(err)
	}
}

// TestRefuses: nothing outside of the project is read, and nothing that is no
// plain file, whatever way leads to it.
func TestRefuses(t *testing.T) {
	outside := t.TempDir()
	secret := write(t, filepath.Join(outside, "secret"), "s3cret")
	dir := filepath.Join(outside, "project")
	write(t, filepath.Join(dir, ".git/config"), "AUTHORIZATION: basic s3cret")
	write(t, filepath.Join(dir, "sub/x.sql"), "SELECT 1;")
	link(t, "../secret", filepath.Join(dir, "up.sql"))
	link(t, secret, filepath.Join(dir, "absolute.sql"))
	link(t, filepath.Join(dir, "sub/x.sql"), filepath.Join(dir, "absolute-inside.sql"))
	link(t, "..", filepath.Join(dir, "parent"))
	link(t, "parent", filepath.Join(dir, "chain"))
	link(t, "../.git/config", filepath.Join(dir, "sub/config.sql"))
	link(t, ".git", filepath.Join(dir, "dotgit"))
	link(t, "loop.sql", filepath.Join(dir, "loop.sql"))
	link(t, "/dev/zero", filepath.Join(dir, "zero.sql"))
	link(t, "nothing", filepath.Join(dir, "dangling.sql"))
	pipe(t, filepath.Join(dir, "fifo.sql"))
	link(t, "fifo.sql", filepath.Join(dir, "to-fifo.sql"))
	large, err := os.Create(filepath.Join(dir, "large.sql"))
	if err != nil {
		t.Fatal(err)
	}
	if err := large.Truncate(MaxFile + 1); err != nil {
		t.Fatal(err)
	}
	large.Close()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"up.sql":              "is a link that leaves the project",
		"absolute.sql":        "is a link that leaves the project",
		"absolute-inside.sql": "is a link that leaves the project",
		"parent/secret":       "is a link that leaves the project",
		"chain/secret":        "is a link that leaves the project",
		"sub/config.sql":      "lies in git's own directory",
		".git/config":         "lies in git's own directory",
		".GIT/config":         "lies in git's own directory",
		"dotgit/config":       "lies in git's own directory",
		"loop.sql":            "is a link that leads to itself",
		"zero.sql":            "is a link that leaves the project",
		"dangling.sql":        "no such file",
		"fifo.sql":            "is a named pipe and no plain file",
		"to-fifo.sql":         "is a named pipe and no plain file",
		"large.sql":           "has 100 MB: assay reads files of up to 100 MB",
		"../secret":           "invalid",
		"sub":                 "is a directory",
	} {
		text, err := fs.ReadFile(p, name)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(string(text), "s3cret") {
			t.Errorf("%s: %q, %v; want %s", name, text, err, want)
		}
	}
	for _, name := range []string{"parent", "dotgit", ".git", "chain"} {
		if list, err := fs.ReadDir(p, name); err == nil {
			t.Errorf("%s is listed: %v", name, list)
		}
	}
}

// TestGrows: a file that grows while it is read ends with an error.
func TestGrows(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := f.Truncate(MaxFile + 1); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err == nil || !strings.Contains(err.Error(), "more than the 100 MB") {
		t.Error(err)
	}
}

func put(text string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
}

// TestWrite: a plain file is replaced whole and keeps its mode, a link is
// followed, and what is no plain file stays what it is.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	read := func(name string) string {
		text, err := os.ReadFile(at(name))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	write(t, at("secret.json"), "old")
	if err := os.Chmod(at("secret.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, at("real/r.json"), "old")
	link(t, "real/r.json", at("link.json"))
	link(t, "real/new.json", at("dangling.json"))
	link(t, "b", at("a"))
	link(t, "a", at("b"))
	pipe(t, at("fifo"))
	link(t, "fifo", at("to-fifo"))
	for name, lands := range map[string]string{"new/dir/r.json": "new/dir/r.json", "secret.json": "secret.json", "link.json": "real/r.json", "dangling.json": "real/new.json"} {
		if err := Write(at(name), put("text of "+name)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := read(lands); got != "text of "+name {
			t.Errorf("%s holds %q", lands, got)
		}
	}
	if i, _ := os.Stat(at("secret.json")); i.Mode().Perm() != 0o600 {
		t.Errorf("the mode became %v", i.Mode())
	}
	for _, name := range []string{"link.json", "dangling.json"} {
		if i, _ := os.Lstat(at(name)); i.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is a link no more", name)
		}
	}
	for _, name := range []string{"fifo", "to-fifo"} {
		got := make(chan string, 1)
		go func() {
			text, _ := os.ReadFile(at(name))
			got <- string(text)
		}()
		if err := Write(at(name), put("through")); err != nil || <-got != "through" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if i, _ := os.Lstat(at("fifo")); i.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe became %v", i.Mode())
	}
	for name, want := range map[string]string{"a": "leads to itself", "real": "is a directory"} {
		if err := Write(at(name), put("x")); err == nil || !strings.Contains(err.Error(), want) && !errors.Is(err, syscall.ELOOP) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("broken")
	if err := Write(at("secret.json"), func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return broken }); !errors.Is(err, broken) || read("secret.json") != "text of secret.json" {
		t.Errorf("%v, and the file holds %q", err, read("secret.json"))
	}
	if left, _ := filepath.Glob(at("*/.assay-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestWriteWithin: what a checkout prepared does not lead a file of ours away.
func TestWriteWithin(t *testing.T) {
	outside := t.TempDir()
	dir := filepath.Join(outside, "project")
	write(t, filepath.Join(dir, "inside.json"), "old")
	link(t, "../env", filepath.Join(dir, "r.json"))
	link(t, "..", filepath.Join(dir, "up"))
	link(t, filepath.Join(outside, "none"), filepath.Join(dir, "gone"))
	link(t, "inside.json", filepath.Join(dir, "ok.json"))
	for _, name := range []string{"r.json", "up/env", "gone/env", "up/x/env"} {
		if err := WriteWithin(dir, filepath.Join(dir, name), put("x")); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if list, _ := os.ReadDir(outside); len(list) != 1 {
		t.Errorf("outside lies %v", list)
	}
	for _, name := range []string{"ok.json", "new/r.json", "../elsewhere.json"} {
		if err := WriteWithin(dir, filepath.Join(dir, name), put("x")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReadNamed: a named file may lie anywhere, but holds the run up nowhere.
func TestReadNamed(t *testing.T) {
	dir := t.TempDir()
	pipe(t, filepath.Join(dir, "fifo"))
	if _, err := ReadNamed(filepath.Join(dir, "fifo")); err == nil || !strings.Contains(err.Error(), "named pipe") {
		t.Error(err)
	}
	if text, err := ReadNamed(write(t, filepath.Join(dir, "a"), "x")); err != nil || string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
}
