package state_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/assaydb/assay/internal/devdb/postgres"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/devdb/postgres/state"
	"github.com/assaydb/assay/internal/plan"
)

// TestPairs plans from each have.sql to its want.sql and from there back. The
// plan is applied, the state read again is the wanted one, and a second plan is empty.
func TestPairs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	if f := os.Getenv("PAIRS"); f != "" {
		files, _ = filepath.Glob(f)
	}
	for _, major := range pgtest.Majors(t) {
		for _, f := range files {
			a, err := txtar.ParseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			base := string(a.Comment)
			sections := map[string]string{}
			for _, s := range a.Files {
				sections[s.Name] = string(s.Data)
			}
			for _, s := range a.Files {
				name, ok := strings.CutSuffix(s.Name, "have.sql")
				if !ok {
					continue
				}
				t.Run(major+"/"+strings.TrimSuffix(filepath.Base(f), ".txtar")+"/"+strings.TrimSuffix(name, "/"), func(t *testing.T) {
					want := sections[name+"want.sql"]
					first := strings.TrimSpace(strings.SplitN(want, "\n", 2)[0])
					if v, ok := strings.CutPrefix(first, "-- require postgres "); ok && len(major) == len(v) && major < v {
						t.Skip("needs a later major")
					}
					pair(t, pgtest.Server(t, major), base+sections[name+"have.sql"], base+want)
				})
			}
		}
	}
}

func load(t *testing.T, s *postgres.Server, sql string) (*postgres.DB, *plan.State) {
	t.Helper()
	ctx := context.Background()
	d, err := s.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	c, err := admin(d, ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		t.Fatalf("loading: %v", err)
	}
	st, err := state.Read(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	return d, st
}

func pair(t *testing.T, s *postgres.Server, haveSQL, wantSQL string) {
	a, have := load(t, s, haveSQL)
	b, want := load(t, s, wantSQL)
	for _, x := range []struct {
		name       string
		db         *postgres.DB
		have, want *plan.State
	}{{"there", a, have, want}, {"back", b, want, have}} {
		p, err := plan.New(context.Background(), x.have, x.want, state.NewTrial(s, x.db, admin), plan.Options{RenamesOff: true})
		var cannot *plan.CannotPlan
		if errors.As(err, &cannot) {
			t.Logf("%s: %v", x.name, err)
			if x.name == "there" && !strings.Contains(wantSQL, "-- cannot plan") || x.name == "back" && !strings.Contains(wantSQL, "-- cannot") {
				t.Errorf("%s is not planned", x.name)
			}
			continue
		} else if err != nil {
			t.Fatalf("%s: %v", x.name, err)
		}
		t.Logf("%s: %d statements\n%s", x.name, len(p.Statements), text(p))
		apply(t, s, x.db, x.want, p)
	}
}

func apply(t *testing.T, s *postgres.Server, d *postgres.DB, want *plan.State, p *plan.Plan) {
	t.Helper()
	ctx := context.Background()
	clone, err := s.Clone(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = clone.Close() }()
	c, err := admin(clone, ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	if err := state.Apply(ctx, c, p.Statements); err != nil {
		t.Fatal(err)
	}
	got, err := state.Read(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range plan.Differences(got, want) {
		t.Errorf("after the plan %s %s", d.Object, d.Why)
	}
	again, err := plan.New(ctx, got, want, nil, plan.Options{RenamesOff: true})
	if err != nil || len(again.Statements) > 0 {
		t.Errorf("the second plan is not empty: %v %v", err, again)
	}
}

func text(p *plan.Plan) string {
	var b strings.Builder
	for _, s := range p.Statements {
		b.WriteString("  " + strings.ReplaceAll(s.SQL, "\n", "\n  ") + ";")
		if s.Why != "" {
			b.WriteString(" -- " + string(s.Act) + ": " + s.Why)
		}
		b.WriteString("\n")
	}
	return b.String()
}
