package postgres

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const runPrefix = "assay-run-"

// enough is the free memory that a run in fastDir asks for.
const enough = 1 << 30

// longestDir is how long the name of a directory may be for the server's socket
// to have a place in it: 103 bytes on macOS, 107 on Linux.
const longestDir = 103 - len("/.s.PGSQL.5432.lock")

// runDir is a private directory of one run. Its lock ends with the process, so
// that a later run can tell what a killed one left.
type runDir struct {
	path string
	lock *os.File
}

func runRoots() []string {
	roots := []string{os.TempDir()}
	if fastDir != "" {
		roots = []string{fastDir, os.TempDir()}
	}
	return roots
}

// newRunDir makes the directory, in memory if there is room, and removes those of dead runs.
func newRunDir(a *account) (*runDir, error) {
	removeDead()
	var err error
	for _, root := range runRoots() {
		if root == fastDir && room(root) < enough {
			continue
		}
		var r *runDir
		if r, err = makeRunDir(root, a); err == nil {
			return r, nil
		}
	}
	return nil, err
}

func makeRunDir(root string, a *account) (*runDir, error) {
	path, err := os.MkdirTemp(root, runPrefix)
	if err != nil {
		return nil, err
	}
	if len(path) > longestDir && runtime.GOOS != "windows" {
		return nil, errors.Join(fmt.Errorf("the name of the directory %s is too long for a socket in it: set TMPDIR to a shorter one", path), os.Remove(path))
	}
	r := &runDir{path: path}
	moment()
	if r.lock, err = lockFile(filepath.Join(path, "lock")); err == nil {
		err = a.own(path)
	}
	if err != nil {
		return nil, errors.Join(err, r.remove())
	}
	return r, nil
}

func (r *runDir) remove() error {
	moment()
	if runtime.GOOS == "windows" && r.lock != nil {
		r.lock.Close() // a file that is open cannot be removed there
		r.lock = nil
	}
	err := os.RemoveAll(r.path)
	if r.lock != nil {
		r.lock.Close()
	}
	return err
}

// removeDead removes what runs left that were killed. It is best effort: what
// belongs to another user stays for that user's next run.
func removeDead() {
	for _, root := range runRoots() {
		dirs, _ := filepath.Glob(filepath.Join(root, runPrefix+"*")) // the pattern is well formed
		for _, d := range dirs {
			i, err := os.Lstat(d)
			if err != nil || !i.IsDir() {
				continue
			}
			lock := filepath.Join(d, "lock")
			if !isFile(lock) && time.Since(i.ModTime()) < time.Minute {
				continue // being made
			}
			f, err := lockFile(lock)
			if err != nil {
				continue // alive, or not ours
			}
			endServer(filepath.Join(d, "data"), d)
			r := runDir{path: d, lock: f}
			_ = r.remove()
		}
	}
}

// endServer ends a server that outlived its run (where the kernel cannot do
// that). Only one that answers on the run's own socket is taken for it.
func endServer(data, sockets string) {
	c, err := net.Dial("unix", filepath.Join(sockets, ".s.PGSQL.5432"))
	if err != nil {
		return
	}
	c.Close()
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && pid > 1 {
		_ = quit(pid)
		time.Sleep(50 * time.Millisecond)
	}
}
