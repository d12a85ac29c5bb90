package stats

import (
	"bytes"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for n, want := range map[int64]string{0: "0 rows", 1: "1 row", 999: "999 rows", 12000: "12,000 rows", 650_000: "650 thousand rows", 1_500_000: "1.5 million rows", 212_000_000: "212 million rows", 2_000_000_000: "2 billion rows"} {
		if got := Rows(n); got != want {
			t.Errorf("Rows(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 8192: "8 kB", 44_023_414_784: "41 GB", 1 << 20: "1 MB", 1_600_000: "1.5 MB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFromDump(t *testing.T) {
	const dump = `-- Dumped from database version 18.4
SELECT * FROM pg_catalog.pg_restore_relation_stats(
	'version', '180004'::integer,
	'schemaname', 'public',
	'relname', 'orders',
	'relpages', '1000'::integer,
	'reltuples', '50000'::real,
	'relallvisible', '0'::integer
);
SELECT * FROM pg_catalog.pg_restore_attribute_stats(
	'version', '180004'::integer,
	'schemaname', 'public',
	'relname', 'orders',
	'attname', 'ref',
	'inherited', 'f'::boolean,
	'null_frac', '0.25'::real,
	'avg_width', '12'::integer,
	'n_distinct', '-1'::real,
	'histogram_bounds', '{tellmenothing,"O''Brien"}'::text
);
`
	s, err := FromDump("d.sql", dump, "2026-01-31")
	if err != nil {
		t.Fatal(err)
	}
	o := s.Table("public", "orders")
	if o == nil || o.Rows != 50000 || o.Bytes != 8192000 || o.Column("ref").Nulls != 0.25 || !o.Column("ref").Unique || s.Server.Version != "18.4" {
		t.Fatalf("got %+v %+v", o, s)
	}
	var b bytes.Buffer
	if err := s.Encode(&b); err != nil || strings.Contains(b.String(), "tellmenothing") {
		t.Errorf("%v: %s", err, b.String())
	}
	again, err := Decode("f", b.Bytes())
	if err != nil || again.Table("public", "orders").Rows != 50000 {
		t.Errorf("%v %+v", err, again)
	}
	if _, err := FromDump("d.sql", "CREATE TABLE x ();", ""); err == nil || !strings.Contains(err.Error(), "--statistics-only") {
		t.Errorf("got %v", err)
	}
}

func TestDecodeErrors(t *testing.T) {
	for text, want := range map[string]string{
		`{"format": 7}`:              "format 7, this assay reads the formats 1 to 2",
		`{"tables": []}`:             "format none",
		`{"format": 1, "tab`:         "cut short",
		`{"format": 1, "nope": 1}`:   "nope",
		`{"format": 1, "taken": ""}`: "is not like",
	} {
		if _, err := Decode("assay.stats.json", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "assay.stats.json") {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
