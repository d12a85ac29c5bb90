package analyzers_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/pipeline"
)

// A file of testdata/rivals holds the examples that another tool's
// documentation has for its rules, written anew with tables to stand on:
//
//	base.sql        the tables of all examples
//	RULE/base.sql   what one rule needs besides
//	RULE/bad*.sql   what the rule tells; its first line names our checks for it
//	RULE/good*.sql  the safe way: silent under the checks that the bad ones name
//
// A bad example begins with `-- tells ID ID`, or with `-- differs` where we
// say nothing on purpose: elsewhere.go has the reason, for docs/coming-from.md.
// `-- still ID` in a good one names a check of the bad ones that speaks all the
// same. `-- tx file` and `-- require postgres 17` are as in fixtures.
var (
	tells     = regexp.MustCompile(`(?m)^-- tells (.+)$`)
	still     = regexp.MustCompile(`(?m)^-- still (.+)$`)
	differing = regexp.MustCompile(`(?m)^-- differs$`)
	inTx      = regexp.MustCompile(`(?m)^-- tx (file|none)$`)
	written   = regexp.MustCompile(`(?m)^-- format (\w+)$`)
	needs     = regexp.MustCompile(`(?m)^-- require postgres (<?)(\d+)$`)
)

// rival is one rule's examples.
type rival struct {
	rule  string
	base  string
	cases []txtar.File
}

func rivals(t *testing.T, tool string) (base string, out []*rival) {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", "rivals", tool+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]*rival{}
	for _, f := range a.Files {
		rule, name, ok := strings.Cut(f.Name, "/")
		if !ok {
			base = string(f.Data)
			continue
		}
		r := by[rule]
		if r == nil {
			r = &rival{rule: rule}
			by[rule], out = r, append(out, r)
		}
		if name == "base.sql" {
			r.base = string(f.Data)
		} else {
			r.cases = append(r.cases, txtar.File{Name: name, Data: f.Data})
		}
	}
	return base, out
}

// TestRivals runs what other tools' documentation shows: told, or a difference
// that docs/coming-from.md justifies; and their safe ways, which are silent.
func TestRivals(t *testing.T) {
	for _, major := range pgtest.Majors(t) {
		server := pgtest.Server(t, major)
		for _, tool := range analyzers.Tools {
			t.Run(tool+"/"+major, func(t *testing.T) {
				base, rules := rivals(t, tool)
				s := newStage(t, server, &fixture.Fixture{Name: tool, Base: base})
				for _, r := range rules {
					if !slices.Contains(analyzers.Elsewhere(tool), r.rule) {
						t.Errorf("%s has no rule %s", tool, r.rule)
					}
					t.Run(r.rule, func(t *testing.T) {
						t.Parallel()
						r.run(t, s, tool)
					})
				}
				for _, n := range analyzers.Elsewhere(tool) {
					if !slices.ContainsFunc(rules, func(r *rival) bool { return r.rule == n }) && !analyzers.NoExample(tool, n) {
						t.Errorf("%s has a rule %s, for which testdata/rivals has no example", tool, n)
					}
				}
			})
		}
	}
}

func (r *rival) run(t *testing.T, s *stage, tool string) {
	var ours []string
	for _, c := range r.cases {
		if m := tells.FindSubmatch(c.Data); m != nil {
			ours = append(ours, strings.Fields(string(m[1]))...)
		}
	}
	for _, c := range r.cases {
		text := string(c.Data)
		if m := needs.FindStringSubmatch(text); m != nil {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				t.Fatal(err)
			}
			if at := s.server.Version().Major(); m[1] == "" && at < n || m[1] == "<" && at >= n {
				continue
			}
		}
		t.Run(strings.TrimSuffix(c.Name, ".sql"), func(t *testing.T) {
			t.Parallel()
			found := runRival(t, s, r.base, text)
			var got []string
			for _, f := range found {
				got = append(got, fmt.Sprintf("%d %s: %s", f.Line, f.ID, f.Message))
			}
			t.Logf("told:\n%s", strings.Join(got, "\n"))
			has := func(id string) bool {
				return slices.ContainsFunc(found, func(f *lint.Finding) bool { return f.ID == id })
			}
			switch want := tells.FindStringSubmatch(text); {
			case want != nil:
				for _, id := range strings.Fields(want[1]) {
					if !has(id) {
						t.Errorf("%s %s: want %s, told were %q", tool, r.rule, id, got)
					}
				}
			case differing.MatchString(text):
				if !analyzers.Differs(tool, r.rule) {
					t.Errorf("%s %s: say in elsewhere.go why this is not told", tool, r.rule)
				}
			case strings.HasPrefix(c.Name, "good"):
				except := still.FindStringSubmatch(text)
				for _, id := range ours {
					if has(id) && (except == nil || !slices.Contains(strings.Fields(except[1]), id)) {
						t.Errorf("%s %s: the safe way is told by %s: %q", tool, r.rule, id, got)
					}
				}
			default:
				t.Errorf("%s %s: an example begins with -- tells or -- differs", tool, r.rule)
			}
		})
	}
}

// runRival records an example on its base and judges it with every check.
func runRival(t *testing.T, s *stage, base, text string) []*lint.Finding {
	t.Helper()
	ctx := context.Background()
	db := s.copy(t)
	if base != "" {
		if err := pipeline.Replay(ctx, db, []*migration.Migration{rivalScript(t, "base.sql", base)}); err != nil {
			t.Fatal(err)
		}
	}
	m := rivalScript(t, "new.sql", text)
	rec := &devdb.Record{
		Version: s.server.Version(), New: []*devdb.Recorded{{Migration: m, Added: true}},
		Dir: &migration.Dir{Path: ".", Format: migration.Plain, Migrations: []*migration.Migration{m}},
	}
	if err := pipeline.RecordAll(ctx, db, rec); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range analyzers.Rules() {
		all = append(all, r.ID)
	}
	return judge(t, rec, all...).Findings
}

func rivalScript(t *testing.T, name, text string) *migration.Migration {
	t.Helper()
	m, err := migration.LoadScript(fstest.MapFS{name: &fstest.MapFile{Data: []byte(text)}}, name, migration.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.TxMode = migration.TxNone
	if tx := inTx.FindStringSubmatch(text); tx != nil {
		m.TxMode = migration.TxMode(tx[1])
	}
	if f := written.FindStringSubmatch(text); f != nil {
		m.Format = migration.Format(f[1])
	}
	return m
}
