package policy

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestConstants: a value that a field never has is a mistake like a misspelt field.
func TestConstants(t *testing.T) {
	for body, want := range map[string]string{
		`some change in input.changes; change.type == "drop_colunm"`:                            `type is never "drop_colunm": did you mean drop_column?`,
		`some change in input.changes; change.type in {"drop_column", "drop_tabel"}`:            `type is never "drop_tabel": did you mean drop_table?`,
		`some s in input.statements; some lock in s.locks; lock.mode == "AccessExclusive"`:      `mode is never "AccessExclusive": did you mean ACCESS EXCLUSIVE?`,
		`some t in input.after.tables; some k in t.constraints; k.kind == "foreign_key"`:        `kind is never "foreign_key": did you mean foreign key?`,
		`some t in data.assay.tables; t.persistence == "temp"`:                                  `persistence is never "temp"`,
		`some p in input.after.policies; p.command == "SELECT"`:                                 `command is never "SELECT": did you mean select?`,
		`some f in input.findings; f.severity == "high"`:                                        `severity is never "high"`,
		`some k in input.after.constraints; k.kind != "uniqe"`:                                  `kind is never "uniqe": did you mean unique?`,
		`count([1 | some c in input.after.columns; c.identity == "allways"]) > 0`:               `identity is never "allways": did you mean always?`,
		`some change in input.changes; change.type == "add_table"; change.object == "public.x"`: "",
		`some t in input.after.tables; t.kind == "partitioned table"`:                           "",
		`some c in input.after.columns; c.type == "anything"; c.identity == ""`:                 "",
	} {
		_, err := load(t, Options{}, breach("\t"+body))
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", body, err)
			}
			continue
		}
		wantError(t, err, "policies/a.rego:8: "+want)
	}
}

// TestChangeTypeNames: the list has the name of every type of change, and no other.
func TestChangeTypeNames(t *testing.T) {
	var want []string
	for _, c := range changeTypes {
		want = append(want, changeType(c))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(changeTypeNames))); diff != "" {
		t.Errorf("changeTypeNames (-types +list):\n%s", diff)
	}
}
