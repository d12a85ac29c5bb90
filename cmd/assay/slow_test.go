package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

// lateServer stands between the program and a server. While it is late, what
// the server says comes in pieces that end anywhere, others get their turn
// before each of them, and for each the clock that the program goes by moves on.
type lateServer struct {
	clock clock
	late  atomic.Bool
}

// perPiece is how far the clock moves: a proof asks for thousands.
const perPiece = 50 * time.Millisecond

// clock is one that only its server moves.
type clock struct {
	mu     sync.Mutex
	now    time.Duration
	timers map[int]func(now time.Duration) bool
	n      int
}

// AfterFunc is time.AfterFunc by this clock.
func (c *clock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timers == nil {
		c.timers = map[int]func(time.Duration) bool{}
	}
	c.n++
	n, at := c.n, c.now+d
	c.timers[n] = func(now time.Duration) bool {
		if now < at {
			return false
		}
		go f()
		return true
	}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, ok := c.timers[n]
		delete(c.timers, n)
		return ok
	}
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
	for n, due := range c.timers {
		if due(c.now) {
			delete(c.timers, n)
		}
	}
}

// listen gives the directory of a socket that leads to another.
func (s *lateServer) listen(t *testing.T, socket string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "late") // a short name: sockets have no long ones
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c, socket)
		}
	}()
	return dir
}

func (s *lateServer) serve(c net.Conn, socket string) {
	defer c.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, c)
		_ = server.Close()
	}()
	text := make([]byte, 32<<10)
	for size := 1; ; size = size*2%97 + 1 {
		n, err := server.Read(text)
		if s.late.Load() {
			for part := range chunks(text[:n], size) {
				runtime.Gosched()
				s.clock.pass(perPiece)
				if _, err := c.Write(part); err != nil {
					return
				}
			}
		} else if _, err := c.Write(text[:n]); err != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// chunks are a text in its first bytes and the rest.
func chunks(text []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		if k := min(size, len(text)); yield(text[:k]) && k < len(text) {
			yield(text[k:])
		}
	}
}

// TestLateServer: every report has the same bytes, whether the server answers at
// once or late by the program's clock. Nothing here waits for a real one.
func TestLateServer(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db, err := pgtest.Server(t, "").Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	admin, err := db.ConnectAdmin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	to := admin.Config()
	_ = admin.Close(ctx)
	s := &lateServer{}
	url := fmt.Sprintf("postgres:///postgres?host=%s&user=%s&sslmode=disable", s.listen(t, filepath.Join(to.Host, fmt.Sprintf(".s.PGSQL.%d", to.Port))), to.User)
	dir := writeProject(t, askedProject)
	for _, format := range []string{"json", "text", "sarif", "markdown"} {
		var reports []string
		for _, late := range []bool{false, true} {
			s.late.Store(late)
			var out, errs bytes.Buffer
			a := &app{getenv: os.Getenv, stdin: strings.NewReader(""), stdout: &out, stderr: &errs, afterFunc: s.clock.AfterFunc}
			root := a.root()
			root.SetArgs([]string{"lint", "-C", dir, "--latest", "1", "--dev-url", url, "--no-cache", "-o", format})
			if code := a.exit(ctx, root.ExecuteContext(ctx)); code != exitFindings {
				t.Fatalf("exit code %d\n%s\n%s", code, out.String(), errs.String())
			}
			reports = append(reports, out.String())
		}
		if d := cmp.Diff(reports[0], reports[1]); d != "" {
			t.Errorf("%s (-at once +late):\n%s", format, d)
		}
	}
}
