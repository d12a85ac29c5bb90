package postgres

import (
	"testing"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// TestHeldOfOthers: of the locks that a transaction holds, those on what it has made
// itself are nobody else's business, and a list of them for each statement grows
// with their square.
func TestHeldOfOthers(t *testing.T) {
	old := &schema.Relation{OID: 1, Schema: "public", Name: "old", Kind: schema.Table}
	made := &schema.Relation{OID: 2, Schema: "public", Name: "made", Kind: schema.Table}
	before := &schema.Catalog{Relations: map[schema.OID]*schema.Relation{1: old}}
	after := &schema.Catalog{Relations: map[schema.OID]*schema.Relation{1: old, 2: made}}
	now := []seenLock{{relation: 1, mode: devdb.Share}, {relation: 2, mode: devdb.AccessExclusive}}
	taken, held := holding{}.take(now, 0, before, after)
	if len(taken) != 2 {
		t.Errorf("the statement takes %+v, want both", taken)
	}
	if got := held.list(); len(got) != 1 || got[0].Object != "public.old" {
		t.Errorf("the transaction holds %+v, want public.old alone", got)
	}
	if _, held = (holding{}).take(now, 0, after, after); len(held.list()) != 2 {
		t.Errorf("another transaction holds %+v, want both", held.list())
	}
}
