//go:build unix

package postgres

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assaydb/assay/internal/migration"
)

// TestStopped stops processes of a server: whatever is asked of it then ends with
// an error, and the run says why.
func TestStopped(t *testing.T) {
	ctx := context.Background()
	change := file(migration.TxFile, "CREATE TABLE t (a int)")
	for _, x := range []struct {
		name string
		pid  func(*Server, *DB) int
		do   func(*Server, *DB) error
	}{
		{"the postmaster, at a connection", func(s *Server, _ *DB) int { return s.own.pid }, func(_ *Server, d *DB) error { _, err := d.ConnectOwner(ctx); return err }},
		{"a backend, at a change", func(_ *Server, d *DB) int { return int(d.rec.conn.PID()) }, func(_ *Server, d *DB) error { _, err := d.Record(ctx, change); return err }},
		{"a backend, at a reading", func(_ *Server, d *DB) int { return int(d.rec.conn.PID()) }, func(_ *Server, d *DB) error { d.rec.cat = nil; _, err := d.Catalog(ctx); return err }},
	} {
		t.Run(x.name, func(t *testing.T) {
			beats, end := beating()
			defer end()
			s, err := Open(ctx, Config{beats: beats})
			if err != nil {
				t.Skipf("no PostgreSQL to test on: %v", err)
			}
			d, err := s.Create(ctx)
			must(t, err)
			_, err = d.Catalog(ctx)
			must(t, err)
			if !stopped(s.own.pid) {
				must(t, syscall.Kill(x.pid(s, d), syscall.SIGSTOP))
			}
			if !waitFor(func() bool { return stopped(s.own.pid) }) {
				t.Skip("this system does not say which processes are stopped")
			}
			err = x.do(s, d)
			if _, refused := asStatementError(err); err == nil || refused {
				t.Errorf("it gives %v", err)
			}
			if err := s.Close(); err == nil || !strings.Contains(err.Error(), "stopped answering") {
				t.Errorf("the run ends with %v", err)
			}
		})
	}
}

// beating gives beats one after another, until the function is called.
func beating() (<-chan time.Time, func()) {
	beats, end := make(chan time.Time), make(chan struct{})
	go func() {
		for {
			select {
			case beats <- time.Time{}:
			case <-end:
				return
			}
		}
	}()
	return beats, sync.OnceFunc(func() { close(end) })
}

// TestSilent stops one session on a --dev-url server, which goes on to answer all
// others: whatever waits for it ends with an error, the run says why, and the next
// one takes away what is left.
func TestSilent(t *testing.T) {
	ctx := context.Background()
	for _, major := range majors() {
		host, err := Open(ctx, Config{Postgres: major, beats: make(chan time.Time)}) // it does not look after itself
		if err != nil {
			t.Skipf("no PostgreSQL %s to test on: %v", major, err)
		}
		t.Cleanup(func() { _ = host.Close() })
		_ = testDatabase(t, host) // it runs then
		change := file(migration.TxFile, "CREATE TABLE t (a int)")
		for _, x := range []struct {
			name string
			conn func(*Server, *DB) *pgconn.PgConn
			do   func(*Server, *DB) error
			more bool // one of many that are alike
		}{
			{"at a statement", traced, func(_ *Server, d *DB) error { _, err := d.Record(ctx, change); return err }, false},
			{"at a reading", traced, func(_ *Server, d *DB) error { d.rec.cat = nil; _, err := d.Catalog(ctx); return err }, true},
			{"at a setting", traced, func(_ *Server, d *DB) error { return d.rec.reset(ctx) }, true},
			{"at a copy", traced, func(s *Server, d *DB) error { _, err := s.Clone(ctx, d); return err }, true},
			{"at the end of a database", traced, func(_ *Server, d *DB) error { return d.Close() }, true},
			{"of the admin's, at a reading", watching, func(_ *Server, d *DB) error { d.rec.cat = nil; _, err := query(ctx, d.rec.obs, "SELECT 1"); return err }, false},
			{"of the lock", locking, func(s *Server, _ *DB) error { _, err := s.existing.things(ctx); return err }, false},
		} {
			if x.more && os.Getenv("ASSAY_TEST_ALL") == "" {
				continue
			}
			t.Run(x.name+"/"+major, func(t *testing.T) {
				beats := make(chan time.Time)
				s := configured(t, host, Config{beats: beats, StatementTimeout: time.Second})
				d, err := s.Create(ctx)
				must(t, err)
				_, err = d.Record(ctx, file(migration.TxFile, "CREATE TABLE before (a int)"))
				must(t, err)
				_, err = d.rec.observer(ctx)
				must(t, err)
				pid := int(x.conn(s, d).PID())
				must(t, syscall.Kill(pid, syscall.SIGSTOP))
				defer syscall.Kill(pid, syscall.SIGCONT)
				done, end := make(chan error, 1), make(chan struct{})
				go func() { done <- x.do(s, d); close(end) }()
				for wait := true; wait; {
					select {
					case beats <- time.Time{}:
					case <-end:
						wait = false
					}
				}
				err = <-done
				if _, refused := asStatementError(err); err == nil || refused {
					t.Errorf("it gives %v", err)
				}
				if err := s.Close(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("a session (process %d) of the --dev-url server has stopped answering", pid)) && x.name != "at a copy" && x.name != "at the end of a database" {
					t.Errorf("the run ends with %v", err)
				} else {
					t.Log(err)
				}
				must(t, syscall.Kill(pid, syscall.SIGCONT))
				onURL(t, host, nil) // the next run takes away what is left
				must(t, host.asAdmin(ctx, func(ctx context.Context, c *pgx.Conn) error {
					var left string
					err := c.QueryRow(ctx, "SELECT coalesce(string_agg(datname, ', '), '') FROM pg_database WHERE datname LIKE $1", s.existing.name+"%").Scan(&left)
					if left != "" {
						t.Errorf("the next run leaves %s", left)
					}
					return err
				}))
			})
		}
	}
}

func traced(_ *Server, d *DB) *pgconn.PgConn   { return d.rec.conn }
func watching(_ *Server, d *DB) *pgconn.PgConn { return d.rec.obs }
func locking(s *Server, _ *DB) *pgconn.PgConn  { return s.existing.conn.PgConn() }

// TestCrash crashes a server in the middle: that is no refusal of a statement.
func TestCrash(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, Config{})
	if err != nil {
		t.Skipf("no PostgreSQL to test on: %v", err)
	}
	d, err := s.Create(ctx)
	must(t, err)
	_, err = d.Catalog(ctx)
	must(t, err)
	must(t, syscall.Kill(int(d.rec.conn.PID()), syscall.SIGSEGV))
	_, err = d.Record(ctx, file(migration.TxFile, "CREATE TABLE t (a int); CREATE TABLE u (a int)"))
	if _, refused := asStatementError(err); err == nil || refused {
		t.Errorf("it gives %v", err)
	}
	t.Logf("the run ends with %v; %v", err, s.Close())
}

func waitFor(f func() bool) bool {
	for range 1000 {
		if f() {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}
