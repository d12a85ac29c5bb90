package policy

import (
	"context"
	"flag"
	"testing"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// recorder runs cases on a real server.
func recorder(t *testing.T, server *postgres.Server) Recorder {
	return func(ctx context.Context, base *migration.Migration, dir *migration.Dir) (*devdb.Record, []*lint.Finding, error) {
		db, err := server.Create(ctx)
		if err != nil {
			return nil, nil, err
		}
		defer func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		if base != nil {
			if err := pipeline.Replay(ctx, db, []*migration.Migration{base}); err != nil {
				return nil, nil, err
			}
		}
		rec := &devdb.Record{Version: server.Version(), Dir: dir}
		for _, m := range dir.Migrations {
			rec.New = append(rec.New, &devdb.Recorded{Migration: m, Added: true})
		}
		return rec, nil, pipeline.RecordAll(ctx, db, rec)
	}
}

func loadLibrary(t testing.TB) *Policies {
	t.Helper()
	p, err := Load(context.Background(), Options{Packs: Packs(), Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLibrary runs every rule's fixture on every major at hand, under all
// packs at once: a bad example has exactly the wanted findings of its rule, a
// good one none of any rule.
func TestLibrary(t *testing.T) {
	p := loadLibrary(t)
	files, err := p.fixtures(true)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(p.Rules) {
		t.Errorf("%d fixtures for %d rules", len(files), len(p.Rules))
	}
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			server := pgtest.Server(t, major)
			for i, f := range files {
				if !pgtest.InSample(i, 4) {
					continue
				}
				t.Run(f.name(), func(t *testing.T) {
					t.Parallel()
					bad, good := 0, 0
					for _, c := range f.Cases {
						if c.Bad() && len(c.Wants) > 0 {
							bad++
						}
						if c.Good() {
							good++
						}
						res, err := p.runCase(context.Background(), recorder(t, server), f, c)
						if err != nil {
							t.Fatal(err)
						}
						for _, line := range res.Failures {
							t.Errorf("%s: %s", f.Name, line)
						}
					}
					if bad == 0 || good == 0 || len(f.rules) != 1 {
						t.Errorf("%s: %d bad and %d good examples for rules %v: a rule has one of each", f.Name, bad, good, f.rules)
					}
				})
			}
		})
	}
}
