package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
	files "github.com/assaydb/assay/internal/project"
	"github.com/assaydb/assay/internal/report"
)

// offered is how many fixes a report looks for; --fix and --diff look for all.
const offered = 20

// rounds is how often --fix looks for more fixes in what it has fixed at most.
const rounds = 12

// fixes attaches fixes that hold to the findings.
func (a *app) fixes(ctx context.Context, s *session, o *lintOptions, rec *devdb.Record, res *lint.Result) (err error) {
	if o.all && !o.fix && !o.diff || o.noFixes {
		return nil
	}
	f, done := a.fixing(s, o, rec, res)
	defer func() { err = errors.Join(err, done()) }()
	if o.fix || o.diff {
		f.Most = len(res.Findings)
	}
	vain, err := pipeline.Offers(ctx, rec, res, f)
	if err == nil {
		err = s.project.patches(res)
	}
	if o.verbose {
		for _, f := range res.Findings {
			if why := vain[f]; why != "" {
				a.say("assay: no fix for %s at %s:%d: %s", f.ID, f.Path, f.Line, why)
			}
		}
	}
	return err
}

// fixing is how fixes of a session's project are tried; the function it gives ends that.
func (a *app) fixing(s *session, o *lintOptions, rec *devdb.Record, res *lint.Result) (pipeline.Fixing, func() error) {
	bench := s.server.Bench(s.base)
	// Rows are looked for again only where they have shown something: a fix must not hide it.
	proven := slices.ContainsFunc(res.Findings, func(f *lint.Finding) bool { return f.Confidence == lint.Proven })
	again := stages{rows: proven, uses: rec.Exercise != nil && len(rec.Exercise.Worse) > 0, downs: true}
	if s.same == nil || s.sameOf != rec {
		s.sameOf, s.same = rec, &pipeline.Equivalence{Rehearse: func(ctx context.Context, rows []string, all []*migration.Migration) (*devdb.Rehearsal, error) {
			return s.server.Rehearse(ctx, s.base, rows, all)
		}}
	}
	s.same.Lab = bench
	once := map[string]bool{}
	for _, r := range analyzers.Rules() {
		once[r.ID] = r.Once
	}
	f := pipeline.Fixing{
		Offer: func(r *devdb.Record, found *lint.Finding) *lint.Fix {
			fix, err := listed(s.project, analyzers.Offer(r, found))
			if err != nil && o.verbose {
				a.say("assay: no fix for %s at %s:%d: %s", found.ID, found.Path, found.Line, err)
			}
			return fix
		},
		Most: offered,
		Once: func(id string) bool { return once[id] },
		Same: s.same,
		Replay: func(ctx context.Context, fixes []*lint.Fix) (*devdb.Record, []*lint.Finding, error) {
			next, err := s.fixed(fixes)
			if err != nil {
				return nil, nil, pipeline.Unfit{Err: err}
			}
			rec, res, err := a.review(ctx, next, o, again)
			if err != nil {
				return nil, nil, err
			}
			return rec, res.Findings, nil
		},
	}
	return f, bench.Close
}

// fixed is the session for the project with fixes applied.
func (s *session) fixed(fixes []*lint.Fix) (*session, error) {
	p := *s.project
	files, err := applied(p.fsys, fixes)
	if err != nil {
		return nil, err
	}
	p.fsys = over(p.fsys, files)
	options := p.options
	options.Known = p.dir
	if p.dir, err = migration.Load(p.fsys, p.dir.Path, options); err != nil {
		return nil, err
	}
	p.new = s.project.stillNew(p.dir)
	next := *s
	next.project = &p
	return &next, nil
}

