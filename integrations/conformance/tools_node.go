package conformance

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/assaydb/assay/internal/migration"
)

// node is the process that runs the tools in JavaScript, one after the other.
var node struct {
	sync.Mutex
	in  *json.Encoder
	out *bufio.Scanner
}

// javaScript runs a tool of tools.mjs.
func javaScript(tool string) func(context.Context, Database, string) error {
	return func(_ context.Context, at Database, dir string) error {
		node.Lock()
		defer node.Unlock()
		if node.in == nil {
			c := exec.Command("node", "tools.mjs")
			c.Stderr = os.Stderr
			in, err := c.StdinPipe()
			if err != nil {
				return err
			}
			out, err := c.StdoutPipe()
			if err != nil {
				return err
			}
			if err := c.Start(); err != nil {
				return err
			}
			node.in, node.out = json.NewEncoder(in), bufio.NewScanner(out)
			node.out.Buffer(nil, 16<<20)
		}
		request := struct {
			Database
			Tool string `json:"tool"`
			Dir  string `json:"dir"`
		}{at, tool, dir}
		if err := node.in.Encode(request); err != nil {
			return err
		}
		if !node.out.Scan() {
			return fmt.Errorf("the process of the JavaScript tools has ended: %w", node.out.Err())
		}
		var answer struct{ Error *string }
		if err := json.Unmarshal(node.out.Bytes(), &answer); err != nil {
			return err
		}
		if answer.Error != nil {
			return errors.New(*answer.Error)
		}
		return nil
	}
}

var nodePgMigrateTool = &Tool{
	Name: "node-pg-migrate", Version: "9.0.0", Format: migration.NodePgMigrate, Dialect: nodeMarks{}, Run: javaScript("node-pg-migrate"),
	Recorded: `SELECT name FROM public.pgmigrations ORDER BY id`,
	Record:   func(m *migration.Migration) string { return strings.TrimSuffix(base(m.Path), ".sql") },
	Own:      []string{"public.pgmigrations"},
	Known:    []Known{endsAll},
}

var drizzleTool = &Tool{
	Name: "drizzle-orm", Version: "0.45.4", Format: migration.Drizzle, Dialect: journal{}, Run: javaScript("drizzle"),
	Recorded: `SELECT created_at::text FROM drizzle.__drizzle_migrations ORDER BY id`,
	Record:   func(m *migration.Migration) string { return strings.TrimLeft(m.Version, "0") },
	Own:      []string{"drizzle.__drizzle_migrations"},
	Known:    []Known{endsAll},
}

var graphileTool = &Tool{
	Name: "graphile-migrate", Version: "1.4.1", Format: migration.GraphileMigrate, Dialect: committed{}, Run: javaScript("graphile-migrate"),
	Recorded: `SELECT filename FROM graphile_migrate.migrations ORDER BY filename`,
	Record:   func(m *migration.Migration) string { return base(m.Path) },
	Own:      []string{"graphile_migrate.migrations", "graphile_migrate.current"},
}

// nodeMarks is node-pg-migrate's one file for both ways.
type nodeMarks struct{}

func (nodeMarks) Lay(files []File) map[string]string {
	out := map[string]string{}
	for _, f := range files {
		text := f.Form.Head + f.Form.mark("-- Up Migration") + "\n" + plainPieces(f.Up)
		if f.Form.Open {
			text = opened(text)
		}
		if f.Down != nil {
			text += "\n-- Down Migration\n" + plainPieces(f.Down)
		}
		out[fmt.Sprintf("%04d_step.sql", f.Version)] = f.Form.bytes(text)
	}
	return out
}

// journal is drizzle's directory. A piece that is sent whole has a breakpoint behind it.
type journal struct{}

func (journal) Lay(files []File) map[string]string {
	out := map[string]string{}
	var entries []string
	for i, f := range files {
		tag := fmt.Sprintf("%04d_step", f.Version)
		entries = append(entries, fmt.Sprintf(`{"idx":%d,"version":"7","when":%d,"tag":%q,"breakpoints":true}`, i, f.Version, tag))
		var ps []Piece
		for n, p := range f.Up {
			if p.Whole && n < len(f.Up)-1 {
				p.SQL += "--> statement-breakpoint"
			}
			ps = append(ps, p)
		}
		out[tag+".sql"] = f.Form.plain(ps, "")
	}
	out["meta/_journal.json"] = `{"version":"7","dialect":"postgresql","entries":[` + strings.Join(entries, ",") + `]}`
	return out
}

// committed is graphile-migrate's directory, with a chain of hashes.
type committed struct{}

func (committed) Lay(files []File) map[string]string {
	out := map[string]string{}
	previous := "-"
	for _, f := range files {
		first := ""
		if f.NoTx {
			first = "--! no-transaction\n"
		}
		form := f.Form
		form.BOM, form.CRLF = false, false // of the body alone: the tool writes the head
		body := form.plain(f.Up, first)
		chain := previous
		if chain == "-" {
			chain = ""
		}
		hash := fmt.Sprintf("sha1:%x", sha1.Sum([]byte(strings.TrimSpace(chain+"\n"+strings.TrimSpace(body))+"\n")))
		form = Form{BOM: f.Form.BOM, CRLF: f.Form.CRLF}
		out[fmt.Sprintf("committed/%06d.sql", f.Version)] = form.bytes("--! Previous: " + previous + "\n--! Hash: " + hash + "\n\n" + body)
		previous = hash
	}
	return out
}
