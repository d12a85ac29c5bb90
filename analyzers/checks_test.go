package analyzers_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
	"github.com/assaydb/assay/internal/planned"
	"github.com/assaydb/assay/internal/proof"
	"github.com/assaydb/assay/internal/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestChecks runs every fixture on every major at hand: a bad example has
// exactly the wanted findings, a good one none of any check.
func TestChecks(t *testing.T) {
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			server := pgtest.Server(t, major)
			for _, a := range analyzers.All {
				f, err := a.Fixture()
				if err != nil {
					t.Fatal(err)
				}
				t.Run(a.ID, func(t *testing.T) {
					if !changesRoles(f) { // those run alone, before the others
						t.Parallel()
					}
					runFixture(t, server, a, f)
				})
			}
		})
	}
}

// stage is a server with the base of a fixture, of which every case gets a copy.
// They share the bench, which cleans up after each row that it tries.
type stage struct {
	server *postgres.Server
	base   *postgres.DB
	bench  *postgres.Bench
}

func newStage(t *testing.T, server *postgres.Server, f *fixture.Fixture) *stage {
	t.Helper()
	ctx := context.Background()
	makeRoles(t, server)
	db, err := server.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	base, err := f.BaseMigration()
	if err != nil {
		t.Fatal(err)
	}
	if base != nil {
		if err := pipeline.Replay(ctx, db, []*migration.Migration{base}); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
	}
	if err := db.Disconnect(ctx); err != nil {
		t.Fatal(err)
	}
	bench := server.Bench(db)
	t.Cleanup(func() {
		if err := bench.Close(); err != nil {
			t.Error(err)
		}
	})
	return &stage{server: server, base: db, bench: bench}
}

// changesRoles reports whether a case of the fixture makes or changes roles.
func changesRoles(f *fixture.Fixture) bool {
	return slices.ContainsFunc(f.Cases, func(c *fixture.Case) bool {
		for _, text := range c.Files {
			if ofRoles.MatchString(text) {
				return true
			}
		}
		return false
	})
}

var (
	ofRoles   = regexp.MustCompile(`(?i)\b(CREATE|ALTER|DROP)\s+(ROLE|USER|GROUP)\b`)
	madeRoles sync.Map // *postgres.Server to *sync.Once
	makesRole = regexp.MustCompile(`(?m)^DO \$\$ BEGIN CREATE ROLE .*$`)
)

