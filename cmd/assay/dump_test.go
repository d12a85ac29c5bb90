package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
)

// holds fails where a dump did not bring everything along; with rows or without.
const holds = `DO $$
BEGIN
  ASSERT (SELECT count(*) FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')) >= 9;
  ASSERT (SELECT tgenabled = 'D' FROM pg_trigger WHERE tgname = 'orders_touch');
  ASSERT obj_description('shop'::regnamespace) = 'what is sold; and "to whom"';
  ASSERT (SELECT count(*) FROM pg_policy) = 1;
  IF EXISTS (SELECT FROM shop.customers) THEN
    ASSERT (SELECT count(*) FROM shop.customers) = 3;
    ASSERT (SELECT notes FROM shop.customers WHERE id = 3) = '\.';
    ASSERT (SELECT notes FROM shop.customers WHERE id = 1) = E'tab\t and \\ and\nnewline';
    ASSERT (SELECT total FROM shop.revenue WHERE customer_id = 1) = 12.50;
    ASSERT nextval('shop.refs') = 255;
  END IF;
END $$;
`

// TestDumps loads what pg_dump of several majors wrote (testdata/dumps, of
// source.sql there) as a base.
func TestDumps(t *testing.T) {
	t.Parallel()
	dumps, err := filepath.Glob(filepath.Join("..", "..", "testdata", "dumps", "*.sql"))
	if err != nil || len(dumps) == 0 {
		t.Fatalf("no dumps: %v", err)
	}
	for _, major := range pgtest.Majors(t) {
		server, err := strconv.Atoi(major)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range dumps {
			of, err := strconv.Atoi(filepath.Base(file)[:2])
			if err != nil {
				continue // source.sql
			}
			t.Run(filepath.Base(file)+" on "+major, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				code, stderr := lintOn(t, major, string(text))
				switch {
				case of <= server && (code != 0 || stderr != ""):
					t.Errorf("exit code %d\n%s", code, stderr)
				case of > server && code == 3 && !strings.Contains(stderr, "--postgres "+strconv.Itoa(of)):
					t.Errorf("the dump is of a later major, and this does not say so: %s", stderr)
				}
			})
		}
	}
}

// lintOn lints a change that tests the base, on a base.
func lintOn(t *testing.T, major, base string) (code int, stderr string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"base.sql": base, "assay.yaml": "base: base.sql\n", "migrations/1_holds.sql": holds} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := func(name string) string {
		if v := os.Getenv("ASSAY_TEST_PGBIN"); name == "PATH" && v != "" {
			return v + string(os.PathListSeparator) + os.Getenv("PATH")
		}
		return os.Getenv(name)
	}
	var out, errs bytes.Buffer
	code = run(context.Background(), []string{"-C", dir, "lint", "--latest", "1", "--no-cache", "--postgres", major}, env, strings.NewReader(""), &out, &errs)
	if code == 1 {
		return code, out.String()
	}
	return code, errs.String()
}
