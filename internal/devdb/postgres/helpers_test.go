package postgres

import (
	"context"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assaydb/assay/internal/migration"
)

// testServer starts a server of a major, or of what ASSAY_TEST_POSTGRES says if major is empty.
func testServer(t testing.TB, major string) *Server {
	t.Helper()
	if major == "" {
		major = os.Getenv("ASSAY_TEST_POSTGRES")
	}
	s, err := Open(context.Background(), Config{Postgres: major})
	if err != nil {
		t.Skipf("no PostgreSQL %s to test on: %v", major, err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func testDatabase(t testing.TB, s *Server) *DB {
	t.Helper()
	d, err := s.Create(context.Background())
	must(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// file makes a migration of statements, split at semicolons outside quotes.
func file(mode migration.TxMode, sql string) *migration.Migration {
	m := &migration.Migration{Path: "m.sql", TxMode: mode, Source: sql}
	for i, s := range split(sql) {
		m.Statements = append(m.Statements, &migration.Statement{
			Kind: migration.SQL, Text: s, Syntax: &migration.Syntax{Options: optionsOf(s)},
			Pos: migration.Position{Path: "m.sql", Line: i + 1},
		})
	}
	return m
}

// optionsOf are the words of a statement that change what it does. The rest of
// its syntax is left empty: these tests are about what the server says.
func optionsOf(sql string) []string {
	m, err := migration.LoadScript(fstest.MapFS{"m.sql": {Data: []byte(sql)}}, "m.sql", migration.Options{})
	if err != nil || len(m.Statements) != 1 {
		return nil
	}
	return m.Statements[0].Syntax.Options
}

func split(sql string) []string {
	var out []string
	var b strings.Builder
	dollar, quote, atomic := false, false, false
	for i := 0; i < len(sql); i++ {
		switch {
		case strings.HasPrefix(sql[i:], "$$"):
			dollar = !dollar
			b.WriteByte(sql[i])
			i++
		case strings.HasPrefix(strings.ToLower(sql[i:]), "begin atomic"):
			atomic = true
		case atomic && strings.HasPrefix(strings.ToLower(sql[i:]), "end"):
			atomic = false
		case sql[i] == '\'' && !dollar:
			quote = !quote
		case sql[i] == ';' && !dollar && !quote && !atomic:
			if s := strings.TrimSpace(b.String()); s != "" {
				out = append(out, s)
			}
			b.Reset()
			continue
		}
		b.WriteByte(sql[i])
	}
	if s := strings.TrimSpace(b.String()); s != "" {
		out = append(out, s)
	}
	return out
}
