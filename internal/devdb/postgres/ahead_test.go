package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// whole is all that a step tells, but for OIDs and times.
func whole(s *devdb.Step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s | %s\n", s.Stmt.Text, line(s))
	for _, l := range s.Locks {
		fmt.Fprintf(&b, "  lock %s %s %s@%d\n", l.Kind, l.Object, l.Mode, l.Step)
	}
	for _, l := range s.Held {
		fmt.Fprintf(&b, "  held %s %s %s@%d\n", l.Kind, l.Object, l.Mode, l.Step)
	}
	for _, r := range s.Rows {
		fmt.Fprintf(&b, "  rows %s +%d ~%d -%d\n", r.Object, r.Inserted, r.Updated, r.Deleted)
	}
	for _, o := range s.Created {
		fmt.Fprintf(&b, "  created %s %s %s\n", o.Kind, o.Name, o.Tag)
	}
	for _, d := range s.Dropped {
		fmt.Fprintf(&b, "  dropped %s %s %v %v %v\n", d.Kind, d.Name, d.Original, d.Normal, d.Via)
	}
	for _, n := range s.Notices {
		fmt.Fprintf(&b, "  %s %s\n", n.Severity, n.Message)
	}
	fmt.Fprintf(&b, "  %+v\n", s.Settings)
	if s.Err != nil {
		fmt.Fprintf(&b, "  %s at %d: %s %s\n", s.Err.Code, s.Err.Position, s.Err.Message, s.Err.Canceled)
	}
	return b.String()
}

var aheadCases = []string{
	// what is refused among changes of data, first, in the middle and last
	"insert into orders values (31); insert into orders values (31); insert into orders values (32)",
	"insert into nowhere values (1); insert into orders values (31)",
	"insert into orders values (31, repeat('x', 9000)); update orders set note = email where id = 31; delete from orders where id = 1/0",
	// the session ends among them
	"insert into orders values (31); delete from orders where pg_terminate_backend(pg_backend_pid()); insert into orders values (32)",
	"alter table orders add column a int; update orders set note = pg_terminate_backend(pg_backend_pid())::text",
	// a change of the schema behind one, and one that is refused
	"alter table orders add column a int; alter table orders add column b int default 1; alter table orders add column a int",
	"create table t (a text collate \"C\", b int[]); create index on t (a text_pattern_ops); create index on nowhere (a)",
	"create table t (a int); insert into t values (1); insert into t values (2); truncate t; drop table t",
	"alter table orders rename email to mail; alter table orders drop column mail cascade; comment on table orders is 'x'",
	"create function f() returns setof orders language sql as 'select * from orders'; create view w as select * from f(); alter table orders add column a int; alter table orders drop column note",
	"drop view v2; drop view v1; drop table items; drop table orders",
	// triggers that write, tell and change the schema
	"create function n() returns trigger language plpgsql as $$begin raise notice 'row %', new.id; insert into items values (new.id + 100); return new; end$$; " +
		"create trigger n before insert on orders for each row execute function n(); insert into orders values (41); insert into orders values (42); delete from items where id > 100",
	"create function n() returns trigger language plpgsql as $$begin execute 'create table made' || new.id || '(x int)'; return new; end$$; " +
		"create trigger n before insert on orders for each row execute function n(); insert into orders values (41); insert into items values (42); select 1",
	// ends of transactions
	"begin; insert into orders values (31); insert into orders values (32); commit; insert into orders values (31)",
	"begin; alter table orders add column a int; commit; alter table orders add column b int",
	"begin; insert into orders values (31); savepoint s; insert into orders values (32); alter table items add column a int; rollback to s; insert into orders values (33); end",
	"alter table items add foreign key (order_id) references orders deferrable initially deferred; insert into items values (50, 50); insert into items values (51, 51)",
	"alter table items add foreign key (order_id) references orders deferrable initially deferred; insert into items values (50, 50); commit; create table t (x int)",
	"insert into orders values (31); commit and chain; insert into orders values (32); rollback",
	// settings between
	"set local lock_timeout = '2s'; insert into orders values (31); insert into orders values (32); set local search_path = pg_catalog; alter table public.orders add column a int; insert into public.orders values (33)",
	"insert into orders values (31); lock table items; insert into orders values (32); alter table items add column a int; set transaction read only",
	"create type mood as enum ('a'); create table t (m mood); alter type mood add value 'b'; insert into t values ('b')",
	"create temp table tt (x int) on commit drop; insert into tt values (1); insert into tt select g from generate_series(1, 5000) g; create index on tt (x)",
	"create extension hstore; create table t (h hstore); insert into t values ('a=>1'); insert into t values ('b=>1')",
	"update orders set note = 'x'; update orders set email = 'y'; create unique index on orders (email)",
}

