package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRows(t *testing.T) {
	type row struct {
		Section string
		Cells   []string
	}
	var got []row
	must(t, eachRow(`L({},{1},)R(1,a,"b c","","d ""e"" \\f",,"{x,""y z""}")(2)Z`, func(s byte, c []cell) error {
		r := row{Section: string(s)}
		for _, x := range c {
			if x.null {
				r.Cells = append(r.Cells, "NULL")
			} else {
				r.Cells = append(r.Cells, x.text)
			}
		}
		got = append(got, r)
		return nil
	}))
	want := []row{{"L", []string{"{}", "{1}", "NULL"}}, {"R", []string{"1", "a", "b c", "", `d "e" \f`, "NULL", `{x,"y z"}`}}, {"R", []string{"2"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := eachRow(`R(1,"x`, func(byte, []cell) error { return nil }); err == nil {
		t.Error("a row without an end is taken")
	}
	if diff := cmp.Diff([]string{"x", "y z", `"q\`, ""}, (cell{text: `{x,"y z","\"q\\",""}`}).texts()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int64{1, 2}, (cell{text: "1 2"}).numbers()); diff != "" {
		t.Error(diff)
	}
}
