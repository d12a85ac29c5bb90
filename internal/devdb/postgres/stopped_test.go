//go:build unix

package postgres

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

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
			s, err := Open(ctx, Config{beat: 20 * time.Millisecond})
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
