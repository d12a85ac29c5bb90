package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"testing/fstest"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	files "github.com/assaydb/assay/internal/project"
)

// stdinName is how reports name standard input.
const stdinName = "<stdin>"

// stdin reports whether standard input is the new migration.
func (o *lintOptions) stdin() bool { return slices.Equal(o.files, []string{"-"}) }

// alone reviews files, or standard input, of a project that has no migrations
// directory: each is a script, which runs as psql would run it, on an empty database.
func (a *app) alone(p *project, o *lintOptions) error {
	p.dir = &migration.Dir{Path: ".", Format: migration.Plain}
	opts := migration.Options{Values: p.config.Values}
	for _, name := range o.files {
		m, err := a.aloneFile(p, o, name, opts)
		if err != nil {
			return usageError{err}
		}
		p.dir.Migrations = append(p.dir.Migrations, m)
	}
	p.options = opts
	p.options.Format = migration.Plain
	p.new = recorded(p.dir.Migrations, true)
	return nil
}

// place chooses the migrations directory that the named files lie in, where the
// project has several. It reports whether there is none: no directory at all, or
// files outside the project.
func (a *app) place(p *project, o *lintOptions) (alone bool, err error) {
	root, err := filepath.Abs(a.dir)
	if err != nil {
		return false, fmt.Errorf("finding the project directory: %w", err)
	}
	outside := 0
	for i, f := range o.files {
		full := f
		if !filepath.IsAbs(full) {
			full = filepath.Join(root, full)
		}
		if f == "-" {
			continue
		}
		rel, err := filepath.Rel(root, full)
		if err != nil || !filepath.IsLocal(rel) {
			outside++
			continue
		}
		o.files[i] = filepath.ToSlash(rel)
	}
	if outside > 0 && outside == len(o.files) {
		return true, nil
	}
	found, several := migration.Detect(p.fsys, ".")
	if o.stdin() {
		return len(found) == 0, nil
	}
	var dirs []string
	for _, c := range found {
		dirs = append(dirs, c.Path)
	}
	named, elsewhere := filesOf(o.files, dirs)
	if len(named) == 1 && elsewhere == nil {
		for dir := range named {
			o.migrations = dir
		}
	}
	return several != nil && elsewhere != nil, nil
}

func (a *app) aloneFile(p *project, o *lintOptions, name string, opts migration.Options) (*migration.Migration, error) {
	if name == "-" {
		text, err := a.readStdin()
		if err != nil {
			return nil, err
		}
		return migration.LoadScript(fstest.MapFS{stdinName: {Data: text, Mode: 0o644}}, stdinName, opts)
	}
	rel := path.Clean(filepath.ToSlash(name))
	if !filepath.IsAbs(name) && fs.ValidPath(rel) {
		return migration.LoadScript(p.fsys, rel, opts)
	}
	if a.untrusted {
		return nil, fmt.Errorf("%s is outside the project directory", name)
	}
	if o.fix {
		return nil, fmt.Errorf("--fix %s: the file is outside the project directory: go there with -C", name)
	}
	full := a.inProject(name)
	dir, err := files.Open(filepath.Dir(full))
	if err != nil {
		return nil, err
	}
	return migration.LoadScript(dir, filepath.Base(full), opts)
}

func (a *app) readStdin() ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(a.stdin, files.MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading standard input: %w", err)
	}
	if len(text) > files.MaxFile {
		return nil, fmt.Errorf("standard input has more than %d MB", files.MaxFile>>20)
	}
	if f, ok := a.stdin.(*os.File); ok && len(text) == 0 {
		return nil, fmt.Errorf("standard input (%s) is empty: give the SQL, as in `assay lint - < file.sql`", f.Name())
	}
	return text, nil
}

// sectioned are the formats whose files have an up part that a line begins.
var sectioned = map[migration.Format]*regexp.Regexp{
	migration.Goose:      regexp.MustCompile(`(?mi)^\s*--\s*\+goose\s+up\b`),
	migration.SQLMigrate: regexp.MustCompile(`(?mi)^\s*--\s*\+migrate\s+up\b`),
	migration.Dbmate:     regexp.MustCompile(`(?mi)^\s*--\s*migrate:up\b`),
	migration.Liquibase:  regexp.MustCompile(`(?mi)^\s*--\s*liquibase formatted sql`),
}

// newest takes standard input as the newest migration of the directory, which
// the directory's tool reads under the name it would have.
func (a *app) newest(p *project, opts migration.Options) error {
	text, err := a.readStdin()
	if err != nil {
		return err
	}
	p.base = p.dir.Migrations
	known := map[string]bool{}
	after := firstOf(p.dir)
	for _, m := range p.dir.Migrations {
		known[key(m)] = true
		if !m.Repeatable {
			after = m
		}
	}
	if mark := sectioned[p.dir.Format]; mark != nil && !mark.Match(text) { // no header, which would move the lines
		m, err := migration.LoadScript(fstest.MapFS{stdinName: {Data: text, Mode: 0o644}}, stdinName, migration.Options{Values: opts.Values})
		if err != nil {
			return err
		}
		m.TxMode, m.TxReason = after.TxMode, after.TxReason
		p.new = recorded([]*migration.Migration{m}, true)
		return nil
	}
	file := migration.NewFiles(p.dir, after, "stdin", string(text), "", false)[0].Path
	fix, err := listed(p, &lint.Fix{Files: []lint.NewFile{{Path: file, Text: string(text)}}})
	if err != nil {
		return fmt.Errorf("reading standard input as the newest migration: %w", err)
	}
	changed, err := applied(p.fsys, []*lint.Fix{fix})
	if err != nil {
		return err
	}
	with := over(p.fsys, changed)
	opts.Format, opts.Known = p.dir.Format, p.dir
	dir, err := migration.Load(with, p.dir.Path, opts)
	if err != nil {
		return fmt.Errorf("reading standard input as the newest migration: %w", err)
	}
	p.fsys, p.dir, p.stdin = with, dir, file
	for _, m := range dir.Migrations {
		if !known[key(m)] {
			p.new = append(p.new, recorded([]*migration.Migration{m}, true)...)
		}
	}
	return nil
}

// asStdin gives standard input its own name in the reports.
func asStdin(res *lint.Result, file string) {
	if file == "" {
		return
	}
	rename := func(name *string) {
		if *name == file {
			*name = stdinName
		}
	}
	for _, f := range res.Findings {
		rename(&f.Path)
	}
	for _, s := range res.Suppressed {
		rename(&s.Path)
	}
	for _, m := range res.Migrations {
		rename(&m.Path)
	}
	for i := range res.Notices {
		rename(&res.Notices[i].Path)
	}
}
