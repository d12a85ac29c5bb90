//go:build linux

package faults

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// relations are the larger files of the data directories below a directory.
func relations(dir string) []string {
	var out []string
	_ = filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && strings.Contains(p, "/base/") {
			if i, err := e.Info(); err == nil && i.Size() >= 8192 {
				out = append(out, p)
			}
		}
		return nil
	})
	return out
}

// damage changes a file of a kept directory.
type damage struct {
	name string
	do   func(x *trial, dir string) error
}

// change rewrites some file of the directory.
func change(f func(x *trial, b []byte) []byte) func(*trial, string) error {
	return func(x *trial, dir string) error {
		all := relations(dir)
		name := all[x.rng.IntN(len(all))]
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(name, f(x, b), 0o600)
	}
}

// list rewrites the list of the directory's files.
func list(f func(x *trial, text string) string) func(*trial, string) error {
	return func(x *trial, dir string) error {
		name := filepath.Join(dir, "assay.manifest")
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(name, []byte(f(x, string(b))), 0o600)
	}
}

var damages = []damage{
	{"a file cut", change(func(x *trial, b []byte) []byte { return b[:x.rng.IntN(len(b))] })},
	{"a page zeroed", change(func(x *trial, b []byte) []byte { clear(b[x.rng.IntN(len(b)/8192)*8192:][:8192]); return b })},
	{"a bit flipped", change(func(x *trial, b []byte) []byte { b[x.rng.IntN(len(b))] ^= 1 << x.rng.IntN(8); return b })},
	{"a file longer", change(func(_ *trial, b []byte) []byte { return append(b, make([]byte, 8192)...) })},
	{"a file empty", change(func(*trial, []byte) []byte { return nil })},
	{"a file missing", func(x *trial, dir string) error { all := relations(dir); return os.Remove(all[x.rng.IntN(len(all))]) }},
	{"half of the files missing", func(_ *trial, dir string) error {
		for i, f := range relations(dir) {
			if i%2 == 0 {
				_ = os.Remove(f)
			}
		}
		return nil
	}},
	{"a file more", func(_ *trial, dir string) error {
		return os.WriteFile(filepath.Join(dir, "recovery.signal"), nil, 0o600)
	}},
	{"settings of somebody's", func(_ *trial, dir string) error {
		return os.WriteFile(filepath.Join(dir, "postgresql.auto.conf"), []byte("shared_preload_libraries = 'evil'\n"), 0o600)
	}},
	{"a link in the place of a file", func(x *trial, dir string) error {
		all := relations(dir)
		name := all[x.rng.IntN(len(all))]
		return firstError(os.Remove(name), os.Symlink("/etc/hostname", name))
	}},
	{"a directory missing", func(_ *trial, dir string) error { return os.RemoveAll(filepath.Join(dir, "pg_xact")) }},
	{"a directory in the place of a file", func(x *trial, dir string) error {
		all := relations(dir)
		name := all[x.rng.IntN(len(all))]
		return firstError(os.Remove(name), os.Mkdir(name, 0o700))
	}},
	{"the list cut", list(func(x *trial, s string) string { return s[:x.rng.IntN(len(s))] })},
	{"the list empty", list(func(*trial, string) string { return "" })},
	{"the list of another", list(func(_ *trial, s string) string { return strings.Replace(s, "assay", "template1", 1) })},
	{"the list missing", func(_ *trial, dir string) error { return os.Remove(filepath.Join(dir, "assay.manifest")) }},
	{"everything missing", func(_ *trial, dir string) error { return firstError(os.RemoveAll(dir), os.Mkdir(dir, 0o700)) }},
	{"a file in the place of the directory", func(_ *trial, dir string) error {
		return firstError(os.RemoveAll(dir), os.WriteFile(dir, []byte("x"), 0o600))
	}},
	{"a link in the place of the directory", func(_ *trial, dir string) error { return firstError(os.RemoveAll(dir), os.Symlink("nowhere", dir)) }},
	{"times long ago", func(_ *trial, dir string) error {
		return filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
			return firstError(err, os.Chtimes(p, time.Unix(0, 0), time.Unix(0, 0)))
		})
	}},
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// damageKinds harm what earlier runs have kept.
func damageKinds() []*kind {
	var out []*kind
	for _, what := range []string{"base", "data"} {
		g := map[string]string{"base": "a kept base", "data": "the kept empty cluster"}[what]
		for _, d := range damages {
			out = append(out, &kind{group: g, name: d.name, before: func(x *trial) {
				x.ownCache(true)
				dirs, err := filepath.Glob(filepath.Join(x.cache, what, "*"))
				must(x.t, err)
				for _, dir := range dirs { // each history has its own
					if i, err := os.Stat(filepath.Join(dir, "base")); err == nil && i.IsDir() {
						must(x.t, d.do(x, dir))
					}
				}
				if what == "data" { // or it is not looked at
					must(x.t, os.RemoveAll(filepath.Join(x.cache, "base")))
				}
			}})
		}
	}
	g := "the cache"
	return append(out,
		&kind{group: g, name: "no room", root: true, before: func(x *trial) {
			must(x.t, os.Mkdir(filepath.Join(x.dir, "cache"), 0o755))
			small(x, "cache", 1+x.rng.IntN(60))
			x.setCache(filepath.Join(x.dir, "cache"))
		}},
		&kind{group: g, name: "it is a file", codes: []int{3}, before: func(x *trial) {
			x.setCache(filepath.Join(x.dir, "file"))
			write(x.t, x.cache, "")
		}},
		&kind{group: g, name: "its parts are files", codes: []int{3}, before: func(x *trial) {
			x.setCache(filepath.Join(x.dir, "cache"))
			for _, n := range []string{"data", "base"} {
				write(x.t, filepath.Join(x.cache, n), "")
			}
		}},
		&kind{group: g, name: "a name with spaces, quotes and a line end", before: func(x *trial) {
			x.setCache(filepath.Join(x.dir, "a 'b' \"c\"\n$(false)"))
		}},
		&kind{group: g, name: "removed", moment: true, before: func(x *trial) { x.ownCache(true) }, harm: func(x *trial) { _ = os.RemoveAll(x.cache) }},
		&kind{group: g, name: "removed while it is filled", cold: true, moment: true, harm: func(x *trial) { _ = os.RemoveAll(x.cache) }},
		&kind{group: g, name: "damaged while it is read", finds: true, codes: []int{3}, moment: true, early: 60, before: func(x *trial) { x.ownCache(true) }, harm: func(x *trial) {
			for _, f := range relations(x.cache) {
				_ = os.Truncate(f, 8000)
			}
		}},
	)
}
