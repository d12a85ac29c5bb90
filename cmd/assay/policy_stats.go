package main

import (
	"time"

	"github.com/assaydb/assay/internal/stats"
	"github.com/assaydb/assay/policy"
)

// policyStats is the statistics file as rules see it; nil if there is none.
func policyStats(s *stats.Stats) *policy.Stats {
	if s == nil {
		return nil
	}
	out := &policy.Stats{}
	taken, _ := time.Parse(time.DateOnly, s.Taken)
	for _, t := range s.Tables {
		name := t.Schema + "." + t.Name
		x := &policy.TableStats{
			Object: name, Rows: t.Rows, Bytes: t.Bytes, IndexBytes: t.TotalBytes - t.Bytes,
			WritesPerHour: t.Writes * 3600, ScansPerHour: t.Scans * 3600,
		}
		if v, err := time.Parse(time.DateOnly, t.LastVacuum); err == nil && taken.After(v) {
			x.LastVacuumDays = taken.Sub(v).Hours() / 24
		}
		out.Tables = append(out.Tables, x)
		for _, c := range t.Columns {
			out.Columns = append(out.Columns, &policy.ColumnStats{Object: name + "." + c.Name, NullFraction: c.Nulls, Distinct: c.Distinct})
		}
		for _, i := range t.Indexes {
			out.Indexes = append(out.Indexes, &policy.IndexStats{Object: t.Schema + "." + i.Name, Table: name, Bytes: i.Bytes, Scans: i.Scans})
		}
	}
	return out
}
