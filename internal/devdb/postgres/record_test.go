package postgres

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

const base = `create table orders(id bigint primary key, email text, note text, at timestamp);
create table items(id bigint primary key, order_id bigint, qty int);
create view v1 as select id, email from orders; create view v2 as select id from v1;
insert into orders select g from generate_series(1, 20) g; insert into items select g, g from generate_series(1, 20) g`

// told of a step in one line: locks, scans, rewrites, changes.
func line(s *devdb.Step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s tx=%t#%d", s.Tag, s.InTx, s.TxID)
	for _, l := range s.Locks {
		if l.Kind == "table" {
			fmt.Fprintf(&b, " lock:%s:%s", bare(l.Object), l.Mode)
			if l.Inferred {
				b.WriteString("?")
			}
		}
	}
	for _, l := range s.Held {
		if l.Kind == "table" {
			fmt.Fprintf(&b, " held:%s:%s@%d", bare(l.Object), l.Mode, l.Step)
		}
	}
	for _, c := range s.Scans {
		fmt.Fprintf(&b, " scan:%s:%d", bare(c.Object), c.Count)
	}
	for _, w := range s.Rewrites {
		fmt.Fprintf(&b, " rewrite:%s:%s", bare(w.Object), w.Reason)
	}
	for _, c := range s.Changes {
		fmt.Fprintf(&b, " %s", strings.TrimPrefix(fmt.Sprintf("%T", c), "*schema."))
	}
	if s.Err != nil {
		fmt.Fprintf(&b, " error:%s", s.Err.Code)
	}
	return b.String()
}

func lines(steps []*devdb.Step) []string {
	var out []string
	for _, s := range steps {
		out = append(out, line(s))
	}
	return out
}

