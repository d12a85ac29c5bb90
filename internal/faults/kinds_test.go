//go:build linux

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// kind is one way to do harm.
type kind struct {
	group, name string
	codes       []int // of the harmed run, beside that of the reference
	dev         bool  // on somebody's server
	cold        bool  // nothing is in the cache
	moment      bool  // the harm is done at a counted moment
	early       int   // of the moments only the first so many; 0 for all
	root        bool  // takes root
	before      func(*trial)
	harm        func(*trial)
	check       func(*trial, outcome) // what else must hold
	silent      bool                  // nothing needs to be said: the program was killed, or has no standard error
	stays       bool                  // what is left is the next run's to take away
	unread      bool                  // nobody sees the report
	finds       bool                  // the next run may find the damage
}

func signals(which ...syscall.Signal) func(*trial) {
	return func(x *trial) {
		for _, s := range which {
			_ = x.cmd.Process.Signal(s)
		}
		if which[0] == syscall.SIGKILL {
			time.Sleep(10 * time.Millisecond) // until it is dead
		}
	}
}

func toServer(s syscall.Signal, backend bool) func(*trial) {
	return func(x *trial) { x.signalServer(s, backend) }
}

func toDev(s syscall.Signal) func(*trial) {
	return func(x *trial) {
		_ = x.dev.cmd.Process.Signal(s)
		x.after = append(x.after, func() { x.dev.again(x.t) })
	}
}

func toDevBackend(s syscall.Signal) func(*trial) {
	return func(x *trial) {
		if pid := x.dev.backend(x); pid > 0 {
			_ = syscall.Kill(pid, s)
			if s == syscall.SIGSTOP {
				x.after = append(x.after, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
			}
		}
	}
}

func kinds() []*kind {
	var out []*kind
	for _, cold := range []bool{false, true} {
		state := "warm cache"
		if cold {
			state = "empty cache"
		}
		for _, s := range []struct {
			name  string
			which []syscall.Signal
			codes []int
		}{
			{"SIGKILL", []syscall.Signal{syscall.SIGKILL}, []int{-9}},
			{"SIGTERM", []syscall.Signal{syscall.SIGTERM}, []int{3}},
			{"SIGINT", []syscall.Signal{syscall.SIGINT}, []int{3}},
			{"SIGINT and SIGTERM at once", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM}, []int{3}},
			{"SIGHUP", []syscall.Signal{syscall.SIGHUP}, []int{3}},
			{"SIGQUIT", []syscall.Signal{syscall.SIGQUIT}, []int{3}},
		} {
			killed := s.which[0] == syscall.SIGKILL
			out = append(out, &kind{group: "assay gets a signal", name: s.name + ", " + state, codes: s.codes, cold: cold, moment: true, harm: signals(s.which...), silent: killed, stays: killed})
		}
	}
	out = append(out, serverKinds()...)
	out = append(out, damageKinds()...)
	out = append(out, aroundKinds()...)
	out = append(out, limitKinds()...)
	out = append(out, outputKinds()...)
	return append(out, devKinds()...)
}

