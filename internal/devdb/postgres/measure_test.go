package postgres_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/stats"
)

const measureBase = `
CREATE TYPE state AS ENUM ('new', 'paid');
CREATE DOMAIN cents AS bigint;
CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, ref varchar(20), total int CHECK (total > 5), state state, price cents,
	placed timestamptz, paid boolean, token uuid, doc jsonb);`

// measureChange works on the rows of orders in the five ways that take longest.
const measureChange = `
CREATE INDEX orders_ref ON orders (ref);
ALTER TABLE orders ALTER COLUMN ref SET NOT NULL;
ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0);
ALTER TABLE orders ALTER COLUMN total TYPE bigint;
ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (user_id) REFERENCES users;`

// measureMore are others whose time follows the rows.
const measureMore = `
CREATE UNIQUE INDEX orders_token ON orders (token);
CREATE INDEX orders_doc ON orders USING gin (doc);
CREATE INDEX CONCURRENTLY orders_placed ON orders (placed);
ALTER TABLE orders ADD CONSTRAINT costs CHECK (price > 0) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT costs;
ALTER TABLE orders ADD COLUMN key uuid DEFAULT gen_random_uuid();
ALTER TABLE orders ADD UNIQUE (ref);
REINDEX TABLE orders;
CLUSTER orders USING orders_pkey;
UPDATE orders SET paid = true;
UPDATE orders o SET paid = false FROM users u WHERE u.id = o.user_id;`

// TestMeasure measures on few rows. With ASSAY_MEASURE_ROWS=5000000 it measures
// as assay does, then at that number of rows, and holds the estimate to the
// truth: it takes minutes.
func TestMeasure(t *testing.T) {
	testMeasure(t, measureChange, 1.5)
}

// TestMeasureValidate: the rows hold what an earlier statement demands without having looked.
func TestMeasureValidate(t *testing.T) {
	testMeasure(t, `ALTER TABLE orders ADD CONSTRAINT owner FOREIGN KEY (user_id) REFERENCES users NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT owner;`, 1.5)
}

// TestMeasureMore does the same with more statements, on many rows alone.
func TestMeasureMore(t *testing.T) {
	if os.Getenv("ASSAY_MEASURE_ROWS") == "" {
		t.Skip("ASSAY_MEASURE_ROWS says how many rows to measure on")
	}
	testMeasure(t, measureMore, 2)
}

func testMeasure(t *testing.T, change string, factor float64) {
	ctx := context.Background()
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	base, rec := recordOn(t, server, measureBase, change)
	defer base.Close()
	rows, sizes := int64(50_000), []int64{1000, 3000, 10_000}
	large, err := strconv.ParseInt(os.Getenv("ASSAY_MEASURE_ROWS"), 10, 64)
	if err == nil {
		rows, sizes = large, postgres.MeasureSizes
	}
	st := measureStats(rows)
	for _, step := range rec.Steps {
		t.Run(step.Stmt.Text, func(t *testing.T) {
			m, err := server.Measure(ctx, base, nil, rec, step, st, sizes)
			if strings.HasSuffix(step.Stmt.Text, "NOT VALID") {
				if err != nil || m != nil {
					t.Errorf("reads no row, and got %v %+v", err, m)
				}
				return
			}
			if err != nil || m == nil || m.Why != "" {
				t.Fatalf("%v %+v", err, m)
			}
			if m.Object != "public.orders" || m.Estimate <= 0 || m.Low > m.Estimate || m.High < m.Estimate || len(m.Left) != 1 {
				t.Errorf("got %+v", m)
			}
			if large == 0 {
				return
			}
			truth, err := server.Measure(ctx, base, nil, rec, step, st, []int64{large})
			if err != nil || truth.Why != "" {
				t.Fatalf("%v %+v", err, truth)
			}
			ratio := float64(m.Estimate) / float64(truth.Took[0])
			t.Logf("| `%s` | %.2f s (%.2f–%.2f) | %.2f s | %.2f |", step.Stmt.Text, m.Estimate.Seconds(), m.Low.Seconds(), m.High.Seconds(), truth.Took[0].Seconds(), ratio)
			t.Logf("%v at %v", m.Took, m.Sizes)
			if ratio > factor || ratio < 1/factor {
				t.Errorf("estimate %s, in truth %s", m.Estimate, truth.Took[0])
			}
		})
	}
}

func measureStats(rows int64) *stats.Stats {
	return &stats.Stats{Tables: []*stats.Table{
		{Schema: "public", Name: "orders", Rows: rows, Columns: []*stats.Column{{Name: "doc", Width: 40, Distinct: -0.5}, {Name: "ref", Width: 14, Distinct: -1, Nulls: 0.1}}},
		{Schema: "public", Name: "users", Rows: rows / 10},
	}}
}

func recordOn(t *testing.T, server *postgres.Server, base, change string) (*postgres.DB, *devdb.Recorded) {
	t.Helper()
	ctx := context.Background()
	db, err := server.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	load := func(name, text string) *migration.Migration {
		m, err := migration.LoadScript(fstest.MapFS{name: {Data: []byte(text)}}, name, migration.Options{})
		if err != nil {
			t.Fatal(err)
		}
		m.TxMode = migration.TxNone
		return m
	}
	if err := db.Replay(ctx, load("base.sql", base)); err != nil {
		t.Fatal(err)
	}
	other, err := server.Clone(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	m := load("new.sql", change)
	steps, err := other.Record(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	return db, &devdb.Recorded{Migration: m, Steps: steps}
}

func BenchmarkFill(b *testing.B) {
	ctx := context.Background()
	server := pgtest.Server(b, pgtest.Majors(b)[0])
	db, err := server.Create(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	start := time.Now()
	n, err := postgres.FillForBenchmark(ctx, db, measureBase, "orders", int64(b.N))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(n)/time.Since(start).Seconds(), "rows/s")
}

// TestMeasureLongValues: rows are as wide as production's, with what lies in TOAST, and
// what they write follows.
func TestMeasureLongValues(t *testing.T) {
	ctx := context.Background()
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	base, rec := recordOn(t, server, "CREATE TABLE documents (id bigint PRIMARY KEY, body text);\nCREATE MATERIALIZED VIEW titles AS SELECT id AS t FROM documents;",
		"ALTER TABLE documents ALTER COLUMN body TYPE bytea USING body::bytea;\nCREATE INDEX titles_t ON titles (t);")
	defer base.Close()
	const rows = 2000
	disk := map[bool]int64{}
	for _, long := range []bool{false, true} {
		d := &stats.Table{Schema: "public", Name: "documents", Rows: rows, Bytes: 80 * rows, Columns: []*stats.Column{{Name: "body", Width: 18, Distinct: -1}}}
		if long {
			d.Bytes, d.Toast = 5600*rows, 5500*rows
		}
		m, err := server.Measure(ctx, base, nil, rec, rec.Steps[0], &stats.Stats{Tables: []*stats.Table{d}}, []int64{100, 1000})
		if err != nil || m.Why != "" {
			t.Fatalf("%v %+v", err, m)
		}
		disk[long] = m.Disk
	}
	if disk[true] < 5000*rows || disk[true] < 10*disk[false] {
		t.Errorf("the rewrite needs %d bytes, and with 5,500 bytes in TOAST %d", disk[false], disk[true])
	}
	m, err := server.Measure(ctx, base, nil, rec, rec.Steps[1], &stats.Stats{}, []int64{100})
	if err != nil || m == nil || !strings.Contains(m.Why, "public.titles gets its rows from a query") {
		t.Errorf("%v %+v", err, m)
	}
}
