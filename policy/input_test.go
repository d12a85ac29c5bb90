package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// TestDocument holds the document against its schema, and the quick way into
// OPA's values against the way by JSON.
func TestDocument(t *testing.T) {
	s, err := InputSchema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("input.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("input.json")
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{
		Record: ordersRecord(), Context: Context{Labels: []string{"a"}, Approvals: []Approved{{User: "u"}}}, Owners: []Owner{{Pattern: "public.*", Team: "x"}},
		Findings: []*lint.Finding{{ID: "LK101", Severity: lint.Error, Message: "m", Path: "m/1.sql", Line: 2}}, Params: map[string]any{"A": map[string]any{"n": 1.5}},
	}
	for _, in := range append(MigrationInputs(f), NewInput(f)) {
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(v); err != nil {
			t.Error(err)
		}
		slow, err := ast.ValueFromReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		quick := newConverter().term(reflect.ValueOf(in)).Value
		if slow.Compare(quick) != 0 {
			t.Error(cmp.Diff(strings.Split(slow.String(), "{"), strings.Split(quick.String(), "{")))
		}
	}
}

// TestAdded tells new objects by identity: a renamed table is not added.
func TestAdded(t *testing.T) {
	r := ordersRecord()
	renamed := *r.After.Relations[10]
	renamed.Name = "elder"
	r.After.Relations[10] = &renamed
	in := NewInput(Facts{Record: r})
	if d := cmp.Diff([]string{"public.orders", "public.orders.code", "public.orders.id"}, in.Added); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{}, in.Dropped); d != "" {
		t.Error(d)
	}
}

// TestChangeTypes makes a document of a change of every type that there is.
func TestChangeTypes(t *testing.T) {
	c := schema.New()
	rel := &schema.Relation{Schema: "public", Name: "t", Kind: schema.Table}
	for _, proto := range changeTypes {
		v := reflect.New(reflect.TypeOf(proto).Elem())
		for i := range v.Elem().NumField() {
			f := v.Elem().Field(i)
			switch {
			case f.Type() == reflect.TypeFor[*schema.Relation]():
				f.Set(reflect.ValueOf(rel))
			case f.Kind() == reflect.Pointer:
				f.Set(reflect.New(f.Type().Elem()))
			}
		}
		x := change(v.Interface().(schema.Change), c, c)
		if x.Type == "" || x.Kind == "" && !slices.Contains([]string{"add_grant", "drop_grant", "set_owner", "set_comment", "add_function", "drop_function", "rename_function", "replace_function", "add_object", "drop_object", "alter_object", "unmodelled", "set_attributes"}, x.Type) {
			t.Errorf("%T gives %+v", proto, x)
		}
	}
}

// TestNoEnvironment plants a token in the environment and looks for it in the document.
func TestNoEnvironment(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "assay-planted-secret")
	text, err := json.Marshal(NewInput(Facts{Record: ordersRecord()}))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(os.Getenv("GITHUB_TOKEN"))) {
		t.Error("the document holds the token")
	}
}
