package analyzers_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
)

// lockScenario is a statement of the file that ASSAY_LOCK_MATRIX names, with
// what two versions of the server were measured to do for it.
type lockScenario struct {
	Name, Before, Statement string
	V15                     *lockFacts `json:"postgres_15"`
	V18                     *lockFacts `json:"postgres_18"`
}

type lockFacts struct {
	Locks    []struct{ Object, Kind, Mode string }
	Rewrites []string
	Scans    []struct{ Object string }
	Error    *string
}

// TestLockMatrix holds the checks to statements whose locks were measured by
// other means: who makes others wait is told, who makes them wait while it
// works is told by more than the missing lock_timeout, and who does neither
// hears nothing of locks.
func TestLockMatrix(t *testing.T) {
	path := os.Getenv("ASSAY_LOCK_MATRIX")
	if path == "" {
		t.Skip("ASSAY_LOCK_MATRIX names no file of measured locks")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Setup     string
		Scenarios []lockScenario
	}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for _, major := range pgtest.Majors(t) {
		t.Run(major, func(t *testing.T) {
			server := pgtest.Server(t, major)
			base := withSetup(t, server, m.Setup)
			for i, sc := range m.Scenarios {
				want := sc.V15
				if n, err := strconv.Atoi(major); err == nil && n >= 17 {
					want = sc.V18
				}
				if want == nil || want.Error != nil || strings.Contains(sc.Before+sc.Statement, `\`) || strings.Contains(sc.Statement, "echo ---") {
					continue // refused, or its text was mangled by the measuring
				}
				t.Run(strconv.Itoa(i)+" "+sc.Name, func(t *testing.T) {
					t.Parallel()
					checkScenario(t, server, base, sc, want)
				})
			}
		})
	}
}

func checkScenario(t *testing.T, server *postgres.Server, base *postgres.DB, sc lockScenario, want *lockFacts) {
	findings, existing := lintScenario(t, server, base, sc)
	blocked, worked := want.effects(existing)
	locks := slices.ContainsFunc(findings, func(f *lint.Finding) bool { return f.ID[:2] == "LK" && f.ID != "LK301" && f.Severity != lint.Info })
	work := slices.ContainsFunc(findings, func(f *lint.Finding) bool {
		return f.ID != "LK301" && (f.ID[:2] == "LK" || f.ID == "DS103" || f.ID == "DD103")
	})
	var told []string
	for _, f := range findings {
		told = append(told, f.ID+" "+f.Message)
	}
	t.Logf("%s\nblocked %v, worked on %v\n%s", sc.Statement, blocked, worked, strings.Join(told, "\n"))
	switch {
	case len(worked) > 0 && !work:
		t.Errorf("works on %v under a lock: nothing is told of it", worked)
	case len(blocked) > 0 && len(findings) == 0:
		t.Errorf("makes others wait for %v: nothing is told of it", blocked)
	case len(blocked) == 0 && locks:
		t.Error("makes nobody wait: told of locks")
	}
}

// lintScenario judges the statement on a base of the setup; existing are the
// tables, by bare name, that are there before it.
func lintScenario(t *testing.T, server *postgres.Server, base *postgres.DB, sc lockScenario) (findings []*lint.Finding, existing map[string]bool) {
	t.Helper()
	ctx := context.Background()
	db, err := server.Clone(ctx, base)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	zone := ""
	if strings.HasPrefix(sc.Before, "set timezone") {
		zone = sc.Before
	}
	before, up := script(t, "before.sql", sc.Before), script(t, "new.sql", zone+"\n"+sc.Statement)
	if err := pipeline.Replay(ctx, db, []*migration.Migration{before}); err != nil {
		t.Fatal(err)
	}
	dir := &migration.Dir{Path: ".", Format: migration.Plain, Migrations: []*migration.Migration{up}}
	rec := &devdb.Record{Version: server.Version(), Dir: dir, New: []*devdb.Recorded{{Migration: up, Added: true}}}
	if err := pipeline.RecordAll(ctx, db, rec); err != nil {
		t.Fatal(err)
	}
	existing = map[string]bool{}
	for _, r := range rec.Before.Relations {
		existing[r.Name] = true
	}
	return judge(t, rec).Findings, existing
}

// withSetup is a database that every scenario begins with.
func withSetup(t *testing.T, server *postgres.Server, setup string) *postgres.DB {
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
	if err := pipeline.Replay(ctx, db, []*migration.Migration{script(t, "setup.sql", setup)}); err != nil {
		t.Fatal(err)
	}
	return db
}

func script(t *testing.T, name, text string) *migration.Migration {
	t.Helper()
	m, err := migration.LoadScript(fstest.MapFS{name: &fstest.MapFile{Data: []byte(text)}}, name, migration.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.TxMode = migration.TxNone
	return m
}

// effects are the existing tables that others must wait for, and those of them
// that are read or written anew meanwhile.
func (f *lockFacts) effects(existing map[string]bool) (blocked, worked []string) {
	for _, l := range f.Locks {
		switch l.Mode {
		case "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock":
			if l.Kind == "m" && l.Mode != "AccessExclusiveLock" {
				continue // only another REFRESH waits
			}
			if existing[l.Object] && !slices.Contains(blocked, l.Object) {
				blocked = append(blocked, l.Object)
			}
		}
	}
	for _, name := range blocked {
		if slices.ContainsFunc(f.Locks, func(l struct{ Object, Kind, Mode string }) bool { return l.Object == name && l.Kind == "S" }) {
			continue // a sequence is one row
		}
		scanned := slices.ContainsFunc(f.Scans, func(s struct{ Object string }) bool { return s.Object == name })
		if scanned || slices.Contains(f.Rewrites, name) {
			worked = append(worked, name)
		}
	}
	return blocked, worked
}
