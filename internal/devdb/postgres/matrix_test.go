package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// matrix is the file that ASSAY_LOCK_MATRIX names: what two versions of the
// server did for each of many statements, measured by other means.
type matrix struct {
	Setup     string
	Scenarios []scenario
}

type scenario struct {
	Name, Before, Statement string
	Min                     *int      `json:"min_version"`
	V15                     *measured `json:"postgres_15"`
	V18                     *measured `json:"postgres_18"`
}

type measured struct {
	Locks    []struct{ Object, Kind, Mode string }
	Rewrites []string
	Dropped  []string
	Scans    []struct {
		Object string
		Scans  int
	}
	Error *string
}

// TestLockMatrix records every statement of the matrix and compares.
func TestLockMatrix(t *testing.T) {
	path := os.Getenv("ASSAY_LOCK_MATRIX")
	if path == "" {
		t.Skip("ASSAY_LOCK_MATRIX names no file of measured locks")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m matrix
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for _, major := range []int{15, 18} {
		t.Run(fmt.Sprint(major), func(t *testing.T) { runMatrix(t, &m, major) })
	}
}

func runMatrix(t *testing.T, m *matrix, major int) {
	ctx := context.Background()
	s := testServer(t, fmt.Sprint(major))
	base := testDatabase(t, s)
	base.owner = base.admin // the matrix was measured as superuser
	must(t, base.Replay(ctx, file(migration.TxNone, m.Setup)))
	for _, sc := range m.Scenarios {
		want := sc.V15
		if major == 18 {
			want = sc.V18
		}
		if want == nil {
			continue
		}
		if strings.Contains(sc.Before+sc.Statement, "\\") || strings.Contains(sc.Statement, "echo ---") {
			continue // its text was mangled by the measuring
		}
		t.Run(sc.Name, func(t *testing.T) {
			d, err := s.Clone(ctx, base)
			must(t, err)
			d.owner = d.admin
			defer d.Close()
			must(t, d.Replay(ctx, file(migration.TxNone, sc.Before)))
			zone := ""
			if strings.HasPrefix(sc.Before, "set timezone") {
				zone = sc.Before
			}
			mig := file(migration.TxFile, zone+";"+sc.Statement)
			steps, err := d.Record(ctx, mig)
			if zone != "" && len(steps) > 0 {
				steps = steps[1:]
			}
			compare(t, steps, err, want)
		})
	}
}

func compare(t *testing.T, steps []*devdb.Step, err error, want *measured) {
	t.Helper()
	if want.Error != nil {
		e, ok := asStatementError(err)
		if !ok || !strings.Contains(e.Message, strings.SplitN(*want.Error, "\n", 2)[0]) {
			t.Fatalf("error %v, want %q", err, *want.Error)
		}
		return
	}
	must(t, err)
	locks, rewritten, fell, scans := facts(steps)
	unnamed := 0
	wantLocks := map[string]devdb.LockMode{}
	for _, l := range want.Locks {
		if l.Kind == "?" && strings.Trim(l.Object, "0123456789") == "" {
			unnamed++
			continue // a relation that came and went, a toast table, one of another schema
		}
		if mode := lockModes[l.Mode]; mode.Strength() > wantLocks[l.Object].Strength() {
			wantLocks[l.Object] = mode
		}
	}
	for o, mode := range wantLocks {
		if !slices.Contains(locks[o], mode) {
			t.Errorf("%s: %s not recorded; recorded %v", o, mode, locks[o])
		}
	}
	for o, modes := range locks {
		if unnamed > 0 && fell[o] {
			continue
		}
		if _, ok := wantLocks[o]; !ok && !aliasOf(steps, o, wantLocks) {
			t.Errorf("%s: recorded %v, the matrix has none", o, modes)
		}
	}
	if got, w := fmt.Sprint(sorted(rewritten)), fmt.Sprint(sorted(want.Rewrites)); got != w && fmt.Sprint(sorted(dropNamed(rewritten, want.Dropped))) != w {
		t.Errorf("rewrites %s, want %s", got, w)
	}
	for _, d := range want.Dropped {
		if !fell[d] && !slices.Contains(rewritten, d) && !rebuilt(steps, d) {
			t.Errorf("%s was dropped, not recorded", d)
		}
	}
	for _, sc := range want.Scans {
		if scans[sc.Object] != sc.Scans {
			t.Errorf("%s: %d scans, want %d", sc.Object, scans[sc.Object], sc.Scans)
		}
		delete(scans, sc.Object)
	}
	for o, n := range scans {
		t.Errorf("%s: %d scans, want none", o, n)
	}
}

// facts gathers what the steps say, without schema names; an object that was
// renamed goes by both names.
func facts(steps []*devdb.Step) (locks map[string][]devdb.LockMode, rewritten []string, fell map[string]bool, scans map[string]int) {
	locks, fell, scans = map[string][]devdb.LockMode{}, map[string]bool{}, map[string]int{}
	for _, s := range steps {
		for _, l := range s.Locks {
			if l.Kind == "toast table" {
				continue
			}
			names := []string{bare(l.Object)}
			if n := s.After.Name(schema.Ref{Class: schema.ClassRelation, OID: l.Relation}); n != "" && bare(n) != names[0] {
				names = append(names, bare(n))
			}
			for _, n := range names {
				locks[n] = append(locks[n], l.Mode)
			}
		}
		for _, w := range s.Rewrites {
			rewritten = append(rewritten, bare(w.Object))
		}
		for _, d := range s.Dropped {
			fell[bare(d.Name)] = true
		}
		for _, c := range s.Scans {
			scans[bare(c.Object)] += c.Count
		}
	}
	return locks, rewritten, fell, scans
}

// aliasOf reports whether o is a name, before or after, of something expected under the other.
func aliasOf(steps []*devdb.Step, o string, want map[string]devdb.LockMode) bool {
	for _, s := range steps {
		for _, l := range s.Locks {
			after := bare(s.After.Name(schema.Ref{Class: schema.ClassRelation, OID: l.Relation}))
			if bare(l.Object) == o && want[after] != "" || after == o && want[bare(l.Object)] != "" {
				return true
			}
		}
	}
	return false
}

func rebuilt(steps []*devdb.Step, name string) bool {
	for _, s := range steps {
		for _, i := range s.Before.Indexes {
			if i.Name == name && s.After.Indexes[i.OID] == nil {
				return true
			}
		}
	}
	return false
}

// dropNamed leaves out the indexes that the matrix tells as dropped and made anew.
func dropNamed(names, drop []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(drop, n) })
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func bare(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
