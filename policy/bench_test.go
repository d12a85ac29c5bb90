package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// largeRecord is a catalog of tables with ten columns, a key, a foreign key and
// two indexes each, and migrations that add a column to ten tables each.
func largeRecord(tables, migrations int) *devdb.Record {
	before := schema.New()
	before.Schemas[1] = &schema.Schema{OID: 1, Name: "public"}
	oid := schema.OID(100)
	next := func() schema.OID { oid++; return oid }
	var list []*schema.Relation
	for i := range tables {
		r := &schema.Relation{OID: next(), Schema: "public", Name: fmt.Sprintf("table_%04d", i), Kind: schema.Table, Persistence: "permanent", Owner: "app", Comment: "a table"}
		for c := range 10 {
			r.Columns = append(r.Columns, &schema.Column{Num: int16(c + 1), Name: fmt.Sprintf("column_%d", c), Type: []string{"bigint", "text", "timestamp with time zone"}[c%3], NotNull: c%2 == 0})
		}
		before.Relations[r.OID] = r
		list = append(list, r)
		pk := &schema.Index{OID: next(), Table: r.OID, Schema: "public", Name: r.Name + "_pkey", Method: "btree", Unique: true, Primary: true, Valid: true, Keys: []schema.IndexKey{{Column: 1, Text: "column_0"}}, Constraint: next()}
		fk := &schema.Index{OID: next(), Table: r.OID, Schema: "public", Name: r.Name + "_column_3_idx", Method: "btree", Valid: true, Keys: []schema.IndexKey{{Column: 4, Text: "column_3"}}}
		before.Indexes[pk.OID], before.Indexes[fk.OID] = pk, fk
		before.Constraints[pk.Constraint] = &schema.Constraint{OID: pk.Constraint, Table: r.OID, Schema: "public", Name: pk.Name, Kind: schema.PrimaryKey, Columns: []int16{1}, Validated: true}
		key := next()
		before.Constraints[key] = &schema.Constraint{OID: key, Table: r.OID, Schema: "public", Name: r.Name + "_column_3_fkey", Kind: schema.ForeignKey, Columns: []int16{4}, RefTable: list[i/2].OID, RefColumns: []int16{1}, Validated: true}
	}
	rec := &devdb.Record{Version: devdb.Version{Num: 170004, Text: "17.4"}, Before: before}
	now := before
	for m := range migrations {
		mig := &migration.Migration{Path: fmt.Sprintf("migrations/%03d.sql", m), Version: fmt.Sprint(m), TxMode: migration.TxFile}
		out := &devdb.Recorded{Migration: mig, Added: true}
		for s := range 10 {
			old := now.Relations[list[(m*10+s)%tables].OID]
			changed := *old
			col := &schema.Column{Num: 11, Name: fmt.Sprintf("added_%d", m), Type: "text"}
			changed.Columns = append(append([]*schema.Column{}, old.Columns...), col)
			after := *now
			after.Relations = map[schema.OID]*schema.Relation{}
			for k, v := range now.Relations {
				after.Relations[k] = v
			}
			after.Relations[old.OID] = &changed
			pos := migration.Position{Path: mig.Path, Line: s + 1, Column: 1}
			out.Steps = append(out.Steps, &devdb.Step{
				Stmt: &migration.Statement{Text: "ALTER TABLE " + old.Name + " ADD COLUMN x text", Pos: pos, End: pos, Syntax: &migration.Syntax{}}, Index: s, Before: now, After: &after, InTx: true, TxID: 1,
				Changes: []schema.Change{&schema.AddColumn{Table: &changed, Column: col}},
				Locks:   []devdb.Lock{{Relation: old.OID, Object: "public." + old.Name, Kind: "table", Table: old.OID, Mode: devdb.AccessExclusive}},
			})
			now = &after
		}
		rec.New = append(rec.New, out)
	}
	rec.After = now
	return rec
}

