//go:build linux

package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// guard is how long a run may take, which no harm may draw out: a run takes a
// few seconds, and one whose server is stopped less than a minute.
const guard = 5 * time.Minute

// history is a project with merged migrations and a new one.
type history struct {
	name  string
	files map[string]string
}

// reference is what a run without harm gives.
type reference struct {
	code    int
	out     string
	moments int
}

// world is where the trials happen: nothing outside of its directory is theirs.
type world struct {
	root, program string
	refs          map[string]*reference
	dev           *devServer
}

func newWorld(t *testing.T, program string) *world {
	t.Helper()
	base := "/dev/shm"
	if i, err := os.Stat(base); err != nil || !i.IsDir() {
		base = os.TempDir()
	}
	root, err := os.MkdirTemp(base, "assay-faults-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	must(t, os.Chmod(root, 0o755))
	for _, h := range histories {
		for name, text := range h.files {
			write(t, filepath.Join(root, "h", h.name, name), text)
		}
	}
	w := &world{root: root, program: program, refs: map[string]*reference{}}
	w.dev = startDev(t, w)
	return w
}

// trial is one harm to one run.
type trial struct {
	*world
	t   *testing.T
	k   *kind
	h   *history
	rng *rand.Rand

	dir, cache, project string
	args, env, wrap     []string
	user                string // of the --dev-url server; empty for a server of assay's own
	uid                 int
	at                  int
	harm                func(*trial)
	stdout              *os.File
	closed              []int // descriptors that the program does not get
	cmd                 *exec.Cmd
	after               []func() // what puts the world right again
	wrong               []string
}

func (x *trial) bad(format string, args ...any) {
	x.wrong = append(x.wrong, fmt.Sprintf(format, args...))
}

// outcome is how a run ended: the exit code, or the signal below zero.
type outcome struct {
	code     int
	out, err string
	hung     bool
	pid      int
}

// environment is that of a run which nobody harms.
func (x *trial) environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(x.dir, "home"), "TMPDIR=" + filepath.Join(x.dir, "tmp"),
		"ASSAY_CACHE_DIR=" + x.cache, "ASSAY_FAULT_FAST=" + filepath.Join(x.dir, "fast"), "ASSAY_FAULT_COUNT=" + filepath.Join(x.dir, "count"), "ASSAY_FAULT_BEAT=1s"}
}

// lay makes the directories of a trial.
func (x *trial) lay(name string) {
	x.dir = filepath.Join(x.root, name)
	must(x.t, os.MkdirAll(x.dir, 0o755))
	must(x.t, os.Chmod(x.dir, 0o755))
	for _, d := range []string{"home", "tmp", "fast"} {
		must(x.t, os.Mkdir(filepath.Join(x.dir, d), 0o755))
		if x.uid != 0 {
			must(x.t, os.Chown(filepath.Join(x.dir, d), x.uid, x.uid))
		}
	}
	x.project = filepath.Join(x.root, "h", x.h.name)
	x.env = x.environment()
	x.args = x.plain()
}

func (x *trial) plain() []string {
	if x.user == "" {
		return x.on("")
	}
	return x.on(x.dev.url(x.user))
}

// on are the arguments of a plain run on a server of somebody's, of assay's own without an address.
func (x *trial) on(url string) []string {
	args := []string{"lint", "-C", x.project, "--latest", "1", "-o", "json"}
	if url != "" {
		args = append(args, "--dev-url", url)
	}
	return args
}

// ownProject gives the trial a copy of the project.
func (x *trial) ownProject() {
	to := filepath.Join(x.dir, "project")
	must(x.t, os.CopyFS(to, os.DirFS(x.project)))
	x.project = to
	x.args = x.plain()
}

// ownCache gives the trial a copy of the cache that is warm for its history, or an empty one.
func (x *trial) ownCache(warm bool) {
	to := filepath.Join(x.dir, "cache")
	if warm {
		out, err := exec.Command("cp", "-a", x.cache, to).CombinedOutput()
		if err != nil {
			x.t.Fatalf("copying the cache: %v: %s", err, out)
		}
	} else {
		must(x.t, os.Mkdir(to, 0o755))
	}
	if x.uid != 0 {
		must(x.t, filepath.WalkDir(to, func(p string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(p, x.uid, x.uid))
		}))
	}
	x.setCache(to)
}

func (x *trial) setCache(dir string) {
	x.cache = dir
	x.setenv("ASSAY_CACHE_DIR", dir)
}

