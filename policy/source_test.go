package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func bundle(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func loadFrom(s Store, files fstest.MapFS, src Source) error {
	p, err := Load(context.Background(), Options{Files: files, Sources: []Source{src}, Store: s})
	if err == nil && (len(p.Rules) != 1 || p.Rules[0].ID != "ORG001") {
		err = os.ErrInvalid
	}
	return err
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// TestBundleOverHTTPS pins a bundle at the first fetch, runs without a network
// afterwards, and refuses another content.
func TestBundleOverHTTPS(t *testing.T) {
	text, asked := bundle(t, map[string]string{"/team/keys.rego": keyRule, "/.manifest": `{"rego_version": 1}`}), 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write(text)
	}))
	defer server.Close()
	src := Source{Bundle: server.URL + "/b.tar.gz"}
	s := Store{Dir: t.TempDir(), Client: server.Client(), Pins: &Pins{Version: 1}}
	wantError(t, loadFrom(s, nil, src), "is not pinned: run assay policy fetch")

	lock, err := s.Fetch(context.Background(), nil, []Source{src, {Dir: "policies"}})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := lock.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadPins(fstest.MapFS{LockFile: &fstest.MapFile{Data: encoded}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(lock, read); d != "" {
		t.Error(d)
	}
	s.Pins, s.Offline = read, true
	if err := loadFrom(s, nil, src); err != nil || asked != 1 {
		t.Errorf("offline: %v, asked %d times", err, asked)
	}
	empty := Store{Dir: t.TempDir(), Client: server.Client(), Pins: read, Offline: true}
	wantError(t, loadFrom(empty, nil, src), "is not in the cache and this run is offline")
	empty.Offline = false
	if err := loadFrom(empty, nil, src); err != nil || asked != 2 {
		t.Errorf("an empty cache: %v, asked %d times", err, asked)
	}

	text = bundle(t, map[string]string{"keys.rego": strings.ReplaceAll(keyRule, "ORG001", "ORG002")})
	empty.Dir = t.TempDir()
	wantError(t, loadFrom(empty, nil, src), "somebody changed it")
	src.Digest = "sha256:" + strings.Repeat("0", 64)
	wantError(t, loadFrom(empty, nil, src), "the configuration says sha256:000")
	// A file in the cache that was tampered with is not used.
	for _, f := range glob(t, s.Dir) {
		if err := os.WriteFile(f, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	src.Digest = ""
	wantError(t, loadFrom(s, nil, src), "is not in the cache")
}

func glob(t *testing.T, dir string) []string {
	t.Helper()
	out, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(out) == 0 {
		t.Fatalf("nothing in %s: %v", dir, err)
	}
	return out
}

func TestBundleFile(t *testing.T) {
	good := bundle(t, map[string]string{"keys.rego": keyRule})
	files := fstest.MapFS{
		"good.tar.gz": &fstest.MapFile{Data: good},
		"old.tar.gz":  &fstest.MapFile{Data: bundle(t, map[string]string{".manifest": `{"rego_version": 0}`, "a.rego": keyRule})},
		"bad.tar.gz":  &fstest.MapFile{Data: []byte("not a tar")},
		"out.tar.gz":  &fstest.MapFile{Data: bundle(t, map[string]string{"../../keys.rego": keyRule})},
	}
	if err := loadFrom(Store{}, files, Source{Bundle: "good.tar.gz"}); err != nil {
		t.Error(err)
	}
	if err := loadFrom(Store{}, files, Source{Bundle: "out.tar.gz"}); err != nil {
		t.Errorf("a path that points out of the archive stays in it: %v", err)
	}
	if err := loadFrom(Store{}, files, Source{Bundle: "good.tar.gz", Digest: digestOf(good)}); err != nil {
		t.Error(err)
	}
	wantError(t, loadFrom(Store{}, files, Source{Bundle: "good.tar.gz", Digest: "sha256:1"}), "is pinned to sha256:1")
	wantError(t, loadFrom(Store{}, files, Source{Bundle: "old.tar.gz"}), "Rego v0")
	wantError(t, loadFrom(Store{}, files, Source{Bundle: "bad.tar.gz"}), "a bundle is a tar.gz")
	wantError(t, loadFrom(Store{}, files, Source{Bundle: "none.tar.gz"}), "reading bundle")
	wantError(t, loadFrom(Store{}, files, Source{Dir: "nowhere"}), "no directory nowhere of policies")
}

// TestBomb ends at the limit, however small the archive.
func TestBomb(t *testing.T) {
	files := fstest.MapFS{"b.tar.gz": &fstest.MapFile{Data: bundle(t, map[string]string{"a.rego": strings.Repeat(" ", maxArchive+1)})}}
	wantError(t, loadFrom(Store{}, files, Source{Bundle: "b.tar.gz"}), "more than 32 MB")
}

func TestGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "--quiet", "--initial-branch=main")
	if err := os.MkdirAll(filepath.Join(dir, "sub", "team"), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("sub/team/keys.rego", keyRule)
	write("other.rego", "package other\n\ndeny contains \"no id\"\n")
	git("add", ".")
	git("commit", "--quiet", "-m", "x")
	commit := git("rev-parse", "HEAD")
	write("sub/team/keys.rego", "broken")
	git("commit", "--quiet", "-am", "y")

	src := Source{Git: "file://" + dir, Commit: commit, Subdir: "sub"}
	s := Store{Dir: t.TempDir()}
	lock, err := s.Fetch(context.Background(), nil, []Source{src})
	if err != nil {
		t.Fatal(err)
	}
	s.Pins, s.Offline = lock, true
	if err := loadFrom(s, nil, src); err != nil {
		t.Error(err)
	}
	again, err := Store{}.Fetch(context.Background(), nil, []Source{src})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(lock, again); d != "" {
		t.Errorf("the same commit has another digest: %s", d)
	}
	for _, c := range []struct {
		src  Source
		want string
	}{
		{Source{Git: src.Git, Commit: "main"}, "is not a full commit id"},
		{Source{Git: "--upload-pack=touch /tmp/x", Commit: commit}, "is not the URL of a repository"},
		{Source{Git: "ext::sh -c true", Commit: commit}, "is not the URL of a repository"},
		{Source{Git: src.Git, Commit: strings.Repeat("0", 40)}, "fetching file://"},
	} {
		_, err := Store{}.Fetch(context.Background(), nil, []Source{c.src})
		wantError(t, err, c.want)
	}
}

func TestOwners(t *testing.T) {
	got, err := ReadOwners("owners", []byte("# who\n* platform\npublic.pay* payments # money\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Owner{{Pattern: "*", Team: "platform", Teams: []string{"platform"}, Users: []string{}}, {Pattern: "public.pay*", Team: "payments", Teams: []string{"payments"}, Users: []string{}}}, got); d != "" {
		t.Error(d)
	}
	_, err = ReadOwners("owners", []byte("public.*\n"))
	wantError(t, err, "owners:1: public.* has no owner: write a glob and its owners")
}

// TestCodeowners reads the file that a repository may have anyway.
func TestCodeowners(t *testing.T) {
	got, err := ReadOwners("CODEOWNERS", []byte("* @org/platform\n/public/pay* @org/payments @bob\n[Database][2] @org/dba @alice\npublic.audit_*\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Owner{
		{Pattern: "*", Team: "org/platform", Teams: []string{"org/platform"}, Users: []string{}},
		{Pattern: "public.pay*", Team: "org/payments", Teams: []string{"org/payments"}, Users: []string{"bob"}},
		{Pattern: "public.audit_*", Team: "org/dba", Teams: []string{"org/dba"}, Users: []string{"alice"}, Count: 2},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for text, want := range map[string]string{
		"public.*\n":                 "CODEOWNERS:1: public.* has no owner",
		"public.* bob@example.com\n": "CODEOWNERS:1: bob@example.com is no owner",
	} {
		_, err := ReadOwners("CODEOWNERS", []byte(text))
		wantError(t, err, want)
	}
}
