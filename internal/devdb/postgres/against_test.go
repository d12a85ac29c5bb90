package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/tools/txtar"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/migration"
)

// TestAgainstServer holds the record of each statement of testdata/against.txtar
// against what the server itself says when the recorder does not watch: the locks
// of pg_locks, the storage of pg_class, the scans that it counts, and errors.
// Every case is rolled back, so that three databases do for all.
func TestAgainstServer(t *testing.T) {
	a, err := txtar.ParseFile("testdata/against.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			server := pgtest.Server(t, major)
			inside := newWitness(t, server, string(a.Files[0].Data))
			alone := newWitness(t, server, string(a.Files[0].Data))
			other := newWitness(t, server, string(a.Files[0].Data))
			for _, f := range a.Files[1:] {
				t.Run(f.Name, func(t *testing.T) {
					if strings.HasPrefix(f.Name, "alone: ") {
						compareAlone(t, alone, other, string(f.Data))
						return
					}
					inside.compare(t, string(f.Data))
				})
			}
		})
	}
}

// witness is a database, and a connection of the role that migrations run as.
type witness struct {
	db    *postgres.DB
	conn  *pgx.Conn
	names map[uint32]string // the relations of the setup
}

func newWitness(t *testing.T, server *postgres.Server, setup string) *witness {
	t.Helper()
	ctx := context.Background()
	db, err := server.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Replay(ctx, asMigration(t, migration.TxNone, setup)); err != nil {
		t.Fatal(err)
	}
	w := &witness{db: db, names: map[uint32]string{}}
	if w.conn, err = db.ConnectOwner(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.conn.Close(ctx) })
	w.learn(t)
	return w
}

// learn remembers the names of the relations that are there.
func (w *witness) learn(t *testing.T) {
	for oid, r := range w.relations(t) {
		w.names[oid] = r.name
	}
}