func (x *trial) setenv(name, value string) {
	x.unsetenv(name)
	x.env = append(x.env, name+"="+value)
}

func (x *trial) unsetenv(name string) {
	x.env = slices.DeleteFunc(x.env, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
}

// sockets counts the sockets: two runs of one trial may each wait for a moment.
var sockets atomic.Int64

// run runs the program, and does the harm when it says that the moment is there.
func (x *trial) run() outcome {
	ctx, cancel := context.WithTimeout(context.Background(), guard)
	defer cancel()
	argv := append(append(slices.Clone(x.wrap), x.program), x.args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	var out, stderr bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = x.env, x.project, &out, &stderr
	if x.stdout != nil {
		cmd.Stdout = x.stdout
	}
	if x.uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(x.uid), Gid: uint32(x.uid), Groups: []uint32{}}}
	}
	cmd.WaitDelay = 10 * time.Second // a process that is left holds the pipe
	x.cmd = cmd
	if x.harm != nil && x.at > 0 {
		socket := filepath.Join(x.dir, fmt.Sprintf("socket%d", sockets.Add(1)))
		l, err := net.Listen("unix", socket)
		must(x.t, err)
		defer l.Close()
		must(x.t, os.Chmod(socket, 0o777))
		cmd.Env = append(slices.Clone(cmd.Env), "ASSAY_FAULT_AT="+strconv.Itoa(x.at), "ASSAY_FAULT_SOCKET="+socket)
		go func() {
			if c, err := l.Accept(); err == nil {
				x.harm(x)
				_, _ = c.Write([]byte("g")) // nobody may be there any more
				_ = c.Close()
			}
		}()
	}
	if err := cmd.Start(); err != nil {
		x.t.Fatalf("starting %q: %v", argv, err)
	}
	hung := false
	stop := context.AfterFunc(ctx, func() { hung = true; _ = cmd.Process.Kill() })
	_ = cmd.Wait() // the state says it
	stop()
	o := outcome{code: cmd.ProcessState.ExitCode(), out: out.String(), err: stderr.String(), hung: hung, pid: cmd.Process.Pid}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		o.code = -int(ws.Signal())
	}
	return o
}

// processes are those whose command line names a directory.
func processes(dir string) []int {
	var out []int
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range all {
		b, err := os.ReadFile(p)
		pid, err2 := strconv.Atoi(filepath.Base(filepath.Dir(p)))
		if err == nil && err2 == nil && bytes.Contains(b, []byte(dir+"/")) && !bytes.Contains(b, []byte(".test\x00")) && pid != os.Getpid() {
			out = append(out, pid)
		}
	}
	return out
}

// servers are the processes of the run's own server, the first one first.
func (x *trial) servers() []int {
	pids := processes(filepath.Join(x.dir))
	pids = slices.DeleteFunc(pids, func(pid int) bool {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return !bytes.Contains(b, []byte("postgres\x00-D"))
	})
	slices.SortFunc(pids, func(a, b int) int {
		return strings.Compare(parentOf(a, pids), parentOf(b, pids))
	})
	return pids
}

// parentOf is empty for a process whose parent is not among the others.
func parentOf(pid int, others []int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "gone"
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if parent, err := strconv.Atoi(f[1]); err == nil && slices.Contains(others, parent) {
		return f[1]
	}
	return ""
}

// signalServer sends a signal to the server's first process, or to one of the others.
func (x *trial) signalServer(s syscall.Signal, backend bool) {
	pids := x.servers()
	if len(pids) == 0 || backend && len(pids) == 1 {
		return
	}
	pid := pids[0]
	if backend {
		pid = pids[1+x.rng.IntN(len(pids)-1)]
	}
	_ = syscall.Kill(pid, s)
}

// left are the names in the directories that a run makes its own in.
func (x *trial) left() []string {
	var out []string
	for _, d := range []string{"fast", "tmp"} {
		entries, _ := os.ReadDir(filepath.Join(x.dir, d))
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), "assay-cache-") {
				continue // kept where there is no other place
			}
			out = append(out, filepath.Join(d, e.Name()))
		}
	}
	return out
}

// gone waits for the processes of a trial to end, which takes a killed server a moment.
func (x *trial) gone() []int {
	for range 1500 {
		if len(processes(x.dir)) == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return processes(x.dir)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(text), 0o644))
}
