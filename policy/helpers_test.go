package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// helperInput is the document that TestHelpers asks about: v reads t, w reads v,
// f is free, t was called u before.
func helperInput() *Input {
	in := NewInput(Facts{Record: ordersRecord()})
	in.span = nil
	column := func(table, name, typ string) *Column {
		return &Column{Schema: "public", Table: table, Name: name, Object: table + "." + name, Type: typ, BaseType: typ, UnderlyingType: typ}
	}
	t := &Table{
		Schema: "public", Name: "T", Object: "public.T", Kind: "table", Persistence: "permanent", Columns: []*Column{column("public.T", "id", "bigint"), column("public.T", "order", "text")},
		Indexes: []*Index{
			{Object: "public.i", Method: "btree", Valid: true, Columns: []string{"id", "order"}},
			{Object: "public.j", Method: "btree", Valid: true, Columns: []string{"order"}, Predicate: `("order" IS NOT NULL)`},
			{Object: "public.k", Method: "brin", Valid: true, Columns: []string{"n"}},
			{Object: "public.l", Method: "btree", Columns: []string{"m"}},
		},
	}
	part := &Table{Schema: "public", Name: "p", Object: "public.p", PartitionOf: "public.T", Persistence: "permanent"}
	temp := &Table{Schema: "pg_temp", Name: "s", Object: "pg_temp.s", Persistence: "temporary"}
	in.After = &Catalog{
		Tables: []*Table{t, part, temp}, Columns: t.Columns,
		Views:        []*View{{Object: "public.v", Reads: []string{"public.T.id"}}, {Object: "public.w", Reads: []string{"public.v.x"}}, {Object: "public.f"}},
		Dependencies: []*Dependency{{Object: "public.v", On: "public.T"}, {Object: "public.w", On: "public.v"}},
	}
	in.Added = []string{"public.T.order"}
	in.Renamed = []*Renamed{{Object: "public.T", Was: "public.u"}}
	in.Owners = []*Owner{{Pattern: "*", Team: "all", Teams: []string{"all"}}, {Pattern: "public.u", Team: "us", Teams: []string{"us", "we"}, Users: []string{"ann"}, Count: 2}}
	in.Stats = &Stats{Tables: []*TableStats{{Object: "public.T", Rows: 7, Bytes: 9}}}
	in.Context = &Context{AuthorTeams: []string{"us"}, Approvals: []Approved{
		{User: "ann", Type: "person", Writes: true, Current: true, Teams: []string{"dba"}}, {User: "bot", Type: "bot", Writes: true, Current: true, Teams: []string{"ops"}},
		{User: "eve", Type: "person", Current: true, Teams: []string{"ops"}}, {User: "old", Type: "person", Writes: true, Teams: []string{"ops"}},
	}}
	return in
}

