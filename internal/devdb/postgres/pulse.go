package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// beatEvery is how often a running server is asked whether it still answers.
var beatEvery = 5 * time.Second // a program that is built to be harmed has another

// mostSilent is how many beats a session may owe an answer in a row, beside the
// time that a statement may take. Nothing that assay asks of its own takes that long.
const mostSilent = 60

// stillFor is how many times in a row a process of the server is seen to be
// stopped before that is taken for more than a moment.
const stillFor = 4

// pulse watches that a server lets assay in, and that each session answers. What
// is stopped answers nothing and refuses nothing, so that whatever was asked of it
// would wait forever; when that is seen the connections are closed, and the run ends.
type pulse struct {
	mu     sync.Mutex
	open   map[*bounded]bool
	keep   net.Conn // stays open when a session is silent: what is left is taken away with it
	quiet  uint32   // the process of the session that was silent
	most   int      // beats that a session may be silent
	whose  string   // server, for messages
	taken  int      // how many connections there were
	cause  error
	fault  error // the server has failed in what it was asked, and what was made of that is worth nothing
	shared bool  // the server is not assay's own: others may end sessions there
	asked  bool  // assay has asked the server to cancel a statement
	end    chan struct{}
	once   sync.Once
	server atomic.Pointer[Server] // asked whether it accepts a connection; nil: not asked yet, or never
	beats  func() <-chan time.Time
	pause  time.Duration // between two looks at a session that is to end
}

func newPulse(c Config) *pulse {
	p := &pulse{open: map[*bounded]bool{}, end: make(chan struct{}), shared: c.URL != "", whose: "PostgreSQL server", pause: beatEvery / 50}
	p.beats = func() <-chan time.Time { return time.After(beatEvery) }
	if p.shared {
		p.whose = "--dev-url server"
	}
	if c.beats != nil {
		p.beats, p.pause = func() <-chan time.Time { return c.beats }, time.Millisecond
	}
	p.most = mostSilent + int(c.StatementTimeout/beatEvery)
	return p
}

// livePulse watches the sessions to a database that is only read. stop ends that,
// and gives the error of the reading with what was seen.
func livePulse(whose string) (p *pulse, stop func(error) error) {
	p = newPulse(Config{})
	p.whose = whose
	p.watch()
	return p, func(err error) error {
		p.mu.Lock()
		cause := p.cause
		p.mu.Unlock()
		_ = p.stop()
		if cause != nil && err != nil {
			return fmt.Errorf("%w: %w", cause, err)
		}
		return err
	}
}

// opened takes a connection into the list; there are no more once the server was
// seen to be stopped.
func (p *pulse) opened(b *bounded) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != nil {
		return p.cause
	}
	p.open[b] = true
	p.taken++
	return nil
}

// closed takes a connection from the list.
func (p *pulse) closed(b *bounded) {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, b)
	}
}

// silent gives a session that has owed an answer for too many beats.
func (p *pulse) silent() *bounded {
	p.mu.Lock()
	defer p.mu.Unlock()
	for b := range p.open {
		switch {
		case b.waiting.Load() == 0 || b.timed.Load() > 0:
			b.still.Store(0)
		case b.still.Add(1) > int64(p.most):
			return b
		}
	}
	return nil
}

// hangs takes in that a session does not answer, and closes it and every other one.
func (p *pulse) hangs(b *bounded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != nil {
		return
	}
	p.quiet = b.pid.Load()
	p.cause = fmt.Errorf("a session (process %d) of the %s has stopped answering: something has stopped it, or it waits for what does not come (pg_stat_activity there says for what); "+
		"let the process go on or end it, and run assay again, with a longer statement-timeout if it was at work", p.quiet, p.whose)
	for c := range p.open {
		if net.Conn(c) != p.keep || c == b {
			_ = c.Conn.Close() // whoever waits on it gets an error
		}
	}
}

// watch begins to look after the sessions and, once it is known, to ask the
// server, and goes on until stop.
func (p *pulse) watch() {
	p.once.Do(func() {
		go func() {
			still := 0
			for {
				select {
				case <-p.end:
					return
				case <-p.beats():
				}
				if b := p.silent(); b != nil {
					p.hangs(b)
					return
				}
				s := p.server.Load()
				if s == nil {
					continue
				}
				if s.own != nil && stopped(s.own.pid) {
					still++
				} else {
					still = 0
				}
				if still == stillFor || still == 0 && !s.answers(p.end) {
					p.stalled()
					return
				}
			}
		}()
	})
}

// answers reports whether the server lets assay in, or says why it does not.
func (s *Server) answers(end <-chan struct{}) bool {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	go func() {
		select {
		case <-end:
			cancel()
		case <-ctx.Done():
		}
	}()
	c, err := dial(ctx, &s.admin.Config)
	if err == nil {
		s.pulse.mu.Lock()
		s.pulse.taken-- // these come with time, not with what is done
		s.pulse.mu.Unlock()
		_ = c.Close(ctx) // it has answered
		return true
	}
	var timeout net.Error
	return !errors.Is(ctx.Err(), context.DeadlineExceeded) && !(errors.As(err, &timeout) && timeout.Timeout() && ctx.Err() == nil)
}

// stalled closes every connection.
func (p *pulse) stalled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cause = errors.New("the PostgreSQL server has stopped answering: something has stopped one of its processes, or the machine hangs; run assay again")
	for c := range p.open {
		_ = c.Conn.Close() // whoever waits on it gets an error
	}
}

// ended ends a session whose statement has not let itself be canceled, and reports
// whether it is gone: a loop that catches the cancel ends with its session, and a
// process that is stopped does neither.
func (r *recorder) ended(pid uint32) bool {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	c, err := dial(ctx, r.admin)
	if err != nil {
		return true // why it cannot be asked is seen elsewhere
	}
	defer c.Close(ctx)
	sql := fmt.Sprintf("SELECT pg_catalog.pg_terminate_backend(%d)", pid)
	for range 600 {
		there, err := query(ctx, c, sql+fmt.Sprintf(" FROM pg_catalog.pg_stat_get_activity(%d)", pid))
		if err != nil {
			return true
		}
		if there == "" {
			return true
		}
		time.Sleep(r.pulse.pause)
	}
	return false
}

// hung gives the process of the session that was silent, 0 if none was.
func (p *pulse) hung() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.quiet
}

// timed says that a session is at a statement which has a time limit of its own,
// until the function is called.
func timed(c *pgconn.PgConn) func() {
	b, ok := c.Conn().(*bounded)
	if !ok {
		return func() {}
	}
	b.timed.Add(1)
	return func() { b.timed.Add(-1) }
}

// stop ends the watch and gives what it has seen.
func (p *pulse) stop() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.end:
		return nil
	default:
		close(p.end)
	}
	if p.cause == nil {
		return p.fault
	}
	return p.cause
}
