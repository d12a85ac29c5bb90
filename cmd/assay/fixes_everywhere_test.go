package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// TestFixesEverywhere applies every fix of the changes in testdata/fixes.txtar in
// the layout of every format, and runs what was there before and what is there
// then on filled tables: both end in the same schema and the same rows, refuse
// the same rows, leave the same settings, and go back to the same schema. No
// fixed one scans or rewrites more under a lock that blocks writers.
//
// Every 260th pair by default; every Nth with ASSAY_TEST_FIXES=N.
func TestFixesEverywhere(t *testing.T) {
	server := pgtest.Server(t, "")
	common, rows, changes := readChanges(t)
	every := 260
	if v := os.Getenv("ASSAY_TEST_FIXES"); v != "" {
		var err error
		if every, err = strconv.Atoi(v); err != nil || every < 1 {
			t.Fatalf("ASSAY_TEST_FIXES=%s: every Nth pair is run, N is 1 or more", v)
		}
	}
	var sum tally
	t.Run("each", func(t *testing.T) {
		i := 0
		for _, name := range slices.Sorted(maps.Keys(changes)) {
			for j, format := range slices.Sorted(maps.Keys(layouts)) {
				if (i+j)%every != 0 {
					continue
				}
				again := (i+j)/every%4 == 0
				t.Run(name+"/"+string(format), func(t *testing.T) {
					t.Parallel()
					c := *changes[name]
					c.base = common + c.base
					x := &trial{t: t, server: server, name: name, format: format, sum: &sum, bad: c.bad, again: again}
					x.rows = append(x.rows, strings.ReplaceAll(rows, ":rows", "400"))
					x.run(c.change)
				})
			}
			i += 17
		}
	})
	t.Log(sum.table())
}

// written is a change of testdata/fixes.txtar, with rows that it refuses.
type written struct {
	change
	bad string
}

func readChanges(t *testing.T) (base, rows string, out map[string]*written) {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", "fixes.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	out = map[string]*written{}
	for _, f := range a.Files {
		name, part, ok := strings.Cut(f.Name, "/")
		text := string(f.Data)
		if !ok {
			if f.Name == "base.sql" {
				base = text
			} else {
				rows = text
			}
			continue
		}
		c := out[name]
		if c == nil {
			c = &written{}
			out[name] = c
		}
		switch {
		case part == "base.sql":
			c.base = text
		case part == "bad.sql":
			c.bad = text
		case strings.HasPrefix(part, "up"):
			c.ups = append(c.ups, text)
		default:
			c.down = append(c.down, text)
		}
	}
	return base, rows, out
}

// trial is one change in one format.
type trial struct {
	t      *testing.T
	server *postgres.Server
	name   string
	format migration.Format
	rows   []string
	bad    string
	again  bool // a second run fixes nothing
	sum    *tally
}

var fixedLine = regexp.MustCompile(`(?m)^assay: fixed (\w+) at`)

