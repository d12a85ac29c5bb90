package policy

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// load makes policies of some files.
func load(t *testing.T, o Options, files map[string]string) (*Policies, error) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys["policies/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	o.Files, o.Sources = fsys, []Source{{Dir: "policies"}}
	return Load(context.Background(), o)
}

// ordersRecord is a change that adds a table without a primary key beside one
// that was there before, and scans it under a lock on another.
func ordersRecord() *devdb.Record {
	before := schema.New()
	before.Schemas[1] = &schema.Schema{OID: 1, Name: "public"}
	before.Relations[10] = &schema.Relation{
		OID: 10, Schema: "public", Name: "old", Kind: schema.Table, Persistence: "permanent",
		Columns: []*schema.Column{{Num: 1, Name: "a", Type: "integer"}},
	}
	after := schema.New()
	after.Schemas[1] = before.Schemas[1]
	after.Relations[10] = before.Relations[10]
	orders := &schema.Relation{
		OID: 11, Schema: "public", Name: "orders", Kind: schema.Table, Persistence: "permanent",
		Columns: []*schema.Column{{Num: 1, Name: "id", Type: "bigint", NotNull: true}, {Num: 2, Name: "code", Type: "character varying(5)"}},
	}
	after.Relations[11] = orders
	stmt := func(line int, text, tag string) *migration.Statement {
		return &migration.Statement{Text: text, Pos: migration.Position{Path: "m/1.sql", Line: line, Column: 1}, End: migration.Position{Path: "m/1.sql", Line: line, Column: 40}, Syntax: &migration.Syntax{Tag: tag}}
	}
	m := &migration.Migration{Path: "m/1.sql", Version: "1", TxMode: migration.TxFile}
	steps := []*devdb.Step{
		{
			Stmt: stmt(2, "CREATE TABLE orders (id bigint not null, code varchar(5))", "CREATE TABLE"), Before: before, After: after, InTx: true, TxID: 1,
			Changes: []schema.Change{&schema.AddTable{Table: orders}}, Locks: []devdb.Lock{{Relation: 11, Object: "public.orders", Kind: "table", Table: 11, Mode: devdb.AccessExclusive}},
		},
		{
			Stmt: stmt(4, "UPDATE old SET a = 1", "UPDATE"), Index: 1, Before: after, After: after, InTx: true, TxID: 1,
			Held:  []devdb.Lock{{Relation: 11, Object: "public.orders", Kind: "table", Table: 11, Mode: devdb.AccessExclusive}},
			Scans: []devdb.Scan{{Relation: 10, Object: "public.old", Count: 1}}, Rows: []devdb.RowCount{{Relation: 10, Object: "public.old", Updated: 3}},
		},
	}
	for _, s := range steps {
		m.Statements = append(m.Statements, s.Stmt)
	}
	return &devdb.Record{Version: devdb.Version{Num: 170004, Text: "17.4"}, Before: before, After: after, New: []*devdb.Recorded{{Migration: m, Steps: steps, Added: true}}}
}

const keyRule = `# METADATA
# title: every table has a primary key
# custom:
#   id: ORG001
package team.keys

import data.assay

deny contains {"message": message, "object": t.object} if {
	some t in assay.tables
	not t.primary_key
	message := sprintf("table %q has no primary key", [t.object])
}
`

