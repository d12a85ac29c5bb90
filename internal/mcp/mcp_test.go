package mcp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// fake answers without a server: a draft that says so waits until it is cancelled.
type fake struct {
	busy, most atomic.Int32
	started    chan struct{}
	ended      chan error
}

func (f *fake) Check(ctx context.Context, d Draft, say func(string)) (*lint.Result, error) {
	if n := f.busy.Add(1); n > f.most.Load() {
		f.most.Store(n)
	}
	defer f.busy.Add(-1)
	say("recording")
	switch d.SQL {
	case "wait":
		close(f.started)
		<-ctx.Done()
		f.ended <- ctx.Err()
		return nil, ctx.Err()
	case "broken":
		return nil, errors.New("the replay failed: " + strings.Repeat("long ", 1000))
	}
	r := &lint.Result{Against: "1 new migration", Migrations: []*lint.Migration{}}
	for i := range 100 {
		sev := lint.Warning
		if i == 70 {
			sev = lint.Error
		}
		r.Findings = append(r.Findings, &lint.Finding{ID: fmt.Sprintf("X%d", i), Severity: sev, Line: i + 1, Migration: -1, Statement: -1, Message: strings.Repeat("wörd ", 100)})
	}
	for range 50 {
		r.Notices = append(r.Notices, lint.Notice{Text: strings.Repeat("n", 500)})
	}
	lint.Summarize(r)
	return r, nil
}

func (f *fake) Fix(ctx context.Context, d Draft, say func(string)) (string, *lint.Result, error) {
	r, err := f.Check(ctx, d, say)
	return "--- a\n", r, err
}

func (f *fake) Trace(ctx context.Context, d Draft, say func(string)) (*lint.Result, error) {
	return f.Check(ctx, d, say)
}
func (f *fake) Explain(_ context.Context, check string) (string, error) { return "# " + check, nil }

func (f *fake) Schema(context.Context, func(string)) (*schema.Catalog, error) {
	c := &schema.Catalog{Relations: map[schema.OID]*schema.Relation{}}
	for i := range 600 {
		c.Relations[schema.OID(i+1)] = &schema.Relation{OID: schema.OID(i + 1), Schema: "public", Name: fmt.Sprintf("t%03d", i), Kind: schema.Table, Columns: []*schema.Column{{Name: "id", Type: "bigint", NotNull: true}}}
	}
	return c, nil
}

func (f *fake) Plan(context.Context, func(string)) (*Plan, error) {
	return nil, errors.New("where is the wanted schema?")
}

// client connects to a server of its own.
func client(t *testing.T, f *fake, o *mcp.ClientOptions) (*mcp.ClientSession, func() error) {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), "v1", inR, outW, f) }()
	cs, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, o).Connect(t.Context(), &mcp.IOTransport{Reader: outR, Writer: inW}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cs, func() error { _ = inW.Close(); return <-served }
}

func call(t *testing.T, cs *mcp.ClientSession, name string, args map[string]any) *mcp.CallToolResult {
	t.Helper()
	r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

func text(r *mcp.CallToolResult) string { return r.Content[0].(*mcp.TextContent).Text }

func TestTools(t *testing.T) {
	cs, end := client(t, &fake{}, nil)
	list, err := cs.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range list.Tools {
		names = append(names, x.Name)
		if a := x.Annotations; a == nil || !a.ReadOnlyHint || a.OpenWorldHint == nil || *a.OpenWorldHint {
			t.Errorf("%s is not said to be read-only and closed", x.Name)
		}
		if x.InputSchema == nil || x.OutputSchema == nil {
			t.Errorf("%s has no schemas", x.Name)
		}
	}
	if got := strings.Join(names, " "); got != "check explain fix plan schema trace" {
		t.Errorf("tools: %s", got)
	}

	short := text(call(t, cs, "check", map[string]any{"sql": "x"}))
	if len(short) >= 2000 || !strings.Contains(short, `"id":"X70"`) || !strings.Contains(short, `"left_out":`) {
		t.Errorf("%d bytes: %s", len(short), short)
	}
	var full CheckOutput
	if err := json.Unmarshal([]byte(text(call(t, cs, "check", map[string]any{"sql": "x", "full": true}))), &full); err != nil || len(full.Full) != 100 {
		t.Errorf("full: %d findings, %v", len(full.Full), err)
	}
	for _, c := range []struct {
		tool string
		args map[string]any
		want string
	}{
		{"check", map[string]any{"sql": " \n"}, "sql is empty"},
		{"check", map[string]any{"sql": "x", "file": "../x.sql"}, "no path below the project"},
		{"check", map[string]any{"sql": "x", "file": "/etc/x.sql"}, "no path below the project"},
		{"check", map[string]any{"sql": 5}, "sql"},
		{"check", map[string]any{}, "sql"},
		{"check", map[string]any{"sql": "x", "url": "postgres://"}, "url"},
		{"check", map[string]any{"sql": "broken"}, "the replay failed"},
		{"schema", map[string]any{"match": "[", "x": 1}, "x"},
		{"schema", map[string]any{"match": "["}, "no pattern"},
		{"explain", map[string]any{"check": ""}, "check is empty"},
		{"plan", map[string]any{}, "where is the wanted schema?"},
	} {
		r, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: c.tool, Arguments: c.args})
		said := ""
		switch {
		case err != nil:
			said = err.Error()
		case r.IsError:
			said = text(r)
		}
		if !strings.Contains(said, c.want) || len(said) > 3000 {
			t.Errorf("%s %v: %q, want %q", c.tool, c.args, said, c.want)
		}
	}
	if _, err := cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "apply"}); err == nil {
		t.Error("there is a tool apply")
	}
	for match, want := range map[string]int{"": 500, "public.t00*": 10, "*.t1??": 20, "nothing": 0} {
		var out SchemaOutput
		if err := json.Unmarshal([]byte(text(call(t, cs, "schema", map[string]any{"match": match}))), &out); err != nil || len(out.Objects) != want {
			t.Errorf("%s: %d objects, %v, want %d", match, len(out.Objects), err, want)
		}
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestParallel: ten calls at once are answered, and run one after another.
func TestParallel(t *testing.T) {
	f := &fake{}
	cs, end := client(t, f, nil)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if r := call(t, cs, "check", map[string]any{"sql": "x"}); r.IsError {
				t.Error(text(r))
			}
		})
	}
	wg.Wait()
	if f.most.Load() != 1 {
		t.Errorf("%d ran at once", f.most.Load())
	}
	if err := end(); err != nil {
		t.Error(err)
	}
}

