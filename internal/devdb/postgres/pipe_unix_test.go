//go:build unix

package postgres

import (
	"syscall"
	"testing"
)

func pipe(t *testing.T, name string) { must(t, syscall.Mkfifo(name, 0o600)) }
