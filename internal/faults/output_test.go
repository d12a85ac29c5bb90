//go:build linux

package faults

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// outputKinds write the report to where it cannot go.
func outputKinds() []*kind {
	g := "outputs"
	to := func(name string) func(*trial) {
		return func(x *trial) { x.args = append(x.plain(), "-o", "text="+filepath.Join(x.dir, name)) }
	}
	descriptor := func(redirect string) func(*trial) {
		return func(x *trial) { x.wrap = []string{"/bin/sh", "-c", `exec "$@" ` + redirect, "sh"} }
	}
	return []*kind{
		{group: g, name: "a pipe that nobody reads any more", codes: []int{3, -13}, silent: true, before: func(x *trial) {
			r, w, err := os.Pipe()
			must(x.t, err)
			must(x.t, r.Close())
			x.stdout = w
			x.after = append(x.after, func() { w.Close() })
		}},
		{group: g, name: "a device without room", codes: []int{3}, before: func(x *trial) {
			f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			must(x.t, err)
			x.stdout = f
			x.after = append(x.after, func() { f.Close() })
		}},
		{group: g, name: "standard output closed", unread: true, codes: []int{3}, before: descriptor(">&-")},
		{group: g, name: "standard error closed", before: descriptor("2>&-")},
		{group: g, name: "standard input closed", before: descriptor("<&-")},
		{group: g, name: "all three closed", unread: true, codes: []int{3}, silent: true, before: descriptor("<&- >&- 2>&-")},
		{group: g, name: "a directory", codes: []int{2, 3}, before: to("tmp/..")},
		{group: g, name: "below a file", codes: []int{2, 3}, before: func(x *trial) { write(x.t, filepath.Join(x.dir, "file"), ""); to("file/r.txt")(x) }},
		{group: g, name: "a loop of links", codes: []int{2, 3}, before: func(x *trial) { must(x.t, os.Symlink("loop", filepath.Join(x.dir, "loop"))); to("loop")(x) }},
		{group: g, name: "a name that is too long", codes: []int{2, 3}, before: to(strings.Repeat("n", 300))},
		{group: g, name: "a pipe without a reader", codes: []int{2, 3}, before: func(x *trial) { must(x.t, syscall.Mkfifo(filepath.Join(x.dir, "fifo"), 0o666)); to("fifo")(x) }},
		{group: g, name: "a socket", codes: []int{2, 3}, before: func(x *trial) {
			fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
			must(x.t, err)
			must(x.t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: filepath.Join(x.dir, "sock")}))
			x.after = append(x.after, func() { syscall.Close(fd) })
			to("sock")(x)
		}},
		{group: g, name: "no room", codes: []int{2, 3}, root: true, before: func(x *trial) {
			must(x.t, os.Mkdir(filepath.Join(x.dir, "small"), 0o755))
			small(x, "small", 1)
			fill(filepath.Join(x.dir, "small", "filler"))
			write(x.t, filepath.Join(x.dir, "kept"), "old")
			to("small/r.txt")(x)
		}},
		{group: g, name: "a link to a file, whose mode is kept", before: func(x *trial) {
			must(x.t, os.WriteFile(filepath.Join(x.dir, "real"), []byte("old"), 0o600))
			must(x.t, os.Symlink("real", filepath.Join(x.dir, "link")))
			to("link")(x)
			x.k.check = func(x *trial, _ outcome) {
				i, err := os.Stat(filepath.Join(x.dir, "real"))
				l, err2 := os.Lstat(filepath.Join(x.dir, "link"))
				if err != nil || err2 != nil || i.Mode() != 0o600 || i.Size() < 100 || l.Mode()&os.ModeSymlink == 0 {
					x.bad("the link or its file is not what it was: %v %v", i, l)
				}
			}
		}},
		{group: g, name: "fixes, and SIGKILL", codes: []int{-9}, moment: true, silent: true, stays: true, before: func(x *trial) {
			x.ownProject()
			x.args = append(x.plain(), "--fix")
			was := tree(x.project)
			x.k.check = func(x *trial, _ outcome) {
				for name, text := range tree(x.project) {
					if old, ok := was[name]; ok && !strings.HasSuffix(text, "\n") && old != text {
						x.bad("%s was cut: %q", name, text)
					}
				}
			}
		}, harm: signals(syscall.SIGKILL)},
	}
}

// tree are the files of a project.
func tree(dir string) map[string]string {
	out := map[string]string{}
	names, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	for _, n := range names {
		b, _ := os.ReadFile(n)
		out[filepath.Base(n)] = string(b)
	}
	return out
}

