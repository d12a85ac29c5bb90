package policy

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

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
	before.Relations[10] = &schema.Relation{OID: 10, Schema: "public", Name: "old", Kind: schema.Table, Persistence: "permanent",
		Columns: []*schema.Column{{Num: 1, Name: "a", Type: "integer"}}}
	after := schema.New()
	after.Schemas[1] = before.Schemas[1]
	after.Relations[10] = before.Relations[10]
	orders := &schema.Relation{OID: 11, Schema: "public", Name: "orders", Kind: schema.Table, Persistence: "permanent",
		Columns: []*schema.Column{{Num: 1, Name: "id", Type: "bigint", NotNull: true}, {Num: 2, Name: "code", Type: "character varying(5)"}}}
	after.Relations[11] = orders
	stmt := func(line int, text, tag string) *migration.Statement {
		return &migration.Statement{Text: text, Pos: migration.Position{Path: "m/1.sql", Line: line, Column: 1}, End: migration.Position{Path: "m/1.sql", Line: line, Column: 40}, Syntax: migration.Syntax{Tag: tag}}
	}
	m := &migration.Migration{Path: "m/1.sql", Version: "1", TxMode: migration.TxFile}
	steps := []*devdb.Step{
		{Stmt: stmt(2, "CREATE TABLE orders (id bigint not null, code varchar(5))", "CREATE TABLE"), Before: before, After: after, InTx: true, TxID: 1,
			Changes: []schema.Change{&schema.AddTable{Table: orders}}, Locks: []devdb.Lock{{Relation: 11, Object: "public.orders", Kind: "table", Table: 11, Mode: devdb.AccessExclusive}}},
		{Stmt: stmt(4, "UPDATE old SET a = 1", "UPDATE"), Index: 1, Before: after, After: after, InTx: true, TxID: 1,
			Held:  []devdb.Lock{{Relation: 11, Object: "public.orders", Kind: "table", Table: 11, Mode: devdb.AccessExclusive}},
			Scans: []devdb.Scan{{Relation: 10, Object: "public.old", Count: 1}}, Rows: []devdb.RowCount{{Relation: 10, Object: "public.old", Updated: 3}}},
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
