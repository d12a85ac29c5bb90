package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/report"
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
	write(t, filepath.Join(dir, "migrations/000001_orders.up.sql"), "CREATE TABLE orders (id bigint PRIMARY KEY, note text);\n")
	write(t, filepath.Join(dir, "migrations/000001_orders.down.sql"), "DROP TABLE orders;\n")
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
	if c := check(index, ""); c.Clean || len(c.Findings) == 0 || c.Findings[len(c.Findings)-1].ID != "LK101" {
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
	write(t, filepath.Join(dir, "migrations/000002_more.up.sql"), "ALTER TABLE orders ADD COLUMN more int;\n")
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

// TestAgentRepairs: an agent that knows nothing but the tools' answers repairs
// statements like those of the demo's careless change, until check has no errors.
func TestAgentRepairs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	demo := filepath.Join("..", "..", "testdata", "demo", "bad", "migrations")
	merged, err := filepath.Glob(filepath.Join(demo, "00000[1-8]_*"))
	if err != nil || len(merged) == 0 {
		t.Fatal("the demo has no merged migrations")
	}
	for _, file := range merged {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, "migrations"), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "migrations", filepath.Base(file)), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a := newAgent(t, dir)
	for _, sql := range []string{
		"CREATE INDEX orders_placed_at ON orders (placed_at);",
		"CREATE UNIQUE INDEX customers_mail ON customers (email);",
		"DROP INDEX orders_customer_id;",
		"REINDEX INDEX orders_customer_id;",
		"ALTER TABLE payments ADD CONSTRAINT paid CHECK (amount > 0);",
		"ALTER TABLE orders ALTER COLUMN note SET NOT NULL;",
		"ALTER TABLE customers ADD COLUMN code bigserial;",
		"ALTER TABLE orders ADD CONSTRAINT orders_note_key UNIQUE (note);",
		"ALTER TABLE payments ADD COLUMN customer_id bigint; ALTER TABLE payments ADD FOREIGN KEY (customer_id) REFERENCES customers (id);",
		"ALTER TABLE customers ADD COLUMN seen timestamptz DEFAULT clock_timestamp();",
	} {
		a.repair(dir, "migrations/000009_change.up.sql", "SET lock_timeout = '2s';\n"+sql+"\n")
	}
	if code := a.gone(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// repair writes a migration, and changes it by what the tools answer until no
// error is left but those that ask about production's rows (DD).
func (a *agent) repair(dir, file, sql string) {
	a.t.Helper()
	full := filepath.Join(dir, file)
	defer func() {
		added, _ := filepath.Glob(filepath.Join(dir, "migrations", "*"))
		for _, f := range added {
			if filepath.Base(f) >= "000009" {
				_ = os.Remove(f)
			}
		}
	}()
	if err := os.WriteFile(full, []byte(sql), 0o644); err != nil {
		a.t.Fatal(err)
	}
	found := 0
	for range 4 {
		text, err := os.ReadFile(full)
		if err != nil {
			a.t.Fatal(err)
		}
		args := map[string]any{"sql": string(text), "file": file, "full": true}
		var out struct{ Full []report.AgentFinding }
		if said := a.call("check", args, &out); said != "" {
			a.t.Fatal(said)
		}
		i := slices.IndexFunc(out.Full, func(f report.AgentFinding) bool {
			return f.Severity != lint.Info && !strings.HasPrefix(f.ID, "DD") && !strings.HasPrefix(f.ID, "OB") && !strings.HasPrefix(f.ID, "SQ")
		})
		if i < 0 {
			if found == 0 {
				a.t.Errorf("%s: nothing is wrong with it", sql)
			}
			return
		}
		found++
		var fix struct{ Patch string }
		delete(args, "full")
		a.call("fix", args, &fix)
		if fix.Patch != "" {
			cmd := exec.Command("git", "apply", "-")
			cmd.Dir, cmd.Stdin = dir, strings.NewReader(fix.Patch)
			if said, err := cmd.CombinedOutput(); err != nil {
				a.t.Fatalf("%v: %s\n%s", err, said, fix.Patch)
			}
			continue
		}
		if err := os.WriteFile(full, []byte(report.AdviceSQL(out.Full[i].Advice)+"\n"), 0o644); err != nil {
			a.t.Fatal(err)
		}
	}
	text, _ := os.ReadFile(full)
	a.t.Errorf("%s is not repaired:\n%s", sql, text)
}
