package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	// Half of what these tests do is to wait for a server. -parallel overrides it.
	if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	// Not "assay": that is the script command below, and testscript takes the
	// program's own name for itself.
	testscript.Main(m, map[string]func(){"assay-program": main})
}

// TestScripts runs every testdata/script/*.txtar against the real program.
//
// Commands beside testscript's own: `assay CODE args` runs the program and wants
// the exit code; `commit MESSAGE` commits the working tree. $WRONG_BUILDS is a
// registry that answers with other bytes than it should, $PLATFORM an https
// server of policies whose certificate is in platform.pem. `[exists:PATH]` is a
// condition, and `[all]` is true unless a sample runs (pgtest.All).
func TestScripts(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "not what the source names")
	}))
	t.Cleanup(wrong.Close)
	platform := platformServer()
	t.Cleanup(platform.Close)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			if os.Getuid() != 0 { // root keeps it where the server's user gets at it
				env.Setenv("ASSAY_CACHE_DIR", filepath.Join(cache, "assay"))
			}
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("WRONG_BUILDS", wrong.URL)
			env.Setenv("PLATFORM", platform.URL)
			if err := os.WriteFile(filepath.Join(env.WorkDir, "platform.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: platform.Certificate().Raw}), 0o600); err != nil {
				return err
			}
			env.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			for _, kv := range []string{"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com"} {
				k, v, _ := strings.Cut(kv, "=")
				env.Setenv(k, v)
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "all" {
				return pgtest.All(), nil
			}
			path, ok := strings.CutPrefix(cond, "exists:")
			if !ok {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := os.Stat(path)
			return err == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"assay":  runAssay,
			"commit": commit,
		},
	})
}

// platformServer serves a platform team's policies: policies.yaml is a policy
// configuration with the bundle rules.tar.gz; away.yaml leaves https.
func platformServer() *httptest.Server {
	var bundle bytes.Buffer
	z := gzip.NewWriter(&bundle)
	w := tar.NewWriter(z)
	const rule = "# METADATA\n# title: tables have a comment\n# custom:\n#   id: PLAT1\npackage plat\n\n" +
		"deny contains {\"message\": \"no comment\", \"object\": t.object} if {\n\tsome t in input.after.tables\n\tt.comment == \"\"\n}\n"
	_ = w.WriteHeader(&tar.Header{Name: "plat.rego", Size: int64(len(rule)), Mode: 0o644})
	_, _ = w.Write([]byte(rule))
	_, _ = w.Close(), z.Close()
	s := httptest.NewUnstartedServer(nil)
	s.Config.Handler = http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/policies.yaml":
			fmt.Fprintf(out, "policies: [{bundle: %s/rules.tar.gz, digest: 'sha256:%x'}]\nenforce: {PLAT1: mandatory}\n", s.URL, sha256.Sum256(bundle.Bytes()))
		case "/rules.tar.gz":
			_, _ = out.Write(bundle.Bytes())
		case "/away.yaml":
			http.Redirect(out, r, "http://127.0.0.1:1/", http.StatusFound)
		default:
			http.NotFound(out, r)
		}
	})
	s.StartTLS()
	return s
}

// runAssay runs the program and wants the exit code given first:
// `assay 1 lint --latest 1`.
func runAssay(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: assay CODE args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("assay-program", args[1:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil && strings.Contains(err.Error(), "exit status ") {
		got, _ = strconv.Atoi(strings.TrimPrefix(err.Error(), "exit status "))
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("assay %s: exit code %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

func commit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: commit MESSAGE")
	}
	for _, argv := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"commit", "-q", "-m", args[0]}} {
		if argv[0] == "init" {
			if _, err := os.Stat(ts.MkAbs(".git")); err == nil {
				continue
			}
		}
		ts.Check(ts.Exec("git", argv...))
	}
}
