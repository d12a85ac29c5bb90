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
	create := "CREATE TABLE nothing (a int)"
	want := []Query{
		{Path: "q/a.sql", Line: 2, Name: "GetOrder", SQL: "SELECT * FROM orders WHERE id = $1"},
		{Path: "q/a.sql", Line: 5, Name: "ListOrders", SQL: "SELECT id, 'a;b' AS x, \"c;d\" FROM orders -- not the end;\nWHERE state = $1 AND note = $2 AND other = $2 AND at > $3::date AND j @> '{}' LIMIT $4"},
		{Path: "q/a.sql", Line: 7, SQL: "UPDATE orders SET note = $1 WHERE id = $2 /* ; */"},
		{Path: "q/a.sql", Line: 8, SQL: create},
		{Path: "q/a.sql", Line: 9, SQL: "SELECT $$ ; ? $$, a[1:2] FROM t"},
		{Path: "q/b.csv", Line: 2, SQL: "SELECT 1\nFROM x"},
		{Path: "q/b.csv", Line: 5, SQL: "DELETE FROM y WHERE a = $1"},
		{Path: "q/c.json", Line: 2, SQL: "SELECT a FROM b"},
		{Path: "q/c.json", Line: 3, SQL: "SELECT c FROM d"},
	}
	for i, q := range want {
		if q.SQL != create {
			want[i].Ask = q.SQL
		}
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
		got := parseSQL("q.sql", sql)
		if len(got) != 1 || got[0].SQL != want {
			t.Errorf("%s: got %v, want %s", sql, got, want)
		}
	}
}

// TestAsk: what a server is asked in place of what it cannot prepare.
func TestAsk(t *testing.T) {
	for sql, want := range map[string]string{
		"COPY inbox (id, body) FROM STDIN":                                        "SELECT id, body FROM inbox",
		"COPY audit.log FROM STDIN WITH (FORMAT csv)":                             "SELECT * FROM audit.log",
		"COPY (SELECT a FROM t) TO STDOUT":                                        "SELECT a FROM t",
		"EXPLAIN (ANALYZE, BUFFERS) SELECT a FROM t":                              "SELECT a FROM t",
		"EXPLAIN ANALYZE SELECT a FROM t":                                         "SELECT a FROM t",
		"CREATE TEMP TABLE x AS SELECT a FROM t":                                  "SELECT a FROM t",
		"CREATE MATERIALIZED VIEW x AS SELECT a FROM t WITH NO DATA":              "SELECT a FROM t",
		"DECLARE c CURSOR WITH HOLD FOR SELECT a FROM t":                          "SELECT a FROM t",
		"REFRESH MATERIALIZED VIEW CONCURRENTLY v":                                "SELECT FROM v",
		"LOCK TABLE t IN SHARE MODE":                                              "SELECT FROM t",
		"CALL expire($1)":                                                         "CALL expire($1)",
		"DO $$ BEGIN PERFORM f(); END $$":                                         "",
		"SELECT a FROM t WHERE at > now() - interval $1":                          "SELECT a FROM t WHERE at > now() - $1::interval",
		"SELECT extract($1 FROM at) FROM t":                                       "SELECT extract(epoch FROM at) FROM t",
		"SELECT E'it\\'s; -- x', a FROM t WHERE b = $1":                           "SELECT E'it\\'s; -- x', a FROM t WHERE b = $1",
		"SELECT sqlc.embed(u), sqlc.arg (x) FROM users u":                         "SELECT u.*, $1 FROM users u",
		"SELECT a[1:n], b[:k] FROM t WHERE id = ANY(@ids) AND x = $1":             "SELECT a[1:n], b[$2] FROM t WHERE id = ANY($3) AND x = $1",
		"SELECT /* a /* b ; */ c */ a FROM t WHERE ARRAY[f(:x)] && ARRAY[:y, :z]": "SELECT /* a /* b ; */ c */ a FROM t WHERE ARRAY[f($1)] && ARRAY[$2, $3]",
	} {
		got := parseSQL("q.sql", sql)
		if len(got) != 1 || got[0].Ask != want {
			t.Errorf("%s:\ngot  %+v\nwant %s", sql, got, want)
		}
	}
}

// TestNotClosed: what stands before is judged, and the rest counts as use.
func TestNotClosed(t *testing.T) {
	got := parseSQL("a.sql", "SELECT 1;\nSELECT 'open FROM t; SELECT 2")
	if len(got) != 2 || got[0].Ask != "SELECT 1" || got[1].Ask != "" || got[1].Open != "' is not closed" || got[1].Line != 2 || !strings.Contains(got[1].SQL, "FROM t") {
		t.Errorf("got %+v", got)
	}
}

func TestLoadErrors(t *testing.T) {
	for text, want := range map[string]string{
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
		for _, q := range parseSQL("a.sql", text) {
			if q.Line < 1 || q.Line > 1+strings.Count(text, "\n") || q.SQL == "" {
				t.Errorf("%+v of %q", q, text)
			}
		}
	})
}
