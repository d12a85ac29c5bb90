package analyzers_test

import (
	"context"
	"slices"
	"testing"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/pipeline"
)

// TestAlone: where a tool runs all new files in one transaction, a lock of the
// first is held through the work of the second. Judged each for itself, as for
// --all, they ran at different times, and nothing is held.
func TestAlone(t *testing.T) {
	c := &fixture.Case{Name: "all", Files: map[string]string{
		"all/meta/_journal.json": `{"entries": [{"idx": 0, "tag": "0000_lock"}, {"idx": 1, "tag": "0001_work"}]}`,
		"all/0000_lock.sql":      "ALTER TABLE orders ADD COLUMN note text;",
		"all/0001_work.sql":      "CREATE INDEX items_price ON items (price);",
	}}
	s := newStage(t, pgtest.Server(t, pgtest.Majors(t)[0]), &fixture.Fixture{
		Name: "alone", Base: "CREATE TABLE orders (id bigint PRIMARY KEY);\nCREATE TABLE items (id bigint PRIMARY KEY, price int);",
	})
	dir, err := c.Load()
	if err != nil {
		t.Fatal(err)
	}
	rec := &devdb.Record{Version: s.server.Version(), Dir: dir}
	for _, m := range dir.Migrations {
		rec.New = append(rec.New, &devdb.Recorded{Migration: m, Added: true})
	}
	if err := pipeline.RecordAll(context.Background(), s.copy(t), rec); err != nil {
		t.Fatal(err)
	}
	for _, alone := range []bool{false, true} {
		found, err := analyzers.Checks{Alone: alone}.Judge(context.Background(), rec, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"LK203", "LK204"} {
			told := slices.ContainsFunc(found, func(f *lint.Finding) bool { return f.ID == id })
			if id == "LK203" && told == alone || alone && told {
				t.Errorf("alone %v: %s told: %v", alone, id, told)
			}
		}
	}
}
