package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/assaydb/assay/internal/config"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/gitdiff"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
	files "github.com/assaydb/assay/internal/project"
	"github.com/assaydb/assay/internal/queries"
	"github.com/assaydb/assay/internal/stats"
)

// project is what was read of the checkout before any server is started.
type project struct {
	fsys    fs.FS // the checkout
	rules   fs.FS // where configuration, policies, owners and baseline are read: see trustedFS
	data    fs.FS // where statistics, setup, base, seed, steps and queries are read: of a stranger's change rules too
	config  *config.Config
	dir     *migration.Dir
	base    []*migration.Migration
	new     []*devdb.Recorded
	edited  []devdb.Edit
	setup   []*migration.Migration
	dump    *migration.Migration
	changes *gitdiff.Set // nil if the new ones were not chosen by git
	notices []lint.Notice
	stubs   pipeline.Provided // what stood for extensions that the dev server lacks
	options migration.Options // how dir was read
	queries []queries.Query   // the application's own
	stats   *stats.Stats      // of production

	stdin string // path that standard input has among the migrations

	baseline fs.FS // where the baseline is read; nil: rules
}

// openProject reads configuration and migrations and decides which are new.
// Every error is about the input.
func (a *app) openProject(ctx context.Context, o *lintOptions) (*project, error) {
	p, err := a.configured(ctx, o)
	if err != nil {
		return nil, err
	}
	if dirs, err := a.directories(p, o); err != nil {
		return nil, err
	} else if dirs != nil {
		return nil, usagef("this command takes one migrations directory: choose one of %s with --dir", strings.Join(dirs, ", "))
	}
	return p, a.readProject(ctx, p, o)
}

// configured reads the configuration of a project.
func (a *app) configured(ctx context.Context, o *lintOptions) (*project, error) {
	a.rebase(o)
	checkout, err := a.checkout()
	if err != nil {
		return nil, err
	}
	if err := a.stranger(o); err != nil {
		return nil, err
	}
	if err := a.loadCentral(ctx, o); err != nil {
		return nil, err
	}
	p := &project{fsys: checkout, data: checkout}
	if p.rules, err = a.trustedFS(ctx, o, p.fsys); err != nil {
		return nil, err
	}
	if a.untrusted {
		p.data = p.rules
	}
	if p.config, err = a.loadConfig(o, p.rules); err != nil {
		return nil, usageError{err}
	}
	o.merge(p.config)
	if len(a.draft) > 0 { // of migrations alone: no draft decides or is run as the admin
		p.fsys = over(p.fsys, a.draft)
	}
	return p, nil
}

// readProject reads the migrations and decides which are new.
func (a *app) readProject(ctx context.Context, p *project, o *lintOptions) (err error) {
	opts := migration.Options{Format: migration.Format(o.format), Values: p.config.Values, Locations: p.config.Locations}
	if opts.Steps, err = p.steps(); err != nil {
		return usageError{err}
	}
	a.settle(p, o, &opts)
	if len(o.files) > 0 && o.migrations == "" {
		alone, err := a.place(p, o)
		if err != nil {
			return usageError{err}
		}
		if alone {
			return cmp.Or(a.alone(p, o), p.scripts(o))
		}
	}
	if p.dir, err = a.loadDir(p.fsys, o, &opts); err != nil {
		return usageError{err}
	}
	p.options = opts
	p.options.Format = p.dir.Format
	for _, n := range p.dir.Notices {
		if !strings.HasPrefix(n.Kind, "sum-") && n.Kind != "stray-directive" { // findings are made from those
			p.notices = append(p.notices, lint.Notice{Path: n.Pos.Path, Line: n.Pos.Line, Text: n.Text})
		}
	}
	if err := a.choose(ctx, p, o, opts); err != nil {
		return err
	}
	if err := errors.Join(p.loadQueries(), p.loadStats(time.Now())); err != nil {
		return err
	}
	return p.scripts(o)
}

// checkout is the files of the project directory.
func (a *app) checkout() (fs.FS, error) {
	f, err := files.Open(a.dir)
	if err != nil {
		return nil, usageError{err}
	}
	return f, nil
}

func (a *app) loadConfig(o *lintOptions, fsys fs.FS) (*config.Config, error) {
	c, err := config.Load(fsys, filepath.ToSlash(o.config))
	if err != nil {
		return nil, err
	}
	return c, c.Validate(a.known())
}

