// Package queries reads the application's own queries from files: sqlc and
// other annotated SQL, plain SQL, and exports of pg_stat_statements. It turns
// every way of writing a parameter into PostgreSQL's $1.
package queries

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Query is one query of the application.
type Query struct {
	Path string // the file, relative to the project root
	Line int    // of its first line; of the record in an export
	Name string // from `-- name:`, empty if there is none
	SQL  string // with parameters as $1, $2 …
	// Ask is what a server can be asked to prepare in its place: the query itself
	// for most, the one inside a COPY, EXPLAIN or CREATE TABLE AS. Empty where
	// nothing can be: the statement then counts as use of all that it names.
	Ask string
	// Open says what is not closed where the file could not be read to its end.
	Open string
}

// made is a query with what can be asked for it.
func made(q Query) Query {
	q.SQL = strings.TrimRight(strings.TrimSpace(q.SQL), ";")
	q.Ask = question(q.SQL)
	return q
}

// Load reads the files that the patterns match, in the order of their names.
// A pattern that matches nothing is an error.
func Load(fsys fs.FS, patterns []string) ([]Query, error) {
	var files []string
	for _, p := range patterns {
		found, err := doublestar.Glob(fsys, path.Clean(p), doublestar.WithFilesOnly())
		if err != nil {
			return nil, fmt.Errorf("queries %q: %w", p, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("queries %q: no file matches", p)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	var out []Query
	for _, f := range slices.Compact(files) {
		data, err := fs.ReadFile(fsys, f)
		if err != nil {
			return nil, fmt.Errorf("reading the queries: %w", err)
		}
		got, err := parse(f, string(data))
		if err != nil {
			return nil, err
		}
		out = append(out, got...)
	}
	return out, nil
}

// Matches reports whether the file is one of those that Load would read.
func Matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := doublestar.Match(path.Clean(p), name)
		return ok && err == nil
	})
}

func parse(name, text string) ([]Query, error) {
	switch strings.ToLower(path.Ext(name)) {
	case ".csv":
		return parseCSV(name, text)
	case ".json":
		return parseJSON(name, text)
	default:
		return parseSQL(name, text), nil
	}
}

// parseCSV reads an export with a header that has a column "query".
func parseCSV(name, text string) ([]Query, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s:1: reading the header: %w", name, err)
	}
	at := slices.IndexFunc(head, func(h string) bool {
		return strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")), "query")
	})
	if at < 0 {
		return nil, fmt.Errorf("%s:1: the header has no column \"query\": export it from pg_stat_statements with \\copy (SELECT query FROM pg_stat_statements) TO 'file' CSV HEADER", name)
	}
	var out []Query
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if at < len(rec) && counts(rec[at]) {
			out = append(out, made(Query{Path: name, Line: line, SQL: rec[at]}))
		}
	}
}

// parseJSON reads a list of objects with a field "query", or of texts.
func parseJSON(name, text string) ([]Query, error) {
	d := json.NewDecoder(strings.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, fmt.Errorf("%s:1: want a list of objects with a field \"query\", or of texts", name)
	}
	var out []Query
	for d.More() {
		line := 1 + strings.Count(text[:d.InputOffset()], "\n")
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		sql := ""
		if raw[0] == '"' {
			if err := json.Unmarshal(raw, &sql); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, line, err)
			}
		} else {
			var o struct {
				Query *string `json:"query"`
			}
			if err := json.Unmarshal(raw, &o); err != nil || o.Query == nil {
				return nil, fmt.Errorf("%s:%d: want an object with a text field \"query\"", name, line)
			}
			sql = *o.Query
		}
		if counts(sql) {
			start := int(d.InputOffset()) - len(raw)
			out = append(out, made(Query{Path: name, Line: 1 + strings.Count(text[:start], "\n"), SQL: sql}))
		}
	}
	return out, nil
}

func firstWord(sql string) string {
	sql = strings.TrimLeft(sql, " \t\r\n(")
	for strings.HasPrefix(sql, "--") || strings.HasPrefix(sql, "/*") {
		end := "\n"
		if sql[0] == '/' {
			end = "*/"
		}
		_, rest, ok := strings.Cut(sql, end)
		if !ok {
			return ""
		}
		sql = strings.TrimLeft(rest, " \t\r\n(")
	}
	i := strings.IndexFunc(sql, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') })
	if i < 0 {
		return sql
	}
	return sql[:i]
}
