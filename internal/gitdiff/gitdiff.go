// Package gitdiff says which migration files a change adds, edits, renames or
// deletes since the merge base with its target branch, committed or not. It
// asks git itself, with an environment of its own and without a shell.
package gitdiff

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Options say where to look.
type Options struct {
	Root string              // the project's root, in or at the root of a checkout
	Dirs []string            // directories below Root to look in, slash-separated; none: all
	Base string              // branch or commit to compare with, as --git-base gives it; "": found out
	Env  func(string) string // the environment, as os.Getenv; nil: empty
}

// Kind says what happened to a file.
type Kind string

// The kinds of change. A file that was renamed and edited is a Deleted and an
// Added one.
const (
	Added   Kind = "added"
	Edited  Kind = "edited"
	Deleted Kind = "deleted"
	Renamed Kind = "renamed"
)

// Change is one changed file.
type Change struct {
	Path    string // slash-separated, relative to Root
	OldPath string // of a renamed one
	Kind    Kind
	Lines   LineSet // lines that were added or changed, as they are numbered now; every line of an added file
	// First is the first changed line as it is numbered now, where a finding
	// about the edit is shown; lines taken out count as the line before them.
	First int
}

// Span is a range of lines, 1-based, both ends in it.
type Span struct{ From, To int }

// LineSet is a set of lines, as sorted spans. To is 0 in the one span of a
// file that is new as a whole.
type LineSet []Span

// Has says whether the line is in the set.
func (s LineSet) Has(line int) bool {
	return slices.ContainsFunc(s, func(p Span) bool { return p.From <= line && (line <= p.To || p.To == 0) })
}

// Set is a change: everything that differs between Base and the working tree.
type Set struct {
	Base    string   // the commit it is measured from
	Target  string   // the tip of what it is compared with; Base is its merge base with Head
	Trusted string   // the target branch as it is now, as far as the change's author has no say in it
	Head    string   // the commit that is checked out
	Why     string   // how Target was found: "GITHUB_BASE_REF=main"
	Changes []Change // sorted by path

	repo *repo
}

