package migration

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestListed: a file that is added is run by the tool that goes by a list,
// after all that the list has, and the list reads as the tool writes it.
func TestListed(t *testing.T) {
	journal := `{
  "version": "7",
  "dialect": "postgresql",
  "entries": [
    {
      "idx": 4,
      "version": "7",
      "when": 1700000000000,
      "tag": "0004_orders",
      "breakpoints": true
    }
  ]
}
`
	for _, c := range []struct {
		name, dir, list string
		files           map[string]string
		wrote           string
	}{
		{"drizzle", "drizzle", "drizzle/meta/_journal.json", map[string]string{
			"drizzle/meta/_journal.json": journal, "drizzle/0004_orders.sql": "SELECT 1;",
		}, `"tag": "0005_more",`},
		{"sqitch", ".", "sqitch.plan", map[string]string{
			"sqitch.conf":                  "[core]\n\tengine = pg\n",
			"sqitch.plan":                  "%syntax-version=1.0.0\n%project=shop\n\ntables/orders 2024-01-01T10:00:00Z Ann <ann@example.com> # the orders\n@v1 2024-01-02T10:00:00Z Bob <bob@example.com> # out",
			"deploy/tables/orders.sql":     "SELECT 1;",
			"revert/tables/orders.sql":     "SELECT 1;",
			"deploy/tables/not_listed.sql": "SELECT 1;",
		}, "\nmore 2024-01-01T10:00:01Z Ann <ann@example.com> # more\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for f, text := range c.files {
				fsys[f] = &fstest.MapFile{Data: []byte(text)}
			}
			d, err := Load(fsys, c.dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d.List != c.list {
				t.Fatalf("the list is %q, want %q", d.List, c.list)
			}
			added := NewFiles(d, d.Migrations[len(d.Migrations)-1], "more", "SELECT 2;", "", false)
			inserts, err := Listed(fsys, d, added)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range added {
				fsys[f.Path] = &fstest.MapFile{Data: []byte(f.Text)}
			}
			text := c.files[c.list]
			for _, i := range slices.Backward(inserts) {
				text = text[:i.At.Offset] + i.Text + text[i.At.Offset:]
			}
			fsys[c.list] = &fstest.MapFile{Data: []byte(text)}
			after, err := Load(fsys, c.dir, Options{})
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if last := after.Migrations[len(after.Migrations)-1]; len(after.Migrations) != 2 || last.Path != added[0].Path || !strings.Contains(text, c.wrote) {
				t.Errorf("last is %s, want %s; the list:\n%s", last.Path, added[0].Path, text)
			}
		})
	}
	d := &Dir{Path: ".", Format: Drizzle, List: "meta/_journal.json"}
	if _, err := Listed(fstest.MapFS{"meta/_journal.json": &fstest.MapFile{Data: []byte(`{"entries": []}`)}}, d, []NewFile{{Path: "0000_a.sql"}}); err == nil {
		t.Error("an empty journal cannot be continued")
	}
}
