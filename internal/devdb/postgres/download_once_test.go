package postgres

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestDownloadAtOnce lets several runs fetch the same build into one cache:
// each gets it, and nothing is left beside it.
func TestDownloadAtOnce(t *testing.T) {
	body := tarball(t, map[string]string{
		"package/package.json": "{}", "package/native/bin/postgres": "x", "package/native/bin/initdb": "x",
		"package/native/pg-symlinks.json": `[]`,
	})
	h := sha512.Sum512(body)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(body) }))
	defer srv.Close()
	cache := t.TempDir()
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() {
			conf := &Config{Env: func(string) string { return srv.URL + "/" }}
			_, errs[i] = fetch(context.Background(), conf, cache, pin{17, "linux-x64", "17.10.0-x", base64.StdEncoding.EncodeToString(h[:])})
		})
	}
	wg.Wait()
	must(t, errors.Join(errs...))
	if left, _ := os.ReadDir(filepath.Join(cache, "pg")); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}