func serverKinds() []*kind {
	g := "assay's own server"
	out := []*kind{}
	for _, s := range []struct {
		name    string
		signal  syscall.Signal
		backend bool
	}{
		{"killed", syscall.SIGKILL, false}, {"terminated", syscall.SIGTERM, false}, {"stopped fast", syscall.SIGINT, false}, {"stopped at once", syscall.SIGQUIT, false},
		{"aborted", syscall.SIGABRT, false}, {"suspended", syscall.SIGSTOP, false},
		{"a process of it killed", syscall.SIGKILL, true}, {"a process of it terminated", syscall.SIGTERM, true}, {"a process of it crashes", syscall.SIGSEGV, true}, {"a process of it suspended", syscall.SIGSTOP, true},
	} {
		out = append(out, &kind{group: g, name: s.name, codes: []int{3}, moment: true, harm: toServer(s.signal, s.backend)})
	}
	return append(out,
		&kind{group: g, name: "initdb killed", codes: []int{3}, cold: true, moment: true, early: 8, harm: func(x *trial) {
			for _, pid := range processes(x.dir) {
				if pid != x.cmd.Process.Pid {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}},
		&kind{group: g, name: "its directory removed", codes: []int{3}, moment: true, harm: func(x *trial) {
			for _, p := range x.left() {
				_ = os.RemoveAll(filepath.Join(x.dir, p))
			}
		}},
		&kind{group: g, name: "a file of it truncated", codes: []int{3}, moment: true, harm: func(x *trial) {
			if files := relations(filepath.Join(x.dir, "fast")); len(files) > 0 {
				_ = os.Truncate(files[x.rng.IntN(len(files))], 0)
			}
		}},
		&kind{group: g, name: "its files unreadable", codes: []int{3}, moment: true, harm: func(x *trial) {
			for _, f := range relations(filepath.Join(x.dir, "fast")) {
				_ = os.Chmod(f, 0)
			}
		}},
		&kind{group: g, name: "no room in its directory", codes: []int{3}, root: true, before: func(x *trial) {
			small(x, "tmp", 5+x.rng.IntN(90))
			x.setenv("ASSAY_FAULT_FAST", filepath.Join(x.dir, "no"))
		}},
		&kind{group: g, name: "no room any more in its directory", codes: []int{3}, root: true, moment: true, before: func(x *trial) {
			small(x, "tmp", 300)
			x.setenv("ASSAY_FAULT_FAST", filepath.Join(x.dir, "no"))
		}, harm: func(x *trial) { fill(filepath.Join(x.dir, "tmp", "filler")) }, check: func(x *trial, _ outcome) { _ = os.Remove(filepath.Join(x.dir, "tmp", "filler")) }},
	)
}

// fill writes until there is no room.
func fill(name string) {
	f, err := os.Create(name)
	if err != nil {
		return
	}
	defer f.Close()
	for b := make([]byte, 1<<16); err == nil; {
		_, err = f.Write(b)
	}
}

// small puts a file system of some megabytes in the place of a directory.
func small(x *trial, name string, mb int) {
	dir := filepath.Join(x.dir, name)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0755", mb)); err != nil {
		x.t.Fatalf("mounting a small file system: %v", err)
	}
	x.after = append(x.after, func() { _ = syscall.Unmount(dir, 2) })
}

// aroundKinds are about what lies around the program.
func aroundKinds() []*kind {
	g := "around the program"
	env := func(pairs ...string) func(*trial) {
		return func(x *trial) {
			for i := 0; i < len(pairs); i += 2 {
				x.setenv(pairs[i], pairs[i+1])
			}
		}
	}
	return []*kind{
		{group: g, name: "no HOME", before: func(x *trial) { x.unsetenv("HOME") }},
		{group: g, name: "no PATH", before: func(x *trial) { x.unsetenv("PATH") }},
		{group: g, name: "PATH of relative and missing directories", before: env("PATH", ".:migrations:/nonexistent")},
		{group: g, name: "hostile PG variables", before: env("PGHOST", "/nonexistent", "PGPORT", "1", "PGUSER", "nobody", "PGDATABASE", "none", "PGSERVICE", "none", "PGSSLMODE", "verify-full", "PGOPTIONS", "-c search_path=evil", "PGTARGETSESSIONATTRS", "standby", "PGPASSFILE", "/nonexistent", "PGCONNECT_TIMEOUT", "x", "PGDATA", "/nonexistent")},
		{group: g, name: "odd locale and time zone", before: env("LANG", "xx_YY.broken", "LC_ALL", "tr_TR.UTF-8", "TZ", "Nowhere/Else")},
		{group: g, name: "hostile settings of Go", codes: []int{3}, before: env("GOMEMLIMIT", "1", "GOGC", "off", "GOMAXPROCS", "1")},
		{group: g, name: "libraries to preload", before: env("LD_PRELOAD", "/nonexistent.so", "LD_LIBRARY_PATH", ".")},
		{group: g, name: "git variables", before: env("GIT_DIR", "/nonexistent", "GIT_WORK_TREE", "/", "GIT_CONFIG_GLOBAL", "/dev/zero.none", "GIT_EXTERNAL_DIFF", "false")},
		{group: g, name: "TMPDIR does not exist", before: func(x *trial) { x.setenv("TMPDIR", filepath.Join(x.dir, "no", "tmp")) }},
		{group: g, name: "TMPDIR is a file", codes: []int{3}, before: func(x *trial) {
			write(x.t, filepath.Join(x.dir, "file"), "")
			x.setenv("TMPDIR", filepath.Join(x.dir, "file"))
			x.setenv("ASSAY_FAULT_FAST", filepath.Join(x.dir, "file"))
		}},
		{group: g, name: "a long TMPDIR", codes: []int{3}, before: func(x *trial) {
			long := filepath.Join(x.dir, "tmp", strings.Repeat("d", 120))
			must(x.t, os.Mkdir(long, 0o755))
			x.setenv("TMPDIR", long)
			x.setenv("ASSAY_FAULT_FAST", filepath.Join(x.dir, "no"))
		}, check: func(x *trial, _ outcome) { // the directory is ours, what is in it is not
			must(x.t, os.Remove(filepath.Join(x.dir, "tmp", strings.Repeat("d", 120))))
		}},
		{group: g, name: "directories of dead runs", before: func(x *trial) {
			for i := range 3 {
				write(x.t, filepath.Join(x.dir, "fast", fmt.Sprintf("assay-run-%d", i), "lock"), "")
				write(x.t, filepath.Join(x.dir, "fast", fmt.Sprintf("assay-run-%d", i), "data", "PG_VERSION"), "15\n")
			}
		}},
		{group: g, name: "an ordinary user", root: true, before: func(x *trial) { asUser(x); x.ownCache(true) }},
		{group: g, name: "an ordinary user, nothing may be written", codes: []int{3}, root: true, before: func(x *trial) {
			asUser(x)
			for _, d := range []string{"fast", "tmp", "home"} {
				must(x.t, os.Chmod(filepath.Join(x.dir, d), 0o555))
			}
		}},
		{group: g, name: "an ordinary user, a cache that is closed", codes: []int{2, 3}, root: true, before: func(x *trial) {
			asUser(x)
			x.setCache(filepath.Join(x.dir, "closed"))
			must(x.t, os.Mkdir(x.cache, 0o700))
		}},
		{group: g, name: "a checkout that cannot be written", root: true, before: func(x *trial) {
			asUser(x)
			x.ownCache(true)
			x.ownProject()
			must(x.t, os.Chmod(x.project, 0o555))
		}},
		{group: g, name: "the checkout removed", codes: []int{2, 3}, moment: true, before: (*trial).ownProject, harm: func(x *trial) { _ = os.RemoveAll(x.project) }},
		// The input itself changes: a fix whose file cannot be read again is not offered.
		{group: g, name: "a migration removed", codes: []int{2, 3}, moment: true, unread: true, before: (*trial).ownProject, harm: func(x *trial) {
			_ = os.Remove(filepath.Join(x.project, "migrations", "000003_c.up.sql"))
		}},
		{group: g, name: "a migration replaced by a pipe", codes: []int{2, 3}, moment: true, before: (*trial).ownProject, harm: func(x *trial) {
			name := filepath.Join(x.project, "migrations", "000001_a.up.sql")
			_ = os.Remove(name)
			_ = syscall.Mkfifo(name, 0o600)
		}},
		{group: g, name: "another run at the same time", before: func(x *trial) { beside(x, false) }},
		{group: g, name: "another run at the same time, empty cache", before: func(x *trial) { x.ownCache(false); beside(x, false) }},
		{group: g, name: "another run at the same time is killed", before: func(x *trial) { beside(x, true) }, stays: true},
		{group: g, name: "another run at the same time is killed, empty cache", before: func(x *trial) { x.ownCache(false); beside(x, true) }, stays: true},
	}
}

// asUser runs the program as nobody in particular.
func asUser(x *trial) {
	x.uid = 65534
	for _, d := range []string{"fast", "tmp", "home"} {
		must(x.t, os.Chown(filepath.Join(x.dir, d), x.uid, x.uid))
	}
	must(x.t, os.Chown(x.dir, x.uid, x.uid))
}

// beside starts another run with the same directories, which may be killed at a moment.
func beside(x *trial, killed bool) {
	other := *x
	other.wrap, other.stdout, other.harm, other.at = nil, nil, nil, 0
	other.env = append([]string{}, x.env...)
	if killed {
		other.harm, other.at = signals(syscall.SIGKILL), 1+x.rng.IntN(120)
	}
	want := x.reference(x.h, x.user)
	done := make(chan outcome)
	go func() { done <- other.run() }()
	x.k.check = func(x *trial, _ outcome) {
		if o := <-done; o.code != -9 && (o.code != want.code || o.out != want.out) {
			x.bad("the other run ends with %d: %.300s", o.code, o.err)
		}
	}
}

// limitKinds run with less than the program would like to have.
func limitKinds() []*kind {
	limit := func(name string, codes []int, flag string, values ...int) *kind {
		return &kind{group: "limits", name: name, codes: codes, before: func(x *trial) {
			x.wrap = []string{"/bin/sh", "-c", fmt.Sprintf("ulimit %s %d; exec \"$@\"", flag, values[x.rng.IntN(len(values))]), "sh"}
		}}
	}
	return []*kind{
		limit("open files", []int{3}, "-n", 8, 12, 16, 24, 40, 64, 128),
		limit("size of a file", []int{3, -25}, "-f", 0, 8, 64, 512, 4096),
		// Below about 1.2 GB the Go runtime ends, at times, before the first line of the program.
		limit("address space", []int{3}, "-v", 1_500_000, 2_000_000, 3_000_000, 5_000_000),
		limit("no dumps of memory", nil, "-c", 0),
		limit("stack", []int{3}, "-s", 256, 1024, 65536),
		{group: "limits", name: "processes of an ordinary user", codes: []int{3, 2}, root: true, before: func(x *trial) {
			asUser(x)
			x.ownCache(true)
			x.wrap = []string{"/bin/sh", "-c", fmt.Sprintf("ulimit -u %d 2>/dev/null || ulimit -p %[1]d; exec \"$@\"", 12+x.rng.IntN(60)), "sh"}
		}},
		{group: "limits", name: "a umask that closes everything", before: func(x *trial) { x.wrap = []string{"/bin/sh", "-c", `umask 0777; exec "$@"`, "sh"}; x.ownCache(true) }, root: true, codes: []int{3}},
		{group: "limits", name: "a umask that opens everything", before: func(x *trial) { x.wrap = []string{"/bin/sh", "-c", `umask 0; exec "$@"`, "sh"}; x.ownCache(false) }},
	}
}
