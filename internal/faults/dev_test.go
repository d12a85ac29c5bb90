//go:build linux

package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// devServer is somebody's server, for --dev-url.
type devServer struct {
	bin, dir string
	cred     *syscall.Credential
	cmd      *exec.Cmd
	before   string
}

// devUsers are the roles that a run may be given.
var devUsers = []string{"boss", "creator", "maker"}

// startDev makes and starts a server; nil where there is no PostgreSQL on the machine.
func startDev(t *testing.T, w *world) *devServer {
	t.Helper()
	d := &devServer{dir: filepath.Join(w.root, "dev")}
	dirs := filepath.SplitList(os.Getenv("PATH"))
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, dir := range append(dirs, found...) {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			d.bin = dir
		}
	}
	if d.bin == "" {
		return nil
	}
	must(t, os.Mkdir(d.dir, 0o755))
	if os.Getuid() == 0 {
		id := 65534
		if u, err := user.Lookup("postgres"); err == nil {
			id, _ = strconv.Atoi(u.Uid)
		}
		d.cred = &syscall.Credential{Uid: uint32(id), Gid: uint32(id), Groups: []uint32{}}
		must(t, os.Chown(d.dir, id, id))
	}
	if out, err := d.command("initdb", "--no-sync", "-A", "trust", "-U", "boss", "-E", "UTF8", "--locale=C", "-D", filepath.Join(d.dir, "data")).CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	d.start(t)
	t.Cleanup(func() { d.end(syscall.SIGQUIT) })
	d.exec(t, "CREATE ROLE creator LOGIN CREATEDB CREATEROLE; CREATE ROLE maker LOGIN CREATEDB; CREATE ROLE theirs; ALTER ROLE theirs SET work_mem = '7MB'")
	d.exec(t, "CREATE DATABASE theirs OWNER theirs")
	d.before = d.state(t)
	return d
}

func (d *devServer) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(d.bin, name), args...)
	cmd.Dir, cmd.Env = d.dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.cred, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

func (d *devServer) start(t testing.TB) {
	t.Helper()
	_ = os.Remove(filepath.Join(d.dir, "data", "postmaster.pid"))
	d.cmd = d.command("postgres", "-D", filepath.Join(d.dir, "data"), "-c", "listen_addresses=", "-c", "unix_socket_directories="+d.dir, "-c", "fsync=off",
		"-c", "max_prepared_transactions=10", "-c", "wal_level=logical", "-c", "max_connections=20", "-c", "restart_after_crash=on")
	must(t, d.cmd.Start())
	for range 3000 {
		if c, err := d.connect("boss"); err == nil {
			_ = c.Close(context.Background())
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the server for --dev-url does not start")
}

// end stops the server and waits for it.
func (d *devServer) end(s syscall.Signal) {
	_ = d.cmd.Process.Signal(s)
	_ = d.cmd.Process.Signal(syscall.SIGCONT)
	_ = d.cmd.Wait()
	d.cmd.Process = nil
}

// again starts a server that has gone.
func (d *devServer) again(t testing.TB) {
	if d.cmd.Process != nil {
		_ = d.cmd.Process.Signal(syscall.SIGCONT)
		if c, err := d.connect("boss"); err == nil {
			_ = c.Close(context.Background())
			return
		}
		d.end(syscall.SIGQUIT)
	}
	d.start(t)
}

func (d *devServer) url(user string) string {
	return fmt.Sprintf("postgres:///postgres?host=%s&user=%s&sslmode=disable", d.dir, user)
}

// connect opens a session that no setting of the server harms.
func (d *devServer) connect(user string) (*pgx.Conn, error) {
	c, err := pgx.ParseConfig(d.url(user))
	if err != nil {
		return nil, err
	}
	c.RuntimeParams = map[string]string{"statement_timeout": "0", "lock_timeout": "0", "default_transaction_read_only": "off", "search_path": "public"}
	return pgx.ConnectConfig(context.Background(), c)
}

func (d *devServer) exec(t testing.TB, sql string) {
	t.Helper()
	c, err := d.connect("boss")
	must(t, err)
	defer c.Close(context.Background())
	_, err = c.Exec(context.Background(), sql, pgx.QueryExecModeSimpleProtocol)
	must(t, err)
}

// state lists everything that a run could leave on the server.
func (d *devServer) state(t testing.TB) string {
	t.Helper()
	c, err := d.connect("boss")
	must(t, err)
	defer c.Close(context.Background())
	rows, err := c.Query(context.Background(), `SELECT 'role ' || rolname FROM pg_roles UNION ALL SELECT 'database ' || datname || ' ' || datistemplate || datallowconn FROM pg_database
		UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots UNION ALL SELECT 'transaction ' || gid FROM pg_prepared_xacts
		UNION ALL SELECT 'setting ' || setrole::regrole || setconfig::text FROM pg_db_role_setting UNION ALL SELECT 'member ' || roleid::regrole || member::regrole FROM pg_auth_members
		UNION ALL SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`)
	must(t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// backend gives the process of one session of the run, 0 if there is none.
func (d *devServer) backend(x *trial) int {
	c, err := d.connect("boss")
	if err != nil {
		return 0
	}
	defer c.Close(context.Background())
	rows, err := c.Query(context.Background(), "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid")
	if err != nil {
		return 0
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil || len(pids) == 0 {
		return 0
	}
	return pids[x.rng.IntN(len(pids))]
}

// missing gives the lines of one list that another has not.
func missing(of, in string) []string {
	have := strings.Split(in, "\n")
	return slices.DeleteFunc(strings.Split(of, "\n"), func(l string) bool { return slices.Contains(have, l) })
}