// listed adds to a fix what the tool's own list of migrations must say of its
// files. Where the list cannot be continued there is no fix.
func listed(p *project, fix *lint.Fix) (*lint.Fix, error) {
	if fix == nil || len(fix.Files) == 0 {
		return fix, nil
	}
	var added []migration.NewFile
	for _, f := range fix.Files {
		added = append(added, migration.NewFile{Path: f.Path, Text: f.Text})
	}
	inserts, err := migration.Listed(p.fsys, p.dir, added)
	if err != nil {
		return nil, err
	}
	for _, i := range inserts {
		fix.Edits = append(fix.Edits, lint.Edit{Pos: i.At, End: i.At, Text: i.Text})
	}
	return fix, nil
}

// stillNew are the migrations of a mended directory that are not merged. Those
// that no mend has touched keep what is known of their way back.
func (p *project) stillNew(dir *migration.Dir) []*devdb.Recorded {
	merged := map[string]bool{}
	for _, m := range p.base {
		merged[key(m)] = true
	}
	added := map[string]*devdb.Recorded{}
	for _, m := range p.new {
		added[key(m.Migration)] = m
	}
	var out []*devdb.Recorded
	for _, m := range dir.Migrations {
		if merged[key(m)] {
			continue
		}
		r := &devdb.Recorded{Migration: m, Added: true}
		if old := added[key(m)]; old != nil {
			r.OutOfOrder = old.OutOfOrder
			if same(m, old.Migration) && same(m.Down, old.Migration.Down) {
				r.Down = old.Down
			}
		}
		out = append(out, r)
	}
	return out
}

func same(a, b *migration.Migration) bool {
	return a == b || a != nil && b != nil && a.Path == b.Path && a.Hash == b.Hash && a.TxMode == b.TxMode
}

// applied gives the text of every file that the fixes change or add.
func applied(fsys fs.FS, fixes []*lint.Fix) (map[string][]byte, error) {
	out := map[string][]byte{}
	edits := map[string][]lint.Edit{}
	for _, fix := range fixes {
		for _, e := range fix.Edits {
			edits[e.Pos.Path] = append(edits[e.Pos.Path], e)
		}
		for _, f := range fix.Files {
			if _, err := fs.Stat(fsys, f.Path); err == nil || out[f.Path] != nil {
				return nil, fmt.Errorf("the fix would overwrite %s", f.Path)
			}
			out[f.Path] = []byte(f.Text)
		}
	}
	for name, list := range edits {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("reading the file to fix: %w", err)
		}
		// From the end, so that the places before stay right.
		slices.SortStableFunc(list, func(a, b lint.Edit) int { return b.Pos.Offset - a.Pos.Offset })
		limit := len(text)
		for _, e := range list {
			if e.End.Offset > limit || e.Pos.Offset > e.End.Offset {
				return nil, fmt.Errorf("two fixes change the same place of %s, line %d: apply one and run again", name, e.Pos.Line)
			}
			text = slices.Concat(text[:e.Pos.Offset], []byte(e.Text), text[e.End.Offset:])
			limit = e.Pos.Offset
		}
		out[name] = text
	}
	return out, nil
}

// choose takes as many fixes as go together: a fix that touches a place that an
// earlier one touches waits for the next run.
func chosen(fsys fs.FS, res *lint.Result) []*lint.Finding {
	var out []*lint.Finding
	var fixes []*lint.Fix
	for _, f := range res.Findings {
		if f.Fix == nil {
			continue
		}
		if _, err := applied(fsys, append(slices.Clone(fixes), f.Fix)); err == nil {
			fixes = append(fixes, f.Fix)
			out = append(out, f)
		}
	}
	return out
}