var recordCases = []struct {
	name  string
	mode  migration.TxMode
	min   int
	sql   string
	want  []string
	after string // what the catalog's tables are in the end, if it matters
}{
	{
		name: "execute in a DO block", mode: migration.TxFile,
		sql:  `DO $$ BEGIN EXECUTE 'ALTER TABLE orders ALTER COLUMN at SET NOT NULL'; END $$`,
		want: []string{" tx=true#1 error:23502"},
	},
	{
		name: "what a view depends on after a grant and a comment", mode: migration.TxFile,
		sql:  `CREATE MATERIALIZED VIEW m AS SELECT * FROM v1; GRANT SELECT ON v1 TO PUBLIC; COMMENT ON VIEW v2 IS 'x'; COMMENT ON MATERIALIZED VIEW m IS 'x'`,
		want: []string{"SELECT*AddView", "GRANT*AddGrant", "COMMENT*SetComment", "COMMENT*SetComment"},
	},
	{
		name: "execute in a DO block passes", mode: migration.TxFile,
		sql:  `DO $$ BEGIN EXECUTE 'ALTER TABLE items ALTER COLUMN order_id SET NOT NULL'; END $$`,
		want: []string{"DO tx=true#1 lock:items:ACCESS EXCLUSIVE scan:items:1 SetNotNull*"},
	},
	{
		name: "function builds an index", mode: migration.TxNone,
		sql: `create function f() returns void language plpgsql as $$ begin create index oe on orders(email); end $$; select f()`,
		want: []string{
			"CREATE FUNCTION tx=false#1 AddFunction",
			"SELECT tx=false#2 lock:orders:SHARE scan:orders:1 AddIndex",
		},
	},
	{
		name: "held over a transaction", mode: migration.TxFile,
		sql: `alter table orders add column z int; update items set qty = 1; create index on items(qty)`,
		want: []string{
			"ALTER TABLE tx=true#1 lock:orders:ACCESS EXCLUSIVE AddColumn",
			"UPDATE tx=true#1 lock:items:ROW EXCLUSIVE held:orders:ACCESS EXCLUSIVE@0 scan:items:1",
			"CREATE INDEX tx=true#1 lock:items:SHARE held:items:ROW EXCLUSIVE@1 held:orders:ACCESS EXCLUSIVE@0 scan:items:1 AddIndex",
		},
	},
	{
		name: "begin and commit in a multi-statement query", mode: migration.TxImplicit,
		sql: `BEGIN; alter table orders add column z int; COMMIT; alter table items add column z int; alter table items add column y int`,
		want: []string{
			"BEGIN tx=true#1", "ALTER TABLE tx=true#1 lock:orders:ACCESS EXCLUSIVE AddColumn", "COMMIT tx=true#1 held:orders:ACCESS EXCLUSIVE@1",
			"ALTER TABLE tx=true#2 lock:items:ACCESS EXCLUSIVE AddColumn", "ALTER TABLE tx=true#2 held:items:ACCESS EXCLUSIVE@3 AddColumn",
		},
	},
	{
		name: "rollback", mode: migration.TxNone,
		sql: `BEGIN; alter table orders add column z int; ROLLBACK; select 1`,
		want: []string{
			"BEGIN tx=true#1", "ALTER TABLE tx=true#1 lock:orders:ACCESS EXCLUSIVE AddColumn",
			"ROLLBACK tx=true#1 held:orders:ACCESS EXCLUSIVE@1 DropColumn", "SELECT tx=false#2",
		},
	},
	{
		name: "savepoints", mode: migration.TxFile,
		sql: `alter table orders add column z int; savepoint a; alter table items add column z int; rollback to savepoint a; select 1`,
		want: []string{
			"ALTER TABLE tx=true#1 lock:orders:ACCESS EXCLUSIVE AddColumn", "SAVEPOINT tx=true#1 held:orders:ACCESS EXCLUSIVE@0",
			"ALTER TABLE tx=true#1 lock:items:ACCESS EXCLUSIVE held:orders:ACCESS EXCLUSIVE@0 AddColumn",
			"ROLLBACK tx=true#1 held:items:ACCESS EXCLUSIVE@2 held:orders:ACCESS EXCLUSIVE@0 DropColumn",
			"SELECT tx=true#1 held:orders:ACCESS EXCLUSIVE@0",
		},
	},
	{
		name: "savepoint in an implicit block", mode: migration.TxImplicit, sql: `select 1; savepoint a`,
		want: []string{"SELECT tx=true#1", " tx=true#1 error:25P01"},
	},
	{
		name: "commit in a DO block", mode: migration.TxNone,
		sql:  `DO $$ BEGIN ALTER TABLE orders ADD COLUMN z int; COMMIT; ALTER TABLE items ADD COLUMN z int; END $$`,
		want: []string{"DO tx=false#1 AddColumn AddColumn"},
	},
	{
		name: "commit in a DO block of a transaction", mode: migration.TxFile,
		sql: `DO $$ BEGIN ALTER TABLE orders ADD COLUMN z int; COMMIT; END $$`, want: []string{" tx=true#1 error:2D000"},
	},
	{
		name: "concurrently", mode: migration.TxNone, sql: `create index concurrently oe on orders(email); drop index concurrently oe; reindex table concurrently items`,
		want: []string{
			"CREATE INDEX tx=false#1 lock:orders:SHARE UPDATE EXCLUSIVE scan:orders:2 AddIndex",
			"DROP INDEX tx=false#2 lock:orders:SHARE UPDATE EXCLUSIVE DropIndex",
			"REINDEX tx=false#3 lock:items:SHARE UPDATE EXCLUSIVE scan:items:2 rewrite:items_pkey:index rebuilt",
		},
	},
	{
		name: "concurrently in a transaction", mode: migration.TxFile, sql: `create index concurrently oe on orders(email)`,
		want: []string{" tx=true#1 error:25001"},
	},
	{
		name: "vacuum", mode: migration.TxNone, sql: `vacuum orders; vacuum full items`,
		want: []string{"VACUUM tx=false#1 lock:orders:SHARE UPDATE EXCLUSIVE?", "VACUUM tx=false#2 lock:items:ACCESS EXCLUSIVE* rewrite:items:VACUUM FULL rewrite:items_pkey:index rebuilt"},
	},
	{
		name: "set transaction first", mode: migration.TxFile,
		sql:  `set local lock_timeout = '2s'; lock table orders; set transaction isolation level serializable; select 1`,
		want: []string{"SET tx=true#1", "LOCK TABLE tx=true#1 lock:orders:ACCESS EXCLUSIVE", "SET tx=true#1 held:orders:ACCESS EXCLUSIVE@1", "SELECT tx=true#1 held:orders:ACCESS EXCLUSIVE@1"},
	},
	{name: "lock table outside", mode: migration.TxNone, sql: `lock table orders`, want: []string{" tx=false#1 error:25P01"}},
	{
		name: "time zone decides", mode: migration.TxFile, sql: `alter table orders alter column at type timestamptz`,
		want: []string{"ALTER TABLE tx=true#1 lock:orders:ACCESS EXCLUSIVE scan:orders:2 rewrite:orders:column type rewrite:orders_pkey:index rebuilt AlterColumnType"},
	},
	{name: "dropping the recorder", mode: migration.TxNone, sql: `drop event trigger assay_recorder_ddl`, want: []string{" tx=false#1 error:42501"}},
	{name: "dropping a function of it", mode: migration.TxNone, sql: `drop function pg_catalog.assay_recorder_ddl() cascade`, want: []string{" tx=false#1 error:42501"}},
	{
		name: "drop schema", mode: migration.TxFile, sql: `drop schema public cascade`,
		want: []string{"DROP SCHEMA tx=true#1 lock:items:ACCESS EXCLUSIVE lock:orders:ACCESS EXCLUSIVE *"},
	},
	{
		name: "not null not valid", mode: migration.TxFile, min: 18, sql: `alter table items add constraint nn not null qty not valid`,
		want: []string{"ALTER TABLE tx=true#1 lock:items:ACCESS EXCLUSIVE*"},
	},
	{
		name: "virtual column", mode: migration.TxFile, min: 18, sql: `alter table items add column dbl int generated always as (qty * 2) virtual`,
		want: []string{"ALTER TABLE tx=true#1 lock:items:ACCESS EXCLUSIVE AddColumn"},
	},
	{
		name: "merge returning", mode: migration.TxFile, min: 17, sql: `merge into items i using orders o on i.id = o.id when matched then update set qty = 3 returning i.id`,
		want: []string{"MERGE tx=true#1 lock:items:ROW EXCLUSIVE lock:orders:ACCESS SHARE scan:items:1 scan:orders:1"},
	},
	{
		name: "deferred constraint", mode: migration.TxFile, sql: `alter table items add constraint fk foreign key (order_id) references orders deferrable initially deferred not valid; insert into items values (99, 99)`,
		want: []string{"*", "INSERT*error:23503"},
	},
}