// devKinds run on somebody's server.
func devKinds() []*kind {
	g := "a --dev-url server"
	sql := func(text string) func(*trial) {
		return func(x *trial) {
			if c, err := x.dev.connect("boss"); err == nil {
				defer c.Close(x.t.Context())
				for _, s := range strings.Split(text, ";") {
					_, _ = c.Exec(x.t.Context(), s) // some have nothing to do
				}
			}
		}
	}
	undo := func(harm func(*trial), text string) func(*trial) {
		return func(x *trial) { harm(x); x.after = append(x.after, func() { sql(text)(x) }) }
	}
	out := []*kind{
		{name: "assay gets SIGKILL", codes: []int{-9}, harm: signals(syscall.SIGKILL), silent: true, stays: true},
		{name: "assay gets SIGTERM", codes: []int{3}, harm: signals(syscall.SIGTERM)},
		{name: "assay gets SIGINT", codes: []int{3}, harm: signals(syscall.SIGINT)},
		{name: "assay gets SIGINT and SIGTERM at once", codes: []int{3}, harm: signals(syscall.SIGINT, syscall.SIGTERM)},
		{name: "a session terminated", codes: []int{3}, harm: toDevBackend(syscall.SIGTERM), stays: true},
		{name: "a session killed", codes: []int{3}, harm: toDevBackend(syscall.SIGKILL), stays: true},
		{name: "a session suspended", codes: []int{3}, harm: toDevBackend(syscall.SIGSTOP), stays: true},
		{name: "all sessions terminated", codes: []int{3}, stays: true, harm: sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")},
		{name: "the server killed", codes: []int{3}, harm: toDev(syscall.SIGKILL), stays: true},
		{name: "the server stopped", codes: []int{3}, harm: toDev(syscall.SIGINT), stays: true},
		{name: "the server suspended", codes: []int{3}, harm: toDev(syscall.SIGSTOP), stays: true},
		{name: "the run's databases dropped", codes: []int{3}, stays: true, harm: func(x *trial) {
			if c, err := x.dev.connect("boss"); err == nil {
				defer c.Close(x.t.Context())
				for _, l := range missing(x.dev.state(x.t), x.dev.before) {
					if f := strings.Fields(l); f[0] == "database" {
						_, _ = c.Exec(x.t.Context(), "DROP DATABASE IF EXISTS "+f[1]+" WITH (FORCE)")
					}
				}
			}
		}},
		{name: "no connection is free", codes: []int{3}, stays: true, harm: func(x *trial) {
			for range 25 {
				if c, err := x.dev.connect("boss"); err == nil {
					x.after = append([]func(){func() { _ = c.Close(x.t.Context()) }}, x.after...)
				}
			}
		}},
		{name: "read-only from now on", codes: []int{3}, stays: true, harm: undo(sql("ALTER SYSTEM SET default_transaction_read_only = on;SELECT pg_reload_conf()"), "ALTER SYSTEM RESET ALL;SELECT pg_reload_conf()")},
		{name: "hostile settings of the server", codes: []int{3}, stays: true, harm: undo(sql("ALTER SYSTEM SET statement_timeout = '1ms';ALTER SYSTEM SET lock_timeout = '1ms';ALTER SYSTEM SET search_path = 'nowhere';SELECT pg_reload_conf()"), "ALTER SYSTEM RESET ALL;SELECT pg_reload_conf()")},
	}
	for _, k := range out {
		k.moment = true
	}
	out = append(out,
		&kind{name: "another run at the same time", before: func(x *trial) { beside(x, false) }},
		&kind{name: "another run at the same time is killed", before: func(x *trial) { beside(x, true) }},
		&kind{name: "what a killed run leaves between two statements", before: func(x *trial) {
			owner := x.user
			if x.user != "maker" { // which may not create roles: it runs migrations itself
				owner = "assay_0123456789ab_owner"
				x.dev.exec(x.t, "CREATE ROLE "+owner+" LOGIN CREATEDB")
				x.dev.exec(x.t, "GRANT "+owner+" TO "+x.user)
			}
			x.dev.exec(x.t, "CREATE DATABASE assay_0123456789ab_1 OWNER "+owner)
			x.dev.exec(x.t, "ALTER DATABASE assay_0123456789ab_1 WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
		}},
		&kind{name: "a role that does not exist", codes: []int{3}, before: func(x *trial) { x.args = x.on(x.dev.url("nobody")) }},
		&kind{name: "a role that may nothing", codes: []int{3}, before: func(x *trial) {
			x.dev.exec(x.t, "CREATE ROLE humble LOGIN")
			x.after = append(x.after, func() { x.dev.exec(x.t, "DROP ROLE IF EXISTS humble") })
			x.args = x.on(x.dev.url("humble"))
			x.k.check = func(x *trial, _ outcome) { x.dev.exec(x.t, "DROP ROLE humble") }
		}},
		&kind{name: "no server there", codes: []int{3}, before: func(x *trial) {
			x.args = x.on("postgres:///postgres?host=" + x.dir + "&user=boss")
		}},
	)
	for _, k := range out {
		k.group, k.dev = g, true
	}
	return out
}
