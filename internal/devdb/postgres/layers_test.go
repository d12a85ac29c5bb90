package postgres

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// openDir is a directory that every user may write to.
func openDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) { // the server runs as another user
		must(t, os.Chmod(d, 0o777))
	}
	return dir
}

// TestLayers does as a superuser what no migration may do: the operating system
// refuses it where it can.
func TestLayers(t *testing.T) {
	ctx := context.Background()
	s := openTest(t, Config{})
	d := testDatabase(t, s)
	t.Logf("layers: %s", strings.Join(s.Layers(), ", "))
	if runtime.GOOS == "linux" && !slices.Contains(s.Layers(), "no new privileges") {
		t.Errorf("the server may get new privileges: %q", s.Layers())
	}
	if !slices.Contains(s.Layers(), "files (Landlock)") {
		t.Skip("this kernel has no Landlock")
	}
	dir := openDir(t)
	secret := filepath.Join(dir, "secret")
	must(t, os.WriteFile(secret, []byte("secret"), 0o644))
	c, err := d.ConnectAdmin(ctx)
	must(t, err)
	defer c.Close(ctx)
	for _, sql := range []string{
		"COPY (SELECT 1) TO PROGRAM 'true'", "COPY (SELECT 1) TO PROGRAM '/bin/sh -c true'", "CREATE TEMP TABLE p (a text); COPY p FROM PROGRAM 'id'",
		"COPY (SELECT 1) TO '" + dir + "/new'", "CREATE TEMP TABLE r (a text); COPY r FROM '" + secret + "'", "SELECT pg_read_file('" + secret + "')",
		"SELECT lo_import('" + secret + "')", "SELECT lo_export(lo_create(0), '" + dir + "/large')", "SELECT pg_ls_dir('" + dir + "')",
		"SELECT pg_read_file('/proc/1/environ')", "SELECT pg_read_file('/proc/self/environ')", "CREATE TABLESPACE x LOCATION '" + dir + "'",
	} {
		if _, err := c.PgConn().Exec(ctx, sql).ReadAll(); err == nil {
			t.Errorf("%s: was not refused", sql)
		}
	}
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) != 1 {
		t.Errorf("%d files were written", len(left)-1)
	}
	// What the server needs is still there.
	for _, sql := range []string{"COPY (SELECT 1) TO '" + s.own.data + "/inside'", "SET timezone = 'Asia/Tokyo'", "CREATE EXTENSION hstore", "CREATE COLLATION de (provider = icu, locale = 'de')", "CHECKPOINT", "SELECT pg_switch_wal()"} {
		if _, err := c.PgConn().Exec(ctx, sql).ReadAll(); err != nil && !strings.Contains(err.Error(), "ICU is not supported") && !strings.Contains(err.Error(), "no schema has been selected") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}
