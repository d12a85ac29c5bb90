package analyzers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/report"
)

// TestAdvice copies the SQL of every advice of the bad examples, and of the tests
// "advice of …", into the place
// of the statement, before it or after it, as its reader would, and runs it. It
// must run, and the finding must be gone. What cannot be run so, and why, is in
// testdata/advice.txt.
func TestAdvice(t *testing.T) {
	if first := pgtest.Majors(t)[0]; first != docsMajor {
		t.Skipf("the texts are those of PostgreSQL %s, and this is %s", docsMajor, first)
	}
	server := pgtest.Server(t, docsMajor)
	known := knownAdvice(t)
	i := 0
	for _, a := range analyzers.All {
		f, err := a.Fixture()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range f.Cases {
			if !inDocs(c) && !strings.Contains(c.Name, "advice of") || !c.Runs(server.Version().Major()) {
				continue
			}
			if i++; !pgtest.InSample(i, 12) {
				continue
			}
			t.Run(a.ID+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, server, f)
				why := followed(t, s, a, c.Shown())
				switch want := known[a.ID+"/"+c.Name]; {
				case why != "" && want == "":
					t.Errorf("%s: the advice of %s: %s", f.Name, c.Name, why)
				case why == "" && want != "":
					t.Errorf("%s: the advice of %s can be followed: take it out of testdata/advice.txt", f.Name, c.Name)
				}
			})
		}
	}
}

// knownAdvice reads "LK106/bad reason" lines.
func knownAdvice(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "advice.txt"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if name, why, ok := strings.Cut(line, " "); ok && !strings.HasPrefix(line, "#") {
			out[name] = why
		}
	}
	return out
}

// followed says why the advice of the check's findings in a case cannot be
// followed; empty if it can.
func followed(t *testing.T, s *stage, a *analyzers.Analyzer, c *fixture.Case) string {
	rec := recordCase(t, s, c)
	res := judge(t, rec, a.ID)
	for _, f := range res.Findings {
		if f.ID != a.ID || f.Statement < 0 {
			continue
		}
		sql := report.AdviceSQL(f.Advice)
		if sql == "" {
			continue
		}
		if strings.Contains(sql, "…") || placeholder.MatchString(sql) {
			return "it leaves a place open: " + sql
		}
		if why := anywhere(t, s, a, rec, res, f, sql); why != "" {
			return why + "\n" + sql
		}
	}
	return ""
}

// anywhere says why the SQL of an advice holds in none of the places where a
// reader would put it, in the file's own transaction and without one.
func anywhere(t *testing.T, s *stage, a *analyzers.Analyzer, rec *devdb.Record, res *lint.Result, f *lint.Finding, sql string) string {
	modes := []migration.TxMode{migration.TxNone}
	if m := rec.New[f.Migration]; m.TxMode != migration.TxNone {
		modes = []migration.TxMode{m.TxMode, migration.TxNone}
	}
	var all []string
	for _, place := range []string{"instead", "before", "after", "lookup"} {
		for _, mode := range modes {
			why := follow(t, s, a, rec, res, f, sql, place, mode)
			if why == "" {
				return ""
			}
			all = append(all, fmt.Sprintf("%s (%s): %s", place, mode, why))
		}
	}
	return strings.Join(all, "\n")
}

var (
	placeholder = regexp.MustCompile(`<[a-z]\w*>`)
	nextFile    = regexp.MustCompile(`(?m)^-- in (?:the next|a later|the one after|an earlier)[^\n]*\n`)
)

// follow runs the case's file with the SQL of an advice in a place.
func follow(t *testing.T, s *stage, a *analyzers.Analyzer, rec *devdb.Record, res *lint.Result, f *lint.Finding, sql, place string, mode migration.TxMode) string {
	m := rec.New[f.Migration]
	st := m.Steps[f.Statement].Stmt
	head, tail := m.Source[:st.Pos.Offset], strings.TrimLeft(m.Source[st.End.Offset:], "; \t")
	parts := nextFile.Split(sql, -1)
	switch place {
	case "instead":
		parts[len(parts)-1] += "\n" + tail
	case "before":
		parts[len(parts)-1] += "\n" + st.Text + ";" + tail
	case "after":
		parts = append([]string{st.Text + ";\n"}, parts...)
		parts[len(parts)-1] += "\n" + tail
	case "lookup": // a query that is asked before, and changes nothing
		if !strings.HasPrefix(sql, "SELECT") {
			return "it does not run"
		}
	}
	parts[0] = head + parts[0]
	next := &devdb.Record{Version: rec.Version, Dir: rec.Dir}
	db := s.copy(t)
	ctx := context.Background()
	for i, p := range parts {
		one := adviceScript(t, fmt.Sprintf("%d.sql", i), p)
		if i == 0 || mode == migration.TxNone {
			one.TxMode = mode
		}
		steps, err := db.Record(ctx, one)
		var refused *devdb.StatementError
		if errors.As(err, &refused) {
			return "it fails: " + refused.Error()
		} else if err != nil {
			t.Fatal(err)
		}
		next.New = append(next.New, &devdb.Recorded{Migration: one, Steps: steps, Added: true})
	}
	if err := db.Finish(ctx); err != nil {
		return "it fails: " + err.Error()
	}
	if place == "lookup" {
		return ""
	}
	after, err := db.Catalog(ctx)
	if err != nil {
		t.Fatal(err)
	}
	next.Before, next.After = rec.Before, after
	var left []string
	count := map[string]int{}
	for _, x := range res.Findings {
		count[x.ID]++
	}
	count[a.ID]--
	for _, x := range judge(t, next, a.ID).Findings {
		if count[x.ID]--; x.ID == a.ID && count[x.ID] < 0 {
			left = append(left, x.Message)
		}
	}
	if len(left) > 0 {
		return "the finding is still there: " + strings.Join(left, "; ")
	}
	return ""
}

// adviceScript is SQL as a migration of its own.
func adviceScript(t *testing.T, name, text string) *migration.Migration {
	t.Helper()
	dir, err := migration.Load(fstest.MapFS{"m/" + name: &fstest.MapFile{Data: []byte(text)}}, "m", migration.Options{Format: migration.Plain})
	if err != nil {
		t.Fatal(err)
	}
	return dir.Migrations[0]
}
