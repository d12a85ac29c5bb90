package project

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// patience is how long a named pipe may have no reader.
const (
	patience = 10 * time.Second
	pause    = 20 * time.Millisecond
)

// Write writes a file: what write produces, or nothing if that fails. A plain
// file is replaced whole, keeps its mode and its owner, and stays as it was until
// the new one is there. Links are followed. Into a device or a named pipe the
// text is written; nothing ever takes its place. The directory is made.
func Write(name string, write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	return WriteFile(name, text.Bytes())
}

// WriteFile is Write for a text that is there.
func WriteFile(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	at, err := end(name)
	switch {
	case err != nil:
		return err
	case info == nil: // also a link to a file that is not there yet
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		return replace(at, nil, text)
	case info.IsDir():
		return &fs.PathError{Op: "write", Path: name, Err: errors.New("is a directory")}
	case !info.Mode().IsRegular() || throughDescriptor(at):
		return into(name, info, text)
	}
	err = replace(at, info, text)
	if err == nil || errors.Is(err, errText) {
		return err
	}
	// The directory is closed to us, or the file is a mount of its own.
	if err2 := into(at, info, text); err2 != nil {
		return errors.Join(err, err2)
	}
	return nil
}

// WriteWithin is Write for a name that a checkout's author may have prepared:
// links must not lead out of the directory root where the name lies inside it.
func WriteWithin(root, name string, write func(io.Writer) error) error {
	if inside(root, name) {
		at, err := end(name)
		if err == nil {
			var dir, real string
			if dir, err = realDir(filepath.Dir(at)); err == nil {
				if real, err = realDir(root); err == nil && !inside(real, filepath.Join(dir, filepath.Base(at))) {
					err = &fs.PathError{Op: "write", Path: name, Err: errors.New("leads out of the project by a link of the checkout, which is not trusted")}
				}
			}
		}
		if err != nil {
			return err
		}
	}
	return Write(name, write)
}

func inside(root, name string) bool {
	a, err := filepath.Abs(root)
	if err != nil {
		return true
	}
	b, err := filepath.Abs(name)
	if err != nil {
		return true
	}
	rel, err := filepath.Rel(a, b)
	return err == nil && filepath.IsLocal(rel)
}

// realDir is the real path of a directory, of which the last parts need not exist.
func realDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	var rest []string
	for {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			return filepath.Join(append([]string{real}, rest...)...), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", err
		}
		if _, err := os.Lstat(dir); err == nil {
			return "", &fs.PathError{Op: "write", Path: dir, Err: errors.New("is a link to nothing")}
		}
		rest = append([]string{filepath.Base(dir)}, rest...)
		dir = filepath.Dir(dir)
	}
}

// end is the name at the end of the links that name leads over.
func end(name string) (string, error) {
	for range maxLinks {
		to, err := os.Readlink(name)
		if err != nil || throughDescriptor(name) {
			return name, nil // no link, or nothing there
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(name), to)
		}
		name = to
	}
	return "", &fs.PathError{Op: "write", Path: name, Err: errTooMany}
}

// throughDescriptor reports whether the name is one of an open file of this
// process, which the shell that opened it goes on writing to.
func throughDescriptor(name string) bool {
	name = filepath.ToSlash(filepath.Clean(name))
	return name == "/dev/stdout" || name == "/dev/stderr" || strings.HasPrefix(name, "/dev/fd/") ||
		strings.HasPrefix(name, "/proc/") && strings.Contains(name, "/fd/")
}

var errText = errors.New("the text could not be written")

// replace writes a file beside its place and moves it there.
func replace(name string, old fs.FileInfo, text []byte) error {
	aside := filepath.Join(filepath.Dir(name), ".assay-"+rand.Text())
	f, err := os.OpenFile(aside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer os.Remove(aside) // fails once it has been moved
	if _, err := f.Write(text); err != nil {
		f.Close()
		return errors.Join(errText, err)
	}
	if old != nil {
		keepOwner(f, old)
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			f.Close()
			return err
		}
	}
	if err := f.Close(); err != nil {
		return errors.Join(errText, err)
	}
	return os.Rename(aside, name)
}

// into writes into what is there: a device, a pipe, or a file that cannot be replaced.
func into(name string, info fs.FileInfo, text []byte) error {
	flags := os.O_WRONLY
	switch {
	case info.Mode()&fs.ModeNamedPipe != 0:
		flags |= nonBlocking
	case throughDescriptor(name):
		flags |= os.O_APPEND
	case info.Mode().IsRegular():
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(name, flags, 0)
	for waited := time.Duration(0); err != nil && noReader(err) && info.Mode()&fs.ModeNamedPipe != 0; waited += pause {
		if waited >= patience {
			return &fs.PathError{Op: "write", Path: name, Err: fmt.Errorf("nobody has opened the pipe for reading in %s", patience)}
		}
		time.Sleep(pause)
		f, err = os.OpenFile(name, flags, 0)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
