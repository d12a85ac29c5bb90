//go:build unix

package postgres

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestLeftOver removes the directory of a run that was killed, and not that of
// one that lives.
func TestLeftOver(t *testing.T) {
	dead, err := os.MkdirTemp(os.TempDir(), runPrefix) //nolint:usetesting // where runs are
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dead, "lock"), nil, 0o600))
	alive, err := makeRunDir(os.TempDir(), nil)
	must(t, err)
	defer func() { must(t, alive.remove()) }()
	removeDead()
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the directory of a dead run is still there: %v", err)
	}
	if _, err := os.Stat(alive.path); err != nil {
		t.Errorf("the directory of a run that lives is gone: %v", err)
	}
}

// TestKeepAtOnce lets runs keep the same data directory at once: one of them
// stays, whole, and nothing is left beside it.
func TestKeepAtOnce(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "data", "key")
	for _, name := range []string{"PG_VERSION", "a", "b"} {
		must(t, os.WriteFile(filepath.Join(from, name), []byte(name), 0o600))
	}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = (&own{}).keep(from, to, "") })
	}
	wg.Wait()
	must(t, errors.Join(errs...))
	kept, _ := os.ReadDir(to)
	beside, _ := os.ReadDir(filepath.Dir(to))
	if len(kept) != 4 || len(beside) != 1 {
		t.Errorf("%d files kept, %d directories beside one another", len(kept), len(beside))
	}
}

// TestFullDisk names the full disk for what it is.
func TestFullDisk(t *testing.T) {
	if !full(&os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}) || full(context.Canceled) {
		t.Error("a full disk is not told from another error")
	}
}

// TestFullCache runs on a file system that has no room, where one can be mounted:
// the run goes on, and says in one line why nothing was kept.
func TestFullCache(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v: %s", err, out)
	}
	defer func() { _ = exec.Command("umount", "-l", dir).Run() }()
	var said []string
	s, err := Open(context.Background(), Config{CacheDir: dir, Postgres: os.Getenv("ASSAY_TEST_POSTGRES"), Progress: func(line string) { said = append(said, line) }})
	must(t, err)
	_, err = s.Create(context.Background())
	must(t, errors.Join(err, s.Close()))
	text := strings.Join(said, "\n")
	if !strings.Contains(text, "free some space or set ASSAY_CACHE_DIR") || strings.Count(text, "\n") > 0 {
		t.Errorf("a full cache directory gives %q", said)
	}
	for _, sub := range []string{"data", "base"} {
		if left, _ := os.ReadDir(filepath.Join(dir, sub)); len(left) > 0 {
			t.Errorf("%s is left in the full cache directory", left[0].Name())
		}
	}
}