func asMigration(t *testing.T, mode migration.TxMode, sql string) *migration.Migration {
	t.Helper()
	m, err := migration.LoadScript(fstest.MapFS{"m.sql": {Data: []byte(sql)}}, "m.sql", migration.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.TxMode = mode
	return m
}

// deed is what a statement did to the relations of the setup.
type deed struct {
	SQL       string
	Locks     map[string]string // the strongest mode, without what an earlier statement had taken
	Rewritten []string
	Scans     map[string]int
	Error     string
}

type relation struct {
	name    string
	storage uint32
	index   bool
	scans   int // of a table: of all its rows
	lock    devdb.LockMode
}

var lockNames = map[string]devdb.LockMode{
	"AccessShareLock": devdb.AccessShare, "RowShareLock": devdb.RowShare, "RowExclusiveLock": devdb.RowExclusive, "ShareUpdateExclusiveLock": devdb.ShareUpdateExclusive,
	"ShareLock": devdb.Share, "ShareRowExclusiveLock": devdb.ShareRowExclusive, "ExclusiveLock": devdb.Exclusive, "AccessExclusiveLock": devdb.AccessExclusive,
}

// relations reads what the server says of each relation that is no catalog's and no toast table's.
func (w *witness) relations(t *testing.T) map[uint32]*relation {
	t.Helper()
	ctx := context.Background()
	out := map[uint32]*relation{}
	rows, err := w.conn.Query(ctx, `SELECT c.oid, n.nspname || '.' || c.relname, c.relfilenode, c.relkind IN ('i', 'I'), CASE WHEN c.relkind IN ('i', 'I') THEN 0 ELSE coalesce(pg_stat_get_xact_numscans(c.oid), 0) END
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384 AND n.nspname !~ '^pg_' AND c.relkind <> 't' AND n.nspname <> 'information_schema'`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var oid uint32
		r := &relation{}
		if err := rows.Scan(&oid, &r.name, &r.storage, &r.index, &r.scans); err != nil {
			t.Fatal(err)
		}
		out[oid] = r
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	rows, err = w.conn.Query(ctx, `SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND relation >= 16384 AND granted`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var oid uint32
		var mode string
		if err := rows.Scan(&oid, &mode); err != nil {
			t.Fatal(err)
		}
		r := out[oid]
		if r == nil {
			r = &relation{}
			out[oid] = r
		}
		if m := lockNames[mode]; m.Strength() > r.lock.Strength() {
			r.lock = m
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// seen runs the statements in one transaction and gives what the server says of each.
func (w *witness) seen(t *testing.T, m *migration.Migration) []deed {
	t.Helper()
	ctx := context.Background()
	if _, err := w.conn.Exec(ctx, "BEGIN"); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = w.conn.Exec(ctx, "ROLLBACK") }()
	before := w.relations(t)
	var out []deed
	for _, s := range m.Statements {
		d := deed{SQL: s.Text, Locks: map[string]string{}, Scans: map[string]int{}}
		if _, err := w.conn.Exec(ctx, s.Text); err != nil {
			return append(out, deed{SQL: s.Text, Error: errorText(err)})
		}
		after := w.relations(t)
		for oid, name := range w.names {
			b, a := before[oid], after[oid]
			if a == nil || b == nil {
				continue
			}
			if a.lock.Strength() > b.lock.Strength() {
				d.Locks[name] = string(a.lock)
			}
			if a.storage != 0 && b.storage != 0 && a.storage != b.storage {
				d.Rewritten = append(d.Rewritten, name)
			}
			if n := a.scans - b.scans; n > 0 {
				d.Scans[name] = n
			}
		}
		d.Rewritten = append(d.Rewritten, replaced(before, after)...)
		slices.Sort(d.Rewritten)
		out, before = append(out, d), after
	}
	return out
}

// replaced are the indexes in whose place there is another of their name.
func replaced(before, after map[uint32]*relation) (out []string) {
	for oid, b := range before {
		if after[oid] != nil && after[oid].name != "" || !b.index {
			continue
		}
		for _, a := range after {
			if a.name == b.name {
				out = append(out, b.name)
			}
		}
	}
	return out
}

func errorText(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code + " " + e.Message
	}
	return err.Error()
}

// recorded is what the recorder says of the same.
func (w *witness) recorded(t *testing.T, m *migration.Migration) []deed {
	t.Helper()
	ctx := context.Background()
	steps, err := w.db.Record(ctx, m)
	if undone := w.db.Undo(ctx); undone != nil {
		t.Fatal(undone)
	}
	var refused *devdb.StatementError
	if err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	var out []deed
	for _, s := range steps {
		if s.Err != nil {
			return append(out, deed{SQL: s.Stmt.Text, Error: s.Err.Code + " " + s.Err.Message})
		}
		d := deed{SQL: s.Stmt.Text, Locks: map[string]string{}, Scans: map[string]int{}}
		for _, l := range s.Locks {
			if name := w.names[uint32(l.Relation)]; name != "" {
				d.Locks[name] = string(l.Mode)
			}
		}
		for _, r := range s.Rewrites {
			if name := w.names[uint32(r.Relation)]; name != "" {
				d.Rewritten = append(d.Rewritten, name)
			}
		}
		for _, x := range s.Scans {
			if name := w.names[uint32(x.Relation)]; name != "" {
				d.Scans[name] = x.Count
			}
		}
		slices.Sort(d.Rewritten)
		out = append(out, d)
	}
	return out
}

func (w *witness) compare(t *testing.T, sql string) {
	want := w.seen(t, asMigration(t, migration.TxAll, sql))
	if d := cmp.Diff(want, w.recorded(t, asMigration(t, migration.TxAll, sql))); d != "" {
		t.Errorf("(-server +recorded):\n%s", d)
	}
}

// compareAlone runs statements that each are a transaction, recorded in one
// database and unwatched in another: by error and by new storage.
func compareAlone(t *testing.T, watched, free *witness, sql string) {
	m := asMigration(t, migration.TxNone, sql)
	watched.learn(t)
	before := free.relations(t)
	failed := ""
	for _, s := range m.Statements {
		if _, err := free.conn.Exec(context.Background(), s.Text); err != nil {
			failed = errorText(err)
			break
		}
	}
	after := free.relations(t)
	want := replaced(before, after)
	for oid, r := range after {
		if b := before[oid]; b != nil && b.storage != 0 && r.storage != 0 && b.storage != r.storage {
			want = append(want, r.name)
		}
	}
	slices.Sort(want)
	got := map[string]bool{}
	for _, d := range watched.recorded(t, m) {
		for _, name := range d.Rewritten {
			got[name] = true
		}
		if d.Error != failed && (d.Error != "" || failed == "") {
			t.Errorf("recorded error %q, the server says %q", d.Error, failed)
		}
	}
	if d := cmp.Diff(fmt.Sprint(want), fmt.Sprint(slices.Sorted(maps.Keys(got)))); d != "" {
		t.Errorf("new storage (-server +recorded):\n%s", d)
	}
}