func judge(t *testing.T, o Options, files map[string]string) []*lint.Finding {
	t.Helper()
	p, err := load(t, o, files)
	if err != nil {
		t.Fatal(err)
	}
	found, err := (&Rules{Policies: p}).Judge(context.Background(), ordersRecord(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestJudge(t *testing.T) {
	found := judge(t, Options{}, map[string]string{"keys.rego": keyRule})
	if len(found) != 1 {
		t.Fatalf("got %d findings, want 1: the table that was there before is not touched", len(found))
	}
	f := found[0]
	if f.ID != "ORG001" || f.Severity != lint.Error || f.Path != "m/1.sql" || f.Line != 2 || f.Statement != 0 || f.Migration != 0 ||
		f.Message != `table "public.orders" has no primary key` {
		t.Errorf("got %+v", f)
	}
}

func TestLoadErrors(t *testing.T) {
	rule := func(head, body string) string {
		return "# METADATA\n# title: x\n# custom:\n" + head + "package p\n\n" + body
	}
	for _, c := range []struct{ name, text, want string }{
		{"no id", "package p\n\ndeny contains \"x\"", "policies/a.rego:3: this deny has no id"},
		{"no title", "# METADATA\n# custom:\n#   id: A1\npackage p\n\ndeny contains \"x\"", "rule A1 has no title"},
		{"not a set", rule("#   id: A1\n", "deny := true"), "deny must be a set"},
		{"unknown key", rule("#   id: A1\n#   sverity: error\n", "deny contains \"x\""), "unknown key custom.sverity: the keys are aliases, id"},
		{"severity", rule("#   id: A1\n#   severity: high\n", "deny contains \"x\""), `custom.severity "high": one of error, warning, info`},
		{"no clauses", rule("#   id: A1\n", "allow := true"), "rule A1 fills neither deny"},
		{"field", rule("#   id: A1\n", "deny contains x if some x in input.after.tabels"), "input.after has no field tabels: the fields are columns, comments"},
		{"field of a local", rule("#   id: A1\n", "deny contains t.nmae if some t in input.after.tables"), "no field nmae: the fields are"},
		{"parameter", rule("#   id: A1\n#   params: {max: 3}\n", "deny contains \"x\" if input.params.A1.maxx > 3"), "no field maxx: the fields are max"},
		{"parameter of a rule without any", rule("#   id: A1\n", "deny contains \"x\" if input.params.A1.max > 3"), `policies/a.rego:7: rule A1 has no parameter "max" in its custom.params: it has none`},
		{"another rule's parameter", rule("#   id: A1\n", "deny contains \"x\" if input.params.A2.max > 3"), "policies/a.rego:7: input.params has no"},
		{"helper", rule("#   id: A1\n", "import data.assay\n\ndeny contains t.object if some t in assay.tabels"), "policies/a.rego:9: data.assay has no tabels: one of approvals, approved_by, "},
		{"helper in a comprehension", rule("#   id: A1\n", "deny contains \"x\" if {\n\tcount([t | some t in data.assay.tabels]) > 3\n}"), "policies/a.rego:8: data.assay has no tabels"},
		{"helper function", rule("#   id: A1\n", "deny contains \"x\" if data.assay.is_nwe(\"x\")"), "there is no function data.assay.is_nwe"},
		{"package", rule("#   id: A1\n", "deny contains \"x\" if data.limits.max > 3"), "policies/a.rego:7: data has no limits: one of assay, p"},
		{"key of a result", rule("#   id: A1\n", "deny contains {\"mesage\": \"x\"}"), `policies/a.rego:7: unknown key "mesage" in a result: the keys are advice`},
		{"type", rule("#   id: A1\n", "deny contains \"x\" if input.database.major == \"15\""), "policies/a.rego:7: a number and a string are never equal"},
		{"argument", rule("#   id: A1\n", "deny contains \"x\" if startswith(input.after.tables, \"x\")"), "startswith takes (search: string, base: string), not (list, string)"},
		{"unsafe", rule("#   id: A1\n", "deny contains x"), "x has no value: nothing before says what it is"},
		{"empty", "", "policies/a.rego:1: empty module"},
		{"syntax", rule("#   id: A1\n", "deny contains if"), "policies/a.rego:7:"},
		{"inline schema", rule("#   id: A1\n", "# METADATA\n# schemas:\n#   - input: {type: object}\ndeny contains \"x\""), "not inline"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, Options{}, map[string]string{"a.rego": c.text})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "__local") {
				t.Errorf("the error shows the compiler's own names: %v", err)
			}
		})
	}
}

// TestConfigure holds what is configured against what there is.
func TestConfigure(t *testing.T) {
	text := "# METADATA\n# title: x\n# custom:\n#   id: A1\n#   params:\n#     max: {default: 3, description: most}\n#     names: [a]\npackage p\n\ndeny contains {\"message\": sprintf(\"%d %v\", [input.params.A1.max, input.params.A1.names])}\n"
	with := func(set map[string]any) Options {
		return Options{Params: func(lint.Rule) map[string]any { return set }}
	}
	found := judge(t, with(map[string]any{"max": 5}), map[string]string{"a.rego": text})
	if len(found) != 1 || found[0].Message != `5 ["a"]` {
		t.Errorf("got %+v", found)
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{with(map[string]any{"maximum": 5}), `rule A1 has no parameter "maximum": one of max, names`},
		{with(map[string]any{"max": "five"}), "rule A1, parameter max is a string, but must be a number"},
		{Options{Named: []string{"B2"}}, `unknown policy rule "B2": one of A1`},
		{Options{Packs: []string{"namings"}}, `unknown policy pack "namings": one of change_control, columns`},
	} {
		_, err := load(t, c.o, map[string]string{"a.rego": text})
		wantError(t, err, c.want)
	}
}

