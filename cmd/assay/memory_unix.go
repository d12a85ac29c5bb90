//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// leastAddresses is the address space that the program needs, nearly all of which
// it never uses: memory that Go reserves, threads of the SQL parser, and Rego.
const leastAddresses = 2560 << 20

// enoughMemory refuses to start where an address space is too small for Go, which
// ends programs in the middle of what they do with a dump of all that they were doing.
func enoughMemory() error {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_AS, &l) == nil && uint64(l.Cur) < leastAddresses {
		return fmt.Errorf("the address space is limited to %d MB (ulimit -v), and assay reserves more than %d MB, of which it uses a small part: raise the limit, or bound the memory that is used instead (a container or systemd's MemoryMax)", l.Cur>>20, leastAddresses>>20)
	}
	return nil
}
