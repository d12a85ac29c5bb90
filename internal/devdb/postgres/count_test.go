package postgres

import (
	"testing"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// TestCountersRunOn: a probe whose answer nobody read scans the canary once
// more. The counters run on then, and what was known of them stays; they began
// anew only where the canary was scanned less often than it was probed.
func TestCountersRunOn(t *testing.T) {
	const orders = 16400
	cat := schema.New()
	cat.Relations[orders] = &schema.Relation{OID: orders, Schema: "public", Name: "orders", Kind: schema.Table}
	r := &recorder{counts: map[schema.OID]counts{}}
	for _, c := range []struct {
		name        string
		canary      int64
		scans, want int64
	}{
		{"the first scan", 0, 1, 1},
		{"nothing since", 1, 1, 0},
		{"nothing since, and a probe that was not read", 3, 1, 0},
		{"another scan", 4, 2, 1},
		{"the server has reported: the counters began anew", 0, 1, 1},
	} {
		step := &devdb.Step{Before: cat}
		r.difference(step, c.canary, []seenLock{{relation: orders, counted: true, counts: counts{scans: c.scans}}})
		var got int64
		for _, s := range step.Scans {
			got += int64(s.Count)
		}
		if got != c.want {
			t.Errorf("%s: %d scans, want %d", c.name, got, c.want)
		}
	}
}
