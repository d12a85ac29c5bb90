package migration

import (
	"strings"
	"testing"
	"testing/fstest"
)

func loadOne(t *testing.T, f Format, files map[string]string) (*Dir, error) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return Load(fsys, "m", Options{Format: f})
}

// TestMarksAfterMarkAndReturns holds that a byte order mark and CRLF neither
// hide an annotation nor move a place. sql-migrate does not see one behind a
// byte order mark.
func TestMarksAfterMarkAndReturns(t *testing.T) {
	for f, text := range map[Format]string{
		Goose: "\uFEFF-- +goose Up\r\n-- +goose NO TRANSACTION\r\nSELECT 1;\r\n-- +goose Down\r\nSELECT 2;\r\n",
		Atlas: "\uFEFF-- atlas:txmode none\r\n\r\nSELECT 1;\r\n",
	} {
		d, err := loadOne(t, f, map[string]string{"m/1_a.sql": text})
		if err != nil {
			t.Fatal(f, err)
		}
		m := d.Migrations[0]
		if m.TxMode != TxNone || len(m.Statements) != 1 || m.Statements[0].Pos.Line != 3 || m.Source != text {
			t.Errorf("%s: %s, %+v", f, m.TxMode, m.Statements)
		}
		if want := strings.Index(text, "SELECT 1"); m.Statements[0].Pos.Offset != want {
			t.Errorf("%s: offset %d, want %d", f, m.Statements[0].Pos.Offset, want)
		}
	}
}

// TestHash holds that the hash changes with what is run and with nothing else.
func TestHash(t *testing.T) {
	hash := func(text string) string {
		d, err := loadOne(t, Goose, map[string]string{"m/1_a.sql": text})
		if err != nil {
			t.Fatal(err)
		}
		return d.Migrations[0].Hash
	}
	first := hash("-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n")
	if len(first) != 64 || first != hash("-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 3;\n") {
		t.Error("the way back is in the hash")
	}
	if first == hash("-- +goose Up\nSELECT 11;\n-- +goose Down\nSELECT 2;\n") {
		t.Error("an edit is not in the hash")
	}
	if first == hash("-- +goose NO TRANSACTION\n-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n") {
		t.Error("the transaction is not in the hash")
	}
}

// TestBadDown holds that a way back that cannot be read is a notice, for nobody may ever have run it.
func TestBadDown(t *testing.T) {
	d, err := loadOne(t, GolangMigrate, map[string]string{"m/1_a.up.sql": "SELECT 1;", "m/1_a.down.sql": "SELECT '\xff';"})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Notices) != 1 || d.Notices[0].Kind != "bad-down" || d.Migrations[0].Down != nil {
		t.Errorf("%+v", d.Notices)
	}
	if _, err := loadOne(t, GolangMigrate, map[string]string{"m/1_a.up.sql": "SELECT '\xff';"}); err == nil || !strings.Contains(err.Error(), "not UTF-8") {
		t.Errorf("up: %v", err)
	}
}
