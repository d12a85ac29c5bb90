package migration

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	pg_query "github.com/pganalyze/pg_query_go/v5"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestFormats reads the project in every testdata/<format>/*.txtar: found by
// itself, read, and written down. The section "want" is what must come out;
// the lines above the sections are options.
func TestFormats(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/"), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fsys, want := fstest.MapFS{}, ""
			rest := archive.Files[:0]
			for _, f := range archive.Files {
				if f.Name == "want" {
					want = string(f.Data)
					continue
				}
				rest = append(rest, f)
				fsys[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			got := describe(fsys, string(archive.Comment))
			if *update {
				archive.Files = append(slices.Clip(rest), txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// describe writes down what becomes of a project.
func describe(fsys fs.FS, comment string) string {
	o := Options{Values: map[string]string{}, Steps: map[string]string{}}
	dir := ""
	for _, line := range strings.Split(comment, "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, v, _ := strings.Cut(value, "=")
		switch key {
		case "dir":
			dir = value
		case "format":
			o.Format = Format(value)
		case "value":
			o.Values[name] = v
		case "step":
			o.Steps[name] = v
		case "location":
			o.Locations = append(o.Locations, value)
		}
	}
	var b bytes.Buffer
	if dir == "" {
		found, err := Detect(fsys, ".")
		for _, c := range found {
			fmt.Fprintf(&b, "found %s %s: %s (%d)\n", c.Path, c.Format, c.Reason, c.Files)
		}
		if err != nil {
			fmt.Fprintf(&b, "error %v\n", err)
			return b.String()
		}
		if dir = found[0].Path; o.Format == "" {
			o.Format = found[0].Format
		}
	}
	d, err := Load(fsys, dir, o)
	if err != nil {
		fmt.Fprintf(&b, "error %v\n", err)
		return b.String()
	}
	for _, m := range d.Migrations {
		describeMigration(&b, "", m)
		if m.Down != nil {
			describeMigration(&b, "  down ", m.Down)
		}
	}
	for _, n := range d.Notices {
		fmt.Fprintf(&b, "notice %s %s:%d: %s\n", n.Kind, n.Pos.Path, n.Pos.Line, n.Text)
	}
	if n := len(d.Migrations); n > 0 {
		for _, f := range NewFiles(d, d.Migrations[n-1], "Add index", "SELECT 1;", "SELECT 2;", true) {
			fmt.Fprintf(&b, "new %s\n", f.Path)
		}
	}
	return b.String()
}

func describeMigration(b *bytes.Buffer, indent string, m *Migration) {
	fmt.Fprintf(b, "%s%s version %q name %q tx %s", indent, m.Path, m.Version, m.Name, m.TxMode)
	if m.Repeatable {
		b.WriteString(" repeatable")
	}
	b.WriteString("\n")
	batches := map[int]int{}
	for _, st := range m.Statements {
		batch := ""
		if st.Batch != 0 {
			if batches[st.Batch] == 0 {
				batches[st.Batch] = len(batches) + 1
			}
			batch = fmt.Sprintf(" [%d]", batches[st.Batch])
		}
		fmt.Fprintf(b, "    %s%d:%d%s %s\n", strings.TrimRight(indent, "down "), st.Pos.Line, st.Pos.Column, batch, strings.Join(strings.Fields(st.Text), " "))
	}
}

// TestBookkeeping holds that every format but plain makes its tool's tables,
// and that what it runs can be parsed.
func TestBookkeeping(t *testing.T) {
	for _, f := range Formats() {
		sql := formats[f].bookkeeping
		if (sql == "") != (f == Plain) {
			t.Errorf("%s: bookkeeping %q", f, sql)
		}
		if _, err := pg_query.Parse(sql); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		if formats[f].tx.mode == "" || formats[f].tx.reason == "" {
			t.Errorf("%s: no transaction rule", f)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, test := range []struct {
		name    string
		compare func(a, b string) int
		inOrder []string
	}{
		{"numbers", compareNumbers, []string{"1", "2", "010", "99", "100", "20230101000000", "20231399000000", "123456789012345678901234567890"}},
		{"natural", compareNatural, []string{"1.sql", "9/x.sql", "10/a 2.sql", "10/a 10.sql", "V1.sql", "a.sql", "a_b.sql"}},
		{"versions", compareVersions, []string{"1", "1.1", "1.9", "1.10", "1.10.1", "2", "13.1", "20230101"}},
		{"sql-migrate", compareSQLMigrate, []string{"1.sql", "2-b.sql", "10-a.sql", "10-b.sql", "a.sql", "b.sql"}},
	} {
		for i := range test.inOrder {
			for j := range test.inOrder {
				if got, want := sign(test.compare(test.inOrder[i], test.inOrder[j])), sign(i-j); got != want {
					t.Errorf("%s: compare(%q, %q) = %d, want %d", test.name, test.inOrder[i], test.inOrder[j], got, want)
				}
			}
		}
	}
	if compareVersions("1", "1.0") != 0 || compareNumbers("007", "7") != 0 {
		t.Error("equal versions differ")
	}
}

func sign(n int) int { return min(1, max(-1, n)) }

func TestBump(t *testing.T) {
	for _, test := range [][2]string{{"0009", "0010"}, {"99", "100"}, {"20240101235959", "20240102000000"}, {"20272701000000", "20272701000001"}} {
		if got := bump(test[0]); got != test[1] {
			t.Errorf("bump(%s) = %s, want %s", test[0], got, test[1])
		}
	}
}

// TestNewFilesAreRead holds that a new file is read back as one that follows.
func TestNewFilesAreRead(t *testing.T) {
	for f, first := range map[Format]map[string]string{
		GolangMigrate: {"m/1_a.up.sql": ""}, Goose: {"m/1_a.sql": "-- +goose Up\n"}, Flyway: {"m/V1__a.sql": ""}, Dbmate: {"m/1_a.sql": "-- migrate:up\n-- migrate:down\n"},
		SQLMigrate: {"m/1-a.sql": "-- +migrate Up\n"}, Atlas: {"m/1_a.sql": ""}, Prisma: {"m/1_a/migration.sql": ""}, Diesel: {"m/2017-09-01-120000_a/up.sql": ""},
		Hasura: {"m/1700000000000_a/up.sql": ""}, Sqlx: {"m/1_a.sql": ""}, NodePgMigrate: {"m/1_a.sql": ""}, Supabase: {"m/20240101000000_a.sql": ""},
		Liquibase: {"m/1.sql": "--liquibase formatted sql\n--changeset a:1\n"}, Plain: {"m/1.sql": "SELECT 0"},
		GraphileMigrate: {"m/committed/000001.sql": "--! Previous: -\n\nSELECT 0;\n"},
	} {
		fsys := fstest.MapFS{}
		for name, text := range first {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
		d, err := Load(fsys, "m", Options{Format: f})
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, n := range NewFiles(d, d.Migrations[0], "Zwei!", "DROP INDEX CONCURRENTLY a;", "SELECT 2;", true) {
			fsys[n.Path] = &fstest.MapFile{Data: []byte(n.Text)}
		}
		if d, err = Load(fsys, "m", Options{Format: f}); err != nil || len(d.Migrations) != 2 {
			t.Fatalf("%s: %d migrations, %v", f, len(d.Migrations), err)
		}
		m := d.Migrations[1]
		if len(m.Statements) != 1 || m.Statements[0].Text != "DROP INDEX CONCURRENTLY a" {
			t.Errorf("%s: %s holds %v", f, m.Path, m.Statements)
		}
		if m.TxMode == TxFile && f != Hasura {
			t.Errorf("%s: %s is still in the tool's transaction", f, m.Path)
		}
		if len(d.Notices) > 0 {
			t.Errorf("%s: %v", f, d.Notices)
		}
	}
}

// TestLiquibaseAppend holds that a changeset stays what it was when another follows it after a blank line.
func TestLiquibaseAppend(t *testing.T) {
	load := func(text string) []*Migration {
		d, err := Load(fstest.MapFS{"m/1.sql": &fstest.MapFile{Data: []byte(text)}}, "m", Options{Format: Liquibase})
		if err != nil {
			t.Fatal(err)
		}
		return d.Migrations
	}
	first := "--liquibase formatted sql\n--changeset a:1\nCREATE TABLE t (id int);\n--rollback DROP TABLE t;\n"
	one, two := load(first), load(first+"\n--changeset a:2\nCREATE TABLE u (id int);\n")
	if len(one) != 1 || len(two) != 2 || one[0].Hash != two[0].Hash {
		t.Errorf("the first changeset is another: %v, %v", one, two)
	}
}