// Changes finds what is new in the checkout. It fails with ErrNoGit where
// there is no history, and with ErrNoBase where the commit to compare with
// cannot be found.
func Changes(ctx context.Context, opt Options) (*Set, error) {
	if opt.Env == nil {
		opt.Env = func(string) string { return "" }
	}
	dirs, err := clean(opt.Dirs)
	if err != nil {
		return nil, err
	}
	root, err := filepath.Abs(cmp.Or(opt.Root, "."))
	if err != nil {
		return nil, fmt.Errorf("finding the project's root: %w", err)
	}
	r := newRepo(root, opt.Env)
	if _, err := r.line(ctx, "rev-parse", "--show-toplevel"); err != nil {
		return nil, err
	}
	s, err := r.base(ctx, opt)
	if err != nil {
		return nil, err
	}
	if err := r.submodules(ctx, dirs); err != nil {
		return nil, err
	}
	if err := s.find(ctx, dirs); err != nil {
		return nil, err
	}
	slices.SortFunc(s.Changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return s, nil
}

func clean(dirs []string) ([]string, error) {
	var out []string
	for _, d := range dirs {
		c := path.Clean(filepath.ToSlash(d))
		if path.IsAbs(c) || c == ".." || strings.HasPrefix(c, "../") {
			return nil, fmt.Errorf("looking for changes in %s: the directory is outside of the project", d)
		}
		out = append(out, c)
	}
	return out, nil
}

// submodules refuses a directory that lies in a submodule: the project's
// history only knows which commit of it is used.
func (r *repo) submodules(ctx context.Context, dirs []string) error {
	top, err := r.line(ctx, "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	for _, d := range dirs {
		sub := filepath.Join(r.dir, filepath.FromSlash(d))
		if info, err := os.Stat(sub); err != nil || !info.IsDir() {
			continue
		}
		if own, err := r.in(sub).line(ctx, "rev-parse", "--show-toplevel"); err == nil && own != top {
			return fmt.Errorf("%w: %s lies in the submodule %s, which has a history of its own: run assay in it, or choose the files with --latest", ErrNoBase, d, own)
		}
	}
	return nil
}

// find fills Changes from what git tracks and from files that it does not
// know yet.
func (s *Set) find(ctx context.Context, dirs []string) error {
	paths := append([]string{"--"}, dirs...)
	diff := []string{"diff", "--relative", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all"}
	out, err := s.repo.run(ctx, slices.Concat(diff, []string{"--raw", "-z", "--no-abbrev", "-M100%", s.Base}, paths)...)
	if err != nil {
		return fmt.Errorf("comparing with %s: %w", s.Base, err)
	}
	entries, err := parseRaw(out)
	if err != nil {
		return err
	}
	out, err = s.repo.run(ctx, slices.Concat(diff, []string{"-p", "-U0", "--no-color", "--no-renames", "--diff-filter=M", s.Base}, paths)...)
	if err != nil {
		return fmt.Errorf("comparing with %s: %w", s.Base, err)
	}
	patches := splitPatches(out)
	deleted := map[string]string{} // blob to path
	for _, e := range entries {
		c := Change{Path: e.path, OldPath: e.old}
		switch e.status {
		case 'A':
			c.Kind, c.First, c.Lines = Added, 1, LineSet{{From: 1}}
		case 'D':
			c.Kind = Deleted
			deleted[e.blob] = e.path
		case 'R':
			c.Kind, c.First = Renamed, 1
		case 'M':
			c.Kind = Edited
			if len(patches) == 0 {
				return fmt.Errorf("comparing with %s: git shows no patch for %s", s.Base, e.path)
			}
			patch := patches[0]
			patches = patches[1:]
			if c.Lines, c.First = hunks(patch); c.First == 0 {
				continue // its mode changed, not its text
			}
		default: // T: a link in place of a file; U: a conflict not yet solved
			c.Kind, c.First, c.Lines = Edited, 1, LineSet{{From: 1}}
		}
		if slices.ContainsFunc(s.Changes, func(o Change) bool { return o.Path == c.Path }) {
			continue // a conflict is listed twice
		}
		s.Changes = append(s.Changes, c)
	}
	return s.untracked(ctx, paths, deleted)
}

// untracked adds the files that git does not know and does not ignore. One
// with the text of a deleted file is that file renamed.
func (s *Set) untracked(ctx context.Context, paths []string, deleted map[string]string) error {
	out, err := s.repo.run(ctx, slices.Concat([]string{"ls-files", "--others", "--exclude-standard", "-z"}, paths)...)
	if err != nil {
		return fmt.Errorf("listing new files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if name == "" || strings.HasSuffix(name, "/") { // a repository of its own
			continue
		}
		c := Change{Path: name, Kind: Added, First: 1, Lines: LineSet{{From: 1}}}
		if len(deleted) > 0 {
			blob, err := s.repo.line(ctx, "hash-object", "--", name)
			if old, ok := deleted[blob]; err == nil && ok {
				c = Change{Path: name, OldPath: old, Kind: Renamed, First: 1}
				delete(deleted, blob)
			} else if i := slices.IndexFunc(s.Changes, func(d Change) bool { return d.Kind == Deleted && d.Path == name }); i >= 0 {
				c.Kind, c.OldPath = Edited, name // taken out of git, but still there with another text
			}
			s.Changes = slices.DeleteFunc(s.Changes, func(d Change) bool { return d.Kind == Deleted && d.Path == c.OldPath })
			if c.OldPath == name {
				c.OldPath = ""
				if c.Kind == Renamed {
					continue // taken out of git, but still there as it was
				}
			}
		}
		s.Changes = append(s.Changes, c)
	}
	return nil
}

// entry is one line of git diff --raw.
type entry struct {
	status    byte
	blob      string // before
	path, old string
}

// parseRaw reads git diff --raw -z: ":100644 100644 blob blob M\0path\0".
func parseRaw(out []byte) ([]entry, error) {
	fields := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	var entries []entry
	for i := 0; i < len(fields) && fields[i] != ""; {
		head := strings.Fields(fields[i])
		if len(head) != 5 || i+1 >= len(fields) {
			return nil, fmt.Errorf("reading git's list of changes: unexpected %q", fields[i])
		}
		e := entry{status: head[4][0], blob: head[2], path: fields[i+1]}
		i += 2
		if e.status == 'R' || e.status == 'C' {
			if i >= len(fields) {
				return nil, errors.New("reading git's list of changes: it ends early")
			}
			e.old, e.path = e.path, fields[i]
			i++
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// splitPatches cuts git diff -p into files. Lines of a file begin with a
// blank, + or -, so that "diff --git" at the line's start is git's own.
func splitPatches(out []byte) []string {
	var patches []string
	for part := range strings.SplitSeq("\n"+string(out), "\ndiff --git ") {
		if part != "" && part != "\n" {
			patches = append(patches, part)
		}
	}
	return patches
}

// hunks reads the changed lines from the "@@ -3,0 +4,2 @@" of a patch without
// context, and the first of them (0: none; 1 for a file that is not text).
func hunks(patch string) (LineSet, int) {
	var set LineSet
	first := 0
	for line := range strings.SplitSeq(patch, "\n") {
		if strings.HasPrefix(line, "Binary files ") || line == "GIT binary patch" {
			return LineSet{{From: 1}}, 1
		}
		if !strings.HasPrefix(line, "@@ ") {
			continue
		}
		_, plus, _ := strings.Cut(line, " +")
		plus, _, _ = strings.Cut(plus, " ")
		at, count, many := strings.Cut(plus, ",")
		from, _ := strconv.Atoi(at)
		n := 1
		if many {
			n, _ = strconv.Atoi(count)
		}
		if first == 0 {
			first = max(from, 1)
		}
		if n > 0 {
			set = append(set, Span{from, from + n - 1})
		}
	}
	return set, first
}

// ReadBase is the text that a file had at Base. For a renamed file give its
// old path.
func (s *Set) ReadBase(ctx context.Context, name string) ([]byte, error) {
	// --filters gives the text as a checkout would write it: line ends, LFS.
	out, err := s.repo.run(ctx, "cat-file", "--filters", s.Base+":./"+name)
	if err != nil {
		return nil, fmt.Errorf("reading %s as it was at %s: %w", name, short(s.Base), err)
	}
	return out, nil
}

func short(commit string) string { return commit[:min(12, len(commit))] }
