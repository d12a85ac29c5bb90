package pipeline_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/internal/queries"
)

type prepared struct{ *postgres.DB }

func (p prepared) Ask(ctx context.Context, texts []string) ([]pipeline.Answer, error) {
	got, err := p.Prepare(ctx, texts)
	out := make([]pipeline.Answer, len(got))
	for i, g := range got {
		out[i] = pipeline.Answer{Code: g.Code, Error: g.Error}
		for _, c := range g.Columns {
			out[i].Columns = append(out[i].Columns, fmt.Sprintf("%q %s", c.Name, c.Type))
		}
	}
	return out, err
}

// BenchmarkQueries asks 2,000 queries, each with a join and a parameter, on 100
// tables, before and after each of three migrations.
func BenchmarkQueries(b *testing.B) {
	ctx := context.Background()
	server := pgtest.Server(b, "")
	base, err := server.Create(ctx)
	must(b, err)
	defer func() { must(b, base.Close()) }()
	var sql strings.Builder
	for i := range 100 {
		fmt.Fprintf(&sql, "CREATE TABLE t%d (id bigint PRIMARY KEY, a text, n int, at timestamptz, p bigint);\n", i)
	}
	must(b, base.Replay(ctx, script("base.sql", strings.TrimSuffix(sql.String(), ";\n"))))
	must(b, base.Disconnect(ctx))
	var qs []queries.Query
	for i := range 2000 {
		x, y := i%100, (i*7+1)%100
		qs = append(qs, queries.Query{
			Path: "q.sql", Line: i + 1,
			SQL: fmt.Sprintf("SELECT x.id, x.a, y.n, count(*) FROM t%d x JOIN t%d y ON y.id = x.p WHERE x.at > $1 AND y.a = $2 GROUP BY 1, 2, 3 ORDER BY %d LIMIT 10", x, y, i%4+1),
		})
	}
	for b.Loop() {
		b.StopTimer()
		db, err := server.Clone(ctx, base)
		must(b, err)
		work, err := server.Clone(ctx, base)
		must(b, err)
		rec := &devdb.Record{New: []*devdb.Recorded{
			{Migration: script("1.sql", "ALTER TABLE t1 RENAME COLUMN a TO b")}, {Migration: script("2.sql", "DROP TABLE t2")}, {Migration: script("3.sql", "ALTER TABLE t3 ADD c int")},
		}}
		must(b, pipeline.RecordAll(ctx, work, rec))
		b.StartTimer()
		must(b, pipeline.AskQueries(ctx, prepared{db}, rec, qs))
		b.StopTimer()
		if len(rec.Queries.Broken) == 0 {
			b.Fatal("no query is broken by a renamed column and a dropped table")
		}
		must(b, db.Close())
		must(b, work.Close())
		b.StartTimer()
	}
}
