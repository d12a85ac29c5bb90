// Package pgtest gives tests a real PostgreSQL.
package pgtest

import (
	"context"
	"flag"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres"
)

var (
	mu      sync.Mutex
	servers = map[string]*postgres.Server{}
)

// All reports whether tests that run a sample of many similar cases run all of
// them: with ASSAY_TEST_ALL, as `make test-matrix` does, and for tests that
// -run names.
func All() bool {
	named := flag.Lookup("test.run")
	return os.Getenv("ASSAY_TEST_ALL") != "" || named != nil && named.Value.String() != ""
}

// InSample reports whether case i of many similar ones runs: each one if All,
// every nth otherwise.
func InSample(i, n int) bool { return i%n == 0 || All() }

// Majors are the majors to test on: ASSAY_TEST_MAJORS, comma-separated, or
// that of the one server that is found or downloaded.
func Majors(t testing.TB) []string {
	t.Helper()
	if v := os.Getenv("ASSAY_TEST_MAJORS"); v != "" {
		return strings.Split(v, ",")
	}
	return []string{strconv.Itoa(Server(t, "").Version().Major())}
}

// Server is one server for the test process and major; an empty major takes
// what is found. ASSAY_TEST_PGBIN, a list of directories like PATH, is looked
// through first. Without a server the test is skipped, and fails if CI is "true".
func Server(t testing.TB, major string) *postgres.Server {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if s := servers[major]; s != nil {
		return s
	}
	s, err := postgres.Open(context.Background(), postgres.Config{Postgres: major, Env: environ})
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL %s to test on: %v", major, err)
		}
		t.Skipf("no PostgreSQL %s to test on: %v", major, err)
	}
	// The server lives as long as the process: the kernel ends it, and the
	// next run removes its directory.
	servers[major] = s
	servers[strconv.Itoa(s.Version().Major())] = s
	return s
}

func environ(name string) string {
	if v := os.Getenv("ASSAY_TEST_PGBIN"); name == "PATH" && v != "" {
		return v + string(os.PathListSeparator) + os.Getenv("PATH")
	}
	return os.Getenv(name)
}
