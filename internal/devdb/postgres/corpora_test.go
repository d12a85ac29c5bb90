package postgres

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// corpus loads a real history; the test is skipped without one.
func corpus(t testing.TB, name string) (setup string, dir *migration.Dir) {
	t.Helper()
	root := os.Getenv("ASSAY_CORPORA")
	if root == "" {
		t.Skip("ASSAY_CORPORA names no directory of real migration histories")
	}
	root = filepath.Join(root, name)
	if text, err := os.ReadFile(filepath.Join(root, "setup.sql")); err == nil {
		setup = string(text)
	}
	found, err := migration.Detect(os.DirFS(root), ".")
	if err != nil {
		t.Fatal(err)
	}
	dir, err = migration.Load(os.DirFS(root), found[0].Path, migration.Options{Format: found[0].Format, Locations: found[0].Locations})
	if err != nil {
		t.Fatal(err)
	}
	return setup, dir
}

func corpora(t testing.TB) []string {
	t.Helper()
	if os.Getenv("ASSAY_CORPORA") == "" {
		t.Skip("ASSAY_CORPORA names no directory of real migration histories")
	}
	all, err := os.ReadDir(os.Getenv("ASSAY_CORPORA"))
	must(t, err)
	var out []string
	for _, e := range all {
		if e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

// TestCorpora records every real history in full and holds the catalog that
// was kept up statement by statement against one read from scratch.
func TestCorpora(t *testing.T) {
	ctx := context.Background()
	major := os.Getenv("ASSAY_TEST_POSTGRES")
	if major == "" {
		major = "18"
	}
	s := testServer(t, major)
	for _, name := range corpora(t) {
		t.Run(name, func(t *testing.T) {
			setup, dir := corpus(t, name)
			d := testDatabase(t, s)
			prepare(t, d, setup, dir)
			r, err := s.Clone(ctx, d) // roles of the setup are there once
			must(t, err)
			defer r.Close()
			statements, start := 0, time.Now()
			for _, m := range dir.Migrations {
				steps, err := d.Record(ctx, m)
				statements += len(steps)
				if err != nil {
					t.Fatalf("%s: %v", m.Path, err)
				}
			}
			must(t, d.Finish(ctx))
			t.Logf("%d migrations, %d statements recorded in %v", len(dir.Migrations), statements, time.Since(start).Round(time.Millisecond))
			kept := d.rec.cat
			d.rec.cat = nil
			fresh, err := d.Catalog(ctx)
			must(t, err)
			if diff := sameCatalog(kept, fresh); diff != "" {
				t.Errorf("the kept catalog is not the true one (-kept +true):\n%s", diff)
			}

			start = time.Now()
			for _, m := range dir.Migrations {
				must(t, r.Replay(ctx, m))
			}
			t.Logf("replayed in %v", time.Since(start).Round(time.Millisecond))
		})
	}
}

func prepare(t testing.TB, d *DB, setup string, dir *migration.Dir) {
	t.Helper()
	ctx := context.Background()
	c, err := d.ConnectAdmin(ctx)
	must(t, err)
	defer c.Close(ctx)
	if setup != "" {
		_, err = c.PgConn().Exec(ctx, setup).ReadAll()
		must(t, err)
		must(t, d.giveSetup(ctx, c))
	}
	if len(dir.Migrations) > 0 && dir.Migrations[0].Bookkeeping != "" {
		o, err := d.ConnectOwner(ctx)
		must(t, err)
		defer o.Close(ctx)
		_, err = o.PgConn().Exec(ctx, dir.Migrations[0].Bookkeeping).ReadAll()
		must(t, err)
	}
}

// sameCatalog compares object by object.
func sameCatalog(a, b *schema.Catalog) string {
	va, vb := reflect.ValueOf(*a), reflect.ValueOf(*b)
	out := ""
	for i := range va.NumField() {
		name := va.Type().Field(i).Name
		if name == "Depends" {
			out += cmp.Diff(edges(a), edges(b))
			continue
		}
		x, y := va.Field(i).Interface(), vb.Field(i).Interface()
		if !reflect.DeepEqual(x, y) {
			out += name + ": " + cmp.Diff(x, y)
		}
	}
	return out
}

func edges(c *schema.Catalog) []schema.Dependency {
	var out []schema.Dependency
	for e := range c.Depends.All() {
		out = append(out, e)
	}
	return out
}