func TestRecord(t *testing.T) {
	for _, major := range testMajors() {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			ctx := context.Background()
			s := testServer(t, fmt.Sprint(major))
			b := testDatabase(t, s)
			must(t, b.Replay(ctx, file(migration.TxFile, base)))
			for _, c := range recordCases {
				if c.min > major {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					d, err := s.Clone(ctx, b)
					must(t, err)
					defer d.Close()
					steps, err := d.Record(ctx, file(c.mode, c.sql))
					if _, ok := asStatementError(err); err != nil && !ok {
						t.Fatal(err)
					}
					got := lines(steps)
					ok := len(got) == len(c.want)
					for i := 0; ok && i < len(got); i++ {
						ok = matches(c.want[i], got[i])
					}
					if !ok {
						t.Errorf("%v\n%s", err, cmp.Diff(c.want, got))
					}
					kept := d.rec.cat
					d.rec.cat = nil
					fresh, err := d.Catalog(ctx)
					must(t, err)
					if diff := sameCatalog(kept, fresh); diff != "" {
						t.Errorf("the kept catalog is not the true one:\n%s", diff)
					}
				})
			}
		})
	}
}

// matches compares with * for anything.
func matches(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	for i, p := range parts[1:] {
		j := strings.Index(s, p)
		if j < 0 || i == len(parts)-2 && p != "" && !strings.HasSuffix(s, p) {
			return false
		}
		s = s[j+len(p):]
	}
	return len(parts) > 1 || s == ""
}

