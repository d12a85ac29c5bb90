package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	adminRole = "assay_admin"
	// ownerRole runs the migrations. The name is the one that real histories
	// write in OWNER TO and GRANT; here it is no superuser.
	ownerRole = "postgres"
)

// own is a server that assay starts, stops and throws away.
type own struct {
	bin   binaries
	acct  *account
	cache string
	run   *runDir
	data  string
	host  string // socket directory, or loopback address
	port  int
	pass  string // of the admin on loopback
	wal   string
	told  func(string) // takes one line for a person; nil for none

	trusted bool     // migrations may do what a superuser may: no restrictions of files
	layers  []string // what the operating system keeps the server from

	pid  int
	done chan error // gets the end of the process
}

// openOwn prepares a server; it starts when the first database is made.
func openOwn(ctx context.Context, c Config) (*Server, error) {
	cache, err := c.cache()
	if err != nil {
		return nil, fmt.Errorf("making the cache directory: %w; free some space or set ASSAY_CACHE_DIR", err)
	}
	b, err := findBinaries(ctx, &c, cache)
	if err != nil {
		return nil, err
	}
	o := &own{bin: b, acct: serverAccount(), cache: cache, wal: c.WALLevel, port: 5432, trusted: c.Superuser, told: c.Progress}
	if o.wal == "" {
		o.wal = "logical"
	}
	if o.run, err = newRunDir(o.acct); err != nil {
		return nil, fmt.Errorf("making a directory for the server: %w", err)
	}
	o.data, o.host = filepath.Join(o.run.path, "data"), o.run.path
	s := &Server{config: c, own: o, super: true, owner: ownerRole}
	if c.Superuser {
		s.owner = adminRole
	}
	if err := o.prepare(ctx); err != nil {
		return nil, errors.Join(err, o.run.remove())
	}
	s.version = version(b.num, b.text, b.source)
	return s, nil
}

