package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

func TestCandidates(t *testing.T) {
	enum := &schema.Type{Schema: "public", Name: "mood", Kind: schema.Enum, Labels: []string{"sad", "ok"}}
	types := newTypes(&schema.Catalog{Types: map[schema.OID]*schema.Type{1: enum}})
	for _, k := range []struct {
		typ, near   string
		plain, odds []string // among the candidates
		never       []string
	}{
		{"integer", "", []string{"1", "2"}, []string{"0", "-1", "3000000"}, []string{"2147483647"}},
		{"integer", "n > 41", []string{"41", "42", "40"}, []string{"0"}, nil},
		{"smallint", "", []string{"1"}, []string{"300"}, []string{"40000", "3000000"}},
		{"numeric(6,2)", "", []string{"1"}, []string{"9999.99"}, nil},
		{"text", "", []string{"'a'", "'A'"}, []string{"''", "' a '"}, []string{"'99999999999'"}},
		{"text", "code ~ '^[0-9]+$'", []string{"'11'"}, []string{"''"}, nil},
		{"text", "kind = 'count'", []string{"'count'"}, nil, nil},
		{"character varying(4)", "", []string{"'a'"}, []string{"'aaaa'"}, []string{"'2024-02-30'"}},
		{"date", "", []string{"'2024-01-01'"}, []string{"'2024-02-29'", "'2024-01-31'"}, nil},
		{"jsonb", "data->>'n'", []string{`'{"n": "a"}'`, "'{}'"}, []string{`'{"n": null}'`}, nil},
		{"jsonb", "data#>>'{a,b}'", []string{`'{"a": {"b": "a"}}'`}, nil, nil},
		{"public.mood", "", []string{"'sad'", "'ok'"}, nil, nil},
		{"text[]", "", []string{"ARRAY['a']::text[]", "ARRAY['a', 'a']::text[]"}, []string{"'{}'", "ARRAY[NULL]::text[]"}, nil},
	} {
		got := types.candidates(types.parse(k.typ), []string{k.near})
		has := func(lit string, o oddity) bool { return slices.Contains(got, candidate{lit, o}) }
		for _, v := range k.plain {
			if !has(v, plain) {
				t.Errorf("%s near %q: %v has no ordinary %s", k.typ, k.near, got, v)
			}
		}
		for _, v := range k.odds {
			if !has(v, odd) {
				t.Errorf("%s near %q: %v has no odd %s", k.typ, k.near, got, v)
			}
		}
		for _, v := range k.never {
			if slices.ContainsFunc(got, func(c candidate) bool { return c.lit == v }) {
				t.Errorf("%s near %q: %v has %s", k.typ, k.near, got, v)
			}
		}
		if len(got) > mostCandidates || !slices.IsSortedFunc(got, func(a, b candidate) int { return int(a.odd) - int(b.odd) }) {
			t.Errorf("%s near %q: %v: too many, or not the ordinary ones first", k.typ, k.near, got)
		}
	}
}

func TestAsked(t *testing.T) {
	types := newTypes(&schema.Catalog{})
	for _, k := range []struct{ typ, text, want string }{
		{"text", "UPDATE t SET c = 'x'", ""},
		{"text", "UPDATE t SET c = 'x' WHERE c = 'y'", "'y'"},
		{"text", "UPDATE t SET a = 'x' WHERE t.c IN ('y', 'z')", "'y'"},
		{"text", "UPDATE t SET a = 1 WHERE c IS NULL", "NULL"},
		{"text", "UPDATE t SET a = 1 WHERE c LIKE 'ab%'", "'aba'"},
		{"integer", "DELETE FROM t WHERE c > 7", "8"},
		{"integer", "DELETE FROM t WHERE c < 7", "6"},
		{"integer", "DELETE FROM t WHERE c >= 7", "7"},
		{"date", "DELETE FROM t WHERE c < '2024-03-01'", "'2024-02-29'"},
		{"integer", "DELETE FROM t WHERE cc = 7", ""},
	} {
		if got := types.asked(types.parse(k.typ), "c", k.text); got != k.want {
			t.Errorf("%s: %q, want %q", k.text, got, k.want)
		}
	}
}

func TestCombine(t *testing.T) {
	cells := func(n int, o oddity) (out []cell) {
		for i := range n {
			out = append(out, cell{[]string{fmt.Sprint(i)}, o})
		}
		return out
	}
	fs := []factor{{cells: cells(4, plain)}, {cells: append(cells(3, plain), cells(2, odd)...)}, {cells: cells(5, plain)}}
	rows := combine(fs, 200)
	met := map[two]bool{}
	for _, r := range rows {
		for f := range r {
			for g := f + 1; g < len(r); g++ {
				met[two{f, r[f], g, r[g]}] = true
			}
		}
	}
	for f := range fs {
		for g := f + 1; g < len(fs); g++ {
			for c := range fs[f].cells {
				for d := range fs[g].cells {
					if !met[two{f, c, g, d}] {
						t.Errorf("cells %d of %d and %d of %d never meet", c, f, d, g)
					}
				}
			}
		}
	}
	if len(rows) > 14+40 {
		t.Errorf("%d rows: pairs should share rows", len(rows))
	}
	if got := combine(fs, 9); len(got) != 9 {
		t.Errorf("%d rows, want the 9 that are allowed", len(got))
	}
	if !cmp.Equal(rows, combine(fs, 200)) {
		t.Error("two calls give different rows")
	}
}