func (p *project) steps() (map[string]string, error) {
	out := map[string]string{}
	for name := range p.config.Steps {
		sql, _, err := p.config.ReadStep(p.data, name)
		if err != nil {
			return nil, err
		}
		out[name] = sql
	}
	return out, nil
}

func (a *app) loadDir(fsys fs.FS, o *lintOptions, opts *migration.Options) (*migration.Dir, error) {
	dir := path.Clean(filepath.ToSlash(o.migrations))
	if o.migrations == "" {
		found, err := migration.Detect(fsys, cmp.Or(a.below, "."))
		if a.below != "" && len(found) == 0 {
			found, err = migration.Detect(fsys, ".")
		}
		if len(found) > 1 && err != nil {
			return nil, fmt.Errorf("%w, or review all of them: --all-dirs, or dirs: in %s", err, config.File)
		}
		if err != nil {
			return nil, err
		}
		dir = found[0].Path
		if opts.Format == "" {
			opts.Format = found[0].Format
		}
	} else if !fs.ValidPath(dir) {
		return nil, fmt.Errorf("--dir %s: the migrations must lie inside the project directory; go there with -C", o.migrations)
	}
	return migration.Load(fsys, dir, *opts)
}

// choose splits the directory into merged and new migrations.
func (a *app) choose(ctx context.Context, p *project, o *lintOptions, opts migration.Options) error {
	all := p.dir.Migrations
	switch {
	case o.merged:
		p.base = all
	case o.all:
		p.base, p.new = nil, recorded(all, false)
	case o.latest > 0:
		n := max(0, len(all)-o.latest)
		p.base, p.new = all[:n], recorded(all[n:], false)
	case o.stdin():
		if err := a.newest(p, opts); err != nil {
			return usageError{err}
		}
	case len(o.files) > 0:
		return a.chooseFiles(p, o.files)
	default:
		return a.chooseByGit(ctx, p, o, opts)
	}
	return nil
}

func recorded(ms []*migration.Migration, added bool) []*devdb.Recorded {
	var out []*devdb.Recorded
	for _, m := range ms {
		out = append(out, &devdb.Recorded{Migration: m, Added: added})
	}
	return out
}

// chooseFiles takes the named files as new, on a base of those before the last of them.
func (a *app) chooseFiles(p *project, files []string) error {
	named := map[string]bool{}
	for _, f := range files {
		rel := filepath.ToSlash(f)
		if filepath.IsAbs(f) {
			abs, err := filepath.Abs(a.dir)
			if err != nil {
				return fmt.Errorf("finding the project directory: %w", err)
			}
			r, err := filepath.Rel(abs, f)
			if err != nil {
				return usagef("%s is outside the project directory %s", f, abs)
			}
			rel = filepath.ToSlash(r)
		}
		named[path.Clean(rel)] = true
	}
	last := -1
	var seen []string
	for i, m := range p.dir.Migrations {
		if named[m.Path] {
			last = i
			seen = append(seen, m.Path)
		}
	}
	for i, m := range p.dir.Migrations {
		switch {
		case named[m.Path]:
			p.new = append(p.new, &devdb.Recorded{Migration: m, Added: true})
		case i < last:
			p.base = append(p.base, m)
		}
	}
	for f := range named {
		if !slices.Contains(seen, f) && !p.isDown(f) {
			if _, err := fs.Stat(p.fsys, f); err != nil {
				return usagef("%s: no such file below the project directory", f)
			}
			p.notices = append(p.notices, lint.Notice{Path: f, Text: fmt.Sprintf("is no migration of %s (%s): not linted", p.dir.Path, p.dir.Format)})
		}
	}
	return nil
}

func (p *project) isDown(file string) bool {
	return slices.ContainsFunc(p.dir.Migrations, func(m *migration.Migration) bool { return m.Down != nil && m.Down.Path == file })
}

// chooseByGit takes what the change adds since the merge base as new.
func (a *app) chooseByGit(ctx context.Context, p *project, o *lintOptions, opts migration.Options) error {
	dirs := append([]string{p.dir.Path}, opts.Locations...)
	set, err := gitdiff.Changes(ctx, gitdiff.Options{Root: a.dir, Dirs: dirs, Base: o.gitBase, Env: a.getenv})
	if errors.Is(err, gitdiff.ErrNoGit) {
		return usagef("%w\nchoose the new migrations with --latest N, --all, or by naming the files", err)
	}
	if err != nil {
		return usageError{err}
	}
	p.changes = set
	before, err := p.mergedState(ctx, set, opts)
	if err != nil {
		return err
	}
	p.split(before, set)
	return nil
}

