package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// agent is a client of assay mcp, as the program of an agent has it.
type agent struct {
	t *testing.T
	*mcp.ClientSession
	gone func() int // goes, and gives the exit code
}

// newAgent starts assay mcp in a directory.
func newAgent(t *testing.T, dir string) *agent {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	var said bytes.Buffer
	code := make(chan int, 1)
	go func() { code <- run(t.Context(), []string{"mcp", "-C", dir}, os.Getenv, inR, outW, &said) }()
	s, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &mcp.IOTransport{Reader: outR, Writer: inW}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &agent{t, s, func() int {
		_ = inW.Close()
		c := <-code
		if said.Len() > 0 {
			t.Errorf("standard error: %s", said.String())
		}
		return c
	}}
}

// call calls a tool and reads its answer into out; it gives the text of an error.
func (a *agent) call(name string, args map[string]any, out any) string {
	a.t.Helper()
	r, err := a.CallTool(context.WithoutCancel(a.t.Context()), &mcp.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		a.t.Fatalf("%s: %v", name, err)
	}
	text := r.Content[0].(*mcp.TextContent).Text
	if r.IsError {
		return text
	}
	if out != nil {
		if err := json.Unmarshal([]byte(text), out); err != nil {
			a.t.Fatalf("%s: %v\n%s", name, err, text)
		}
	}
	return ""
}

type checkedDraft struct {
	Clean    bool
	Errors   int
	Findings []struct{ ID, Message string }
}

// TestMCP: one server answers drafts as lint would, whatever the draft before it did.
func TestMCP(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("migrations/000001_orders.up.sql", "CREATE TABLE orders (id bigint PRIMARY KEY, note text);\n")
	write("migrations/000001_orders.down.sql", "DROP TABLE orders;\n")
	a := newAgent(t, dir)
	check := func(sql, file string) (out checkedDraft) {
		t.Helper()
		if said := a.call("check", map[string]any{"sql": sql, "file": file}, &out); said != "" {
			if strings.Contains(said, "PostgreSQL") && strings.Contains(said, "download") {
				t.Skip(said)
			}
			t.Fatal(said)
		}
		return out
	}
	const index = "SET lock_timeout = '2s';\nCREATE INDEX orders_note ON orders (note);\n"
	if c := check(index, ""); c.Errors != 1 || c.Findings[0].ID != "LK101" {
		t.Errorf("an index: %+v", c)
	}
	for range 2 { // a role is the whole server's
		if c := check("CREATE ROLE somebody;", ""); c.Errors != 0 {
			t.Errorf("a role: %+v", c)
		}
	}
	if c := check("DROP TABLE orders CASCADE;", ""); c.Clean {
		t.Error("a dropped table is clean")
	}
	if c := check("SELECT note FROM orders;", "migrations/000002_x.up.sql"); c.Errors != 0 {
		t.Errorf("the table is gone: %+v", c)
	}
	write("migrations/000002_more.up.sql", "ALTER TABLE orders ADD COLUMN more int;\n")
	if c := check("SELECT more FROM orders;", ""); c.Errors != 0 {
		t.Errorf("a new migration is not seen: %+v", c)
	}
	if c := check("SELECT more FROM orders;", "migrations/000001_y.up.sql"); c.Errors == 0 || c.Findings[0].ID != "SQ101" {
		t.Errorf("a draft before the newest migration sees it: %+v", c)
	}
	if said := a.call("check", map[string]any{"sql": "SELECT 1", "file": "setup.sql"}, nil); !strings.Contains(said, "no migration of migrations") {
		t.Errorf("setup.sql as a draft: %q", said)
	}
	var patch struct{ Patch string }
	if a.call("fix", map[string]any{"sql": index}, &patch); !strings.Contains(patch.Patch, "+CREATE INDEX CONCURRENTLY orders_note") {
		t.Errorf("patch: %q", patch.Patch)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if said := a.call("trace", map[string]any{"sql": index}, nil); said != "" {
				t.Error(said)
			}
		})
	}
	wg.Wait()
	if code := a.gone(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 {
		t.Errorf("left in the project: %v", left)
	}
}