// TestCancel: a cancelled call ends, and so do those of a client that goes.
func TestCancel(t *testing.T) {
	said := make(chan string, 10)
	f := &fake{started: make(chan struct{}), ended: make(chan error, 1)}
	cs, end := client(t, f, &mcp.ClientOptions{ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) { said <- r.Params.Message }})
	ctx, cancel := context.WithCancel(t.Context())
	p := &mcp.CallToolParams{Name: "check", Arguments: map[string]any{"sql": "wait"}}
	p.SetProgressToken("one")
	go func() { <-f.started; cancel() }()
	if _, err := cs.CallTool(ctx, p); err == nil {
		t.Error("a cancelled call has an answer")
	}
	if err := <-f.ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if first, second := <-said, <-said; first != "working" || second != "recording" {
		t.Errorf("progress: %s, %s", first, second)
	}
	if r := call(t, cs, "check", map[string]any{"sql": "x"}); r.IsError {
		t.Error("the next call is not answered")
	}
	f.started = make(chan struct{})
	go func() {
		_, _ = cs.CallTool(t.Context(), &mcp.CallToolParams{Name: "check", Arguments: map[string]any{"sql": "wait"}})
	}()
	<-f.started
	if err := end(); err != nil {
		t.Error(err)
	}
	select {
	case <-f.ended:
	default:
		t.Error("a call of a client that has gone is still at work")
	}
}

// TestMalformed: what is no message is answered with an error or ends the
// connection, and never the program in another way.
func TestMalformed(t *testing.T) {
	for _, in := range []string{"", "\n\n", "{", "null\n", "[]\n", `{"jsonrpc":"2.0","id":1,"method":"tools/call"}` + "\n", `{"jsonrpc":"2.0","id":1,"method":"initialize","params":7}` + "\n", "\x00\xff\n", strings.Repeat("[", 100000) + "\n"} {
		var out strings.Builder
		_ = Serve(t.Context(), "v1", strings.NewReader(in), &out, &fake{})
		if strings.Contains(out.String(), `"result"`) {
			t.Errorf("%.50q is answered: %s", in, out.String())
		}
	}
}

// TestUnreadableLine: a line that is no JSON is answered, and the connection goes on.
func TestUnreadableLine(t *testing.T) {
	from, to := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Serve(t.Context(), "v1", from, out, &fake{})
		_ = out.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(answers)
	for _, x := range [][2]string{
		{"garbage", `"code":-32700`},
		{"{", `"code":-32700`},
		{`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`, `"serverInfo"`},
		{"\xff", `"code":-32700`},
		{`{"jsonrpc":"2.0","id":2,"method":"ping"}`, `"id":2`},
	} {
		if _, err := io.WriteString(to, x[0]+"\n"); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), x[1]) {
			t.Fatalf("%q is answered by %q, wanted %s", x[0], lines.Text(), x[1])
		}
	}
	_ = to.Close()
	if lines.Scan() {
		t.Errorf("after the client has gone: %s", lines.Text())
	}
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
}
