//go:build unix

package project

import (
	"io/fs"
	"os"
	"syscall"
)

// nonBlocking opens a pipe without waiting for its other end.
const nonBlocking = syscall.O_NONBLOCK

// noReader reports whether a pipe could not be opened because nobody reads it.
func noReader(err error) bool { return cause(err) == syscall.ENXIO }

// keepOwner gives a file the owner of another, as far as the system lets it.
func keepOwner(f *os.File, of fs.FileInfo) {
	if s, ok := of.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(s.Uid), int(s.Gid)) // only root may, and only root needs it
	}
}
