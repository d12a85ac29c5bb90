package analyzers_test

import (
	"slices"
	"testing"

	"github.com/assaydb/assay/analyzers"
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
	"github.com/assaydb/assay/internal/fixture"
	"github.com/assaydb/assay/internal/lint"
)

// covered has for each rule and each that it covers a change at which the one is
// reported, and the other if the first is off.
var covered = map[[2]string]string{
	{"LK203", "TX107"}: "-- tx file\nALTER TABLE users ADD COLUMN seen date;\nUPDATE users SET email = lower(name) WHERE name IS NOT NULL;",
	{"DS110", "TX107"}: "DELETE FROM users;",
	{"TX101", "SQ101"}: "-- tx file\nCREATE INDEX CONCURRENTLY users_email ON users (email);",
	{"DD103", "BC104"}: "ALTER TABLE users ADD COLUMN born date NOT NULL;",
	{"DD102", "DD104"}: "ALTER TABLE users ADD CONSTRAINT named CHECK (name IS NOT NULL) NOT VALID;\nALTER TABLE users VALIDATE CONSTRAINT named;",
	{"LK201", "LK208"}: "ALTER TABLE users ALTER COLUMN age TYPE bigint;",
	{"LK201", "BC106"}: "ALTER TABLE users ALTER COLUMN age TYPE bigint;",
}

// TestCovers: what a rule covers is left out where it is reported, and comes up where it is off.
func TestCovers(t *testing.T) {
	s := newStage(t, pgtest.Server(t, pgtest.Majors(t)[0]), &fixture.Fixture{
		Name: "covers", Base: "CREATE TABLE users (id bigint PRIMARY KEY, email text, name text, age int);",
	})
	for _, rule := range analyzers.Rules() {
		for _, id := range rule.Covers {
			sql, ok := covered[[2]string{rule.ID, id}]
			if !ok {
				t.Errorf("no change shows how %s covers %s", rule.ID, id)
				continue
			}
			t.Run(rule.ID+" covers "+id, func(t *testing.T) {
				rec := recordCase(t, s, &fixture.Case{Name: "bad", Files: map[string]string{"bad.sql": sql}})
				has := func(res *lint.Result, id string) bool {
					return slices.ContainsFunc(res.Findings, func(f *lint.Finding) bool { return f.ID == id })
				}
				if res := judge(t, rec); !has(res, rule.ID) || has(res, id) {
					t.Errorf("%s: %v, %s: %v", rule.ID, has(res, rule.ID), id, has(res, id))
				}
				if res := judgeAs(t, rec, func(r lint.Rule) bool { return r.Optional || r.ID == rule.ID }); has(res, rule.ID) || !has(res, id) {
					t.Errorf("with %s off, %s: %v", rule.ID, id, has(res, id))
				}
			})
		}
	}
}