// TestHelpers asks each helper of package assay.
func TestHelpers(t *testing.T) {
	for expr, want := range map[string]string{
		`[t.object | some t in assay.tables]`:                    `["public.T"]`,
		`[c.object | some c in assay.columns]`:                   `["public.T.id","public.T.order"]`,
		`[c.object | some c in assay.new_columns]`:               `["public.T.order"]`,
		`[c.name | some c in assay.columns_of_type("text")]`:     `["order"]`,
		`assay.table_by_name["public.p"].partition_of`:           `"public.T"`,
		`assay.column_by_name["public.T.id"].name`:               `"id"`,
		`assay.is_new("public.T.order")`:                         `true`,
		`{x | assay.is_new("public.T"); x := 1}`:                 `[]`,
		`assay.owner("public.T")`:                                `"us"`,
		`assay.owner("public.T.id")`:                             `"all"`,
		`assay.owner("public.p")`:                                `"all"`,
		`assay.approvers("public.T")`:                            `{"count":2,"teams":["us","we"],"users":["ann"]}`,
		`assay.origin("public.T")`:                               `"public.u"`,
		`assay.origin("public.T.id")`:                            `"public.u.id"`,
		`assay.origin("public.p")`:                               `"public.p"`,
		`assay.matches_any(["a.*", "public.*"], "public.T")`:     `true`,
		`{x | assay.name_matches("[a-z]+", "aB"); x := 1}`:       `[]`,
		`assay.name_matches("[a-z]+", "ab")`:                     `true`,
		`assay.depends_on("public.w", "public.T")`:               `true`,
		`assay.depends_on("public.w", "public.T.id")`:            `true`,
		`{x | assay.depends_on("public.T", "public.w"); x := 1}`: `[]`,
		`{x | assay.depends_on("public.T", "public.T"); x := 1}`: `[]`,
		`{x | assay.depends_on("public.f", "public.T"); x := 1}`: `[]`,
		`assay.dependents("public.T")`:                           `["public.v","public.w"]`,
		`assay.dependents("public.T.id")`:                        `["public.v","public.w"]`,
		`assay.dependents("public.w")`:                           `[]`,
		`assay.dependents("public.nothing")`:                     `[]`,
		`assay.columns_read("public.v")`:                         `["public.T.id"]`,
		`assay.columns_read("public.w")`:                         `["public.T.id","public.v.x"]`,
		`assay.columns_read("public.f")`:                         `[]`,
		`assay.quoted("plain_1")`:                                `"plain_1"`,
		`assay.quoted("Order")`:                                  `"\"Order\""`,
		`assay.quoted("order")`:                                  `"\"order\""`,
		"assay.quoted(`a\"b`)":                                   `"\"a\"\"b\""`,
		`assay.sql_name(assay.table_by_name["public.T"])`:        `"public.\"T\""`,
		`assay.sql_table(assay.column_by_name["public.T.id"])`:   `"public.\"T\""`,
		`assay.sql_columns(["id", "order"])`:                     `"id, \"order\""`,
		`assay.sql_routine({"kind": "procedure", "schema": "public", "name": "F", "object": "public.F(integer)"})`: `"PROCEDURE public.\"F\"(integer)"`,
		`assay.blocks("SHARE", "writes")`:                                     `true`,
		`{x | assay.blocks("SHARE", "reads"); x := 1}`:                        `[]`,
		`assay.locks_in_force({"locks": [1], "held": [2]})`:                   `[1,2]`,
		`[assay.size_of("public.T"), assay.rows_of("public.T")]`:              `[9,7]`,
		`{x | x := assay.size_of("public.p")}`:                                `[]`,
		`assay.indexed(assay.table_by_name["public.T"], ["id"])`:              `true`,
		`assay.indexed(assay.table_by_name["public.T"], ["order"])`:           `true`,
		`assay.indexed(assay.table_by_name["public.T"], ["order", "id"])`:     `true`,
		`{x | assay.indexed(assay.table_by_name["public.T"], ["n"]); x := 1}`: `[]`,
		`{x | assay.indexed(assay.table_by_name["public.T"], ["m"]); x := 1}`: `[]`,
		`[a.user | some a in assay.approvals]`:                                `["ann"]`,
		`assay.approved_by("dba")`:                                            `true`,
		`{x | assay.approved_by("ops"); x := 1}`:                              `[]`,
		`assay.author_in("us")`:                                               `true`,
		`{x | assay.author_in("we"); x := 1}`:                                 `[]`,
	} {
		p, err := load(t, Options{}, map[string]string{"a.rego": "# METADATA\n# title: a\n# custom:\n#   id: A1\npackage a\n\nimport data.assay\n\ndeny contains {\"message\": json.marshal(x)} if x := " + expr + "\n"})
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		found, err := p.Evaluate(context.Background(), helperInput())
		if err != nil || len(found) == 0 {
			t.Errorf("%s: %d results, %v", expr, len(found), err)
			continue
		}
		if got := strings.TrimSpace(found[0].Message); got != want {
			t.Errorf("%s is %s, not %s", expr, got, want)
		}
	}
}

// TestReservedPackage: a rule among the helpers would never be asked.
func TestReservedPackage(t *testing.T) {
	_, err := load(t, Options{}, map[string]string{"a.rego": "# METADATA\n# title: a\n# custom:\n#   id: A1\npackage assay\n\ndeny contains \"x\"\n"})
	wantError(t, err, "policies/a.rego: deny is in package assay, which is that of the helpers")
}

// TestPut: a fixture's override replaces what it names and nothing that other
// documents share.
func TestPut(t *testing.T) {
	p, err := load(t, Options{}, map[string]string{"keys.rego": keyRule})
	if err != nil {
		t.Fatal(err)
	}
	for path, c := range map[string]struct{ value, want string }{
		"input.context.labels":        {`["a"]`, ""},
		"input.after.roles":           {`[{"name": "app", "object": "app"}]`, ""},
		"input.contxt.labels":         {`["a"]`, `the document has no field "contxt"`},
		"input.context.labls":         {`["a"]`, `the document has no field "labls"`},
		"input.context":               {`{"athor": "eve"}`, `the document has no field "athor"`},
		"input.statements.7.measured": {`{}`, "there is no item 7: the list has"},
		"input.context.number":        {`"seven"`, "cannot unmarshal string"},
	} {
		in := NewInput(Facts{Record: ordersRecord()})
		before, _ := json.Marshal(in.Before)
		err := p.override(in, override{path, c.value})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", path, err)
		}
		if after, _ := json.Marshal(in.Before); string(after) != string(before) {
			t.Errorf("%s changes another part", path)
		}
		if path == "input.after.roles" && (len(in.After.Roles) != 1 || in.After.Roles[0].MemberOf != nil) {
			t.Error(fmt.Sprint(in.After.Roles))
		}
	}
}
