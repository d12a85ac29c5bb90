package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/migration"
)

// TestPlpgsqlCheck: where the server has plpgsql_check it is asked too, and
// finds the field of a record that no statement by itself shows. It runs as the
// database's owner, and nothing of it stays.
func TestPlpgsqlCheck(t *testing.T) {
	ctx := context.Background()
	d := testDatabase(t, testServer(t, ""))
	must(t, d.Replay(ctx, file(migration.TxNone, `create table orders (id bigint primary key, total numeric, note text);
create function total_of(bigint) returns numeric language plpgsql as $$ declare r record; begin select * into r from orders where id = $1; return r.total; end $$;
create function hidden() returns numeric language plpgsql as $$ declare r record; begin create temp table mine as select 1 as a; select * into r from mine; return r.a; end $$`)))
	before, err := d.Catalog(ctx)
	must(t, err)
	_, err = d.Record(ctx, file(migration.TxNone, "alter table orders drop column total"))
	must(t, err)
	after, err := d.Catalog(ctx)
	must(t, err)
	found, err := d.Broken(ctx, before, after, []string{"total", "mine"})
	must(t, err)
	c, err := d.ConnectAdmin(ctx)
	must(t, err)
	defer c.Close(ctx)
	var has, left bool
	must(t, c.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'plpgsql_check'),
 EXISTS (SELECT FROM pg_extension WHERE extname = 'plpgsql_check') OR EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, checkerSchema).Scan(&has, &left))
	if left {
		t.Error("plpgsql_check is still there")
	}
	if !has {
		t.Skip("the server has no plpgsql_check: install it to test what it finds")
	}
	if len(found) != 1 || !strings.Contains(found[0].Message, `record "r" has no field "total"`) || found[0].Code != "42703" || found[0].Raw == "" {
		t.Errorf("found %+v", found)
	}
	again, err := d.Catalog(ctx)
	must(t, err)
	if len(again.Extensions) != len(after.Extensions) || len(again.Schemas) != len(after.Schemas) {
		t.Error("the catalog is another after the check")
	}
}