// manyRules copies the library's rules under new ids until there are n, with a
// message under conftest's name too.
func manyRules(tb testing.TB, n int) fstest.MapFS {
	tb.Helper()
	out := fstest.MapFS{}
	p := loadLibrary(tb)
	for i := 0; len(out) < n; i++ {
		for _, r := range p.Rules {
			if len(out) == n {
				break
			}
			text, err := os.ReadFile(filepath.Join("library", filepath.FromSlash(strings.TrimPrefix(r.File, "library/"))))
			if err != nil {
				tb.Fatal(err)
			}
			id, pkg := fmt.Sprintf("%sX%d", r.ID, i), strings.TrimPrefix(r.Package, "data.")
			s := strings.NewReplacer("id: "+r.ID, "id: "+id, "params."+r.ID, "params."+id, "package "+pkg, fmt.Sprintf("package copy%d.%s", i, pkg),
				`"message": message`, `"message": message, "msg": message`).Replace(string(text))
			out[fmt.Sprintf("policies/%s.rego", id)] = &fstest.MapFile{Data: []byte(s)}
		}
	}
	return out
}

func largePolicies(tb testing.TB, rules int) *Policies {
	tb.Helper()
	p, err := Load(context.Background(), Options{Files: manyRules(tb, rules), Sources: []Source{{Dir: "policies"}}, Timeout: time.Minute, MaxResults: 100000})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkJudge asks 200 rules about 1,000 tables and 20 migrations of ten statements.
func BenchmarkJudge(b *testing.B) {
	p, rec := largePolicies(b, 200), largeRecord(1000, 20)
	for b.Loop() {
		if _, err := (&Rules{Policies: p}).Judge(context.Background(), rec, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInput makes the document and OPA's value of it.
func BenchmarkInput(b *testing.B) {
	rec := largeRecord(1000, 20)
	for b.Loop() {
		in := NewInput(Facts{Record: rec})
		newConverter().term(reflect.ValueOf(in))
	}
}

// BenchmarkLoad reads and compiles the 200 rules.
func BenchmarkLoad(b *testing.B) {
	files := manyRules(b, 200)
	for b.Loop() {
		if _, err := Load(context.Background(), Options{Files: files, Sources: []Source{{Dir: "policies"}}}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestConftest compares with conftest on the same rules and document, end to
// end: both read the rules, and conftest the document that assay has at hand.
func TestConftest(t *testing.T) {
	bin := os.Getenv("ASSAY_CONFTEST")
	if bin == "" {
		t.Skip("ASSAY_CONFTEST does not name a conftest to compare with")
	}
	rec, dir := largeRecord(1000, 20), t.TempDir()
	files := manyRules(t, 200)
	start := time.Now()
	p := largePolicies(t, 200)
	loaded := time.Since(start)
	start = time.Now()
	found, err := (&Rules{Policies: p}).Judge(context.Background(), rec, nil)
	if err != nil {
		t.Fatal(err)
	}
	judged := time.Since(start)
	helpers, err := os.ReadFile("library/assay/assay.rego")
	if err != nil {
		t.Fatal(err)
	}
	files["policies/assay.rego"] = &fstest.MapFile{Data: helpers}
	if err := os.CopyFS(dir, files); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(NewInput(p.Facts(rec, nil, Context{}, nil)))
	if err != nil {
		t.Fatal(err)
	}
	input := filepath.Join(dir, "input.json")
	if err := os.WriteFile(input, text, 0o644); err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	out, err := exec.Command(bin, "test", "--no-fail", "--all-namespaces", "-p", filepath.Join(dir, "policies"), "--output", "json", input).Output()
	if err != nil {
		t.Fatalf("conftest: %v\n%.500s", err, out)
	}
	theirs := time.Since(start)
	t.Logf("%d rules, document of %d MB, %d findings; assay: load %s, judge %s; conftest: %s, %.1f times as long",
		len(p.Rules), len(text)>>20, len(found), loaded, judged, theirs, theirs.Seconds()/(loaded+judged).Seconds())
	if theirs < loaded+judged {
		t.Errorf("conftest takes %s, assay %s", theirs, loaded+judged)
	}
}
