// Package project is the one way to the files of a project: it reads what lies
// in the checkout and nothing else, and it writes every file of assay's own.
//
// A checkout is its author's: a link in it may lead to the runner's secrets, and
// a name in it may be that of a pipe that nobody writes to. So what is read is a
// plain file inside the project, of a bounded size, or it is refused with the reason.
package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
)

// MaxFile is the largest file that is read of a project, in bytes: twice the
// largest migrations that people have.
const MaxFile = 100 << 20

// maxLinks is how many links one name may lead over.
const maxLinks = 40

// FS is the files of a project. Links are followed as long as they stay inside
// the project and out of git's own directory.
type FS struct {
	root *os.Root

	mu   sync.Mutex
	dirs map[string]bool // known to be directories and no links
}

// Open opens the project in dir. The files stay readable until the program ends.
func Open(dir string) (*FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the project directory: %w", err)
	}
	return &FS{root: root, dirs: map[string]bool{".": true}}, nil
}

// Refusals. Each is the Err of an fs.PathError.
var (
	errLeaves  = errors.New("is a link that leaves the project, outside of which assay reads nothing: put the file itself into the project")
	errGit     = errors.New("lies in git's own directory, where assay reads nothing")
	errTooMany = errors.New("is a link that leads to itself")
)

// Open opens a file or a directory of the project, as fs.FS demands.
func (f *FS) Open(name string) (fs.File, error) {
	real, info, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return f.root.Open(real)
	}
	if err := f.plain("open", name, info); err != nil {
		return nil, err
	}
	// Not blocking: a pipe may have taken the file's place since.
	file, err := f.root.OpenFile(real, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
	}
	info, err = file.Stat()
	if err == nil {
		err = f.plain("open", name, info)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return &bounded{File: file, name: name, left: MaxFile}, nil
}

// Stat describes what a name stands for, links followed.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	_, info, err := f.find("stat", name)
	return info, err
}

// ReadDir lists a directory by name. Links and special files are in the list;
// reading them is refused where it must be.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	real, info, err := f.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("is not a directory")}
	}
	return fs.ReadDir(f.root.FS(), real)
}

// plain refuses what is no plain file, or a file that is too large.
func (f *FS) plain(op, name string, info fs.FileInfo) error {
	err := refusal(info)
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

func refusal(info fs.FileInfo) error {
	switch {
	case !info.Mode().IsRegular():
		return fmt.Errorf("is %s and no plain file", Kind(info.Mode()))
	case info.Size() > MaxFile:
		return fmt.Errorf("has %d MB: assay reads files of up to %d MB", info.Size()>>20, MaxFile>>20)
	}
	return nil
}

// Kind names what a file is.
func Kind(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return "a plain file"
	case m.IsDir():
		return "a directory"
	case m&fs.ModeSymlink != 0:
		return "a link"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// find follows links by itself, so that each step is seen: the name that a
// path really has, and what is there.
func (f *FS) find(op, name string) (string, fs.FileInfo, error) {
	refuse := func(err error) (string, fs.FileInfo, error) {
		return "", nil, &fs.PathError{Op: op, Path: name, Err: cause(err)}
	}
	if !fs.ValidPath(name) {
		return refuse(fs.ErrInvalid)
	}
	left := strings.Split(name, "/")
	at, links := ".", 0
	for len(left) > 0 {
		part := left[0]
		left = left[1:]
		next := path.Join(at, part)
		switch {
		case next == ".." || strings.HasPrefix(next, "../"):
			return refuse(errLeaves)
		case strings.EqualFold(part, ".git"):
			return refuse(errGit)
		case len(left) > 0 && f.isDir(next):
			at = next
			continue
		}
		info, err := f.root.Lstat(next)
		if err != nil {
			return refuse(err)
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if len(left) == 0 {
				return next, info, nil
			}
			if info.IsDir() {
				f.mu.Lock()
				f.dirs[next] = true
				f.mu.Unlock()
			}
			at = next
			continue
		}
		if links++; links > maxLinks {
			return refuse(errTooMany)
		}
		to, err := f.root.Readlink(next)
		if err != nil {
			return refuse(err)
		}
		if filepath.IsAbs(to) || strings.HasPrefix(to, "/") {
			return refuse(errLeaves)
		}
		left = append(strings.Split(filepath.ToSlash(filepath.Clean(to)), "/"), left...)
	}
	info, err := f.root.Lstat(at)
	if err != nil {
		return refuse(err)
	}
	return at, info, nil
}

// isDir reports whether the path is known to be a directory and no link.
func (f *FS) isDir(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dirs[name]
}

// cause is an error of package os without the path, which the caller knows better.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// bounded is a file that ends with an error where it has grown beyond MaxFile
// while it was read.
type bounded struct {
	*os.File
	name string
	left int64
}

// Read reads on, up to the bound.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.File.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, &fs.PathError{Op: "read", Path: b.name, Err: fmt.Errorf("has more than the %d MB that assay reads of a file", MaxFile>>20)}
	}
	return n, err
}

// ReadDir is there because os.File has it; a bounded file is no directory.
func (b *bounded) ReadDir(int) ([]fs.DirEntry, error) {
	return nil, &fs.PathError{Op: "readdir", Path: b.name, Err: errors.New("is not a directory")}
}

// WriteTo hides the one of os.File, which knows no bound.
func (b *bounded) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{b})
}

// ReadNamed reads a file that whoever started assay named, such as an argument
// on the command line. It may lie anywhere and may be a link, but it is a plain
// file of a bounded size.
func ReadNamed(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil {
		err = refusal(info)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
	}
	file, err := os.OpenFile(name, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err = file.Stat(); err == nil {
		err = refusal(info)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
	}
	return io.ReadAll(&bounded{File: file, name: name, left: MaxFile})
}
