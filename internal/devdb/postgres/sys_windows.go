package postgres

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

func isRoot() bool { return false }

// full reports whether err says that the disk is used up (ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL).
func full(err error) bool {
	return errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}

// ownedByUs cannot tell here; the temporary directory is the user's own.
func ownedByUs(fs.FileInfo) bool { return true }

// account is always our own user here.
type account struct{}

func serverAccount() *account          { return nil }
func (a *account) own(string) error    { return nil }
func (a *account) reaches(string) bool { return true }
func (a *account) as(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// lockFile opens a file that nobody else can open until the process ends.
func lockFile(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(h), path), nil
}

func quit(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

// stopFast has no signal to send here: the caller's wait runs out and quit follows.
func stopFast(int) error { return errors.New("no clean stop on Windows") }