// TestRulesOfOnePackage tells the results of rules that share a package apart.
func TestRulesOfOnePackage(t *testing.T) {
	text := `package team

# METADATA
# title: one
# custom: {id: ONE, severity: info}
deny contains {"message": "first"}

# METADATA
# title: two
# custom: {id: TWO-2}
deny contains {"message": "second"}

# METADATA
# title: three
# custom: {id: THREE}
warn contains {"message": "third"}
`
	found := judge(t, Options{}, map[string]string{"a.rego": text})
	got := map[string]string{}
	for _, f := range found {
		got[f.ID] = string(f.Severity) + " " + f.Message
	}
	want := map[string]string{"ONE": "info first", "TWO-2": "error second", "THREE": "warning third"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	_, err := load(t, Options{}, map[string]string{"a.rego": text, "b.rego": strings.Replace(text, "package team", "package other", 1)})
	wantError(t, err, "policies/b.rego:3: rule id ONE is taken by policies/a.rego:3")
}

// failure judges, and gives what went wrong: of the run or of rules.
func failure(p *Policies) error {
	r := &Rules{Policies: p}
	_, err := r.Judge(context.Background(), ordersRecord(), nil)
	for _, f := range r.Failed {
		err = errors.Join(err, f)
	}
	return err
}

// TestResults refuses results that say less or more than results do.
func TestResults(t *testing.T) {
	rule := func(verb, result string) map[string]string {
		return map[string]string{"a.rego": "# METADATA\n# title: x\n# custom: {id: A1}\npackage p\n\n" + verb + " contains " + result + "\n"}
	}
	for _, c := range []struct{ verb, result, want string }{
		{"deny", `object.union({"mesage": "x"}, {})`, `unknown key "mesage" in a result: the keys are advice, count, evidence`},
		{"deny", `{"message": 3}`, "the message of a result cannot be a number"},
		{"deny", `{"object": "x"}`, "a result has no message"},
		{"deny", `{"message": "x", "object": "public.ordes"}`, "object \"public.ordes\" names nothing in the schema: did you mean public.orders?"},
		{"deny", `{"message": "x", "object": "ORDERS"}`, "object \"ORDERS\" names nothing in the schema: did you mean public.orders?"},
		{"deny", `7`, "must be an object with a message, not number"},
		{"deny", `{"message": "x", "team": "dba"}`, "team and user belong to require_approval"},
		{"deny", `{"message": "x", "severity": "fatal"}`, `severity "fatal": one of error, warning, info`},
		{"require_approval", `{"message": "x"}`, "needs a team or a user"},
	} {
		p, err := load(t, Options{}, rule(c.verb, c.result))
		if err == nil {
			err = failure(p) // written out, most is found when the rule is loaded
		}
		wantError(t, err, c.want)
	}
	found := judge(t, Options{}, rule("require_approval", `{"team": "dba", "reason": "a big table", "object": "public.orders"}`))
	if len(found) != 1 || found[0].Message != "needs the approval of team dba: a big table" || found[0].Approval == nil || found[0].Approval.Team != "dba" || found[0].Severity != lint.Error {
		t.Errorf("got %+v", found[0])
	}
}

// TestPerMigration asks a rule once for each migration.
func TestPerMigration(t *testing.T) {
	text := "# METADATA\n# title: x\n# custom: {id: A1, per: migration}\npackage p\n\ndeny contains {\"message\": sprintf(\"%d %s\", [count(input.statements), input.migrations[0].path])}\n"
	found := judge(t, Options{}, map[string]string{"a.rego": text})
	if len(found) != 1 || found[0].Message != "2 m/1.sql" || found[0].Path != "m/1.sql" {
		t.Errorf("got %+v", found)
	}
}

// TestSchemaAlone judges a catalog without any migration: all of it counts.
func TestSchemaAlone(t *testing.T) {
	p, err := load(t, Options{}, map[string]string{"keys.rego": keyRule})
	if err != nil {
		t.Fatal(err)
	}
	r := ordersRecord()
	r.Before, r.New = r.After, nil
	found, err := (&Rules{Policies: p, Subject: "schema.sql"}).Judge(context.Background(), r, nil)
	if err != nil || len(found) != 2 || found[0].Path != "schema.sql" || found[0].Line != 1 {
		t.Errorf("got %+v, %v", found, err)
	}
}
