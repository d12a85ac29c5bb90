package main

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing/fstest"
)

// overlay is a file system with some files of another time: replaced, brought
// back or taken away.
type overlay struct {
	fs.FS
	with    fstest.MapFS
	without map[string]bool
}

// over is a file system with the texts of some files in the place of what is there.
func over(fsys fs.FS, texts map[string][]byte) overlay {
	o := overlay{FS: fsys, with: fstest.MapFS{}}
	for name, text := range texts {
		o.with[name] = &fstest.MapFile{Data: text, Mode: 0o644}
	}
	return o
}

// Open opens the replaced file if there is one.
func (o overlay) Open(name string) (fs.File, error) {
	if o.without[name] {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if _, ok := o.with[name]; ok {
		return o.with.Open(name)
	}
	f, err := o.FS.Open(name)
	if err != nil {
		if g, err2 := o.with.Open(name); err2 == nil { // a directory that only the other time has
			return g, nil
		}
	}
	return f, err
}

// ReadDir lists what there is after the replacement.
func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.FS, name)
	more, err2 := o.with.ReadDir(name)
	if err != nil && err2 != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		p := path.Join(name, e.Name())
		return o.without[p] || slices.ContainsFunc(more, func(m fs.DirEntry) bool { return m.Name() == e.Name() && !m.IsDir() })
	})
	for _, m := range more {
		if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == m.Name() }) {
			entries = append(entries, m)
		}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}
