package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// layout is part of every key: raise it when the settings of initdb or the
// roles of a prepared data directory change.
const layout = "3"

// The replayed bases that are kept, newest first.
const (
	keepBases     = 8
	keepBaseBytes = 1 << 30
)

func random() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails since Go 1.24
	return hex.EncodeToString(b)
}

// build identifies the programs: a rebuilt server gets data directories of its own.
func (o *own) build() string {
	h := sha256.New()
	fmt.Fprintln(h, layout, runtime.GOOS, runtime.GOARCH, o.bin.text, o.bin.dir)
	if i, err := os.Stat(o.bin.program("postgres")); err == nil {
		fmt.Fprintln(h, i.Size())
	}
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// fill puts an empty cluster into the run's directory: a copy of one that
// initdb made once for this build.
func (o *own) fill(ctx context.Context) error {
	from := filepath.Join(o.cache, "data", o.build())
	if !isFile(filepath.Join(from, "PG_VERSION")) {
		if err := o.initdb(ctx); err != nil {
			return err
		}
		if err := o.keep(o.data, from); err != nil {
			if full(err) {
				return fmt.Errorf("keeping an empty cluster in %s: %w; free some space or set ASSAY_CACHE_DIR", o.cache, err)
			}
			return fmt.Errorf("keeping an empty cluster: %w", err)
		}
	} else if err := o.take(from); err != nil {
		return fmt.Errorf("copying an empty cluster: %w", err)
	}
	return o.password()
}

// password reads the admin's, which initdb was given.
func (o *own) password() error {
	if runtime.GOOS != "windows" {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(o.data, "assay.pass"))
	o.pass = string(b)
	return err
}

func (o *own) initdb(ctx context.Context) error {
	args := []string{"--no-sync", "--wal-segsize=1", "-E", "UTF8", "--locale=C", "-U", adminRole, "-D", o.data}
	if runtime.GOOS == "windows" {
		pass := filepath.Join(o.run.path, "pass")
		if err := os.WriteFile(pass, []byte(random()+random()), 0o600); err != nil {
			return err
		}
		args = append(args, "-A", "scram-sha-256", "--pwfile="+pass)
	} else {
		args = append(args, "-A", "trust") // only the owner of the socket's directory gets in
	}
	cmd := exec.CommandContext(ctx, o.bin.program("initdb"), args...)
	cmd.Dir, cmd.Env = o.run.path, serverEnv()
	o.acct.as(cmd)
	var out []byte
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // see start
		var err error
		out, err = cmd.CombinedOutput()
		done <- err
	}()
	if err := <-done; err != nil {
		return fmt.Errorf("making a database cluster with %s: %w: %s", cmd.Path, err, strings.TrimSpace(string(out)))
	}
	if runtime.GOOS == "windows" {
		return os.Rename(filepath.Join(o.run.path, "pass"), filepath.Join(o.data, "assay.pass"))
	}
	return nil
}

// keep copies a stopped data directory into the cache, whole or not at all.
// When two runs do it at once, the first one's stays.
func (o *own) keep(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(filepath.Dir(to), ".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	if err := copyTree(from, aside, nil); err != nil {
		return err
	}
	if err := os.Rename(aside, to); err != nil && !isFile(filepath.Join(to, "PG_VERSION")) {
		return err
	}
	return nil
}

// take copies a kept data directory to the run's own.
func (o *own) take(from string) error {
	if err := os.RemoveAll(o.data); err != nil {
		return err
	}
	return copyTree(from, o.data, o.acct)
}

// Restore gives the database that an earlier run kept under the key, or false
// if there is none. It must come before anything is made on the server. An
// existing server keeps nothing.
func (s *Server) Restore(ctx context.Context, key string) (*DB, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil || s.own.done != nil {
		return nil, false, nil
	}
	from := s.baseDir(key)
	name, err := os.ReadFile(filepath.Join(from, "assay.base"))
	if err != nil {
		return nil, false, nil // none
	}
	if err := s.own.take(from); err != nil {
		// Another run may be clearing the cache: begin anew.
		return nil, false, s.own.fill(ctx)
	}
	if err := s.own.password(); err != nil {
		return nil, false, err
	}
	now := time.Now()
	_ = os.Chtimes(from, now, now) // it was of use: keep it longer
	if err := s.up(ctx); err != nil {
		return nil, false, err
	}
	s.n = 1
	d, err := s.database(string(name))
	if err == nil {
		d.equipped = true // Snapshot has seen to it
	}
	return d, err == nil, err
}