// prepare makes binaries and a data directory ready where the account gets at them.
func (o *own) prepare(ctx context.Context) error {
	if runtime.GOOS == "windows" {
		o.host = "127.0.0.1"
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		o.port = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	if !o.acct.reaches(o.bin.program("postgres")) {
		root := filepath.Join(o.run.path, "pg")
		if err := copyTree(filepath.Dir(o.bin.dir), root, nil, nil); err != nil {
			return fmt.Errorf("copying PostgreSQL's programs to where another user may run them: %w", err)
		}
		if err := os.Chmod(root, 0o755); err != nil {
			return err
		}
		o.bin.dir = filepath.Join(root, filepath.Base(o.bin.dir))
	}
	return nil
}

// arguments are settings for speed: nothing outlives the run.
func (o *own) arguments() []string {
	set := []string{
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off", "max_wal_senders=0",
		"shared_buffers=64MB", "wal_level=" + o.wal, "max_wal_size=1GB", "checkpoint_timeout=1h",
		"min_wal_size=2MB", "wal_recycle=off", "wal_init_zero=off", // a kept base needs none of the log
		"max_locks_per_transaction=256", "max_connections=30", "autovacuum_max_workers=1", "track_counts=on", "jit=off",
		// Workers scan by themselves and would blur what is counted.
		"max_parallel_workers_per_gather=0", "max_parallel_maintenance_workers=0",
		// The log is for a start that fails; statements may hold secrets.
		"log_min_messages=fatal", "log_min_error_statement=panic", "logging_collector=off", "log_destination=stderr",
		"ssl=off", "update_process_title=off", "port=" + strconv.Itoa(o.port), "log_timezone=UTC", "max_prepared_transactions=10",
		// A server that has crashed is not to be met again as if nothing had been.
		"restart_after_crash=off",
	}
	if o.bin.num >= 180000 {
		set = append(set, "autovacuum_worker_slots=1")
	}
	if runtime.GOOS == "windows" {
		set = append(set, "listen_addresses=127.0.0.1")
	} else {
		// mmap: shared memory of a server that is ended at once goes with its directory.
		set = append(set, "dynamic_shared_memory_type=mmap", "listen_addresses=", "unix_socket_directories="+o.host, "unix_socket_permissions=0700")
	}
	args := []string{"-D", o.data}
	for _, v := range set {
		args = append(args, "-c", v)
	}
	return args
}

// start runs the server and waits until it takes connections. One that does not
// start with its files restricted is started without: programs of some systems
// are scripts that start others.
func (o *own) start(ctx context.Context) error {
	if o.done != nil {
		return nil
	}
	err := o.launch(ctx, !o.trusted)
	if err == nil || o.trusted || ctx.Err() != nil || !slices.ContainsFunc(o.layers, func(l string) bool { return strings.Contains(l, "Landlock") }) {
		return err
	}
	if again := o.launch(ctx, false); again != nil {
		return again
	}
	o.layers = append(o.layers, "no Landlock: the server does not start with it")
	return nil
}

// launch starts the server once, with its files restricted or not.
func (o *own) launch(ctx context.Context, files bool) error {
	log, err := os.Create(filepath.Join(o.run.path, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(o.bin.program("postgres"), o.arguments()...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = o.run.path, serverEnv(), log, log
	o.acct.as(cmd)
	started, done := make(chan error, 1), make(chan error, 1)
	var layers []string
	go func() {
		// The death signal is tied to the thread that starts the process, and so are
		// its restrictions: keep it to the end.
		runtime.LockOSThread()
		var err error
		if layers, err = o.restrictThread(files); err == nil {
			err = cmd.Start()
		}
		started <- err
		if err == nil {
			done <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		o.layers = layers
		return fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	o.layers = append(layers, limitProcess(cmd.Process.Pid)...)
	o.pid, o.done = cmd.Process.Pid, done
	moment()
	late := time.NewTimer(startMost)
	defer late.Stop()
	for {
		if o.ready() {
			return nil
		}
		select {
		case err := <-done:
			o.done = nil
			return fmt.Errorf("PostgreSQL %s did not start: %w%s", o.bin.text, err, o.log())
		case <-ctx.Done():
			return errors.Join(ctx.Err(), o.stop(false))
		case <-late.C:
			return errors.Join(fmt.Errorf("PostgreSQL %s did not start within %s%s", o.bin.text, startMost, o.log()), o.stop(false))
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// startMost is how long a server may take to start: seconds on a busy machine,
// so that more means that it never will.
const startMost = 5 * time.Minute

// ready reads the file in which the server says that it takes connections.
func (o *own) ready() bool {
	b, err := os.ReadFile(filepath.Join(o.data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 8 {
		return false
	}
	state := strings.TrimSpace(lines[7])
	return state == "ready" || state == "standby"
}

// log gives what the server said last, for an error message.
func (o *own) log() string {
	b, err := os.ReadFile(filepath.Join(o.run.path, "log"))
	if text := strings.TrimSpace(string(b)); err == nil && text != "" {
		return ": " + text[max(0, len(text)-2000):]
	}
	return ""
}

// died gives the error of a server that has ended by itself, nil if it runs.
func (o *own) died(wait time.Duration) error {
	if o == nil || o.done == nil {
		return nil
	}
	late := time.NewTimer(wait + time.Millisecond)
	defer late.Stop()
	select {
	case err := <-o.done:
		o.done <- err                                                                                                                                                                          // for stop, and to be asked again
		return fmt.Errorf("the PostgreSQL server that assay started has ended in the middle of the run (%v): something killed it, or memory or disk ran out; run assay again%s", err, o.log()) //nolint:errorlint // nil after a clean end
	case <-late.C:
		return nil
	}
}

// stop ends the server, cleanly if its data directory is to be kept.
func (o *own) stop(clean bool) error {
	if o.done == nil {
		return nil
	}
	moment()
	died := o.died(0) != nil
	defer func() { o.done = nil }()
	if died {
		return nil
	}
	if clean {
		if err := stopFast(o.pid); err == nil {
			select {
			case <-o.done:
				return nil
			case <-time.After(2 * time.Minute):
			}
		}
	}
	if err := quit(o.pid); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the server: %w", err)
	}
	select {
	case <-o.done:
		return nil
	case <-time.After(10 * time.Second):
	}
	p, err := os.FindProcess(o.pid)
	if err != nil {
		return err
	}
	if err := p.Kill(); err != nil {
		return fmt.Errorf("killing the server: %w", err)
	}
	<-o.done
	return nil
}

// connConfig is the admin's connection to the maintenance database.
func (o *own) connConfig() *pgx.ConnConfig {
	c := plainConfig.Copy()
	c.Host, c.Port, c.User, c.Password, c.Database = o.host, uint16(o.port), adminRole, o.pass, "postgres"
	return c
}
