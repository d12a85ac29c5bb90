package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/state"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
	"github.com/assaydb/assay/internal/planned"
	files "github.com/assaydb/assay/internal/project"
)

// planRun is a dev server with the two schemas of a plan.
type planRun struct {
	project    *project
	server     *postgres.Server
	session    *session // of the migrations, nil if they are not a side
	have, want *planned.Side
	selection  planned.Selection
	from, to   string // for people
}

// Close throws the server away.
func (r *planRun) Close() error {
	var err error
	for _, s := range []*planned.Side{r.have, r.want} {
		if s != nil {
			err = errors.Join(err, s.DB.Close())
		}
	}
	return errors.Join(err, r.server.Close())
}

// limit is how long the run may take.
func (o *planOptions) limit() time.Duration { return cmp.Or(o.timeout, 30*time.Minute) }

const fromMigrations = "migrations"

func isURL(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
}

// source is a side before its server runs.
type source struct {
	name  string // for people
	state *plan.State
	files []*migration.Migration
	major int // of the server that it comes from, 0 if that is not known
}

func (s *source) migrations() bool { return s.state == nil && s.files == nil }

// openPlan reads both sides, starts the server that fits them, and builds them on it.
func (a *app) openPlan(ctx context.Context, o *planOptions) (r *planRun, err error) {
	p, err := a.planProject(ctx, o)
	if err != nil {
		return nil, err
	}
	r = &planRun{project: p}
	to := cmp.Or(o.to, p.config.Schema.Dir)
	if to == "" {
		return nil, usagef("where is the wanted schema? name its directory or file with --to, or write `schema: {dir: schema}` into assay.yaml")
	}
	from, err := a.source(ctx, p, o.from, "--from")
	if err != nil {
		return nil, err
	}
	want, err := a.source(ctx, p, to, "--to")
	if err != nil {
		return nil, err
	}
	if r.selection, err = p.selection(o); err != nil {
		return nil, err
	}
	o.fitMajor(from, want)
	if r.server, err = a.openServer(ctx, p, &o.lintOptions); err != nil {
		return nil, err
	}
	opened := r
	defer func() {
		if err != nil {
			err = errors.Join(err, opened.Close())
		}
	}()
	// What the migrations make comes first: a kept base is a whole server.
	if want.migrations() {
		r.want, err = a.build(ctx, r, o, want)
	}
	if err == nil {
		r.have, err = a.build(ctx, r, o, from)
	}
	if err == nil && r.want == nil {
		r.want, err = a.build(ctx, r, o, want)
	}
	if err != nil {
		return nil, err
	}
	r.from, r.to = from.name, want.name
	return r, nil
}

// planProject reads the configuration, and the migrations if they are a side.
func (a *app) planProject(ctx context.Context, o *planOptions) (*project, error) {
	o.merged, o.schemas = true, true
	if o.from == fromMigrations || o.to == fromMigrations {
		return a.openProject(ctx, &o.lintOptions)
	}
	checkout, err := a.checkout()
	if err != nil {
		return nil, err
	}
	p := &project{fsys: checkout, data: checkout, rules: checkout}
	if p.config, err = a.loadConfig(&o.lintOptions, p.rules); err != nil {
		return nil, usageError{err}
	}
	o.merge(p.config)
	opts := migration.Options{Format: migration.Format(o.format), Values: p.config.Values, Locations: p.config.Locations}
	if dir, err := a.loadDir(p.fsys, &o.lintOptions, &opts); err == nil {
		p.dir = dir // the tool's own tables are known by it
	}
	return p, p.loadStats(time.Now())
}

// source reads what a flag names.
func (a *app) source(ctx context.Context, p *project, name, flag string) (*source, error) {
	switch {
	case name == fromMigrations:
		return &source{name: "the migrations"}, nil
	case isURL(name):
		s, major, err := state.ReadURL(ctx, name, flag)
		if err != nil {
			return nil, err
		}
		return &source{name: "the database", state: s, major: major}, nil
	}
	list, err := a.schemaFiles(p, name, flag)
	if err != nil {
		return nil, err
	}
	src := &source{name: filepath.ToSlash(name), files: list}
	for _, m := range list {
		if found := dumpedFrom.FindStringSubmatch(m.Source); found != nil {
			src.major, _ = strconv.Atoi(found[1])
		}
	}
	return src, nil
}