func TestDroppedChain(t *testing.T) {
	ctx := context.Background()
	d := testDatabase(t, testServer(t, "18"))
	must(t, d.Replay(ctx, file(migration.TxFile, base)))
	steps, err := d.Record(ctx, file(migration.TxFile, "drop table orders cascade"))
	must(t, err)
	got := map[string]string{}
	for _, x := range steps[0].Dropped {
		got[x.Name] = fmt.Sprint(x.Kind, " ", x.Original, " ", x.Normal, " ", strings.Join(x.Via, " > "))
	}
	for name, want := range map[string]string{
		"public.orders": "table true false public.orders",
		"public.v1":     "view false true public.orders > public.v1",
		"public.v2":     "view false true public.orders > public.v1 > public.v2",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
}

func TestTxAll(t *testing.T) {
	ctx := context.Background()
	d := testDatabase(t, testServer(t, "18"))
	must(t, d.Replay(ctx, file(migration.TxFile, base)))
	_, err := d.Record(ctx, file(migration.TxAll, "alter table orders add column a int"))
	must(t, err)
	steps, err := d.Record(ctx, file(migration.TxAll, "alter table items add column a int; select 1/0"))
	if _, ok := asStatementError(err); !ok {
		t.Fatal(err)
	}
	if want := "ALTER TABLE tx=true#1 lock:items:ACCESS EXCLUSIVE held:orders:ACCESS EXCLUSIVE@-1 AddColumn"; line(steps[0]) != want {
		t.Errorf("%s, want %s", line(steps[0]), want)
	}
	_, err = d.Record(ctx, file(migration.TxAll, "alter table items add column b int"))
	must(t, err)
	must(t, d.Finish(ctx))
	c, err := d.Catalog(ctx)
	must(t, err)
	if n := len(c.RelationNamed("public", "items").Columns); n != 5 {
		t.Errorf("items has %d columns, want 5: only the refused statement is left out", n)
	}
	if c.RelationNamed("public", "orders").ColumnNamed("a") == nil {
		t.Error("what the first migration did is gone with the second")
	}
}

func TestStatementTimeout(t *testing.T) {
	t.Parallel() // it waits most of its time
	ctx := context.Background()
	d := testDatabase(t, testServer(t, "18"))
	d.recorder().timeout = 5 * time.Second // the other statement takes a millisecond
	steps, err := d.Record(ctx, file(migration.TxFile, "set statement_timeout = 0; select pg_sleep(60)"))
	e, ok := asStatementError(err)
	if !ok || e.Canceled == "" || len(steps) != 2 || steps[1].Settings.StatementTimeout != 0 {
		t.Fatalf("%v, %d steps", err, len(steps))
	}
	if _, err := d.Record(ctx, file(migration.TxFile, "select 1")); err != nil {
		t.Fatal(err)
	}
}

func TestRenamesAreNoOtherChange(t *testing.T) {
	ctx := context.Background()
	d := testDatabase(t, testServer(t, "18"))
	must(t, d.Replay(ctx, file(migration.TxFile, base+"; create index oe on orders(lower(email)); alter table orders add check (email <> note)")))
	steps, err := d.Record(ctx, file(migration.TxFile, "alter table orders rename column email to mail; alter table orders rename to purchases; alter schema public rename to shop"))
	must(t, err)
	for i, want := range []string{"*schema.RenameColumn", "*schema.RenameTable", "*schema.RenameSchema"} {
		if len(steps[i].Changes) != 1 || fmt.Sprintf("%T", steps[i].Changes[0]) != want {
			t.Errorf("%s: %s", want, line(steps[i]))
		}
	}
	if def := steps[2].After.RelationNamed("shop", "v1").Definition; !strings.Contains(def, "mail") || !strings.Contains(def, "shop.purchases") {
		t.Errorf("stale definition %q", def)
	}
}

// wide replays n tables with an index and a foreign key each.
func wide(t testing.TB, d *DB, n int) {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "create table t%d(id bigint primary key, a int, b text, c text not null, d numeric, up bigint references t%d(id), at timestamptz default now()); create index on t%d(a);", i, max(0, i-1), i)
	}
	must(t, d.Replay(context.Background(), file(migration.TxFile, b.String())))
}

func BenchmarkRecord400Tables(b *testing.B) {
	ctx := context.Background()
	d := testDatabase(b, testServer(b, "18"))
	wide(b, d, 400)
	_, err := d.Record(ctx, file(migration.TxFile, "select 1; alter table t1 add column zz int"))
	must(b, err)
	n := 0
	for b.Loop() {
		n++
		_, err := d.Record(ctx, file(migration.TxFile, fmt.Sprintf("alter table t%d add column x%d int", n%400, n)))
		must(b, err)
	}
}

func BenchmarkReplay(b *testing.B) {
	ctx := context.Background()
	d := testDatabase(b, testServer(b, "18"))
	n := 0
	for b.Loop() {
		n++
		must(b, d.Replay(ctx, file(migration.TxFile, fmt.Sprintf("create table r%d(id bigint primary key, a int); create index on r%d(a); insert into r%d values (1, 2)", n, n, n))))
	}
}

