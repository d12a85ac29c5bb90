package conformance

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/assaydb/assay/internal/migration"
)

// Tool is a migration tool that can be run here.
type Tool struct {
	Name, Version string
	Format        migration.Format
	// Dialect is how the files of a case are written for it.
	Dialect Dialect
	// Run applies every migration of the directory to an empty database. Its
	// error is the tool's.
	Run func(ctx context.Context, db Database, dir string) error
	// Recorded is a query for what the tool records as applied, one text a row.
	Recorded string
	// Record gives what the tool records of a migration that ran; failed is
	// that of one that did not, empty if nothing.
	Record func(m *migration.Migration) string
	Failed func(m *migration.Migration) string
	// Own are the tables of the tool, whose rows are not compared.
	Own []string
	// Known are differences that stay.
	Known []Known
}

// Known is a difference that stays, with the reason.
type Known struct {
	Reason string
	// Files matches the text of a directory that has it.
	Files *regexp.Regexp
}

// endsAll is the difference of tools that run all files in one transaction and
// send each as one query, as far as a directory can have it.
var endsAll = Known{
	Reason: "a COMMIT or ROLLBACK in a file ends the transaction over all files. What follows in the file is one query more, and each later file one, " +
		"which PostgreSQL runs as one transaction; assay runs those statements one by one",
	Files: regexp.MustCompile(`(?im)(?:^|;)\s*(?:COMMIT|ROLLBACK|END|ABORT)\s*(?:;|$)`),
}

// Database says how a tool reaches its database.
type Database struct{ Host, Port, User, Password, Name string }

func databaseOf(c *pgx.ConnConfig) Database {
	return Database{c.Host, fmt.Sprint(c.Port), c.User, c.Password, c.Database}
}

// URL is the address that libpq's relatives take.
func (d Database) URL() string {
	q := url.Values{"host": {d.Host}, "port": {d.Port}, "user": {d.User}, "sslmode": {"disable"}}
	if d.Password != "" {
		q.Set("password", d.Password)
	}
	return "postgres:///" + d.Name + "?" + q.Encode()
}

// open opens the database with one of database/sql's drivers.
func (d Database) open(driver string) (*sql.DB, error) {
	db, err := sql.Open(driver, d.URL())
	if err != nil {
		return nil, fmt.Errorf("opening the database for the tool: %w", err)
	}
	return db, nil
}

// write lays out the files below root.
func write(root string, files map[string]string) error {
	for name, text := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// oneLine is a message without line ends and repeated blanks.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func sorted(files map[string]string) []string { return slices.Sorted(maps.Keys(files)) }
