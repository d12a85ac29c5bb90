package pipeline

import (
	"testing"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// TestHeldOfOthers: of the locks that a transaction holds, those on what it has made
// itself are nobody else's business, and a report that lists them for each
// statement grows with their square.
func TestHeldOfOthers(t *testing.T) {
	before := &schema.Catalog{Relations: map[schema.OID]*schema.Relation{1: {OID: 1, Name: "old"}}}
	after := &schema.Catalog{Relations: map[schema.OID]*schema.Relation{1: {OID: 1, Name: "old"}, 2: {OID: 2, Name: "new"}}}
	step := func(tx int, from *schema.Catalog) *devdb.Step {
		return &devdb.Step{Stmt: &migration.Statement{Syntax: &migration.Syntax{}}, TxID: tx, Before: from, After: after,
			Held: []devdb.Lock{{Relation: 1, Object: "public.old", Mode: devdb.Share}, {Relation: 2, Object: "public.new", Mode: devdb.AccessExclusive}}}
	}
	m := &devdb.Recorded{Migration: &migration.Migration{}, Steps: []*devdb.Step{step(1, before), step(1, after), step(2, after)}}
	r := &devdb.Record{Before: before, After: after, New: []*devdb.Recorded{m}}
	for i, want := range []int{1, 1, 2} {
		if got := wireStatement(r, m, m.Steps[i]).Held; len(got) != want || got[0].Object != "public.old" {
			t.Errorf("step %d holds %+v", i, got)
		}
	}
}
