package postgres

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// beatEvery is how often a running server is asked whether it still answers.
const beatEvery = 5 * time.Second

// stillFor is how many times in a row a process of the server is seen to be
// stopped before that is taken for more than a moment.
const stillFor = 4

// pulse watches that a server lets assay in. One that is stopped answers nothing
// and refuses nothing, so that whatever was asked of it would wait for ever; when
// that is seen all connections to it are closed, and the run ends.
type pulse struct {
	mu     sync.Mutex
	open   map[net.Conn]bool
	cause  error
	fault  error // the server has failed in what it was asked, and what was made of that is worth nothing
	shared bool  // the server is not assay's own: others may end sessions there
	asked  bool  // assay has asked the server to cancel a statement
	end    chan struct{}
	once   sync.Once
	every  time.Duration
}

func newPulse(c Config) *pulse {
	p := &pulse{open: map[net.Conn]bool{}, end: make(chan struct{}), every: beatEvery, shared: c.URL != ""}
	if c.beat > 0 {
		p.every = c.beat
	}
	return p
}

// watchedConn leaves the pulse's list when it is closed.
type watchedConn struct {
	net.Conn
	pulse *pulse
}

func (c watchedConn) Close() error {
	c.pulse.mu.Lock()
	delete(c.pulse.open, c.Conn)
	c.pulse.mu.Unlock()
	return c.Conn.Close()
}

// opened takes a connection into the list; there are no more once the server was
// seen to be stopped.
func (p *pulse) opened(c net.Conn) (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != nil {
		return c, p.cause
	}
	p.open[c] = true
	return watchedConn{c, p}, nil
}

// watch begins to ask, once, and goes on until stop.
func (p *pulse) watch(s *Server) {
	p.once.Do(func() {
		go func() {
			still := 0
			for {
				select {
				case <-p.end:
					return
				case <-time.After(p.every):
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
		_ = c.Close() // whoever waits on it gets an error
	}
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
