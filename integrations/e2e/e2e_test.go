//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/hosttest"
)

// tool is the path of an installed tool.
func tool(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(os.Getenv("ASSAY_E2E_TOOLS"), name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not installed: start this by integrations/e2e/run", name)
	}
	return path
}

var built bool

var binary = sync.OnceValues(func() (string, error) {
	built = true
	dir, err := os.MkdirTemp("", "assay-e2e-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", dir+"/assay", "../../cmd/assay").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return dir + "/assay", nil
})

// TestMain takes the built program away again.
func TestMain(m *testing.M) {
	code := m.Run()
	if built {
		if b, err := binary(); err == nil {
			os.RemoveAll(filepath.Dir(b))
		}
	}
	os.Exit(code)
}

// assay builds the program once.
func assay(t *testing.T) string {
	t.Helper()
	b, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sh runs a program in dir and returns what it printed and its exit code.
func sh(t *testing.T, dir string, env []string, name string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// must is sh for what has to work.
func must(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, code := sh(t, dir, nil, name, args...)
	if code != 0 {
		t.Fatalf("%s %s: exit %d\n%s", name, strings.Join(args, " "), code, out)
	}
	return strings.TrimSpace(out)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

const (
	migrationFile = "db/migrations/20260102000000_index.up.sql"
	bad           = "SET lock_timeout = '2s';\nCREATE INDEX users_email ON users (email);\n"
	good          = "CREATE INDEX CONCURRENTLY users_email ON users (email);\n"
)

// project is a clone on a branch that adds one bad migration.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	origin, clone := filepath.Join(dir, "origin"), filepath.Join(dir, "clone")
	must(t, dir, "git", "init", "-q", "-b", "main", origin)
	identify(t, origin)
	write(t, origin, "db/migrations/20260101000000_base.up.sql", "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n")
	write(t, origin, "assay.yaml", "checks: {LK101: error}\n") // whatever the size of the table
	write(t, origin, "db/migrations/20260101000000_base.down.sql", "DROP TABLE users;\n")
	commit(t, origin, "base")
	must(t, dir, "git", "clone", "-q", origin, clone)
	identify(t, clone)
	must(t, clone, "git", "checkout", "-q", "-b", "feature")
	write(t, clone, migrationFile, bad)
	write(t, clone, strings.Replace(migrationFile, ".up.", ".down.", 1), "DROP INDEX users_email;\n")
	return clone
}

func identify(t *testing.T, dir string) {
	must(t, dir, "git", "config", "user.email", "a@b.example")
	must(t, dir, "git", "config", "user.name", "a")
	must(t, dir, "git", "config", "commit.gpgsign", "false")
}

func commit(t *testing.T, dir, message string) string {
	t.Helper()
	must(t, dir, "git", "add", "-A")
	must(t, dir, "git", "commit", "-q", "-m", message)
	return must(t, dir, "git", "rev-parse", "HEAD")
}

// serve starts a fake with the accounts of the suite, for the commit that is
// checked out in dir.
func serve(t *testing.T, s *hosttest.Server) string {
	t.Helper()
	s.Accounts[hosttest.Token] = hosttest.Account{ID: 1, Login: "project_42_bot_1", Bot: true, Comment: true, Status: true}
	s.Accounts[hosttest.ReadOnly] = hosttest.Account{ID: 2, Login: "project_42_bot_1", Bot: true}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		for _, w := range s.Wrong {
			t.Errorf("a request is not as the host describes it: %s", w)
		}
	})
	return server.URL
}

// pushed makes the fake know the head of the clone and its patch.
func pushed(t *testing.T, s *hosttest.Server, clone, head string) {
	t.Helper()
	s.Head, s.Files = head, nil
	for _, path := range strings.Fields(must(t, clone, "git", "diff", "--name-only", "main...HEAD")) {
		patch := must(t, clone, "git", "diff", "main...HEAD", "--", path)
		i := strings.Index(patch, "@@ ")
		s.Files = append(s.Files, hosttest.File{Path: path, New: true, Patch: patch[max(i, 0):] + "\n"})
	}
}

// says holds the fake's comments against what they should be.
func says(t *testing.T, s *hosttest.Server, summary string, inline int, state integrations.State, log string) {
	t.Helper()
	var summaries, lines []string
	for _, c := range s.Comments {
		if !integrations.Marked(c.Body) {
			continue
		}
		if c.Path == "" {
			summaries = append(summaries, c.Body)
		} else {
			lines = append(lines, c.Body)
		}
	}
	if len(summaries) != 1 || !strings.Contains(summaries[0], summary) {
		t.Errorf("the summaries are %q, want one that says %q\n%s", summaries, summary, log)
	}
	if len(lines) != inline {
		t.Errorf("%d comments on lines, want %d\n%s", len(lines), inline, log)
	}
	if n := len(s.Statuses); n == 0 || s.Statuses[n-1].State != state || s.At[n-1] != s.Head {
		t.Errorf("the statuses are %+v at %v, want %s at %s\n%s", s.Statuses, s.At, state, s.Head, log)
	}
}
