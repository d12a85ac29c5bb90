package proof

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// bounds of one exercise. What is left out is said.
const (
	mostSubjects = 60
	mostPoints   = 12 // of the change at which subjects are used
)

// Setter makes a stage: the base, after some migrations. The caller closes it.
type Setter func(ctx context.Context, run []*migration.Migration) (stage Stage, closer func() error, err error)

// Exercise uses everything that a change touches, after it; what fails or does
// nothing is used before the change as well, and where it worked then, at points
// between, to find the statement since which it does not.
func Exercise(ctx context.Context, set Setter, before, after *schema.Catalog, change []*devdb.Recorded) (*devdb.Exercise, error) {
	e := &exercise{set: set, change: change, catalogs: []*schema.Catalog{before}, results: map[int]map[*subject]map[useKey]devdb.UseResult{}}
	subjects, alike := touched(before, after)
	out := &devdb.Exercise{}
	if len(subjects) == 0 {
		return out, nil
	}
	for _, s := range subjects[min(len(subjects), mostSubjects):] {
		out.Left = append(out.Left, after.Name(s.ref)+": the change touches more than "+fmt.Sprint(mostSubjects)+" objects")
	}
	for _, s := range alike {
		out.Left = append(out.Left, fmt.Sprintf("%s: %s runs with %d other tables, which are used", after.Name(s.ref), after.Name(schema.Ref{Class: schema.ClassFunction, OID: s.via}), mostVia))
	}
	subjects = subjects[:min(len(subjects), mostSubjects)]
	for _, m := range change {
		for _, s := range m.Steps {
			if s.Err == nil && len(s.Changes) > 0 {
				e.steps, e.of, e.catalogs = append(e.steps, s), append(e.of, m), append(e.catalogs, s.After)
			}
		}
	}
	last := len(e.steps)
	e.catalogs[last] = after
	all, err := e.at(ctx, last, subjects, out)
	if err != nil {
		return nil, err
	}
	out.Subjects = len(subjects)
	var bad []*subject
	for _, s := range subjects {
		if slices.ContainsFunc(all[s], func(u found) bool { return suspicious(u.useKey, u.result) }) {
			bad = append(bad, s)
		}
	}
	if len(bad) == 0 || last == 0 {
		return out, nil
	}
	if _, err := e.at(ctx, 0, bad, nil); err != nil {
		return nil, err
	}
	for _, s := range bad {
		for _, u := range all[s] {
			was := e.results[0][s][u.useKey]
			if !suspicious(u.useKey, u.result) || !s.isWorse(was, u.result) && (u.omits == "" || was.There) || u.result.Code == "23502" && !s.demandsMore(u.result, before, after) {
				continue
			}
			k, err := e.since(ctx, s, u, bad)
			if err != nil {
				return nil, err
			}
			out.Worse = append(out.Worse, &devdb.Use{
				Verb: u.verb, Role: u.role, Omits: u.omits, Object: s.ref, Rows: u.rows, SQL: u.sql,
				Before: was, After: u.result, Migration: e.of[k-1], Step: e.steps[k-1],
			})
		}
	}
	return out, nil
}

// found is a use after the change, with the rows that were there.
type found struct {
	used
	rows string
}

// exercise is one change at all of its points: before the first statement that
// changes the catalog, and after each of those.
type exercise struct {
	set      Setter
	change   []*devdb.Recorded
	steps    []*devdb.Step
	of       []*devdb.Recorded
	catalogs []*schema.Catalog // at the points, one more than steps
	results  map[int]map[*subject]map[useKey]devdb.UseResult
}

// at uses subjects at a point.
func (e *exercise) at(ctx context.Context, point int, subjects []*subject, report *devdb.Exercise) (_ map[*subject][]found, err error) {
	stage, closer, err := e.set(ctx, e.run(point))
	if err != nil {
		return nil, err
	}
	defer func() {
		if c := closer(); err == nil {
			err = c
		}
	}()
	b, err := newBase(ctx, stage, e.catalogs[point])
	if err != nil {
		return nil, err
	}
	u := &user{stage: stage, base: b, path: e.path(point)}
	out := map[*subject][]found{}
	e.results[point] = map[*subject]map[useKey]devdb.UseResult{}
	for _, s := range subjects {
		got, rows, left, err := u.use(ctx, s)
		if err != nil {
			return nil, err
		}
		e.results[point][s] = map[useKey]devdb.UseResult{}
		for _, x := range got {
			out[s] = append(out[s], found{x, rows})
			e.results[point][s][x.useKey] = x.result
		}
		if report != nil && left != "" {
			report.Left = append(report.Left, e.catalogs[point].Name(s.ref)+": "+left)
		}
	}
	if report != nil {
		report.Uses = u.uses
	}
	return out, nil
}