func (x *trial) run(c change) {
	t, dir := x.t, x.t.TempDir()
	files := layouts[x.format](c)
	crlf := x.name == "crlf"
	for name, text := range files {
		if crlf {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		full := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	before, was := load(t, dir), texts(t, dir)
	if before[0].Format != x.format {
		t.Fatalf("it is read as %s", before[0].Format)
	}
	fixed := fix(t, dir, len(c.ups))
	now := texts(t, dir)
	if len(fixed) == 0 {
		if d := cmp.Diff(was, now); d != "" {
			t.Fatalf("files changed, and no fix is reported:\n%s", d)
		}
		x.sum.add(x, nil)
		return
	}
	x.sum.add(x, fixed)
	t.Logf("fixed %s", strings.Join(fixed, ", "))
	after := load(t, dir)
	defer func() {
		if t.Failed() {
			t.Log(cmp.Diff(was, now))
		}
	}()
	if x.again {
		if more := fix(t, dir, len(after)-1); len(more) > 0 {
			t.Errorf("a second run fixes %s", strings.Join(more, ", "))
		}
	}
	for name, text := range now {
		if crlf && strings.HasSuffix(name, ".sql") && strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("%s: line ends are mixed: %q", name, text)
		}
	}
	x.compare(before, after)
}

// fix runs --fix over the last n files and gives the checks that it fixed.
func fix(t *testing.T, dir string, n int) []string {
	t.Helper()
	var out, log bytes.Buffer
	code := run(t.Context(), []string{"lint", "-C", dir, "--latest", fmt.Sprint(n), "--fix"}, os.Getenv, strings.NewReader(""), &out, &log)
	if code > 1 {
		t.Fatalf("exit code %d\n%s%s", code, out.String(), log.String())
	}
	var fixed []string
	for _, m := range fixedLine.FindAllStringSubmatch(log.String(), -1) {
		fixed = append(fixed, m[1])
	}
	return fixed
}

func texts(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		out[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func load(t *testing.T, dir string) []*migration.Migration {
	t.Helper()
	p, err := (&app{getenv: os.Getenv, stdout: os.Stdout, stderr: os.Stderr, dir: dir}).openProject(t.Context(), &lintOptions{latest: 1})
	if err != nil {
		t.Fatal(err)
	}
	return p.dir.Migrations
}

// compare runs both over rows.
func (x *trial) compare(before, after []*migration.Migration) {
	t, ctx := x.t, context.Background()
	base := x.create(before[0])
	for _, rows := range [][]string{x.rows, append(slices.Clone(x.rows), x.bad)} {
		if rows[len(rows)-1] == "" {
			continue
		}
		was, err := x.server.Rehearse(ctx, base, rows, before[1:])
		if err != nil {
			t.Fatal(err)
		}
		now, err := x.server.Rehearse(ctx, base, rows, after[1:])
		if err != nil {
			t.Fatal(err)
		}
		if (was.Err == nil) != (now.Err == nil) {
			t.Errorf("the original ends with %v, the fixed one with %v", was.Err, now.Err)
		}
		if was.Err == nil && now.Err == nil {
			if d := cmp.Diff(was.Last().Settings, now.Last().Settings); d != "" && len(now.Last().Settings) > 0 {
				t.Errorf("other settings stay behind:\n%s", d)
			}
			if d := cmp.Diff(summary(was.Last()), summary(now.Last())); d != "" {
				t.Errorf("other rows:\n%s", d)
			}
		}
	}
	was, wasLocked := x.upDown(base, before[1:])
	now, nowLocked := x.upDown(base, after[1:])
	for i, what := range []string{"up", "down"} {
		if was[i] == nil || now[i] == nil {
			if was[i] != now[i] {
				t.Errorf("only one of the two goes %s", what)
			}
			continue
		}
		if d := schema.Differences(was[i], now[i]); len(d) > 0 {
			t.Errorf("another schema after %s: %s", what, strings.Join(d, "; "))
		}
	}
	if nowLocked > wasLocked {
		t.Errorf("%d scans and rewrites under a lock that blocks writers, %d before the fix", nowLocked, wasLocked)
	}
	x.sum.locked(x, wasLocked, nowLocked)
	t.Logf("%d scans and rewrites under a lock, %d after the fix", wasLocked, nowLocked)
}

// create replays the base.
func (x *trial) create(m *migration.Migration) *postgres.DB {
	ctx := context.Background()
	db, err := x.server.Create(ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = db.Close() })
	if err := errors.Join(db.Replay(ctx, m), db.Finish(ctx)); err != nil {
		x.t.Fatal(err)
	}
	return db
}

// upDown records migrations and their down parts: the schemas that they end in,
// nil where they fail or there is no way down, and how often a table that was
// there before is scanned or rewritten under a lock that blocks its writers.
func (x *trial) upDown(base *postgres.DB, all []*migration.Migration) (ends [2]*schema.Catalog, locked int) {
	ctx := context.Background()
	db, err := x.server.Clone(ctx, base)
	if err != nil {
		x.t.Fatal(err)
	}
	defer db.Close()
	first, err := db.Catalog(ctx)
	if err != nil {
		x.t.Fatal(err)
	}
	record := func(m *migration.Migration) ([]*devdb.Step, bool) {
		steps, err := db.Record(ctx, m)
		if err == nil {
			err = db.Finish(ctx)
		}
		var refused *devdb.StatementError
		if err != nil && !errors.As(err, &refused) {
			x.t.Fatal(err)
		}
		return steps, err == nil
	}
	db.KeepSession(true)
	for _, m := range all {
		steps, ok := record(m)
		if !ok {
			return ends, locked
		}
		for _, s := range steps {
			locked += underLock(first, s)
		}
	}
	if ends[0], err = db.Catalog(ctx); err != nil {
		x.t.Fatal(err)
	}
	db.KeepSession(false)
	for _, m := range slices.Backward(all) {
		if m.Down == nil {
			return ends, locked
		}
		if _, ok := record(m.Down); !ok {
			return ends, locked
		}
	}
	if ends[1], err = db.Catalog(ctx); err != nil {
		x.t.Fatal(err)
	}
	return ends, locked
}

// underLock counts the scans and rewrites of tables that writers wait for.
func underLock(first *schema.Catalog, s *devdb.Step) (n int) {
	blocked := map[schema.OID]bool{}
	for _, l := range append(slices.Clone(s.Locks), s.Held...) {
		if l.Mode.BlocksWrites() && first.Relations[l.Relation] != nil {
			blocked[l.Relation] = true
		}
	}
	for _, r := range s.Scans {
		if blocked[r.Relation] {
			n++
		}
	}
	for _, r := range s.Rewrites {
		if blocked[r.Relation] || blocked[r.Table] {
			n++
		}
	}
	return n
}

// summary is what rows are compared by: how many there are, and of each column
// how many values, how many different ones and, where they are not made up by
// the statement, which.
func summary(s *devdb.State) map[string]string {
	out := map[string]string{}
	for _, t := range s.Tables {
		for i, c := range t.Columns {
			seen, null := map[string]bool{}, 0
			for _, r := range t.Rows {
				if r[i] == nil {
					null++
				} else {
					seen[*r[i]] = true
				}
			}
			line := fmt.Sprintf("%d rows, %d NULL", len(t.Rows), null)
			if c != "seen" { // a clock may stand still
				line += fmt.Sprintf(", %d different", len(seen))
			}
			if !slices.Contains([]string{"token", "seen", "num"}, c) {
				line += " " + strings.Join(slices.Sorted(maps.Keys(seen)), ",")
			}
			out[t.Name+"."+c] = line
		}
	}
	return out
}

// tally is what came of all.
type tally struct {
	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct{ tried, fixed, fixes, was, now int }

func (s *tally) of(name string) *kind {
	if s.kinds == nil {
		s.kinds = map[string]*kind{}
	}
	if s.kinds[name] == nil {
		s.kinds[name] = &kind{}
	}
	return s.kinds[name]
}

func (s *tally) add(x *trial, fixed []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.of(x.name)
	k.tried++
	k.fixes += len(fixed)
	if len(fixed) > 0 {
		k.fixed++
	}
}

func (s *tally) locked(x *trial, was, now int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.of(x.name)
	k.was += was
	k.now += now
}

func (s *tally) table() string {
	var b strings.Builder
	var all kind
	b.WriteString("\n| change | formats | fixed in | fixes | scans and rewrites under a lock, before | after |\n|---|--:|--:|--:|--:|--:|\n")
	row := func(name string, k *kind) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", strings.ReplaceAll(name, "_", " "), k.tried, k.fixed, k.fixes, k.was, k.now)
	}
	for _, name := range slices.Sorted(maps.Keys(s.kinds)) {
		k := s.kinds[name]
		row(name, k)
		all = kind{all.tried + k.tried, all.fixed + k.fixed, all.fixes + k.fixes, all.was + k.was, all.now + k.now}
	}
	row("all", &all)
	return b.String()
}
