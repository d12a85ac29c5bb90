package main

import "syscall"

// hideProcess keeps other processes of the same user from reading this one's
// first environment, which still has the tokens, in /proc: a server that runs
// a stranger's SQL is one of them.
func hideProcess() {
	const setDumpable = 4                                              // PR_SET_DUMPABLE
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setDumpable, 0, 0) // where it fails, nothing is lost
}
