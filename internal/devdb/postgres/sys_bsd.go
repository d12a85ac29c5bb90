//go:build unix && !linux

package postgres

import "syscall"

// dieWithParent can do nothing here: a server left by a kill -9 of assay is
// ended by the next run.
func dieWithParent(*syscall.SysProcAttr) {}
