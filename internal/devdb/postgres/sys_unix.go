//go:build unix

package postgres

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

func isRoot() bool { return os.Getuid() == 0 }

// full reports whether err says that the disk or the quota is used up.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func ownedByUs(i fs.FileInfo) bool {
	st, ok := i.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Getuid() && i.Mode().Perm()&0o022 == 0
}

// account is the user that the server runs as; nil for our own. PostgreSQL refuses root.
type account struct{ uid, gid int }

func serverAccount() *account {
	if !isRoot() {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return &account{uid, gid}
		}
	}
	return &account{65534, 65534}
}

// own gives a file to the account.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// reaches reports whether the account can run a program.
func (a *account) reaches(path string) bool {
	if a == nil {
		return true
	}
	for p := path; ; p = filepath.Dir(p) {
		i, err := os.Stat(p)
		if err != nil || i.Mode().Perm()&0o001 == 0 {
			return false
		}
		if p == filepath.Dir(p) {
			return true
		}
	}
}

// as makes cmd run as the account and die with assay.
func (a *account) as(cmd *exec.Cmd) {
	// A group of its own: Ctrl-C in a terminal is for assay, which then stops the server.
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid), Groups: []uint32{}}
	}
	dieWithParent(attr)
	cmd.SysProcAttr = attr
}

// lockFile takes a lock that ends with the process; it does not wait.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// quit ends a server at once: SIGQUIT is its immediate shutdown, and SIGCONT has
// one that is stopped see it.
func quit(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		return err
	}
	return syscall.Kill(pid, syscall.SIGCONT)
}

// stopFast asks for a clean stop that does not wait for clients.
func stopFast(pid int) error { return syscall.Kill(pid, syscall.SIGINT) }
