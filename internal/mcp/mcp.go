// Package mcp answers coding agents over the Model Context Protocol, on one
// connection: a client's standard input and output. Every tool reads; what is
// run, and where, is the Engine's.
package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/report"
	"github.com/assaydb/assay/internal/schema"
)

// Draft is a migration that may not be in a file yet.
type Draft struct {
	SQL  string
	File string // path below the project directory; empty: the newest migration
}

// Engine does what the tools answer with. Calls come one at a time; say takes a
// line for whoever waits.
type Engine interface {
	// Check reviews a draft.
	Check(ctx context.Context, d Draft, say func(string)) (*lint.Result, error)
	// Fix gives the unified diff of the fixes that hold when they are replayed
	// together, empty if there is none, and what was found before.
	Fix(ctx context.Context, d Draft, say func(string)) (string, *lint.Result, error)
	// Trace records what a draft does and judges nothing.
	Trace(ctx context.Context, d Draft, say func(string)) (*lint.Result, error)
	// Explain gives the page of a check.
	Explain(ctx context.Context, check string) (string, error)
	// Schema is the catalog after the migrations of the checkout.
	Schema(ctx context.Context, say func(string)) (*schema.Catalog, error)
	// Plan plans from the migrations to the schema that the project keeps as files.
	Plan(ctx context.Context, say func(string)) (*Plan, error)
}

// largest bounds a message of the client, in bytes.
const largest = 16 << 20

const instructions = `assay reviews PostgreSQL migrations: it runs a draft on a throw-away server, on top of the project's migrations, and reports what it locks, scans, rewrites, drops or breaks. Call check with the SQL of every migration before you commit it, and fix to get a patch that was replayed. Nothing is written and no production database is reached.`

// server is one connection with its tools.
type server struct {
	engine Engine
	turn   chan struct{}   // held by the call that works: the dev server does one thing at a time
	ends   context.Context // is done when the client has gone
}

// Serve answers the client until it goes or ctx ends. Calls that run then are
// cancelled, and have ended when Serve returns.
func Serve(ctx context.Context, version string, in io.Reader, out io.Writer, e Engine) error {
	ctx, gone := context.WithCancel(ctx)
	defer gone()
	s := &server{engine: e, turn: make(chan struct{}, 1), ends: ctx}
	m := mcp.NewServer(&mcp.Implementation{Name: "assay", Title: "assay", Version: version}, &mcp.ServerOptions{
		Instructions: instructions, Capabilities: &mcp.ServerCapabilities{},
	})
	s.addTools(m)
	to := &writer{Writer: out}
	err := m.Run(ctx, &mcp.IOTransport{Reader: &messages{in: bufio.NewReader(in), out: to, gone: gone}, Writer: to, MaxLineLength: largest})
	gone()
	s.turn <- struct{}{} // the call that works ends first
	if errors.Is(err, context.Canceled) || errors.Is(err, io.EOF) || errors.Is(err, mcp.ErrConnectionClosed) {
		return nil
	}
	return err
}

// messages reads the client's lines. A line that is no JSON is answered and left
// out: the SDK would end the connection, and with it the calls that run.
type messages struct {
	in   *bufio.Reader
	out  io.Writer
	rest []byte // of the line that is being read
	gone func() // the client has gone; may be called again
}

const unreadable = `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"this line is no JSON: send one JSON-RPC message in each line"}}` + "\n"

func (r *messages) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		line, err := r.line()
		if err != nil {
			r.gone()
			return 0, err
		}
		if t := bytes.TrimSpace(line); len(t) == 0 || json.Valid(t) {
			r.rest = line
		} else if _, err := io.WriteString(r.out, unreadable); err != nil {
			r.gone()
			return 0, err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// line is the next line; the last one may lack its end.
func (r *messages) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > largest:
			return nil, fmt.Errorf("a message of the client has more than %d MB", largest>>20)
		case err == nil, errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// Close does not close standard input, which is the process's.
func (r *messages) Close() error { return nil }

// writer takes whole messages, one at a time.
type writer struct {
	io.Writer
	mu sync.Mutex
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Writer.Write(p)
}

// Close does not close standard output, which is the process's.
func (w *writer) Close() error { return nil }

// tool adds one tool: a function of typed input and output.
func tool[In, Out any](s *server, m *mcp.Server, name, title, about string, f func(context.Context, In, func(string)) (Out, error)) {
	open := false
	mcp.AddTool(m, &mcp.Tool{
		Name: name, Title: title, Description: about,
		Annotations: &mcp.ToolAnnotations{Title: title, ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &open},
	}, func(ctx context.Context, req *mcp.CallToolRequest, in In) (_ *mcp.CallToolResult, out Out, err error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.ends, cancel)()
		say := progress(ctx, req)
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return nil, out, errors.New("cancelled before it began")
		}
		defer func() { <-s.turn }()
		say("working")
		out, err = f(ctx, in, say)
		if err != nil {
			err = errors.New(lint.Cut(err.Error(), longestError))
		}
		return nil, out, err
	})
}

const longestError = 2000

// progress reports lines to a client that asked for them.
func progress(ctx context.Context, req *mcp.CallToolRequest) func(string) {
	token := req.Params.GetProgressToken()
	n := 0.0
	return func(line string) {
		if token == nil {
			return
		}
		n++
		// A client that does not take it is noticed elsewhere.
		_ = req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Message: lint.Cut(line, longestLine), Progress: n})
	}
}

const longestLine = 300

// draft holds the input of a tool against what a draft may be.
func draft(sql, file string) (Draft, error) {
	if strings.TrimSpace(sql) == "" {
		return Draft{}, errors.New("sql is empty: give the text of the migration")
	}
	file = filepath.ToSlash(file)
	if file != "" && (!fs.ValidPath(file) || file == ".") {
		return Draft{}, fmt.Errorf("file %q is no path below the project directory: give one such as migrations/0042_orders.sql, or leave it out for the newest migration", file)
	}
	return Draft{sql, file}, nil
}

// findings are those of a result in the agent format.
func findings(r *lint.Result) []report.AgentFinding {
	out := []report.AgentFinding{}
	for _, f := range lint.Redacted(r).Findings {
		out = append(out, report.ForAgent(f))
	}
	return out
}
