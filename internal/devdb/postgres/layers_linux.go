package postgres

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// largestFile bounds what one file of the server may grow to: PostgreSQL splits
// tables at 1 GB.
const largestFile = 8 << 30

// What the server may do with files: read those that a system keeps for all its
// users, write below the run's directory, start itself.
const (
	landReads  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	landWrites = landReads | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	landRefer    = unix.LANDLOCK_ACCESS_FS_REFER     // from version 2 on
	landTruncate = unix.LANDLOCK_ACCESS_FS_TRUNCATE  // from version 3 on
	landIoctl    = unix.LANDLOCK_ACCESS_FS_IOCTL_DEV // from version 5 on
	landOthers   = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
	landFile     = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | landTruncate | landIoctl
)

// systemFiles are what programs of a system read: libraries, time zones,
// locales. Homes, temporary files, checkouts and other processes are not among them.
var systemFiles = []string{
	"/usr", "/lib", "/lib32", "/lib64", "/etc", "/nix/store", "/gnu/store", "/home/linuxbrew/.linuxbrew",
	"/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/proc/meminfo", "/proc/sys/kernel", "/sys/devices/system",
}

// restrictThread takes from the calling thread, and so from the programs that it
// starts, what a server needs no more than an ordinary program does. The thread
// must end with them. It says what is in force. The libraries for Landlock
// restrict every thread of the process, which here is assay itself.
func (o *own) restrictThread(files bool) ([]string, error) {
	var layers []string
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err == nil {
		layers = append(layers, "no new privileges")
	}
	if !files {
		return layers, nil
	}
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 || len(layers) == 0 {
		return layers, nil // a kernel without
	}
	more, err := o.landlock(int(version))
	if err != nil {
		return layers, fmt.Errorf("restricting the server with Landlock: %w", err)
	}
	return append(layers, more...), nil
}

// landlock restricts the thread with what a version of Landlock knows.
func (o *own) landlock(version int) ([]string, error) {
	attr := unix.LandlockRulesetAttr{Access_fs: landWrites | landOthers}
	layers := []string{"files (Landlock)"}
	if version >= 2 {
		attr.Access_fs |= landRefer
	}
	if version >= 3 {
		attr.Access_fs |= landTruncate
	}
	if version >= 4 {
		attr.Access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		layers = append(layers, "network (Landlock)")
	}
	if version >= 5 {
		attr.Access_fs |= landIoctl
	}
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
		layers = append(layers, "signals (Landlock)")
	}
	set, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return nil, errno
	}
	defer unix.Close(int(set))
	program := o.bin.program("postgres")
	rules := map[string]uint64{o.run.path: landWrites | landRefer | landTruncate, filepath.Dir(o.bin.dir): landReads}
	for _, p := range systemFiles {
		rules[p] |= landReads
	}
	rules["/dev/null"] |= unix.LANDLOCK_ACCESS_FS_WRITE_FILE
	rules[program] |= unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE
	if loader := interpreter(program); loader != "" {
		rules[loader] |= unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE
	}
	for path, access := range rules {
		if err := allow(int(set), path, access&attr.Access_fs); err != nil {
			return nil, err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, set, 0, 0); errno != 0 {
		return nil, errno
	}
	return layers, nil
}

// allow adds a rule for a path and what lies below it; a path that is not there needs none.
func allow(set int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("looking at %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= landFile // what is for directories alone is refused
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(set), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return fmt.Errorf("allowing %s: %w", path, errno)
	}
	return nil
}

// interpreter is the loader that a program names, empty if it names none.
func interpreter(program string) string {
	f, err := elf.Open(program)
	if err != nil {
		return ""
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b, err := io.ReadAll(io.LimitReader(p.Open(), 4096))
			if err != nil {
				return ""
			}
			return strings.TrimRight(string(b), "\x00")
		}
	}
	return ""
}

// limitProcess bounds what the server's processes may use: no dumps of memory,
// which holds what migrations insert, and no file without end.
func limitProcess(pid int) []string {
	ok := true
	for resource, most := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: largestFile} {
		var now unix.Rlimit
		err := unix.Prlimit(pid, resource, nil, &now)
		if err == nil {
			most = min(most, now.Max)
			err = unix.Prlimit(pid, resource, &unix.Rlimit{Cur: most, Max: most}, nil)
		}
		ok = ok && err == nil
	}
	if ok {
		return []string{"limits"}
	}
	return nil
}

// stopped reports a process that has been stopped by a signal, or one of its children.
func stopped(pid int) bool {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // not every kernel has it
	for _, p := range append(strings.Fields(string(children)), fmt.Sprint(pid)) {
		b, err := os.ReadFile("/proc/" + p + "/stat")
		if err != nil {
			continue
		}
		if i := strings.LastIndexByte(string(b), ')'); i >= 0 && strings.HasPrefix(string(b[i+1:]), " T") {
			return true
		}
	}
	return false
}
