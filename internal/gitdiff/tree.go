package gitdiff

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// TargetFS is the project as it is at Trusted: where everything comes from that
// judges a pull request which is not trusted. Files are read as they were
// committed: no attribute of the checkout changes them. Links are followed
// inside the project.
func (s *Set) TargetFS(ctx context.Context) (fs.FS, error) {
	return s.repo.tree(ctx, s.Trusted)
}

// BaseFS is the project as it is at Base.
func (s *Set) BaseFS(ctx context.Context) (fs.FS, error) {
	return s.repo.tree(ctx, s.Base)
}

// Touched are the files below the project that the change adds, edits, renames
// or deletes, migrations or not, by their names relative to it.
func (s *Set) Touched(ctx context.Context) ([]string, error) {
	out, err := s.repo.run(ctx, "diff", "--relative", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "--no-renames", "--name-only", "-z", s.Base)
	if err != nil {
		return nil, fmt.Errorf("comparing with %s: %w", s.Base, err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}

// tree lists a commit below the repository's directory; files are read when
// they are asked for.
func (r *repo) tree(ctx context.Context, commit string) (fs.FS, error) {
	out, err := r.run(ctx, "ls-tree", "-r", "-z", "-l", commit)
	if err != nil {
		return nil, fmt.Errorf("reading the project as it is at %s: %w", short(commit), err)
	}
	t := &tree{ctx: ctx, repo: r, commit: commit, nodes: map[string]*node{".": {name: ".", mode: fs.ModeDir}}}
	for line := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		head, name, ok := strings.Cut(line, "\t")
		f := strings.Fields(head)
		if !ok || len(f) != 4 || !fs.ValidPath(name) {
			continue // an empty project; a name that no file system has
		}
		n := &node{name: path.Base(name), blob: f[2]}
		switch f[0] {
		case "120000":
			n.mode = fs.ModeSymlink
		case "160000": // a submodule: nothing of it is here
			n.mode = fs.ModeDir
		}
		n.size, _ = strconv.ParseInt(f[3], 10, 64) // "-" for a submodule
		t.add(name, n)
	}
	for _, n := range t.nodes {
		slices.SortFunc(n.below, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	}
	return t, nil
}

// tree is a commit as a file system.
type tree struct {
	ctx    context.Context // of the run: fs.FS has no place for one
	repo   *repo
	commit string
	nodes  map[string]*node

	mu sync.Mutex // guards text of the nodes
}

// node is a file, a link or a directory. It is its own fs.FileInfo and fs.DirEntry.
type node struct {
	name  string
	mode  fs.FileMode
	blob  string
	size  int64
	below []*node
	text  []byte // once it was read
	read  bool
}

// Name and the others are what fs.FileInfo and fs.DirEntry ask for.
func (n *node) Name() string               { return n.name }
func (n *node) Size() int64                { return n.size }
func (n *node) Mode() fs.FileMode          { return n.mode | 0o444 }
func (n *node) Type() fs.FileMode          { return n.mode.Type() }
func (n *node) ModTime() time.Time         { return time.Time{} }
func (n *node) IsDir() bool                { return n.mode.IsDir() }
func (n *node) Sys() any                   { return nil }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }

func (t *tree) add(name string, n *node) {
	t.nodes[name] = n
	for at, below := path.Dir(name), n; ; at, below = path.Dir(at), t.nodes[at] {
		dir, there := t.nodes[at]
		if !there {
			dir = &node{name: path.Base(at), mode: fs.ModeDir}
			t.nodes[at] = dir
		}
		dir.below = append(dir.below, below)
		if there {
			return
		}
	}
}

// Open opens a file or directory.
func (t *tree) Open(name string) (fs.File, error) {
	n, at, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.IsDir() {
		return &openDir{node: n, left: n.below}, nil
	}
	text, err := t.text(n, path.Dir(at))
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{n, bytes.NewReader(text)}, nil
}

// Stat describes what is at the end of the links.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	n, _, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// find follows links.
func (t *tree) find(op, name string) (*node, string, error) {
	refuse := func(err error) (*node, string, error) {
		return nil, "", &fs.PathError{Op: op, Path: name, Err: err}
	}
	if !fs.ValidPath(name) {
		return refuse(fs.ErrInvalid)
	}
	at, left, links := ".", strings.Split(name, "/"), 0
	for len(left) > 0 {
		next := path.Join(at, left[0])
		left = left[1:]
		if next == ".." || strings.HasPrefix(next, "../") {
			return refuse(errors.New("is a link that leaves the project"))
		}
		n := t.nodes[next]
		if n == nil {
			return refuse(fs.ErrNotExist)
		}
		if n.mode.Type() != fs.ModeSymlink {
			at = next
			continue
		}
		if links++; links > 40 {
			return refuse(errors.New("is a link that leads to itself"))
		}
		to, err := t.text(n, path.Dir(next))
		if err != nil {
			return refuse(err)
		}
		if path.IsAbs(string(to)) {
			return refuse(errors.New("is a link that leaves the project"))
		}
		left = append(strings.Split(path.Clean(string(to)), "/"), left...)
	}
	return t.nodes[at], at, nil
}

// together is how many bytes of one directory are read at once.
const together = 8 << 20

// text reads a file, and its small neighbours with it: one start of git for
// a directory of policies.
func (t *tree) text(n *node, dir string) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n.read {
		return n.text, nil
	}
	want, sum := []*node{n}, n.size
	for _, other := range t.nodes[dir].below {
		if other != n && !other.IsDir() && !other.read && sum+other.size < together {
			want, sum = append(want, other), sum+other.size
		}
	}
	var names strings.Builder
	for _, w := range want {
		names.WriteString(w.blob + "\n")
	}
	out, err := t.repo.runWith(t.ctx, strings.NewReader(names.String()), "cat-file", "--batch")
	if err != nil {
		return nil, fmt.Errorf("reading the project as it is at %s: %w", short(t.commit), err)
	}
	for _, w := range want { // "<id> blob <size>\n", the bytes, "\n"
		head, rest, _ := bytes.Cut(out, []byte("\n"))
		f := strings.Fields(string(head))
		if len(f) != 3 || f[0] != w.blob || f[1] != "blob" {
			return nil, fmt.Errorf("reading the project as it is at %s: git has no text for %s: %.80q", short(t.commit), w.name, head)
		}
		size, err := strconv.Atoi(f[2])
		if err != nil || size < 0 || size >= len(rest) {
			return nil, fmt.Errorf("reading the project as it is at %s: git's answer for %s ends early", short(t.commit), w.name)
		}
		w.text, w.read, w.size = rest[:size:size], true, int64(size)
		out = rest[size+1:]
	}
	return n.text, nil
}

type openFile struct {
	*node
	*bytes.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.node, nil }
func (f *openFile) Size() int64                { return f.node.size }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	*node
	left []*node
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.node, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

// ReadDir gives the next n entries, all that are left if n is not positive.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n > 0 && len(d.left) == 0 {
		return nil, io.EOF
	}
	if n <= 0 || n > len(d.left) {
		n = len(d.left)
	}
	out := make([]fs.DirEntry, n)
	for i, e := range d.left[:n] {
		out[i] = e
	}
	d.left = d.left[n:]
	return out, nil
}