// fitMajor asks for the server that the sides come from, if nobody asked for another.
func (o *planOptions) fitMajor(sides ...*source) {
	for _, s := range sides {
		if o.postgres == "" && s.major >= 13 && s.major <= 18 {
			o.postgres = strconv.Itoa(s.major)
		}
	}
}

// selection is what flags and configuration choose, without the tables of the migration tool itself.
func (p *project) selection(o *planOptions) (planned.Selection, error) {
	s, err := planned.NewSelection(append(o.include, p.config.Schema.Include...), append(o.exclude, p.config.Schema.Exclude...), bookkeeping(p.dir))
	if err != nil {
		return s, usageError{err}
	}
	return s, nil
}

// bookkeeping are the tables in which the migration tool keeps what it has run, and its schemas.
func bookkeeping(d *migration.Dir) []string {
	if d == nil || len(d.Migrations) == 0 || d.Migrations[0].Bookkeeping == "" {
		return nil
	}
	m, err := migration.LoadScript(fstest.MapFS{"b.sql": {Data: []byte(d.Migrations[0].Bookkeeping)}}, "b.sql", migration.Options{})
	if err != nil {
		return nil
	}
	var out []string
	for _, st := range m.Statements {
		if st.Syntax.Tag == "CREATE SCHEMA" {
			for _, n := range st.Syntax.Objects {
				out = append(out, strings.ReplaceAll(n, `"`, "")+".")
			}
			continue
		}
		for _, n := range st.Syntax.Objects {
			n = strings.ReplaceAll(n, `"`, "")
			if !strings.Contains(n, ".") {
				n = "public." + n
			}
			out = append(out, n)
		}
	}
	return out
}

// build makes a side on the server.
func (a *app) build(ctx context.Context, r *planRun, o *planOptions, s *source) (*planned.Side, error) {
	switch {
	case s.state != nil:
		return planned.Live(ctx, r.server, s.name, s.state)
	case s.files != nil:
		return planned.Files(ctx, r.server, s.name, s.files)
	}
	r.session = &session{project: r.project, server: r.server, build: &builder{server: r.server, project: r.project, gone: map[*migration.Statement]bool{}}}
	if err := r.session.replayBase(ctx, &o.lintOptions); err != nil {
		return nil, err
	}
	for _, n := range r.session.build.notices() {
		a.say("assay: %s", n.Text)
	}
	side := &planned.Side{Name: s.name, DB: r.session.base}
	return side, side.Refresh(ctx)
}

// schemaFiles reads a schema: a file, or every *.sql file below a directory.
// What a command line names may lie anywhere; what assay.yaml names is in the project.
func (a *app) schemaFiles(p *project, name, flag string) ([]*migration.Migration, error) {
	full := a.inProject(name)
	info, err := os.Stat(full)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("%s %s: there is no such file or directory", flag, name)
	} else if err != nil {
		return nil, usagef("%s %s: %w", flag, name, err)
	}
	root, below := full, "."
	if !info.IsDir() {
		root, below = filepath.Dir(full), filepath.Base(full)
	}
	var fsys fs.FS
	if fsys, err = files.Open(root); err != nil {
		return nil, usagef("%s %s: %w", flag, name, err)
	}
	if within, err := filepath.Rel(a.dir, full); err == nil && filepath.IsLocal(within) {
		fsys, below = p.fsys, filepath.ToSlash(within)
	} else if a.untrusted {
		return nil, usagef("%s %s lies outside of the project", flag, name)
	}
	var names []string
	err = fs.WalkDir(fsys, below, func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != below && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case !e.IsDir() && (name == below || strings.EqualFold(path.Ext(name), ".sql")):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, usagef("%s %s: %w", flag, name, err)
	}
	if len(names) == 0 {
		return nil, usagef("%s %s: no *.sql file is there", flag, name)
	}
	slices.Sort(names)
	var out []*migration.Migration
	for _, n := range names {
		m, err := migration.LoadScript(fsys, n, migration.Options{Values: p.config.Values})
		if err != nil {
			return nil, usageError{err}
		}
		out = append(out, m)
	}
	return out, nil
}

// sayNotices says what of the files was left out.
func (a *app) sayNotices(r *planRun) {
	for _, s := range []*planned.Side{r.have, r.want} {
		for _, n := range s.Notices {
			a.say("assay: %s", n)
		}
	}
}