// applyFixes writes the fixes, or with --diff shows what they would write, and
// gives what is found then. A fix can make room for another one: it goes on
// until there is none left.
func (a *app) applyFixes(ctx context.Context, s *session, o *lintOptions, rec *devdb.Record, res *lint.Result) (*lint.Result, error) {
	first := s.project.fsys
	files := map[string][]byte{}
	for range rounds {
		take, err := a.together(ctx, s, o, rec, res)
		if err != nil {
			return nil, err
		}
		if len(take) == 0 {
			break
		}
		changed, err := applied(s.project.fsys, fixesOf(take))
		if err != nil {
			return nil, err
		}
		maps.Copy(files, changed)
		for _, f := range take {
			if !o.diff {
				a.say("assay: fixed %s at %s:%d: %s", f.ID, f.Path, f.Line, f.Fix.Title)
			}
		}
		if s, err = s.fixed(fixesOf(take)); err != nil {
			return nil, err
		}
		if rec, res, err = a.review(ctx, s, o, o.whole()); err != nil {
			return nil, err
		}
		if err := a.fixes(ctx, s, o, rec, res); err != nil {
			return nil, err
		}
	}
	return res, a.writeFixed(o, s.project.stdin, first, files)
}

// together are the fixes that hold when they are applied at once: two that hold
// alone may not, and then the first ones are taken that do.
func (a *app) together(ctx context.Context, s *session, o *lintOptions, rec *devdb.Record, res *lint.Result) (take []*lint.Finding, err error) {
	take = chosen(s.project.fsys, res)
	if len(take) < 2 {
		return take, nil
	}
	f, done := a.fixing(s, o, rec, res)
	defer func() { err = errors.Join(err, done()) }()
	for ; len(take) > 1; take = take[:len(take)-1] {
		why, err := f.Holds(ctx, rec, res.Findings, fixesOf(take), take)
		if err != nil {
			return nil, err
		}
		if why == "" {
			break
		}
	}
	return take, nil
}

// writeFixed writes the fixed files, or shows how they differ.
func (a *app) writeFixed(o *lintOptions, stdin string, was fs.FS, texts map[string][]byte) error {
	for _, n := range slices.Sorted(maps.Keys(texts)) {
		if o.diff {
			if err := a.showDiff(was, n, shown(n, stdin), texts[n]); err != nil {
				return err
			}
			continue
		}
		if err := files.WriteFile(filepath.Join(a.dir, filepath.FromSlash(n)), texts[n]); err != nil {
			return fmt.Errorf("writing the fix: %w", err)
		}
	}
	return nil
}

func fixesOf(list []*lint.Finding) []*lint.Fix {
	var out []*lint.Fix
	for _, f := range list {
		out = append(out, f.Fix)
	}
	return out
}

// showDiff prints what a file would become.
func (a *app) showDiff(fsys fs.FS, name, shown string, text []byte) error {
	patch, err := patchOf(fsys, name, shown, text)
	if err != nil {
		return err
	}
	w := io.Writer(a.stdout)
	if _, ok := a.terminal(w); ok || a.getenv("CI") != "" {
		w = a.text() // read by people; into a file it is for git apply, byte by byte
	}
	_, err = io.WriteString(w, patch)
	return err
}

// patchOf is the unified diff of a file that fixes change or add, under the name shown.
func patchOf(fsys fs.FS, name, shown string, text []byte) (string, error) {
	old, err := fs.ReadFile(fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return "", fmt.Errorf("comparing %s: %w", name, err)
	case old == nil:
		old = []byte{}
	}
	return report.Patch(shown, old, text), nil
}

// shown is the name of a file in reports; stdin is that of standard input among the migrations.
func shown(name, stdin string) string {
	if name == stdin {
		return stdinName
	}
	return name
}

// patches writes down every fix of a result as a unified diff.
func (p *project) patches(res *lint.Result) error {
	for _, f := range res.Findings {
		if f.Fix == nil {
			continue
		}
		changed, err := applied(p.fsys, []*lint.Fix{f.Fix})
		if err != nil {
			return err
		}
		var all strings.Builder
		for _, name := range slices.Sorted(maps.Keys(changed)) {
			patch, err := patchOf(p.fsys, name, shown(name, p.stdin), changed[name])
			if err != nil {
				return err
			}
			all.WriteString(patch)
		}
		f.Fix.Patch = all.String()
	}
	return nil
}
