package analyzers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/stats"
)

const sizedBase = `CREATE TABLE docs (id int PRIMARY KEY, body text, v int, code text);
CREATE TABLE events (id int, at date, note text) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE items (id int PRIMARY KEY, doc int);`

// TestSized: rows and bytes of all that a statement works through decide, and
// what the statistics say of rows is what happens.
func TestSized(t *testing.T) {
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	s := newStage(t, server, &fixture.Fixture{Name: "sized", Base: sizedBase})
	column := func(name string, nulls, distinct float64) string {
		return fmt.Sprintf(`{"name": %q, "null_fraction": %g, "distinct": %g, "width": 8}`, name, nulls, distinct)
	}
	table := func(name string, rows, bytes int64, more string) string {
		return fmt.Sprintf(`{"schema": "public", "name": %q, "rows": %d, "bytes": %d, "total_bytes": %d%s}`, name, rows, bytes, bytes+bytes/2, more)
	}
	for _, c := range []struct{ name, sql, tables, want string }{
		{
			"few rows and many bytes", "ALTER TABLE docs ALTER COLUMN v TYPE bigint", table("docs", 9000, 42<<30, ""),
			"LK201 error (42 GB)",
		},
		{"few rows and few bytes", "ALTER TABLE docs ALTER COLUMN v TYPE bigint", table("docs", 9000, 1<<20, ""), "LK201 warning (1 MB)"},
		{
			"partitions that the migrations know", "ALTER TABLE events ALTER COLUMN id TYPE bigint",
			table("events", -1, 0, "") + "," + table("events_1", 9000, 6<<30, "") + "," + table("events_2", 9000, 6<<30, ""),
			"LK201 error (events: 12 GB in 2 partitions)",
		},
		{
			"partitions that only production has", "ALTER TABLE events ALTER COLUMN id TYPE bigint",
			table("events", -1, 0, `, "parts": {"tables": 300, "rows": 2970000, "bytes": 376883380224, "total_bytes": 400000000000}`),
			"LK201 error (events: 351 GB in 300 partitions)|needs about 373 GB of free disk",
		},
		{"never analyzed since it was filled", "ALTER TABLE docs ALTER COLUMN v TYPE bigint", table("docs", 0, 52<<20, ""), "LK201 error (52 MB)|about 426 thousand rows by its size"},
		{"partitions of which nothing is known", "ALTER TABLE events ALTER COLUMN id TYPE bigint", table("events", -1, 0, ""), "LK201 error "},
		{
			"two tables are named", "ALTER TABLE items ADD CONSTRAINT doc FOREIGN KEY (doc) REFERENCES docs",
			table("items", 5000000, 326<<20, "") + "," + table("docs", 3000000, 404<<20, ""),
			"LK104 error (docs: 404 MB, items: 326 MB, 730 MB in all)",
		},
		{
			"NULLs", "ALTER TABLE docs ALTER COLUMN v SET NOT NULL", table("docs", 1500000, 52<<20, `, "columns": [`+column("v", 0.202, 5)+"]"),
			"DD102 error SET NOT NULL on docs.v will fail: about 303,000 of 1.5 million rows are NULL (statistics of 2026-11-30)",
		},
		{
			"one NULL in the sample", "ALTER TABLE docs ALTER COLUMN v SET NOT NULL", table("docs", 1000000, 52<<20, `, "columns": [`+column("v", 0.000033, 5)+"]"),
			"DD102 error SET NOT NULL on docs.v will fail: about 33 of 1 million rows are NULL",
		},
		{
			"under its old name", "ALTER TABLE docs RENAME COLUMN v TO w; ALTER TABLE docs ALTER COLUMN w SET NOT NULL", table("docs", 1000000, 52<<20, `, "columns": [`+column("v", 0.5, 5)+"]"),
			"DD102 error SET NOT NULL on docs.w will fail: about 500,000 of 1 million rows",
		},
		{
			"filled before", "UPDATE docs SET v = 0 WHERE v IS NULL AND id > 5; ALTER TABLE docs ALTER COLUMN v SET NOT NULL", table("docs", 1000000, 52<<20, `, "columns": [`+column("v", 0.5, 5)+"]"),
			"DD102 error making",
		},
		{
			"no NULL", "ALTER TABLE docs ALTER COLUMN v SET NOT NULL", table("docs", 1000000, 52<<20, `, "columns": [`+column("v", 0, 5)+"]"),
			"DD102 warning making|likely to pass",
		},
		{
			"equal values", "CREATE UNIQUE INDEX docs_v ON docs (v)", table("docs", 3000000, 52<<20, `, "columns": [`+column("v", 0, 104154)+"]"),
			`DD101 error unique index "docs_v" on docs will fail: v has about 104,000 distinct values in 3 million rows`,
		},
		{
			"NULLs are no duplicates", "CREATE UNIQUE INDEX docs_code ON docs (code)", table("docs", 1000000, 52<<20, `, "columns": [`+column("code", 0.1, -0.9)+"]"),
			"DD101 warning adding|code looks distinct",
		},
		{
			"rows under a WHERE are not known", "CREATE UNIQUE INDEX docs_v ON docs (v) WHERE code = 'x'", table("docs", 1000000, 52<<20, `, "columns": [`+column("v", 0, 104)+"]"),
			"DD101 error adding",
		},
		{"a short lock is no worse for a large table", "ALTER TABLE events DETACH PARTITION events_1", table("events", 5000000, 12<<30, ""), "LK111 warning "},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := recordCase(t, s, &fixture.Case{Name: "new", Files: map[string]string{"new.sql": "SET lock_timeout = '2s';\n" + c.sql + ";\n"}})
			var err error
			rec.Stats, err = stats.Decode("stats", []byte(`{"format": 2, "taken": "2026-11-30", "source": "server", "server": {"version": "17"}, "tables": [`+c.tables+"]}"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range judge(t, rec).Findings {
				text := fmt.Sprintf("%s %s %s", f.ID, f.Severity, f.Message)
				for _, e := range f.Evidence {
					text += "|" + e.Text
				}
				got = append(got, text)
			}
			id, rest, _ := strings.Cut(c.want, " ")
			level, words, _ := strings.Cut(rest, " ")
			for _, line := range got {
				ok := strings.HasPrefix(line, id+" "+level+" ")
				for _, w := range strings.Split(words, "|") {
					ok = ok && strings.Contains(line, w)
				}
				if ok {
					return
				}
			}
			t.Errorf("want %s, got:\n%s", c.want, strings.Join(got, "\n"))
		})
	}
}
