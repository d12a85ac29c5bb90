package migration

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoutineSQL(t *testing.T) {
	sql, vars, err := RoutineSQL(`CREATE OR REPLACE FUNCTION public.f(a integer)
 RETURNS text
 LANGUAGE plpgsql
AS $function$
DECLARE r record; v orders%ROWTYPE; w orders.total%TYPE; y public.orders; n numeric(10,2) := 5;
BEGIN
  FOR r IN SELECT * FROM items LOOP w := r.total; v.total := 3; END LOOP;
  y.total := 5;
  UPDATE orders SET total = w WHERE id = a;
  EXECUTE 'DELETE FROM x';
  RETURN 'x';
END $function$
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []Variable{{"a", ""}, {"found", ""}, {"n", "numeric(10,2)"}, {"r", ""}, {"v", "orders"}, {"w", "orders.total%TYPE"}, {"y", "public.orders"}}
	if d := cmp.Diff(want, vars); d != "" {
		t.Error(d)
	}
	var got []string
	for _, e := range sql {
		got = append(got, e.SQL)
	}
	if d := cmp.Diff([]string{"5", "SELECT * FROM items", "w := r.total", "v.total := 3", "y.total := 5", "UPDATE orders SET total = w WHERE id = a", "'DELETE FROM x'", "'x'"}, got); d != "" {
		t.Error(d)
	}
}