// Snapshot keeps the database under the key for later runs, with the roles of
// the whole server. Its connections are closed and the server is restarted, so
// nothing may run on it. The files go to the cache while the run goes on; Close
// waits for them. On an existing server it does nothing.
func (s *Server) Snapshot(ctx context.Context, key string, d *DB) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil || isFile(filepath.Join(s.baseDir(key), "PG_VERSION")) {
		return nil
	}
	if err := s.equip(ctx, d); err != nil {
		return err
	}
	if err := d.Disconnect(ctx); err != nil {
		return err
	}
	if err := s.own.stop(true); err != nil {
		return err
	}
	mark := filepath.Join(s.own.data, "assay.base")
	err := os.WriteFile(mark, []byte(d.name), 0o644)
	from := s.own.data
	if err == nil && fastDir != "" && strings.HasPrefix(from, fastDir) && room(fastDir) > enough {
		// In memory a second copy takes less time than one on disk.
		from = filepath.Join(s.own.run.path, "kept")
		err = copyTree(s.own.data, from, nil)
	}
	done := make(chan struct{})
	keep := func(err error) {
		defer close(done)
		if err == nil {
			err = s.own.keep(from, s.baseDir(key))
			prune(filepath.Join(s.own.cache, "base"))
		}
		if from != s.own.data {
			err = errors.Join(err, os.RemoveAll(from))
		}
		if err != nil { // the run goes on without
			s.config.say("the replayed base could not be kept: " + err.Error())
		}
	}
	if from == s.own.data {
		keep(err)
	} else {
		s.keeping = done
		go keep(err)
	}
	return errors.Join(os.RemoveAll(mark), s.own.start(ctx))
}

func (s *Server) baseDir(key string) string {
	h := sha256.New()
	fmt.Fprintln(h, s.own.build(), s.own.wal, s.owner, s.config.TimeZone, s.config.StrangersSetup, recorderHash())
	for _, k := range sortedKeys(s.config.Settings) {
		fmt.Fprintln(h, k, s.config.Settings[k])
	}
	fmt.Fprintln(h, key)
	return filepath.Join(s.own.cache, "base", hex.EncodeToString(h.Sum(nil))[:32])
}

// prune removes the oldest bases beyond what is kept, and what a killed run left half made.
func prune(dir string) {
	entries, _ := os.ReadDir(dir) // nothing to prune then
	type base struct {
		path string
		at   time.Time
		size int64
	}
	var all []base
	for _, e := range entries {
		i, err := e.Info()
		if err != nil {
			continue
		}
		p := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), ".new-") {
			if time.Since(i.ModTime()) > time.Hour {
				_ = os.RemoveAll(p)
			}
			continue
		}
		all = append(all, base{p, i.ModTime(), treeSize(p)})
	}
	slices.SortFunc(all, func(a, b base) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.path, b.path)) })
	var sum int64
	for i, b := range all {
		if sum += b.size; i > 0 && (i >= keepBases || sum > keepBaseBytes) {
			_ = os.RemoveAll(b.path)
		}
	}
}

func treeSize(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if i, err := e.Info(); err == nil {
				n += i.Size()
			}
		}
		return nil
	})
	return n
}

// copyTree copies a directory, a few files at a time, and gives the copy to the account.
func copyTree(from, to string, a *account) error {
	var wg sync.WaitGroup
	files := make(chan [2]string, 64)
	var failed atomic.Pointer[error] // the first: on a full disk every file has one
	for range max(2, min(4, runtime.NumCPU())) {
		wg.Go(func() {
			buffer := make([]byte, 256<<10)
			for f := range files {
				if failed.Load() != nil {
					continue
				}
				if err := copyFile(f[0], f[1], a, buffer); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	err := filepath.WalkDir(from, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if failed.Load() != nil {
			return filepath.SkipAll
		}
		rel, err := filepath.Rel(from, p)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case e.IsDir():
			mode := os.FileMode(0o700)
			if i, err := e.Info(); err == nil && rel != "." {
				mode = i.Mode().Perm()
			}
			if err := os.Mkdir(target, mode); err != nil && !(rel == "." && os.IsExist(err)) {
				return err
			}
			return a.own(target)
		case e.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(p)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case e.Type().IsRegular():
			files <- [2]string{p, target}
		}
		return nil
	})
	close(files)
	wg.Wait()
	if e := failed.Load(); e != nil {
		return *e
	}
	return err
}

// copyFile copies a file with few calls: a cluster is a thousand small ones,
// and io.Copy tries what does not work between two file systems first.
func copyFile(from, to string, a *account, buffer []byte) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	i, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, i.Mode().Perm())
	if err != nil {
		return err
	}
	for left := i.Size(); left > 0; {
		n, err := in.Read(buffer)
		if err == nil {
			_, err = out.Write(buffer[:n])
		}
		if err != nil {
			out.Close()
			return err
		}
		left -= int64(n)
	}
	if err := out.Close(); err != nil {
		return err
	}
	return a.own(to)
}
