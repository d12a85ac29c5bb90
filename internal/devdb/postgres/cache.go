package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
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
const layout = "4"

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
// initdb made once for this build. One that cannot be kept, or is damaged, is created again.
func (o *own) fill(ctx context.Context) error {
	from := filepath.Join(o.cache, "data", o.build())
	_, err := o.take(from)
	if err == nil {
		return o.password()
	}
	if d, damaged := isDamage(err); damaged {
		o.discard(from, "the kept empty cluster", d)
	} else if !errors.Is(err, errNone) {
		return fmt.Errorf("copying an empty cluster: %w", err)
	}
	if err := os.RemoveAll(o.data); err != nil {
		return fmt.Errorf("making an empty cluster: %w", err)
	}
	if err := o.initdb(ctx); err != nil {
		return err
	}
	if err := o.keep(o.data, from, ""); err != nil { // the run goes on without
		text := "an empty cluster could not be kept in " + o.cache + ": " + err.Error()
		if full(err) {
			text += "; free some space or set ASSAY_CACHE_DIR"
		}
		o.say(text)
	}
	removeHalves(filepath.Dir(from))
	return o.password()
}

// discard drops a kept directory that is damaged, and says so once.
func (o *own) discard(dir, what string, d damage) {
	if !removeKept(dir) {
		return // another run has done it
	}
	o.say(fmt.Sprintf("%s in %s is damaged (%s): it is discarded and created again", what, dir, d))
}

// removeKept removes a kept directory, at once for the runs that might take it.
// It is false where the directory is gone already.
func removeKept(dir string) bool {
	parent := filepath.Dir(dir)
	if i, err := os.Stat(parent); err == nil && !i.IsDir() {
		return os.Remove(parent) == nil // not a directory: nothing can be kept in it
	}
	aside := filepath.Join(parent, ".new-"+random())
	if err := os.Rename(dir, aside); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false
		}
		aside = dir
	}
	_ = os.RemoveAll(aside) // what stays has a name that nothing is taken from, or is without its manifest
	return true
}

func (o *own) say(line string) {
	if o.told != nil {
		o.told(line)
	}
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
	moment()
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

// keep copies a stopped data directory into the cache with a manifest, whole
// or not at all. When two runs do it at once, the first one's stays.
func (o *own) keep(from, to, base string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(filepath.Dir(to), ".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	m := newManifest(base)
	if err := copyTree(from, aside, nil, m); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(aside, manifestFile), m.encode(), 0o600); err != nil {
		return err
	}
	moment()
	if err := os.Rename(aside, to); err != nil && !isFile(filepath.Join(to, manifestFile)) {
		return err
	}
	return nil
}

// take copies a kept data directory to the run's own, and gives the name of the
// database of a base. The error is errNone where nothing is kept, and a damage
// where it is not what was kept; the run has no directory then.
func (o *own) take(from string) (base string, err error) {
	if err := os.RemoveAll(o.data); err != nil {
		return "", err
	}
	m, err := readManifest(from)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(o.data))
		}
	}()
	got := newManifest("")
	err = copyTree(from, o.data, o.acct, got)
	if _, there := os.Lstat(from); errors.Is(there, fs.ErrNotExist) {
		return "", errNone // another run is clearing the cache
	}
	if err != nil {
		return "", err
	}
	delete(got.entries, manifestFile)
	return m.base, errors.Join(m.differs(got), os.Remove(filepath.Join(o.data, manifestFile)))
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
	name, err := s.own.take(from)
	if errors.Is(err, errNone) {
		return nil, false, nil
	}
	if err == nil {
		var d *DB
		if d, err = s.restored(ctx, name); err == nil {
			now := time.Now()
			_ = os.Chtimes(from, now, now) // it was of use: keep it longer
			return d, true, nil
		}
		if ctx.Err() != nil {
			return nil, false, err
		}
		// As it was kept, and yet of no use.
		err = errors.Join(damage{"the server does not start on it: " + firstLine(err)}, s.own.stop(false))
	}
	d, damaged := isDamage(err)
	if !damaged {
		return nil, false, fmt.Errorf("copying a replayed base: %w", err)
	}
	s.own.discard(from, "a replayed base", d)
	return nil, false, s.own.fill(ctx)
}