// run is the change up to a point, without what the server refuses.
func (e *exercise) run(point int) []*migration.Migration {
	if point == 0 {
		return nil
	}
	var out []*migration.Migration
	for _, m := range e.change {
		cut := *m.Migration
		sts := m.Statements
		reached := point < len(e.steps) && e.of[point-1] == m
		if reached {
			if i := slices.Index(sts, e.steps[point-1].Stmt); i >= 0 {
				sts = sts[:i+1]
			}
		}
		cut.Statements = worth(m, sts)
		if out = append(out, &cut); reached {
			break
		}
	}
	return out
}

// path is the search_path that the migrations had at a point.
func (e *exercise) path(point int) string {
	for i := min(point, len(e.steps)) - 1; i >= 0; i-- {
		if p := e.steps[i].Settings.SearchPath; p != "" {
			return p
		}
	}
	return ""
}

// since finds the point from which on a use goes as it does in the end.
func (e *exercise) since(ctx context.Context, s *subject, u found, bad []*subject) (int, error) {
	good, wrong := 0, len(e.steps)
	for wrong-good > 1 {
		mid := (good + wrong) / 2
		if e.results[mid] == nil {
			if len(e.results) >= mostPoints {
				break
			}
			if _, err := e.at(ctx, mid, bad, nil); err != nil {
				return 0, err
			}
		}
		if r := e.results[mid][s][u.useKey]; r.There && r.Same(u.result) {
			wrong = mid
		} else {
			good = mid
		}
	}
	return wrong, nil
}

// suspicious reports whether a result may be the fault of what runs, and not
// of the rows, of the role, or of the dev server.
func suspicious(key useKey, r devdb.UseResult) bool {
	role := key.role
	if r.Code == "" || !r.Tried {
		return r.Tried && r.Idle
	}
	if key.omits != "" {
		return true // rows are found to fail for the default alone
	}
	switch r.Code {
	case "23502":
		return !r.Some && strings.Contains(r.Where, "function")
	case "42501":
		return role != "" && role != devdb.AnyRole
	case "42704":
		return !strings.Contains(r.Message, "configuration parameter")
	case "42602", "42622": // a name that is put together
		return false
	case "42725": // of the call itself: overloads have a check of their own
		return r.Where != ""
	case "55000":
		return strings.Contains(r.Message, "not assigned")
	case "0A000": // a record without columns
		return !strings.Contains(r.Message, "cannot accept")
	case "54001", "428C9", "39P01", "2F005", "27000":
		return true
	}
	return strings.HasPrefix(r.Code, "42") || strings.HasPrefix(r.Code, "XX")
}

// isWorse reports whether a suspicious result is worse than what came of the
// same use before: that worked, or there was nothing to use, and the fault does
// not depend on where the new object is used or what it is given.
func (s *subject) isWorse(was, now devdb.UseResult) bool {
	switch now.Code {
	case "42P07", "42P06", "42710", "42701", "42723":
		return false // it makes what the change has made, perhaps by a call of it
	}
	switch {
	case was.Passes(), now.Code == "42P17", now.Code == "54001":
		return true
	case was.Tried && devdb.OfRows(was.Code): // it got as far as the rows
		return now.Code != "" && now.Code != "23502"
	case was.There && was.Tried, now.Code == "42501", now.Code == "23502":
		return false
	case now.Idle:
		return !was.There
	}
	switch now.Code {
	case "42P01", "42703", "42883", "42704", "3F000", "42809", "XX000":
		return false // what it names may be there where it runs
	}
	return !strings.HasPrefix(now.Code, "42") || !s.dynamic()
}

var executes = regexp.MustCompile(`(?i)\bEXECUTE\s+(\w+)`)

// dynamic reports whether something that runs with a subject puts statements together.
func (s *subject) dynamic() bool {
	return slices.ContainsFunc(executes.FindAllStringSubmatch(s.text, -1), func(m []string) bool {
		return !strings.EqualFold(m[1], "FUNCTION") && !strings.EqualFold(m[1], "PROCEDURE")
	}) || strings.Contains(strings.ToUpper(s.text), "EXECUTE(")
}

var nullIn = regexp.MustCompile(`column "([^"]+)" of relation "([^"]+)"`)

// demandsMore reports whether the column that must not be NULL is one that the
// change adds, or made so, and that nothing which runs with the subject names.
func (s *subject) demandsMore(r devdb.UseResult, before, after *schema.Catalog) bool {
	m := nullIn.FindStringSubmatch(r.Message)
	if m == nil || word(s.text, m[1]) {
		return false
	}
	for _, t := range after.Relations {
		c := t.ColumnNamed(m[1])
		if t.Name != m[2] || c == nil || !c.NotNull {
			continue
		}
		was := before.Relations[t.OID]
		if was == nil || was.Column(c.Num) == nil || !was.Column(c.Num).NotNull {
			return true
		}
	}
	return false
}