// makeRoles makes the roles of all fixtures before the first of them runs: roles
// belong to the whole server, and one that appears while another fixture is
// recorded would be a change there.
func makeRoles(t *testing.T, server *postgres.Server) {
	t.Helper()
	once, _ := madeRoles.LoadOrStore(server, &sync.Once{})
	once.(*sync.Once).Do(func() {
		roles := &fixture.Fixture{Name: "roles"}
		for _, a := range analyzers.All {
			f, err := a.Fixture()
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range makesRole.FindAllString(f.Base, -1) {
				roles.Base += strings.TrimSuffix(line, ";") + ";\n"
			}
		}
		ctx := context.Background()
		base, err := roles.BaseMigration()
		if err != nil {
			t.Fatal(err)
		}
		db, err := server.Create(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(pipeline.Replay(ctx, db, []*migration.Migration{base}), db.Close()); err != nil {
			t.Fatal(err)
		}
	})
}

// copy is a database as the base is.
func (s *stage) copy(t *testing.T) *postgres.DB {
	t.Helper()
	db, err := s.server.Clone(context.Background(), s.base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func runFixture(t *testing.T, server *postgres.Server, a *analyzers.Analyzer, f *fixture.Fixture) {
	s := newStage(t, server, f)
	bad, good := 0, 0
	for _, c := range f.Cases {
		if c.Bad() && len(c.Wants) > 0 {
			bad++
		}
		if c.Good() {
			good++
			if len(c.Wants) > 0 {
				t.Errorf("%s: %s wants findings: a good example has none", f.Name, c.Name)
			}
		}
		// The pages show each bad example; the rest is for make test-all.
		if !c.Runs(server.Version().Major()) || !inDocs(c) && c.Name != "good" && !pgtest.All() {
			continue
		}
		if c.Single() && c.Example() {
			c = c.Shown()
		}
		t.Run(c.Name, func(t *testing.T) {
			rec := recordCase(t, s, c)
			res := judge(t, rec, a.ID)
			keepShown(t, server, a, c, res)
			keepsOthers(t, rec, res, a.ID)
			for _, line := range c.Compare(res.Findings) {
				t.Errorf("%s: %s", f.Name, line)
			}
		})
	}
	if (bad == 0 || good == 0) && !told(a.ID) {
		t.Errorf("%s: %d bad and %d good examples: a check needs one of each", f.Name, bad, good)
	}
}

// told are the checks about files of another time or statistics of another
// place, which a fixture cannot show: they are tested where git is, in cmd/assay.
func told(id string) bool {
	return slices.Contains([]string{"SQ102", "SQ103", "BC120", "OB119", "SQ906", "SQ908"}, id)
}

// keepsOthers holds that a check which is off keeps no other silent: without it
// every finding of the others is there, and what it covers comes up.
func keepsOthers(t *testing.T, rec *devdb.Record, res *lint.Result, optional string) {
	t.Helper()
	off := map[string]bool{}
	for _, f := range res.Findings {
		off[f.ID] = true
	}
	for id := range off {
		without := judgeAs(t, rec, func(r lint.Rule) bool { return r.ID == id || r.Optional && r.ID != optional })
		for _, f := range res.Findings {
			if f.ID != id && !strings.HasPrefix(f.ID, "SQ90") && !slices.ContainsFunc(without.Findings, func(o *lint.Finding) bool {
				return o.ID == f.ID && o.Line == f.Line && o.Path == f.Path && o.Message == f.Message && o.Severity == f.Severity
			}) {
				t.Errorf("with %s off, %s of line %d is gone: %s", id, f.ID, f.Line, f.Message)
			}
		}
	}
}

// runCase judges a case with every check, of the optional ones with those named.
func runCase(t *testing.T, s *stage, c *fixture.Case, only ...string) *lint.Result {
	t.Helper()
	return judge(t, recordCase(t, s, c), only...)
}

func recordCase(t *testing.T, s *stage, c *fixture.Case) *devdb.Record {
	t.Helper()
	ctx := context.Background()
	dir, err := c.Load()
	if err != nil {
		t.Fatal(err)
	}
	rec := &devdb.Record{Version: s.server.Version(), Dir: dir}
	rec.Config.DownRequired = c.DownRequired
	for _, m := range dir.Migrations {
		rec.New = append(rec.New, &devdb.Recorded{Migration: m, Added: true})
	}
	db := s.copy(t)
	if err := pipeline.RecordAll(ctx, db, rec); err != nil {
		t.Fatal(err)
	}
	// A fresh read costs a backend as much as all the rest of a case: one for each
	// file, and for each case where there is time.
	if c.Name == "bad" || pgtest.All() {
		stale, err := db.Stale(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range stale {
			t.Errorf("the catalog that was kept is not the true one: %s", line)
		}
	}
	if slices.ContainsFunc(dir.Migrations, func(m *migration.Migration) bool { return m.Down != nil }) {
		up := s.copy(t)
		clone := func(ctx context.Context) (devdb.DB, error) { return s.server.Clone(ctx, up) }
		if err := pipeline.RecordDowns(ctx, up, clone, rec); err != nil {
			t.Fatal(err)
		}
		bench := s.server.Bench(s.base)
		err := pipeline.Rollback{Bench: bench, Rehearse: func(ctx context.Context, rows []string, all []*migration.Migration) (*devdb.Rehearsal, error) {
			return s.server.Rehearse(ctx, s.base, rows, all)
		}}.Try(ctx, rec)
		if err := errors.Join(err, bench.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := pipeline.Prove(ctx, s.bench, rec, pipeline.Proving{}); err != nil {
		t.Fatal(err)
	}
	if err := planned.Lifts(ctx, s.server, s.base, rec); err != nil {
		t.Fatal(err)
	}
	err = pipeline.Exercise(ctx, func(ctx context.Context, run []*migration.Migration) (proof.Stage, func() error, error) {
		st, err := s.server.Stage(ctx, s.base, run)
		if err != nil {
			return nil, nil, err
		}
		return st, st.Close, nil
	}, rec)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func judge(t *testing.T, rec *devdb.Record, optional ...string) *lint.Result {
	t.Helper()
	return judgeAs(t, rec, func(r lint.Rule) bool { return r.Optional && !slices.Contains(optional, r.ID) })
}

// judgeAs judges a record without the checks that are skipped.
func judgeAs(t *testing.T, rec *devdb.Record, skip func(lint.Rule) bool) *lint.Result {
	t.Helper()
	res, err := pipeline.Run(context.Background(), pipeline.Input{
		Record: rec, Rules: analyzers.Rules(), Against: "1 new migration on a base of 1",
		Judges: []pipeline.Judge{analyzers.Checks{Sizes: analyzers.Sizes{Small: 10_000, Large: 1_000_000}, Skip: skip}},
		Resolve: func(tool, name string) []string {
			var ids []string
			for _, r := range analyzers.Rules() {
				if r.Matches(tool, name) {
					ids = append(ids, r.ID)
				}
			}
			return ids
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// shown is what the terminal shows of the bad examples, by check and case, on
// the first major at hand.
var shown = struct {
	sync.Mutex
	text map[string]map[string]string
}{text: map[string]map[string]string{}}

func keepShown(t *testing.T, server *postgres.Server, a *analyzers.Analyzer, c *fixture.Case, res *lint.Result) {
	if !inDocs(c) || strconv.Itoa(server.Version().Major()) != pgtest.Majors(t)[0] {
		return
	}
	text := findingsText(t, res, a.ID)
	shown.Lock()
	defer shown.Unlock()
	if shown.text[a.ID] == nil {
		shown.text[a.ID] = map[string]string{}
	}
	shown.text[a.ID][c.Name] = text
}

func inDocs(c *fixture.Case) bool { return c.Bad() && c.Single() && len(c.Wants) > 0 }

// docsMajor is the major whose output the pages show.
const docsMajor = "15"

// TestDocs holds docs/checks against the fixtures and what the tool prints for
// them: TestChecks' results, where it ran before. Some advice and some examples
// are of one major alone: the pages show what docsMajor says.
func TestDocs(t *testing.T) {
	if first := pgtest.Majors(t)[0]; first != docsMajor {
		t.Skipf("the pages are of PostgreSQL %s, and this is %s", docsMajor, first)
	}
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	want := map[string]string{"README.md": index()}
	for _, a := range analyzers.All {
		f, err := a.Fixture()
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(f.Cases, func(c *fixture.Case) bool {
			_, ran := shown.text[a.ID][c.Name]
			return inDocs(c) && c.Runs(server.Version().Major()) && !ran
		}) {
			t.Run(a.ID, func(t *testing.T) { runFixture(t, server, a, f) })
		}
		page, err := a.Page(shown.text[a.ID])
		if err != nil {
			t.Fatal(err)
		}
		want[a.ID+".md"] = page
	}
	golden(t, filepath.Join("..", "docs", "checks"), want)
}

// findingsText is what the terminal shows of the check's own findings, without
// the excerpt, which the page has already.
func findingsText(t *testing.T, res *lint.Result, id string) string {
	t.Helper()
	var b strings.Builder
	if err := report.Findings(&b, res, report.Options{}, func(f *lint.Finding) bool { return f.ID == id }); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func index() string {
	var b strings.Builder
	b.WriteString("# The checks\n\nMade from the checks themselves; run `go test ./analyzers -update` after a change.\n\n| id | name | severity | what |\n|---|---|---|---|\n")
	for _, a := range analyzers.All {
		sev := string(a.Severity)
		if a.Optional {
			sev += ", off"
		}
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s | %s |\n", a.ID, a.ID, a.Name, sev, a.Title)
	}
	return b.String()
}

// golden compares the files of a directory with what they should hold, and
// with -update makes them so.
func golden(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range old {
		if _, ok := want[filepath.Base(f)]; ok {
			continue
		}
		if *update {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		} else {
			t.Errorf("%s belongs to no check: run go test ./analyzers -update", f)
		}
	}
	for name, text := range want {
		file := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != text {
			t.Errorf("%s is stale: run go test ./analyzers -update\n%s", file, cmp.Diff(string(got), text))
		}
	}
}

// TestList holds the list to its order, and ids, names and aliases to their form.
func TestList(t *testing.T) {
	seen := map[string]string{}
	for i, a := range analyzers.All {
		if i > 0 && analyzers.All[i-1].ID >= a.ID {
			t.Errorf("%s stands after %s: the list is in the order of ids", a.ID, analyzers.All[i-1].ID)
		}
		for _, n := range []string{a.ID, a.Name} {
			if seen[n] != "" {
				t.Errorf("%s: %q is already %s's", a.ID, n, seen[n])
			}
			seen[n] = a.ID
		}
		if a.Title == "" || a.Severity.Rank() == 0 || a.Run == nil || len(a.ID) != 5 {
			t.Errorf("%s: id, title, severity and run must be given", a.ID)
		}
	}
}
