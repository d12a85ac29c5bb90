package lint

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const planted = "s3cr3t"

// secretive is a result that holds the planted text in every place that can
// hold some of a statement.
func secretive() *Result {
	s := &Statement{
		Line: 1, Text: "INSERT INTO keys VALUES ('" + planted + "')", Error: "Key (k)=(" + planted + ") exists (SQLSTATE 23505)",
		Changes: []string{"default '" + planted + "'"}, Locks: []Lock{{Object: "public.keys", Mode: "ROW EXCLUSIVE"}},
	}
	other := &Statement{Line: 2, Text: "CREATE INDEX i ON t (a)"}
	f := func(kind string) *Finding {
		return &Finding{
			ID: "X1", Severity: Error, Message: `"keys" gets '` + planted + "'", Sensitive: true, Advice: planted,
			Evidence: []Evidence{{Kind: "lock", Text: "ROW EXCLUSIVE on public.keys"}, {Kind: kind, Text: "Key (k)=(" + planted + ")", SQL: planted, Code: "23505"}},
			Fix:      &Fix{Title: planted, Edits: []Edit{{Text: planted}}},
		}
	}
	return &Result{
		Migrations: []*Migration{{Path: "a.sql", Source: s.Text + ";\n" + other.Text, Statements: []*Statement{s, other}}},
		Findings:   []*Finding{f("error"), f("counterexample"), f("syntax"), f("statistics"), f("query"), f("rows"), {ID: "LK101", Severity: Error, Message: "kept", Statement: 1}},
		Suppressed: []*Suppressed{{Finding: f("catalog"), By: "directive"}},
	}
}

func TestRedacted(t *testing.T) {
	r := secretive()
	before := secretive()
	got := Redacted(r)
	var b bytes.Buffer
	if err := Encode(&b, got); err != nil {
		t.Fatal(err)
	}
	if s := b.String() + got.Migrations[0].Source; strings.Contains(s, planted) {
		t.Errorf("redacting leaves the planted text:\n%s", s)
	}
	if diff := cmp.Diff(before, r); diff != "" {
		t.Errorf("redacting changed its input:\n%s", diff)
	}
	if diff := cmp.Diff(got, Redacted(got)); diff != "" {
		t.Errorf("redacting twice differs:\n%s", diff)
	}
	if len(got.Findings) != len(r.Findings) || got.Findings[0].Evidence[0].Text != "ROW EXCLUSIVE on public.keys" {
		t.Errorf("redacting took away what may be shown: %+v", got.Findings[0])
	}
	if got.Findings[6].Message != "kept" || got.Migrations[0].Statements[1].Text == "" {
		t.Error("redacting took away what is not sensitive")
	}
	if want := "sensitive statement: the server refused it (SQLSTATE 23505); its words are hidden"; got.Findings[0].Message != want {
		t.Errorf("the message is %q, want %q", got.Findings[0].Message, want)
	}
}

// TestRedactedStatement: a statement that is marked hides the text of findings
// that were not marked themselves.
func TestRedactedStatement(t *testing.T) {
	r := secretive()
	r.Migrations[0].Statements[0].Sensitive = true
	for _, f := range r.Findings {
		f.Sensitive = false
	}
	r.Suppressed = nil
	var b bytes.Buffer
	if err := Encode(&b, Redacted(r)); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), planted) {
		t.Error("redacting leaves the planted text")
	}
}

// TestNothingSensitive: a result without secrets is not copied.
func TestNothingSensitive(t *testing.T) {
	if r := sample(); Redacted(r) != r {
		t.Error("Redacted copies a result that has nothing to hide")
	}
}
