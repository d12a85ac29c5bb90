package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres"
)

// live is a database that stands for somebody's, on a server of its own.
func live(t *testing.T, sql string) (url string) {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Config{Env: os.Getenv})
	if err != nil {
		t.Skipf("no PostgreSQL to test on: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := s.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.ConnectOwner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
		t.Fatal(err)
	}
	conf := c.Config()
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=%d", conf.User, conf.Database, conf.Host, conf.Port)
}

const liveSQL = `CREATE SCHEMA app; CREATE ROLE clerk;
CREATE TYPE app.state AS ENUM ('new', 'paid');
CREATE TABLE app.customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail text UNIQUE);
CREATE TABLE app.orders (id bigint PRIMARY KEY, customer bigint NOT NULL REFERENCES app.customers, state app.state DEFAULT 'new');
CREATE INDEX ON app.orders (customer); COMMENT ON COLUMN app.orders.state IS 'where it is';
CREATE VIEW app.paid AS SELECT * FROM app.orders WHERE state = 'paid'; GRANT SELECT ON app.paid TO clerk;
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();`

// assayIn runs the program in a directory and gives what it prints and its exit code.
func assayIn(t *testing.T, dir string, args ...string) (string, int) {
	t.Helper()
	var out bytes.Buffer
	code := run(t.Context(), append([]string{"-C", dir}, args...), os.Getenv, strings.NewReader(""), &out, &out)
	return out.String(), code
}

// TestInspectThenDrift bootstraps a project from a database, finds no drift,
// changes the files, and finds what differs with both corrections.
func TestInspectThenDrift(t *testing.T) {
	url, dir := live(t, liveSQL), t.TempDir()
	if out, code := assayIn(t, dir, "inspect", "--url", url, "--dir-format", "goose"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	var names []string
	_ = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, name)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	want := "assay.yaml migrations/00001_baseline.sql schema/app/enum_types/state.sql schema/app/functions/touch.sql schema/app/tables/customers.sql schema/app/tables/orders.sql schema/app/views/paid.sql schema/schemas.sql"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, to := range []string{"schema", "migrations"} {
		if out, code := assayIn(t, dir, "drift", "--url", url, "--to", to); code != 0 || !strings.Contains(out, "no drift") {
			t.Fatalf("--to %s: exit code %d: %s", to, code, out)
		}
	}
	if out, code := assayIn(t, dir, "diff", "--check"); code != 0 {
		t.Fatalf("exit code %d: %s", code, out)
	}
	if out, code := assayIn(t, dir, "inspect", "--url", url); code != 2 || !strings.Contains(out, "exists, and nothing was written") {
		t.Errorf("exit code %d: %s", code, out)
	}
	file := filepath.Join(dir, "schema", "app", "tables", "customers.sql")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, "ALTER TABLE app.customers ADD COLUMN note text;\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	out, code := assayIn(t, dir, "drift", "--url", url, "--to", "schema")
	for _, part := range []string{"missing   column app.customers.note", "ADD COLUMN note text", "DROP COLUMN note"} {
		if code != 1 || !strings.Contains(out, part) {
			t.Errorf("exit code %d, no %q in:\n%s", code, part, out)
		}
	}
	if out, code := assayIn(t, dir, "diff", "--check"); code != 1 || !strings.Contains(out, "a migration is missing") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code := assayIn(t, dir, "diff", "note"); code != 0 || !strings.Contains(out, "wrote migrations/00002_note.sql") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code := assayIn(t, dir, "diff", "--check"); code != 0 {
		t.Errorf("exit code %d: %s", code, out)
	}
}
