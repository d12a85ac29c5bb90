package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/internal/proof"
)

// slowLab is a server whose answers take long by the clock that it carries: it
// moves the clock on instead of waiting.
type slowLab struct {
	*postgres.Bench
	clock *clock
	took  time.Duration
	hangs func(sql string) bool
}

// clock is one that only its lab moves.
type clock struct {
	now    time.Duration
	timers map[int]timer
	n      int
}

type timer struct {
	at time.Duration
	f  func()
}

func (c *clock) AfterFunc(d time.Duration, f func()) func() bool {
	if c.timers == nil {
		c.timers = map[int]timer{}
	}
	c.n++
	n := c.n
	c.timers[n] = timer{c.now + d, f}
	return func() bool { _, ok := c.timers[n]; delete(c.timers, n); return ok }
}

func (c *clock) pass(d time.Duration) {
	c.now += d
	for n, t := range c.timers {
		if t.at <= c.now {
			delete(c.timers, n)
			t.f()
		}
	}
}

func (l *slowLab) Query(ctx context.Context, sql string) ([][]*string, error) {
	l.clock.pass(l.took)
	return l.Bench.Query(ctx, sql)
}

// Try answers as a socket does whose deadline is over, when the time has come.
func (l *slowLab) Try(ctx context.Context, t proof.Trial) (*proof.Tried, error) {
	if l.hangs != nil && l.hangs(strings.Join(t.Rows, ";")) {
		l.clock.pass(24 * time.Hour)
		<-ctx.Done()
		return nil, fmt.Errorf("connecting to the copy of the base: dial error: %w", os.ErrDeadlineExceeded)
	}
	l.clock.pass(l.took)
	return l.Bench.Try(ctx, t)
}

// proven gives what came of the statements of a change on a server that is slow.
func proven(t *testing.T, base, change string, took time.Duration, hangs func(string) bool) []devdb.Proof {
	t.Helper()
	ctx := context.Background()
	server := pgtest.Server(t, "")
	db, err := server.Create(ctx)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	must(t, db.Replay(ctx, script("base.sql", base)))
	work, err := server.Clone(ctx, db)
	must(t, err)
	defer func() { must(t, work.Close()) }()
	bench := server.Bench(db)
	defer func() { must(t, bench.Close()) }()
	rec := &devdb.Record{New: []*devdb.Recorded{{Migration: script("new.sql", change)}}}
	must(t, pipeline.RecordAll(ctx, work, rec))
	c := &clock{}
	must(t, pipeline.Prove(ctx, &slowLab{bench, c, took, hangs}, rec, pipeline.Proving{AfterFunc: c.AfterFunc}))
	var out []devdb.Proof
	for _, s := range rec.New[0].Steps {
		for _, p := range s.Proofs {
			p.Target.OID, p.Table = 0, 0 // of this database
			out = append(out, p)
		}
	}
	return out
}

const clockBase = `CREATE TABLE a (id int PRIMARY KEY, x int);
CREATE TABLE b (id int PRIMARY KEY, y text);
CREATE TABLE c (id int PRIMARY KEY, z text)`

const clockChange = `ALTER TABLE a ALTER x SET NOT NULL;
CREATE UNIQUE INDEX b_y ON b (y);
ALTER TABLE c ALTER z TYPE int USING z::int`

// TestProveSlow holds that a server which is a thousand times slower proves the same.
func TestProveSlow(t *testing.T) {
	quick := proven(t, clockBase, clockChange, time.Millisecond, nil)
	slow := proven(t, clockBase, clockChange, pipeline.DefaultGuard-time.Second, nil)
	if len(quick) < 3 {
		t.Fatalf("%d proofs, want one for each statement", len(quick))
	}
	if d := cmp.Diff(quick, slow); d != "" {
		t.Errorf("the slow server's proofs are others (-quick +slow):\n%s", d)
	}
}

// TestProveHangs holds that a try which does not come back ends the search of
// its statement and of no other, whatever error the connection gives.
func TestProveHangs(t *testing.T) {
	want := proven(t, clockBase, clockChange, time.Millisecond, nil)
	got := proven(t, clockBase, clockChange, time.Millisecond, func(rows string) bool { return strings.Contains(rows, "INTO b") })
	for i, p := range got {
		if hung := p.Demand == devdb.DemandUnique; p.Hung != hung || p.GaveUp != hung {
			t.Errorf("%s: hung %t, want %t", p.Demand, p.Hung, hung)
		} else if !hung {
			if d := cmp.Diff(want[i], p); d != "" {
				t.Errorf("%s (-want +got):\n%s", p.Demand, d)
			}
		}
	}
}

// TestProveManyTables holds that what is proven of a table does not depend on
// how many others the change has.
func TestProveManyTables(t *testing.T) {
	for _, many := range []int{2, 60} {
		for name, change := range map[string]func(i int) string{
			"written out": func(i int) string { return fmt.Sprintf("ALTER TABLE s%d.t ALTER a SET NOT NULL;\n", i) },
			"a block":     nil,
		} {
			var base, text strings.Builder
			for i := range many {
				fmt.Fprintf(&base, "CREATE SCHEMA s%d;\nCREATE TABLE s%d.t (id int PRIMARY KEY, a int);\n", i, i)
				if change != nil {
					text.WriteString(change(i))
				}
			}
			if change == nil {
				text.WriteString("DO $$ DECLARE s text; BEGIN FOR s IN SELECT nspname FROM pg_namespace WHERE nspname ~ '^s[0-9]+$' LOOP EXECUTE format('ALTER TABLE %I.t ALTER a SET NOT NULL', s); END LOOP; END $$")
			}
			n := 0
			for _, p := range proven(t, base.String(), text.String(), time.Millisecond, nil) {
				if p.Demand != devdb.DemandNotNull {
					continue
				}
				if n++; p.Outcome != devdb.Fails || p.Counterexample == nil {
					t.Errorf("%s, %d tables: %s (%s), want rows", name, many, p.Outcome, p.Why)
				}
			}
			if n != many {
				t.Errorf("%s: %d proofs, want %d", name, n, many)
			}
		}
	}
}
