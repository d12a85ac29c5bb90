package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
)

// TestProveCorpora looks for rows on which the statements of real histories
// fail, each migration on a base of those before it, and prints for how many
// they were found and what was in the way of the others.
func TestProveCorpora(t *testing.T) {
	root := os.Getenv("ASSAY_CORPORA")
	if root == "" {
		t.Skip("ASSAY_CORPORA names no directory of real migration histories")
	}
	all, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	sum := map[devdb.Outcome]int{}
	keep, data := map[devdb.Outcome]int{}, map[devdb.Outcome]int{}
	statements, decided, shown := 0, 0, 0
	var misses []string
	for _, e := range all {
		if !e.IsDir() {
			continue
		}
		t.Run(e.Name(), func(t *testing.T) {
			rec, took := proveCorpus(t, filepath.Join(root, e.Name()))
			count := map[devdb.Outcome]int{}
			for _, m := range rec.New {
				for _, s := range m.Steps {
					open, fails, asks := false, false, false
					for _, p := range s.Proofs {
						switch p.Demand {
						case devdb.DemandKeep:
							keep[p.Outcome]++
							continue
						case devdb.DemandData:
							data[p.Outcome]++
							continue
						}
						asks = true
						count[p.Outcome]++
						sum[p.Outcome]++
						open = open || p.Outcome == devdb.Unknown
						fails = fails || p.Outcome == devdb.Fails || p.Outcome == devdb.Changes
						if p.Outcome == devdb.Unknown {
							misses = append(misses, fmt.Sprintf("%s/%s:%d: %s: %s", e.Name(), m.Path, s.Stmt.Pos.Line, p.Demand, p.Why))
						}
					}
					if asks {
						statements++
					}
					if fails {
						shown++
					}
					if fails || open {
						decided++
					}
				}
			}
			t.Logf("%v in %v", count, took.Round(time.Millisecond))
			if v := os.Getenv("ASSAY_PROOFS_SHOW"); v != "" {
				showProofs(t, rec, v)
			}
		})
	}
	for _, m := range misses {
		t.Log(m)
	}
	t.Logf("%d statements demand something of old rows: %d demands: %v", statements, sum[devdb.Fails]+sum[devdb.Changes]+sum[devdb.Passes]+sum[devdb.Impossible]+sum[devdb.Unknown], sum)
	t.Logf("what statements take away from old rows: %v", keep)
	t.Logf("statements that work on old rows: %v", data)
	t.Logf("rows can break %d statements as far as is known; found for %d: %.1f %%", decided, shown, 100*float64(shown)/float64(max(1, decided)))
	if decided > 0 && float64(shown) < 0.8*float64(decided) {
		t.Errorf("rows were found for %d of %d statements: at least 80 %% are wanted", shown, decided)
	}
}

func showProofs(t *testing.T, rec *devdb.Record, outcome string) {
	for _, m := range rec.New {
		for _, s := range m.Steps {
			for _, p := range s.Proofs {
				if outcome != "all" && outcome != string(p.Outcome) {
					continue
				}
				text := p.Why
				if x := p.Counterexample; x != nil {
					text = x.Rows + "\n -> " + x.Code + " " + x.Message + x.Before + " " + x.After + " left: " + strings.Join(x.Left, "; ")
				}
				t.Logf("%s:%d %s %s\n%s\n%s", m.Path, s.Stmt.Pos.Line, p.Demand, p.Outcome, s.Stmt.Text[:min(300, len(s.Stmt.Text))], text)
			}
		}
	}
}

func proveCorpus(t *testing.T, root string) (*devdb.Record, time.Duration) {
	t.Helper()
	ctx := context.Background()
	server := pgtest.Server(t, "")
	db, err := server.Create(ctx)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	fsys := os.DirFS(root)
	found, err := migration.Detect(fsys, ".")
	must(t, err)
	dir, err := migration.Load(fsys, found[0].Path, migration.Options{Format: found[0].Format, Locations: found[0].Locations})
	must(t, err)
	var setup []*migration.Migration
	if _, err := os.Stat(filepath.Join(root, "setup.sql")); err == nil {
		m, err := migration.LoadScript(fsys, "setup.sql", migration.Options{})
		must(t, err)
		setup = append(setup, m)
	}
	must(t, db.Setup(ctx, setup))
	if len(dir.Migrations) > 0 && dir.Migrations[0].Bookkeeping != "" {
		m := &migration.Migration{
			Path: "bookkeeping", TxMode: migration.TxNone,
			Statements: []*migration.Statement{{Kind: migration.SQL, Text: dir.Migrations[0].Bookkeeping}},
		}
		must(t, db.Replay(ctx, m))
	}
	rec := &devdb.Record{Version: server.Version(), Dir: dir}
	for _, m := range dir.Migrations {
		rec.New = append(rec.New, &devdb.Recorded{Migration: m})
	}
	before, err := server.Clone(ctx, db)
	must(t, err)
	bench := server.Bench(before)
	defer func() { must(t, errors.Join(bench.Close(), before.Close())) }()
	must(t, pipeline.RecordAll(ctx, db, rec))
	start := time.Now()
	must(t, pipeline.Prove(ctx, bench, rec, pipeline.Proving{Alone: true}))
	return rec, time.Since(start)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
