package queries

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func TestLoad(t *testing.T) {
	fsys := fstest.MapFS{
		"q/a.sql": {Data: []byte(`-- name: GetOrder :one
SELECT * FROM orders WHERE id = $1;

-- name: ListOrders :many
SELECT id, 'a;b' AS x, "c;d" FROM orders -- not the end;
WHERE state = sqlc.arg(state) AND note = @note AND other = @note AND at > :since::date AND j @> '{}' LIMIT :max;
UPDATE orders SET note = ? WHERE id = ? /* ; */;
CREATE TABLE nothing (a int);
SELECT $$ ; ? $$, a[1:2] FROM t`)},
		"q/b.csv":  {Data: []byte("calls,query\n3,\"SELECT 1\nFROM x\"\n1,SET x = 1\n4,DELETE FROM y WHERE a = $1\n")},
		"q/c.json": {Data: []byte("[\n  {\"query\": \"SELECT a FROM b\"},\n  \"SELECT c FROM d\"\n]")},
	}
	got, err := Load(fsys, []string{"q/*"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Query{
		{"q/a.sql", 2, "GetOrder", "SELECT * FROM orders WHERE id = $1"},
		{"q/a.sql", 5, "ListOrders", "SELECT id, 'a;b' AS x, \"c;d\" FROM orders -- not the end;\nWHERE state = $1 AND note = $2 AND other = $2 AND at > $3::date AND j @> '{}' LIMIT $4"},
		{"q/a.sql", 7, "", "UPDATE orders SET note = $1 WHERE id = $2 /* ; */"},
		{"q/a.sql", 9, "", "SELECT $$ ; ? $$, a[1:2] FROM t"},
		{"q/b.csv", 2, "", "SELECT 1\nFROM x"},
		{"q/b.csv", 5, "", "DELETE FROM y WHERE a = $1"},
		{"q/c.json", 2, "", "SELECT a FROM b"},
		{"q/c.json", 3, "", "SELECT c FROM d"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestQuestionMarks are parameters, or operators of jsonb and jsonpath.
func TestQuestionMarks(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT a FROM t WHERE j ? 'k' AND id = ?":               "SELECT a FROM t WHERE j ? 'k' AND id = $1",
		"SELECT a FROM t WHERE j ? b AND id = $1":                "SELECT a FROM t WHERE j ? b AND id = $1",
		"SELECT a FROM t WHERE j ?| array[?] OR j ?& ?":          "SELECT a FROM t WHERE j ?| array[$1] OR j ?& $2",
		"SELECT a FROM t WHERE j @? '$.x' AND j ?? b AND c = ?":  "SELECT a FROM t WHERE j @? '$.x' AND j ? b AND c = $1",
		"SELECT ?||'x', ? || a FROM t WHERE j ? :key AND b = :b": "SELECT ?||'x', ? || a FROM t WHERE j ? $1 AND b = $2",
		"SELECT ?||'x', ? || a FROM t":                           "SELECT $1||'x', $2 || a FROM t",
	} {
		got, err := parseSQL("q.sql", sql)
		if err != nil || len(got) != 1 || got[0].SQL != want {
			t.Errorf("%s: got %v, %v, want %s", sql, got, err, want)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a.sql\nSELECT 1;\nSELECT 'open":  "a.sql:2: ' is not closed",
		"a.csv\ncalls,text\n1,SELECT 1\n": `a.csv:1: the header has no column "query"`,
		"a.json\n{}":                      "a.json:1: want a list",
		"a.json\n[\n{\"q\": 1}]":          "a.json:2: want an object",
	} {
		name, data, _ := strings.Cut(text, "\n")
		_, err := Load(fstest.MapFS{name: {Data: []byte(data)}}, []string{name})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := Load(fstest.MapFS{}, []string{"none/*.sql"}); err == nil || !strings.Contains(err.Error(), "no file matches") {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("SELECT $1; -- name: x\nSELECT ?")
	f.Fuzz(func(t *testing.T, text string) {
		qs, err := parseSQL("a.sql", text)
		if err != nil {
			return
		}
		for _, q := range qs {
			if q.Line < 1 || q.Line > 1+strings.Count(text, "\n") || q.SQL == "" {
				t.Errorf("%+v of %q", q, text)
			}
		}
	})
}
