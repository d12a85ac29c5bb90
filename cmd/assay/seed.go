package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
)

// proveSeeded runs the new migrations over the data of --seed.
func (s *session) proveSeeded(ctx context.Context, bench *postgres.Bench, seed []*migration.Migration, rec *devdb.Record) (err error) {
	seeded, err := bench.Seed(ctx, seed)
	if err != nil {
		return fmt.Errorf("the seed does not fit the schema that the merged migrations make: %w", err)
	}
	defer func() { err = errors.Join(err, seeded.Close()) }()
	return pipeline.ProveSeeded(ctx, func(ctx context.Context, run []*migration.Migration) (*devdb.StatementError, error) {
		return bench.Rerun(ctx, seeded, run)
	}, rec)
}

// loadSeed reads a seed: a file of SQL, or a directory of *.sql and *.csv in
// the order of their names. A CSV file is named by its table and begins with
// the names of the columns.
func (a *app) loadSeed(name string) ([]*migration.Migration, error) {
	if name == "" {
		return nil, nil
	}
	full := name
	if !filepath.IsAbs(full) {
		full = filepath.Join(a.dir, name)
	}
	info, err := os.Stat(full)
	if err != nil {
		return nil, usagef("--seed %s: %v", name, err)
	}
	if !info.IsDir() {
		m, err := seedFile(os.DirFS(filepath.Dir(full)), filepath.Base(full), path.Dir(filepath.ToSlash(name)))
		return []*migration.Migration{m}, err
	}
	entries, err := os.ReadDir(full)
	if err != nil {
		return nil, usagef("--seed %s: %v", name, err)
	}
	var out []*migration.Migration
	for _, e := range entries {
		if ext := strings.ToLower(path.Ext(e.Name())); e.IsDir() || ext != ".sql" && ext != ".csv" {
			continue
		}
		m, err := seedFile(os.DirFS(full), e.Name(), filepath.ToSlash(name))
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, usagef("--seed %s: no *.sql or *.csv file is there", name)
	}
	return out, nil
}

func seedFile(fsys fs.FS, name, dir string) (*migration.Migration, error) {
	shown := path.Join(dir, name)
	if strings.ToLower(path.Ext(name)) != ".csv" {
		m, err := migration.LoadScript(fsys, name, migration.Options{})
		if err != nil {
			return nil, usagef("--seed %s: %v", shown, err)
		}
		m.Path = shown
		for _, st := range m.Statements {
			st.Pos.Path, st.End.Path = shown, shown
		}
		return m, nil
	}
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, usagef("--seed %s: %v", shown, err)
	}
	data = []byte(strings.TrimPrefix(string(data), "\ufeff"))
	head, err := csv.NewReader(strings.NewReader(string(data))).Read()
	if err != nil {
		return nil, usagef("--seed %s: the first line must name the columns: %v", shown, err)
	}
	for i, c := range head {
		head[i] = sqlName(c)
	}
	table := strings.Split(strings.TrimSuffix(name, path.Ext(name)), ".")
	for i, t := range table {
		table[i] = sqlName(t)
	}
	text := "COPY " + strings.Join(table, ".") + " (" + strings.Join(head, ", ") + ") FROM STDIN WITH (FORMAT csv, HEADER true)"
	// Line 0: the server counts the header as line 1 of what it reads.
	st := &migration.Statement{Kind: migration.CopyData, Text: text, Data: data, Syntax: &migration.Syntax{}, Pos: migration.Position{Path: shown}}
	return &migration.Migration{Path: shown, TxMode: migration.TxNone, Statements: []*migration.Statement{st}}, nil
}

func sqlName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