// testMajors are the majors that TestRecord runs on: 15 and 18, or what
// ASSAY_TEST_MAJORS lists.
func testMajors() []int {
	var out []int
	for _, f := range strings.Fields(os.Getenv("ASSAY_TEST_MAJORS")) {
		var n int
		if _, err := fmt.Sscan(f, &n); err == nil {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return []int{15, 18}
	}
	return out
}

// TestBatch holds statements that the tool sends in one query to one implicit transaction.
func TestBatch(t *testing.T) {
	ctx := context.Background()
	s := testServer(t, "")
	m := file(migration.TxNone, "create table a (x int); create table b (x int); create table c (x int); insert into nowhere values (1)")
	for i, b := range []int{0, 1, 1, 2} {
		m.Statements[i].Batch = b
	}
	for name, run := range map[string]func(*DB) error{
		"replay": func(d *DB) error { return d.Replay(ctx, m) },
		"record": func(d *DB) error { _, err := d.Record(ctx, m); return err },
	} {
		t.Run(name, func(t *testing.T) {
			d := testDatabase(t, s)
			if err := run(d); err == nil {
				t.Fatal("no error")
			}
			if got := tables(t, d); got != "a b c" {
				t.Errorf("tables %s, want a b c: the batches before are committed", got)
			}
			m.Statements[3].Batch = 1
			defer func() { m.Statements[3].Batch = 2 }()
			d = testDatabase(t, s)
			if err := run(d); err == nil {
				t.Fatal("no error")
			}
			want := "a" // the batch is one transaction
			if name == "record" {
				want = "a b c" // without the refused statement
			}
			if got := tables(t, d); got != want {
				t.Errorf("tables %s, want %s", got, want)
			}
		})
	}
	steps, err := testDatabase(t, s).Record(ctx, file(migration.TxNone, "create table a (x int)"))
	must(t, err)
	if steps[0].InTx {
		t.Error("a statement by itself is in a transaction")
	}
	m.Statements = m.Statements[:3]
	steps, err = testDatabase(t, s).Record(ctx, m)
	must(t, err)
	if steps[0].InTx || !steps[1].InTx || !steps[2].InTx || steps[1].TxID != steps[2].TxID {
		t.Errorf("transactions %v %v %v", steps[0].InTx, steps[1].InTx, steps[2].InTx)
	}
}

func tables(t *testing.T, d *DB) string {
	t.Helper()
	d.rec.cat = nil
	c, err := d.Catalog(context.Background())
	must(t, err)
	var out []string
	for _, r := range c.Relations {
		out = append(out, r.Name)
	}
	return strings.Join(sorted(out), " ")
}

// TestMissingData passes over what fails only because data was not loaded.
func TestMissingData(t *testing.T) {
	ctx := context.Background()
	s := testServer(t, "")
	for _, mode := range []migration.TxMode{migration.TxFile, migration.TxNone} {
		m := file(mode, `create table a (x int not null); create table l (x int); insert into a values ((select x from l)); insert into a values (1); insert into nowhere values (1)`)
		load := &migration.Statement{Kind: migration.Skip, Syntax: &migration.Syntax{}, Text: `\copy l from program 'cat l'`, Pos: migration.Position{Path: "m.sql", Line: 9}}
		whole := m.Statements
		m.Statements = append(append(append([]*migration.Statement{}, whole[:2]...), load), whole[2:4]...)
		must(t, testDatabase(t, s).Replay(ctx, m))
		steps, err := testDatabase(t, s).Record(ctx, m)
		must(t, err)
		if n := steps[2].Notices; len(n) != 1 || !strings.Contains(n[0].Message, "line 9") || len(steps[2].Rows) > 0 || len(steps[3].Rows) != 1 {
			t.Errorf("%s: notices %v, rows %v and %v", mode, n, steps[2].Rows, steps[3].Rows)
		}
		m.Statements = append(m.Statements, whole[4])
		if _, ok := asStatementError(testDatabase(t, s).Replay(ctx, m)); !ok {
			t.Error("an error that is not of data was passed over")
		}
		m.Statements = whole[:4]
		if _, ok := asStatementError(testDatabase(t, s).Replay(ctx, m)); !ok {
			t.Error("an error was passed over though no data is missing")
		}
	}
}