// mergedState is the directory as it was at the merge base.
func (p *project) mergedState(ctx context.Context, set *gitdiff.Set, opts migration.Options) ([]*migration.Migration, error) {
	o := overlay{FS: p.fsys, with: fstest.MapFS{}, without: map[string]bool{}}
	edits := false
	for _, c := range set.Changes {
		old := c.Path
		switch c.Kind {
		case gitdiff.Added:
			o.without[c.Path] = true
			continue
		case gitdiff.Renamed:
			o.without[c.Path], old = true, c.OldPath
		}
		text, err := set.ReadBase(ctx, old)
		if err != nil {
			return nil, err
		}
		edits = true
		o.with[old] = &fstest.MapFile{Data: text, Mode: 0o644}
	}
	if !edits { // nothing but new files: what is there without them is what was merged
		return slices.DeleteFunc(slices.Clone(p.dir.Migrations), func(m *migration.Migration) bool { return o.without[m.Path] }), nil
	}
	opts.Format, opts.Known = p.dir.Format, p.dir
	d, err := migration.Load(o, p.dir.Path, opts)
	if err != nil {
		if len(o.without) == len(p.dir.Migrations) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading the migrations as they were merged: %w", err)
	}
	return d.Migrations, nil
}

func key(m *migration.Migration) string { return m.Path + "#" + m.Version + "#" + m.Name }

// split compares the directory as it is with what was merged.
func (p *project) split(before []*migration.Migration, set *gitdiff.Set) {
	merged := map[string]*migration.Migration{}
	for _, m := range before {
		merged[key(m)] = m
	}
	p.base = before
	renamed, first := map[string]string{}, map[string]int{}
	for _, c := range set.Changes {
		first[c.Path] = c.First
		if c.Kind == gitdiff.Renamed {
			renamed[c.Path] = c.OldPath
		}
	}
	lastMerged := -1
	here := map[string]bool{}
	for i, m := range p.dir.Migrations {
		here[key(m)] = true
		if merged[key(m)] != nil && !m.Repeatable {
			lastMerged = i
		}
	}
	gone := map[string]bool{}
	for i, m := range p.dir.Migrations {
		old := merged[key(m)]
		switch {
		case old != nil && old.Hash == m.Hash:
		case old != nil && !m.Repeatable:
			p.edited = append(p.edited, devdb.Edit{Path: m.Path, Kind: "edited", Line: max(first[m.Path], 1), Same: migration.SameStatements(old, m)})
		case old == nil && renamed[m.Path] != "":
			gone[renamed[m.Path]] = true
			p.edited = append(p.edited, devdb.Edit{Path: m.Path, OldPath: renamed[m.Path], Kind: "renamed", Line: 1})
		default:
			r := &devdb.Recorded{Migration: m, Added: true}
			if i < lastMerged && !m.Repeatable {
				r.OutOfOrder = p.dir.Migrations[lastMerged].Path
			}
			p.new = append(p.new, r)
		}
	}
	for _, m := range before {
		if !here[key(m)] && !gone[m.Path] {
			p.edited = append(p.edited, devdb.Edit{Path: m.Path, Kind: "deleted", Line: 1})
		}
	}
}

// scripts reads what is run before the base.
func (p *project) scripts(o *lintOptions) error {
	setup := o.setup
	if len(setup) == 0 {
		if _, err := fs.Stat(p.data, "setup.sql"); !errors.Is(err, fs.ErrNotExist) { // one that may not be read is no missing one
			setup = []string{"setup.sql"}
		}
	}
	opts := migration.Options{Values: p.config.Values}
	for _, name := range setup {
		m, err := p.script(name, opts)
		if err != nil {
			return usagef("reading the setup: %w", err)
		}
		p.setup = append(p.setup, m)
	}
	if o.base != "" {
		m, err := p.script(o.base, opts)
		if err != nil {
			return usagef("reading the base: %w", err)
		}
		p.dump = m
	}
	return nil
}

// script reads a file of SQL of the project.
func (p *project) script(name string, opts migration.Options) (*migration.Migration, error) {
	file := path.Clean(filepath.ToSlash(name))
	if !fs.ValidPath(file) {
		return nil, fmt.Errorf("%s does not lie below the project directory by its name: put the file there, and name it relative to that directory, as in db/schema.sql", name)
	}
	return migration.LoadScript(p.data, file, opts)
}
