package migration

import (
	"testing"
	"testing/fstest"
)

// TestKnown: the statements of a file that says the same are those that were
// read before, and no others are.
func TestKnown(t *testing.T) {
	files := map[string]string{
		"m/1_a.up.sql": "CREATE TABLE a (x int);", "m/1_a.down.sql": "DROP TABLE a;",
		"m/2_b.up.sql": "CREATE TABLE b (x int);", "m/2_b.down.sql": "DROP TABLE b;",
		"m/3_c.up.sql": "CREATE TABLE c (x int);", "m/3_c.down.sql": "DROP TABLE c;",
	}
	read := func(known *Dir) *Dir {
		fsys := fstest.MapFS{}
		for name, text := range files {
			fsys[name] = &fstest.MapFile{Data: []byte(text)}
		}
		d, err := Load(fsys, "m", Options{Format: GolangMigrate, Known: known})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	before := read(nil)
	files["m/2_b.up.sql"] = "CREATE TABLE b (y int);" // of the same length
	files["m/3_c.down.sql"] = "DROP TABLE C;"
	after := read(before)
	for i, same := range []struct{ up, down bool }{{true, true}, {false, true}, {true, false}} {
		a, b := before.Migrations[i], after.Migrations[i]
		if (a.Statements[0] == b.Statements[0]) != same.up || (a.Down.Statements[0] == b.Down.Statements[0]) != same.down {
			t.Errorf("%s: want taken from what was read before: %v", b.Path, same)
		}
	}
	if got := after.Migrations[1].Source + after.Migrations[2].Down.Source; got != files["m/2_b.up.sql"]+files["m/3_c.down.sql"] {
		t.Errorf("read %q", got)
	}
}
