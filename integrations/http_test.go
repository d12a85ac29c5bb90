package integrations_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/github"
	"github.com/assaydb/assay/integrations/gitlab"
)

func TestHTTPClient(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for ca, ok := range map[string]bool{"": false, file: true} {
		c, err := integrations.HTTPClient(ca)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Get(server.URL)
		if (err == nil) != ok {
			t.Errorf("with %q: %v", ca, err)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
	for _, ca := range []string{"/no/such.pem", "http_test.go"} {
		if _, err := integrations.HTTPClient(ca); err == nil {
			t.Errorf("%s is taken for certificates", ca)
		}
	}
}

// A server that sends its callers elsewhere does not get their token there.
func TestRedirects(t *testing.T) {
	const token = "tok-en.secret"
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with %v", r.Header)
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	gh, err := github.New(github.Options{API: server.URL, Token: token, Repo: "o/r", Number: 7, Head: "a"})
	if err != nil {
		t.Fatal(err)
	}
	gl, err := gitlab.New(gitlab.Options{API: server.URL + "/api/v4", Token: token, Project: "42", Number: 7, Head: "a"})
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]integrations.Host{"GitHub": gh, "GitLab": gl} {
		_, err := h.Notes(t.Context())
		if err == nil || strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "not followed") {
			t.Errorf("%s: reading: %v", name, err)
		}
		if _, err := h.PutNotes(t.Context(), []integrations.Note{{Body: "x"}}); err == nil || strings.Contains(err.Error(), token) {
			t.Errorf("%s: writing: %v", name, err)
		}
	}
}