// restored starts the server on a base that was taken from the cache.
func (s *Server) restored(ctx context.Context, name string) (*DB, error) {
	if err := s.own.password(); err != nil {
		return nil, err
	}
	if err := s.up(ctx); err != nil {
		return nil, err
	}
	s.n = 1
	d, err := s.database(name)
	if err == nil {
		d.equipped = true // Snapshot has seen to it
	}
	return d, err
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// Snapshot keeps the database under the key for later runs, with the roles of
// the whole server. Its connections are closed and the server is restarted, so
// nothing may run on it. The files go to the cache while the run goes on; Close
// waits for them. On an existing server it does nothing.
func (s *Server) Snapshot(ctx context.Context, key string, d *DB) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil || isFile(filepath.Join(s.baseDir(key), manifestFile)) {
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
	var err error
	from := s.own.data
	if fastDir != "" && strings.HasPrefix(from, fastDir) && room(fastDir) > enough {
		// In memory a second copy takes less time than one on disk.
		from = filepath.Join(s.own.run.path, "kept")
		err = copyTree(s.own.data, from, nil, nil)
	}
	done := make(chan struct{})
	keep := func(err error) {
		defer close(done)
		if err == nil {
			err = s.own.keep(from, s.baseDir(key), d.name)
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
	return s.own.start(ctx)
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

// removeHalves removes what a killed run left half made.
func removeHalves(dir string) {
	halves, _ := filepath.Glob(filepath.Join(dir, ".new-*")) // the pattern is well formed
	for _, h := range halves {
		if i, err := os.Lstat(h); err == nil && time.Since(i.ModTime()) > time.Hour {
			_ = os.RemoveAll(h)
		}
	}
}

// prune removes the oldest bases beyond what is kept.
func prune(dir string) {
	removeHalves(dir)
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
			continue
		}
		all = append(all, base{p, i.ModTime(), treeSize(p)})
	}
	slices.SortFunc(all, func(a, b base) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.path, b.path)) })
	var sum int64
	for i, b := range all {
		if sum += b.size; i > 0 && (i >= keepBases || sum > keepBaseBytes) {
			removeKept(b.path)
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

// copyTree copies a directory, a few files at a time, and gives the copy to the
// account. What was copied goes into the manifest, unless it is nil. A file that
// cannot be read is a damage.
func copyTree(from, to string, a *account, m *manifest) error {
	var wg sync.WaitGroup
	files := make(chan [3]string, 64) // from, to, name
	var failed atomic.Pointer[error]  // the first: on a full disk every file has one
	for range max(2, min(4, runtime.NumCPU())) {
		wg.Go(func() {
			buffer := make([]byte, 256<<10)
			for f := range files {
				if failed.Load() != nil {
					continue
				}
				e, err := copyFile(f[0], f[1], a, buffer)
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				} else if m != nil {
					m.add(f[2], e)
				}
			}
		})
	}
	err := filepath.WalkDir(from, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return damage{"it cannot be read: " + err.Error()}
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
			moment()
			mode := os.FileMode(0o700)
			if i, err := e.Info(); err == nil && rel != "." {
				mode = i.Mode().Perm()
			}
			if err := os.Mkdir(target, mode); err != nil && !(rel == "." && os.IsExist(err)) {
				return err
			}
			if m != nil && rel != "." {
				m.add(rel, entry{kind: 'd', sum: uint32(mode)})
			}
			return a.own(target)
		case e.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(p)
			if err != nil {
				return err
			}
			if m != nil {
				m.add(rel, entry{kind: 'l', size: int64(len(link)), sum: crc32.Checksum([]byte(link), castagnoli)})
			}
			return os.Symlink(link, target)
		case e.Type().IsRegular():
			files <- [3]string{p, target, rel}
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
func copyFile(from, to string, a *account, buffer []byte) (entry, error) {
	e := entry{kind: 'f'}
	in, err := os.Open(from)
	if err != nil {
		return e, damage{"a file cannot be read: " + err.Error()}
	}
	defer in.Close()
	i, err := in.Stat()
	if err != nil {
		return e, damage{"a file cannot be read: " + err.Error()}
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, i.Mode().Perm())
	if err != nil {
		return e, err
	}
	for left := i.Size(); left > 0; {
		n, err := in.Read(buffer)
		if err != nil {
			out.Close()
			return e, damage{"a file cannot be read: " + err.Error()}
		}
		e.size, e.sum = e.size+int64(n), crc32.Update(e.sum, castagnoli, buffer[:n])
		if _, err := out.Write(buffer[:n]); err != nil {
			out.Close()
			return e, err
		}
		left -= int64(n)
	}
	if err := out.Close(); err != nil {
		return e, err
	}
	return e, a.own(to)
}