func TestSmallest(t *testing.T) {
	for _, most := range []int{1, 2, 7, 100} {
		for want := 1; want <= most; want++ {
			asked := 0
			got, err := smallest(most, func(n int) (bool, error) { asked++; return n >= want, nil })
			if got != want || err != nil || asked > 15 {
				t.Errorf("of %d: %d after %d questions, %v: want %d", most, got, asked, err, want)
			}
		}
	}
	got, err := smallest(50, func(int) (bool, error) { return false, ErrTries })
	if got != 50 || !errors.Is(err, ErrTries) {
		t.Errorf("without tries: %d, %v", got, err)
	}
}

// lab is a server on which a change fails if the rows hold all of some texts.
type lab struct {
	needs []string
	tries int
}

func (l *lab) Query(context.Context, string) ([][]*string, error) { return nil, nil }

func (l *lab) Try(_ context.Context, t Trial) (*Tried, error) {
	l.tries++
	all := strings.Join(t.Rows, "\n")
	for _, n := range l.needs {
		if !strings.Contains(all, n) {
			return &Tried{}, nil
		}
	}
	return &Tried{Failed: &devdb.StatementError{Statement: &migration.Statement{Pos: migration.Position{Line: 1}}, Code: "22P02", Message: `invalid input: "x"`}}, nil
}

func TestShrink(t *testing.T) {
	col := func(n int16, name, typ string) *schema.Column { return &schema.Column{Num: n, Name: name, Type: typ} }
	parent := &schema.Relation{OID: 1, Schema: "public", Name: "p", Kind: schema.Table, Columns: []*schema.Column{col(1, "id", "integer")}}
	child := &schema.Relation{OID: 2, Schema: "public", Name: "c", Kind: schema.Table, Columns: []*schema.Column{col(1, "p", "integer"), col(2, "a", "text")}}
	b := &base{cat: &schema.Catalog{}, types: newTypes(&schema.Catalog{}), foreignKeys: map[schema.OID][]*schema.Constraint{
		2: {{Table: 2, Columns: []int16{1}, RefTable: 1, RefColumns: []int16{1}}},
	}}
	var rows []*row
	for i := range 5 {
		rows = append(rows, &row{parent, map[int16]string{1: fmt.Sprint(i)}})
	}
	for i := range 60 {
		rows = append(rows, &row{child, map[int16]string{1: fmt.Sprint(i % 5), 2: fmt.Sprintf("'v%d'", i)}})
	}
	for _, k := range []struct {
		needs []string
		want  string
		most  int
	}{
		{[]string{"'v0'"}, "INSERT INTO p (id) VALUES (0);\nINSERT INTO c (p, a) VALUES (0, 'v0');", 10},
		{[]string{"'v59'"}, "INSERT INTO p (id) VALUES (4);\nINSERT INTO c (p, a) VALUES (4, 'v59');", 16},
		{[]string{"'v7'", "'v40'"}, "INSERT INTO p (id) VALUES (2), (0);\nINSERT INTO c (p, a) VALUES (2, 'v7'), (0, 'v40');", 30},
	} {
		l := &lab{needs: k.needs}
		step := &devdb.Step{Stmt: &migration.Statement{Pos: migration.Position{Line: 1}}}
		s := &sifter{lab: l, task: &Task{Step: step, reads: &reading{}}, crowd: &crowd{builder: &builder{base: b}, reads: &reading{}}}
		s.prepare(rows)
		failed, err := s.try(t.Context(), rows)
		if err != nil || failed == nil {
			t.Fatalf("all rows: %v, %v", failed, err)
		}
		few, _, err := s.shrink(t.Context(), rows, failed)
		got := strings.Join(s.script(few), "\n")
		if norm(got) != norm(k.want) || err != nil || l.tries > k.most {
			t.Errorf("%v: after %d tries, %v:\n%s\nwant\n%s", k.needs, l.tries, err, got, k.want)
		}
	}
}

// norm is a script whose tuples are in no order.
func norm(script string) string {
	f := strings.FieldsFunc(script, func(r rune) bool { return strings.ContainsRune("(),; \n", r) })
	slices.Sort(f)
	return strings.Join(f, " ")
}
