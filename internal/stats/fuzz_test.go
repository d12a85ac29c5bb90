package stats

import (
	"bytes"
	"testing"
)

// FuzzDecode: statistics that are read are written so that they are read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"format": 1, "taken": "2026-01-01", "tables": [{"name": "t", "columns": [null, null]}, {"name": "t", "indexes": [null, null]}]}`))
	f.Add([]byte(`{"format": 1, "taken": "2026-01-01", "tables": [{"schema": "public", "name": "t", "rows": 3, "bytes": 8192, "columns": [{"name": "a", "null_fraction": 0.5, "distinct": -1}], "indexes": [{"name": "i", "bytes": 1}]}]}`))
	f.Add([]byte(`{"version": 1, "tables": [{"rows": -1}]}`))
	f.Add([]byte(`{"version": 1e99}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Decode("stats.json", text)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := s.Encode(&out); err != nil {
			t.Fatalf("%q cannot be written: %v", text, err)
		}
		if _, err := Decode("stats.json", out.Bytes()); err != nil {
			t.Errorf("%q was read, but not what was written of it: %v\n%s", text, err, out.Bytes())
		}
		for i := range s.Tables {
			_ = s.Tables[i].Size()
		}
		_ = s.Counted()
	})
}

// FuzzFromDump reads the statistics that pg_dump writes.
func FuzzFromDump(f *testing.F) {
	f.Add("SELECT * FROM pg_catalog.pg_restore_relation_stats(\n\t'version', '180000'::integer,\n\t'schemaname', 'public',\n\t'relname', 't',\n\t'relpages', '1'::integer,\n\t'reltuples', '3'::real,\n\t'relallvisible', '0'::integer\n);\nSELECT * FROM pg_catalog.pg_restore_attribute_stats(\n\t'schemaname', 'public',\n\t'relname', 't',\n\t'attname', 'a',\n\t'inherited', 'f'::boolean,\n\t'null_frac', '0'::real,\n\t'avg_width', '4'::integer,\n\t'n_distinct', '-1'::real\n);")
	f.Add("SELECT * FROM pg_catalog.pg_restore_attribute_stats(\n\t'schemaname', 'public',\n\t'relname', 't'\n);")
	f.Add("'relname', 'it''s', 'reltuples', '1e400'::real")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := FromDump("stats.sql", text, "2026-01-01")
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := s.Encode(&out); err != nil {
			t.Fatalf("%q cannot be written: %v", text, err)
		}
		if _, err := Decode("stats.json", out.Bytes()); err != nil {
			t.Errorf("%q was read, but not what was written of it: %v\n%s", text, err, out.Bytes())
		}
	})
}
