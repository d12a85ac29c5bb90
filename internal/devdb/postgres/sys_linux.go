package postgres

import "syscall"

// dieWithParent has the kernel stop the server when the thread that started it
// ends, which is why that thread is kept (start).
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGQUIT }

// room gives the free bytes of a directory's file system.
func room(dir string) int64 {
	var st syscall.Statfs_t
	if syscall.Statfs(dir, &st) != nil {
		return 0
	}
	return int64(st.Bavail) * st.Bsize
}

// fastDir is a file system in memory. Only a program that is built to be harmed
// changes it.
var fastDir = "/dev/shm"
