package policy

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

// TestNew makes a rule as a new user would, and it passes its own tests on a
// real server, with all of it covered.
func TestNew(t *testing.T) {
	files, err := New("table_comment", "ORG001")
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys["policies/"+name] = &fstest.MapFile{Data: text}
	}
	p, err := Load(context.Background(), Options{Files: fsys, Sources: []Source{{Dir: "policies"}}, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	report, err := p.Test(context.Background(), TestOptions{Coverage: true, Record: recorder(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.Write(&b, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ok data.policies.table_comment_test.test_speaks", "policies/table_comment/table_comment.txtar: ok bad", "4 passed, 0 failed", "100.0%  all"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if _, err := New("Bad-Name", "X1"); err == nil {
		t.Error("a bad name is taken")
	}
}

// TestFailures tells a unit test and a fixture that fail.
func TestFailures(t *testing.T) {
	p, err := load(t, Options{}, map[string]string{
		"keys.rego":      keyRule,
		"keys_test.rego": "package team.keys_test\n\nimport data.team.keys\n\ntest_wrong if {\n\tprint(\"nothing is there\")\n\tcount(keys.deny) == 1 with input.after.tables as []\n}\n",
		"keys.txtar":     "x\n\n-- bad.sql --\nCREATE TABLE t (id bigint PRIMARY KEY); -- want ORG001 `no primary key`\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	server := pgtest.Server(t, pgtest.Majors(t)[0])
	report, err := p.Test(context.Background(), TestOptions{Record: recorder(t, server)})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.Write(&b, false); err != nil {
		t.Fatal(err)
	}
	want := "policies/keys_test.rego:5: FAIL data.team.keys_test.test_wrong\n    nothing is there\n" +
		"policies/keys.txtar: FAIL bad\n    bad.sql:1: want ORG001 `no primary key`, not found\n0 passed, 2 failed\n" +
		"  50.0%  ORG001  policies/keys.rego  speaks in 0 and is silent in 1 of its cases\n  50.0%  all\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}
	if report.Err() == nil {
		t.Error("no error")
	}
}

// TestEval tells how a rule came to its answer.
func TestEval(t *testing.T) {
	p, err := load(t, Options{}, map[string]string{"keys.rego": keyRule})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	found, err := p.Eval(context.Background(), &Rules{Policies: p}, ordersRecord(), nil, []string{"ORG001"}, "full", &b)
	if err != nil || len(found) != 1 {
		t.Fatalf("got %v, %v", found, err)
	}
	if !strings.Contains(b.String(), "data.team.keys.deny") {
		t.Errorf("no word of the rule in\n%.500s", &b)
	}
	b.Reset()
	silent, err := load(t, Options{}, map[string]string{"a.rego": `# METADATA
# title: x
# custom:
#   id: A1
package a

deny contains {"message": "x", "object": table.object} if {
	some table in input.after.tables
	not startswith(table.name, "x")
	trace(table.object)
	print("asked about", table.object)
	table.comment == "y"
}

deny contains {"message": "z", "object": "public.old"}
`})
	if err != nil {
		t.Fatal(err)
	}
	found, err = silent.Eval(context.Background(), &Rules{Policies: silent}, ordersRecord(), nil, nil, "fails", &b)
	if err != nil || len(found) != 0 {
		t.Fatalf("got %v, %v", found, err)
	}
	want := "policies/a.rego:12: fails: table.comment == \"y\"    with table = public.old, table.comment = \"\"\n" +
		"policies/a.rego:12: fails: table.comment == \"y\"    with table = public.orders, table.comment = \"\"\n" +
		"left out, as it held before the change (custom.scope: everything reports it): A1: z\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", &b, want)
	}
	b.Reset()
	if _, err = silent.Eval(context.Background(), &Rules{Policies: silent}, ordersRecord(), nil, nil, "notes", &b); err != nil || !strings.Contains(b.String(), `Note "public.old"`) {
		t.Errorf("got %v\n%s", err, &b)
	}
	_, err = p.Eval(context.Background(), &Rules{Policies: p}, ordersRecord(), nil, []string{"ORG002"}, "off", &b)
	wantError(t, err, `unknown policy rule "ORG002": one of ORG001`)
	_, err = p.Eval(context.Background(), &Rules{Policies: p}, ordersRecord(), nil, nil, "verbose", &b)
	wantError(t, err, `unknown explanation "verbose": one of off, notes, fails, full`)
}

// TestMisspeltTests: a test that gives a value to what does not exist, or asks
// for it, proves nothing.
func TestMisspeltTests(t *testing.T) {
	for body, want := range map[string]string{
		`count(keys.dney) == 0`:                                         "policies/keys_test.rego:5: data.team.keys has no dney: one of deny",
		`count(keys.deny) == 0 with input.after.tabels as []`:           "policies/keys_test.rego:5: input.after has no field tabels",
		`count(keys.deny) == 0 with input.params.ORG001.max as 3`:       `policies/keys_test.rego:5: rule ORG001 has no parameter "max"`,
		`count(keys.deny) == 0 with data.team.limits as {"a": 1}`:       "policies/keys_test.rego:5: data.team has no limits",
		`count(keys.deny) == 0 with input as {"after": {"tables": []}}`: "",
	} {
		p, err := load(t, Options{}, map[string]string{
			"keys.rego": keyRule, "keys_test.rego": "package team.keys_test\n\nimport data.team.keys\n\ntest_it if " + body + "\n",
		})
		if err != nil {
			t.Fatal(err)
		}
		report, err := p.Test(context.Background(), TestOptions{})
		if want != "" {
			wantError(t, err, want)
		} else if err != nil || report.Failed() > 0 {
			t.Errorf("%s: %v, %+v", body, err, report)
		}
	}
}