// TestAhead: what is sent before its turn is recorded as if it were not.
func TestAhead(t *testing.T) {
	for _, major := range testMajors() {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			ctx := context.Background()
			s := testServer(t, fmt.Sprint(major))
			b := testDatabase(t, s)
			must(t, b.Replay(ctx, file(migration.TxFile, base)))
			cases := aheadCases
			random := rand.New(rand.NewPCG(1, 2))
			var all []string
			for _, c := range aheadCases {
				all = append(all, split(c)...)
			}
			for range 4 { // most of what comes of it is refused somewhere
				var some []string
				for range 12 {
					some = append(some, all[random.IntN(len(all))])
				}
				cases = append(cases, strings.Join(some, ";"))
			}
			for i, sql := range cases {
				modes := []migration.TxMode{migration.TxFile}
				if i%4 == 0 {
					modes = append(modes, []migration.TxMode{migration.TxNone, migration.TxImplicit, migration.TxAll}[i/4%3])
				}
				for _, mode := range modes {
					alone, with := recorded(t, s, b, mode, sql, 0), recorded(t, s, b, mode, sql, aheadMost)
					if diff := cmp.Diff(alone, with); diff != "" {
						t.Errorf("%s: %s\n%s", mode, sql, diff)
					}
				}
			}
		})
	}
}

// recorded gives all that is told of a migration, and of one after it.
func recorded(t *testing.T, s *Server, b *DB, mode migration.TxMode, sql string, most int) []string {
	t.Helper()
	ctx := context.Background()
	d, err := s.Clone(ctx, b)
	must(t, err)
	defer d.Close()
	d.recorder().most = most
	var out []string
	for _, m := range []*migration.Migration{file(mode, sql), file(mode, "insert into orders values (99); insert into items values (99); alter table orders add column z int")} {
		steps, err := d.Record(ctx, m)
		if _, ok := asStatementError(err); err != nil && !ok {
			t.Fatalf("%s: %s: %v", mode, sql, err)
		}
		for _, st := range steps {
			out = append(out, whole(st))
		}
		out = append(out, fmt.Sprint(err))
	}
	if err := d.Finish(ctx); err != nil {
		out = append(out, err.Error())
	}
	must(t, d.rec.forgetTemporary(ctx))
	kept := d.rec.cat
	d.rec.cat = nil
	fresh, err := d.Catalog(ctx)
	must(t, err)
	if diff := sameCatalog(kept, fresh); diff != "" {
		t.Errorf("%s: %s: the kept catalog is not the true one:\n%s", mode, sql, diff)
	}
	return out
}

// TestAheadStops: a statement that was sent before its turn is ended like any
// other, when it takes too long and when the run is given up.
func TestAheadStops(t *testing.T) {
	t.Parallel() // it waits most of its time
	s := testServer(t, "")
	sql := "insert into orders values (31); update orders set note = (select pg_sleep(60)::text) where id = 31; insert into orders values (32)"
	for _, sql := range []string{sql, "alter table orders add column a int; " + sql} {
		d := testDatabase(t, s)
		must(t, d.Replay(context.Background(), file(migration.TxFile, base)))
		d.recorder().timeout = 5 * time.Second // the other statements take a few milliseconds
		steps, err := d.Record(context.Background(), file(migration.TxFile, sql))
		e, ok := asStatementError(err)
		if !ok || e.Canceled == "" || steps[len(steps)-1].Err != nil || !strings.HasPrefix(e.Statement.Text, "update") {
			t.Fatalf("%v, %d steps", err, len(steps))
		}
		d.recorder().timeout = 0
		ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
		_, err = d.Record(ctx, file(migration.TxFile, sql))
		stop()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("given up: %v", err)
		}
		if _, err := d.Record(context.Background(), file(migration.TxFile, "select 1")); err != nil {
			t.Fatal(err)
		}
	}
}
