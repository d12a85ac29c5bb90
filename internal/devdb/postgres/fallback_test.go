package postgres

import (
	"context"
	"testing"

	"github.com/assaydb/assay/internal/migration"
)

// TestNoSuperuser records on a server where the admin may make no event
// trigger: the catalogs alone tell.
func TestNoSuperuser(t *testing.T) {
	ctx := context.Background()
	d := testDatabase(t, testServer(t, "18"))
	must(t, d.Replay(ctx, file(migration.TxFile, base)))
	must(t, d.Disconnect(ctx))
	d.admin = d.owner
	d.rec = nil
	steps, err := d.Record(ctx, file(migration.TxNone,
		"alter table items add column z int; drop table orders cascade; do $$ begin execute 'create index on items(qty)'; end $$; create index concurrently on items(z)"))
	must(t, err)
	got := lines(steps)
	for i, want := range []string{
		"ALTER TABLE tx=false#1 lock:items:ACCESS EXCLUSIVE AddColumn",
		"DROP TABLE tx=false#2 lock:orders:ACCESS EXCLUSIVE *DropTable DropView DropView",
		"DO tx=false#3 lock:items:SHARE scan:items:1 AddIndex",
		"CREATE INDEX tx=false#4 lock:items:SHARE UPDATE EXCLUSIVE* AddIndex",
	} {
		if !matches(want, got[i]) {
			t.Errorf("%s, want %s", got[i], want)
		}
	}
	names := map[string]bool{}
	for _, x := range steps[1].Dropped {
		names[x.Name] = x.Original
	}
	if len(names) < 3 || !names["public.orders"] || names["public.v2"] {
		t.Errorf("dropped %v", names)
	}
	for _, s := range steps[3].After.Schemas {
		if s.Name != "public" {
			t.Errorf("the catalog shows schema %s", s.Name)
		}
	}
}
