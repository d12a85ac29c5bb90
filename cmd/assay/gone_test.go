package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServerGone kills the postmaster in the middle of recording, of the
// proofs and of a measurement: the run fails with code 3 and says so, and
// nothing is left behind.
func TestServerGone(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("the server's processes are found in /proc")
	}
	const slow = "SET lock_timeout = '2s';\nALTER TABLE t ADD CONSTRAINT c CHECK (id > 0 AND pg_sleep(20) IS NOT NULL);\n" // with rows only
	for _, c := range []struct{ name, sql, command string }{
		{"recording", "SELECT pg_sleep(60);\n", "lint"},
		{"proofs", slow, "lint"},
		{"measure", slow, "measure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range map[string]string{
				"assay.yaml":         "dir: migrations\n",
				"migrations/1_t.sql": "CREATE TABLE t (id bigint PRIMARY KEY);\n",
				"migrations/2_c.sql": c.sql,
				"assay.stats.json": `{"format": 1, "taken": "2099-01-01", "source": "server", "server": {"version": "15"}, "tables": [
					{"schema": "public", "name": "t", "rows": 5000000, "bytes": 400000000, "total_bytes": 500000000}]}`,
			} {
				file := filepath.Join(dir, name)
				if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			var out, errs bytes.Buffer
			cmd := exec.Command(self)
			cmd.Args = []string{"assay-program", "-C", dir, c.command, "--latest", "1"}
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			done := make(chan error, 1)
			go func() { done <- cmd.Wait() }()
			master, data := busyServer(t, cmd.Process.Pid, done)
			if err := syscall.Kill(master, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			select {
			case err = <-done:
			case <-time.After(10 * time.Minute): // a guard: it takes seconds
				_ = cmd.Process.Kill()
				t.Fatal("assay still runs ten minutes after its server has gone")
			}
			if code := cmd.ProcessState.ExitCode(); code != 3 {
				t.Errorf("exit code %d (%v), want 3\n%s\n%s", code, err, out.String(), errs.String())
			}
			if !strings.Contains(errs.String(), "the PostgreSQL server that assay started has ended in the middle of the run (signal: killed)") {
				t.Errorf("the message does not say that the server has gone:\n%s", errs.String())
			}
			t.Logf("%s", errs.String())
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Errorf("%s is left (%v)", data, err)
			}
		})
	}
}

// busyServer waits for the server of a process to have worked for a while, and
// gives the postmaster and its data directory.
func busyServer(t *testing.T, parent int, done <-chan error) (master int, data string) {
	t.Helper()
	seen := 0
	for range 6000 { // ten minutes: a guard
		select {
		case err := <-done:
			t.Fatalf("assay ended before its server was busy: %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		for _, m := range children(parent) {
			args, _ := os.ReadFile("/proc/" + strconv.Itoa(m) + "/cmdline") // gone by now: empty
			list := strings.Split(string(args), "\x00")
			for i, a := range list[:len(list)-1] {
				if a == "-D" && filepath.Base(list[0]) == "postgres" {
					seen++
					master, data = m, list[i+1]
				}
			}
		}
		if seen > 30 {
			return master, data
		}
	}
	t.Fatal("assay has no server")
	return 0, ""
}

func children(parent int) []int {
	var out []int
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range all {
		text, _ := os.ReadFile(f) // "pid (name) state parent …"
		_, rest, _ := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			if n, err := strconv.Atoi(filepath.Base(filepath.Dir(f))); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}
