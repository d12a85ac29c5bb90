package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
	files "github.com/assaydb/assay/internal/project"
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
// the names of the columns. Only --seed may name one outside of the project.
func (a *app) loadSeed(p *project, o *lintOptions) ([]*migration.Migration, error) {
	if o.seed == "" {
		return nil, nil
	}
	fsys, name, err := a.seedAt(p, o)
	if err != nil {
		return nil, err
	}
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, usagef("--seed %s: %v", o.seed, err)
	}
	if !info.IsDir() {
		m, err := seedFile(fsys, name, filepath.ToSlash(o.seed))
		return []*migration.Migration{m}, err
	}
	entries, err := fs.ReadDir(fsys, name)
	if err != nil {
		return nil, usagef("--seed %s: %v", o.seed, err)
	}
	var out []*migration.Migration
	for _, e := range entries {
		if ext := strings.ToLower(path.Ext(e.Name())); e.IsDir() || ext != ".sql" && ext != ".csv" {
			continue
		}
		m, err := seedFile(fsys, path.Join(name, e.Name()), path.Join(filepath.ToSlash(o.seed), e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		return nil, usagef("--seed %s: no *.sql or *.csv file is there", o.seed)
	}
	return out, nil
}

// seedAt is the file system and the name in it of the seed.
func (a *app) seedAt(p *project, o *lintOptions) (fs.FS, string, error) {
	full := a.inProject(o.seed)
	dir, err := filepath.Abs(a.dir)
	if err == nil {
		full, err = filepath.Abs(full)
	}
	if err != nil {
		return nil, "", fmt.Errorf("finding the project directory: %w", err)
	}
	if rel, err := filepath.Rel(dir, full); err == nil && filepath.IsLocal(rel) {
		return p.data, filepath.ToSlash(rel), nil
	}
	if !o.seedNamed {
		return nil, "", usagef("%s: the seed %s lies outside of the project, where assay reads nothing that a file asks for: name it with --seed", p.config.At("seed"), o.seed)
	}
	outside, err := files.Open(filepath.Dir(full))
	if err != nil {
		return nil, "", usagef("--seed %s: %v", o.seed, err)
	}
	return outside, filepath.ToSlash(filepath.Base(full)), nil
}

func seedFile(fsys fs.FS, name, shown string) (*migration.Migration, error) {
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
	table := strings.Split(strings.TrimSuffix(path.Base(name), path.Ext(name)), ".")
	for i, t := range table {
		table[i] = sqlName(t)
	}
	text := "COPY " + strings.Join(table, ".") + " (" + strings.Join(head, ", ") + ") FROM STDIN WITH (FORMAT csv, HEADER true)"
	// Line 0: the server counts the header as line 1 of what it reads.
	st := &migration.Statement{Kind: migration.CopyData, Text: text, Data: data, Syntax: &migration.Syntax{}, Pos: migration.Position{Path: shown}}
	return &migration.Migration{Path: shown, TxMode: migration.TxNone, Statements: []*migration.Statement{st}}, nil
}

func sqlName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
