package postgres

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// damages are what disks, killed runs and people do to a kept directory.
var damages = []struct {
	name string
	do   func(t *testing.T, dir, file string)
}{
	{"a file is cut", func(t *testing.T, _, file string) { must(t, os.Truncate(file, 100)) }},
	{"a file is empty", func(t *testing.T, _, file string) { must(t, os.Truncate(file, 0)) }},
	{"a file has grown", func(t *testing.T, _, file string) { must(t, os.Truncate(file, 1<<20)) }},
	{"a file is zeroed", func(t *testing.T, _, file string) { overwrite(t, file, 0, make([]byte, 8192)) }},
	{"a bit is flipped", func(t *testing.T, _, file string) { overwrite(t, file, 5000, []byte{0x5a}) }},
	{"a file is gone", func(t *testing.T, _, file string) { must(t, os.Remove(file)) }},
	{"a file is a directory", func(t *testing.T, _, file string) { must(t, os.Remove(file)); must(t, os.Mkdir(file, 0o700)) }},
	{"a file is a link", func(t *testing.T, _, file string) { must(t, os.Remove(file)); must(t, os.Symlink("/dev/zero", file)) }},
	{"a file is a pipe", func(t *testing.T, _, file string) { must(t, os.Remove(file)); pipe(t, file) }},
	{"a file too many", func(t *testing.T, dir, _ string) {
		must(t, os.WriteFile(filepath.Join(dir, "base", "stray"), nil, 0o600))
	}},
	{"a directory is gone", func(t *testing.T, dir, _ string) { must(t, os.RemoveAll(filepath.Join(dir, "pg_notify"))) }},
	{"half of it is there", func(t *testing.T, dir, _ string) { must(t, os.RemoveAll(filepath.Join(dir, "base"))) }},
	{"the version is another", func(t *testing.T, dir, _ string) {
		must(t, os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte("9.6\n"), 0o600))
	}},
	{"the list is gone", func(t *testing.T, dir, _ string) { must(t, os.Remove(filepath.Join(dir, manifestFile))) }},
	{"the list is cut", func(t *testing.T, dir, _ string) { must(t, os.Truncate(filepath.Join(dir, manifestFile), 500)) }},
	{"the list is empty", func(t *testing.T, dir, _ string) { must(t, os.Truncate(filepath.Join(dir, manifestFile), 0)) }},
	{"the list names another database", func(t *testing.T, dir, _ string) {
		overwrite(t, filepath.Join(dir, manifestFile), int64(len(manifestHead))+2, []byte("x"))
	}},
	{"it is empty", func(t *testing.T, dir, _ string) { must(t, os.RemoveAll(dir)); must(t, os.Mkdir(dir, 0o700)) }},
	{"it is a file", func(t *testing.T, dir, _ string) {
		must(t, os.RemoveAll(dir))
		must(t, os.WriteFile(dir, []byte("x"), 0o600))
	}},
}

func overwrite(t *testing.T, file string, at int64, with []byte) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(with, at)
	must(t, err)
	must(t, f.Close())
}

// TestDamage: whatever becomes of a kept directory, it is seen, and the
// directory is dropped with one line.
func TestDamage(t *testing.T) {
	from := t.TempDir()
	for name, size := range map[string]int{"PG_VERSION": 3, "base/1/1247": 10 * 8192, "base/1/1255": 8192, "global/pg_control": 8192} {
		must(t, os.MkdirAll(filepath.Join(from, filepath.Dir(name)), 0o700))
		must(t, os.WriteFile(filepath.Join(from, name), []byte(strings.Repeat("x", size)), 0o600))
	}
	must(t, os.Mkdir(filepath.Join(from, "pg_notify"), 0o700))
	for _, c := range damages {
		t.Run(c.name, func(t *testing.T) {
			var said []string
			dir := filepath.Join(t.TempDir(), "kept")
			o := &own{data: filepath.Join(t.TempDir(), "data"), told: func(line string) { said = append(said, line) }}
			must(t, o.keep(from, dir, "assay_1"))
			if base, err := o.take(dir); base != "assay_1" || err != nil {
				t.Fatalf("%q, %v", base, err)
			}
			c.do(t, dir, catalogFile(t, dir))
			_, err := o.take(dir)
			d, damaged := isDamage(err)
			if !damaged || isFile(filepath.Join(o.data, "PG_VERSION")) {
				t.Fatalf("taken with %v", err)
			}
			o.discard(dir, "a replayed base", d)
			if len(said) != 1 || !strings.HasPrefix(said[0], "a replayed base in "+dir+" is damaged (") || strings.Contains(said[0], "\n") {
				t.Errorf("said %q", said)
			}
			if _, err := o.take(dir); !errors.Is(err, errNone) {
				t.Errorf("then there is %v", err)
			}
		})
	}
}

// TestDamagedCache: a run whose base and empty cluster are damaged goes on from
// scratch, and the next one finds both whole.
func TestDamagedCache(t *testing.T) {
	ctx := context.Background()
	cache := t.TempDir()
	var mu sync.Mutex
	var said []string
	open := func() *Server {
		return openTest(t, Config{CacheDir: cache, Progress: func(line string) { mu.Lock(); defer mu.Unlock(); said = append(said, line) }})
	}
	keep := func() string {
		s := open()
		if _, ok, err := s.Restore(ctx, "key"); ok || err != nil {
			t.Fatalf("restored %v, %v", ok, err)
		}
		d := testDatabase(t, s)
		must(t, s.Snapshot(ctx, "key", d))
		dir := s.baseDir("key")
		must(t, s.Close())
		return dir
	}
	base := keep()
	clusters, err := filepath.Glob(filepath.Join(cache, "data", "*"))
	must(t, err)
	if len(clusters) != 1 {
		t.Fatalf("kept are %q", clusters)
	}
	for _, dir := range []string{base, clusters[0]} {
		must(t, os.Truncate(catalogFile(t, dir), 8192))
	}
	said = nil
	keep()
	if n := len(slices.DeleteFunc(slices.Clone(said), func(l string) bool { return !strings.Contains(l, "is damaged") })); n != 2 {
		t.Errorf("said %q", said)
	}
	said = nil
	if _, ok, err := open().Restore(ctx, "key"); !ok || err != nil || len(said) > 0 {
		t.Errorf("restored %v, %v, said %q", ok, err, said)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "*", ".new-*")); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
}

// catalogFile is a file of the catalog of some size.
func catalogFile(t *testing.T, dir string) string {
	t.Helper()
	found := ""
	must(t, filepath.WalkDir(filepath.Join(dir, "base"), func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if i, err := e.Info(); err == nil && e.Type().IsRegular() && i.Size() > 5*8192 && found == "" {
			found = p
		}
		return nil
	}))
	return found
}

// FuzzManifest: a list that is read back is the one that was written, and no
// other text is one.
func FuzzManifest(f *testing.F) {
	m := newManifest("assay_1")
	m.add("base/1/2", entry{'f', 8192, 7})
	m.add("pg_wal", entry{kind: 'd', sum: 0o700})
	f.Add(m.encode())
	f.Add([]byte(manifestHead + " \"\"\nend 0 00000000\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err == nil && string(m.encode()) != string(text) {
			again, err := parseManifest(m.encode())
			if err != nil || again.base != m.base || m.differs(again) != nil {
				t.Errorf("%q became %q", text, m.encode())
			}
		}
	})
}
