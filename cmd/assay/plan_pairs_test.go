package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/plan"
	"github.com/assaydb/assay/internal/planned"
)

// TestPlanPairs plans between two schemas of each directory of ASSAY_PAIRS,
// old.sql and new.sql, there and back, and wants plans that reach the other
// schema or refuse by name. ASSAY_PAIRS_OUT names a directory for the plans, so
// that somebody else can run and judge them.
func TestPlanPairs(t *testing.T) {
	root := os.Getenv("ASSAY_PAIRS")
	if root == "" {
		t.Skip("ASSAY_PAIRS names no directory with old.sql and new.sql in directories below it")
	}
	dirs, err := filepath.Glob(filepath.Join(root, "*", "new.sql"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("ASSAY_PAIRS=%s: no */new.sql is there (%v)", root, err)
	}
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			server, err := postgres.Open(t.Context(), postgres.Config{Postgres: major, Env: os.Getenv, Schemas: true})
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(func() {
				if err := server.Close(); err != nil {
					t.Error(err)
				}
			})
			for _, d := range dirs {
				dir := filepath.Dir(d)
				for _, x := range []struct{ way, from, to string }{{"there", "old.sql", "new.sql"}, {"back", "new.sql", "old.sql"}} {
					name := filepath.Base(dir) + "." + x.way
					t.Run(name, func(t *testing.T) {
						text, err := planPair(t.Context(), server, dir, x.from, x.to)
						var cannot *plan.CannotPlan
						var load *postgres.LoadError
						kind := "right"
						switch {
						case errors.As(err, &cannot):
							kind = "refused"
						case errors.As(err, &load):
							kind = "no schema"
						case err != nil:
							kind = "wrong"
							t.Error(err)
						}
						if out := os.Getenv("ASSAY_PAIRS_OUT"); out != "" {
							why := ""
							if err != nil {
								why = err.Error()
							}
							if err := errors.Join(os.MkdirAll(out, 0o755), os.WriteFile(filepath.Join(out, name+".txt"), []byte(kind+"\n"+why+"\n"), 0o644), os.WriteFile(filepath.Join(out, name+".sql"), []byte(text), 0o644)); err != nil {
								t.Fatal(err)
							}
						}
					})
				}
			}
		})
	}
}

// planPair plans from one file of a directory to another, and runs the plan.
func planPair(ctx context.Context, server *postgres.Server, dir, from, to string) (text string, err error) {
	side := func(name string) (*planned.Side, error) {
		m, err := migration.LoadScript(os.DirFS(dir), name, migration.Options{})
		if err != nil {
			return nil, err
		}
		return planned.Files(ctx, server, name, []*migration.Migration{m})
	}
	have, err := side(from)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, have.DB.Close()) }()
	want, err := side(to)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, want.DB.Close()) }()
	p, err := planned.Make(ctx, server, have, want, planned.Options{RenamesOff: true})
	if err != nil {
		return "", err
	}
	prove := p.Reaches
	if os.Getenv("ASSAY_TEST_ALL") != "" {
		prove = func(ctx context.Context) error { return p.Prove(ctx, true) }
	}
	if err := prove(ctx); err != nil {
		return p.Text, err
	}
	var wrong []string
	for _, g := range p.Failed() {
		wrong = append(wrong, g.Name+": "+g.Why)
	}
	if len(wrong) > 0 {
		return p.Text, errors.New(strings.Join(wrong, "\n"))
	}
	return p.Text, nil
}
