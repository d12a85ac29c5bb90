package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing/fstest"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
	files "github.com/assaydb/assay/internal/project"
)

// offered is how many fixes a report looks for; --fix and --diff look for all.
const offered = 20

// fixes attaches fixes that hold to the findings.
func (a *app) fixes(ctx context.Context, s *session, o *lintOptions, rec *devdb.Record, res *lint.Result) error {
	if o.all && !o.fix && !o.diff || o.noFixes {
		return nil
	}
	f := a.fixing(s, o)
	if o.fix || o.diff {
		f.Most = len(res.Findings)
	}
	vain, err := pipeline.Offers(ctx, rec, res, f)
	if o.verbose {
		for _, f := range res.Findings {
			if why := vain[f]; why != "" {
				a.say("assay: no fix for %s at %s:%d: %s", f.ID, f.Path, f.Line, why)
			}
		}
	}
	return err
}

func (a *app) fixing(s *session, o *lintOptions) pipeline.Fixing {
	return pipeline.Fixing{
		Offer: func(r *devdb.Record, found *lint.Finding) *lint.Fix {
			fix, err := listed(s.project, analyzers.Offer(r, found))
			if err != nil && o.verbose {
				a.say("assay: no fix for %s at %s:%d: %s", found.ID, found.Path, found.Line, err)
			}
			return fix
		},
		Most: offered,
		Replay: func(ctx context.Context, fixes []*lint.Fix) (*devdb.Record, []*lint.Finding, error) {
			fsys, err := mended(s.project.fsys, fixes)
			if err != nil {
				return nil, nil, pipeline.Unfit{Err: err}
			}
			options := s.project.options
			options.Known = s.project.dir
			dir, err := migration.Load(fsys, s.project.dir.Path, options)
			if err != nil {
				return nil, nil, pipeline.Unfit{Err: err}
			}
			p := *s.project
			p.dir = dir
			p.new = p.stillNew(dir)
			rec, err := s.record(ctx, dir, p.new, true)
			if err != nil {
				return nil, nil, err
			}
			rec.Edited = p.edited
			if err := s.downs(ctx, rec); err != nil {
				return nil, nil, err
			}
			res, err := a.judge(ctx, &p, o, rec)
			if err != nil {
				return nil, nil, err
			}
			return rec, res.Findings, nil
		},
	}
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

// mended is the project with fixes applied.
func mended(fsys fs.FS, fixes []*lint.Fix) (fs.FS, error) {
	files, err := applied(fsys, fixes)
	if err != nil {
		return nil, err
	}
	o := overlay{FS: fsys, with: fstest.MapFS{}}
	for name, text := range files {
		o.with[name] = &fstest.MapFile{Data: text, Mode: 0o644}
	}
	return o, nil
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

// applyFixes writes the fixes, or with --diff shows what they would write.
// All together are replayed once more first: two that hold alone may not hold
// together, and then the first ones are taken that do.
func (a *app) applyFixes(ctx context.Context, s *session, o *lintOptions, rec *devdb.Record, res *lint.Result) error {
	take := chosen(s.project.fsys, res)
	for ; len(take) > 1; take = take[:len(take)-1] {
		after, found, err := a.fixing(s, o).Replay(ctx, fixesOf(take))
		if unfit := (pipeline.Unfit{}); err != nil && !errors.As(err, &unfit) {
			return err
		}
		if err == nil && pipeline.Compare(rec, after, res.Findings, found, take) == "" {
			break
		}
	}
	texts, err := applied(s.project.fsys, fixesOf(take))
	if err != nil {
		return err
	}
	names := make([]string, 0, len(texts))
	for n := range texts {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if o.diff {
			if err := a.showDiff(ctx, s.project.fsys, n, texts[n]); err != nil {
				return err
			}
			continue
		}
		if err := files.WriteFile(filepath.Join(a.dir, filepath.FromSlash(n)), texts[n]); err != nil {
			return fmt.Errorf("writing the fix: %w", err)
		}
	}
	if o.diff {
		return nil
	}
	for _, f := range take {
		a.say("assay: fixed %s at %s:%d: %s", f.ID, f.Path, f.Line, f.Fix.Title)
	}
	left := countFixes(res) - len(take)
	res.Findings = slices.DeleteFunc(res.Findings, func(f *lint.Finding) bool { return slices.Contains(take, f) })
	lint.Summarize(res)
	if left > 0 {
		what := "1 more fix touches the same place"
		if left > 1 {
			what = fmt.Sprintf("%d more fixes touch the same places", left)
		}
		a.say("assay: %s: run --fix again", what)
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

func countFixes(res *lint.Result) int {
	n := 0
	for _, f := range res.Findings {
		if f.Fix != nil {
			n++
		}
	}
	return n
}

// showDiff prints what a file would become, as git does.
func (a *app) showDiff(ctx context.Context, fsys fs.FS, name string, text []byte) error {
	dir, err := os.MkdirTemp("", "assay-diff-")
	if err != nil {
		return fmt.Errorf("making a place to compare files in: %w", err)
	}
	defer os.RemoveAll(dir)
	old, err := fs.ReadFile(fsys, name)
	isNew := err != nil
	for side, data := range map[string][]byte{"a": old, "b": text} {
		file := filepath.Join(dir, side, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if side == "a" && isNew {
			continue
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return err
		}
	}
	from := filepath.Join("a", filepath.FromSlash(name))
	if isNew {
		from = os.DevNull
	}
	cmd := exec.CommandContext(ctx, "git", "diff", "--no-index", "--no-color", "--no-ext-diff", "--no-prefix", from, filepath.Join("b", filepath.FromSlash(name)))
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + a.getenv("PATH"), "HOME=" + dir}
	out, err := cmd.Output()
	if len(out) == 0 && err != nil {
		return fmt.Errorf("comparing %s: %w", name, err)
	}
	// The first two lines name blobs and modes, which say nothing here.
	if i := bytes.Index(out, []byte("--- ")); i >= 0 {
		out = out[i:]
	}
	w := io.Writer(a.stdout)
	if _, ok := a.terminal(w); ok || a.getenv("CI") != "" {
		w = a.text() // read by people; into a file it is for git apply, byte by byte
	}
	_, err = w.Write(out)
	return err
}
