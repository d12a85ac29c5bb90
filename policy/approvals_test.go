package policy

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestAsks: the host is asked only for what a rule reads.
func TestAsks(t *testing.T) {
	for body, want := range map[string]struct {
		teams     []string
		approvals bool
		author    bool
	}{
		`"x" in input.context.labels`:                           {[]string{"payments"}, false, false},
		`some a in input.context.approvals; a.user == "x"`:      {[]string{"payments"}, true, false},
		`count(input.context["approvals"]) > 0`:                 {[]string{"payments"}, true, false},
		`c := input.context; c.author == "x"`:                   {[]string{"payments"}, true, true},
		`some key in ["labels"]; count(input.context[key]) > 0`: {[]string{"payments"}, true, true},
		`not assay.approved_by("dba")`:                          {[]string{"dba", "payments"}, true, false},
		`every t in ["a", "b"] { assay.approved_by(t) }`:        {[]string{"payments"}, true, false},
		`count([1 | assay.approved_by("org/dba")]) == 0`:        {[]string{"org/dba", "payments"}, true, false},
		`count(assay.approvals) < 2`:                            {[]string{"payments"}, true, false},
		`not assay.author_in("dba")`:                            {[]string{"dba", "payments"}, false, true},
		`"dba" in input.context.author_teams`:                   {[]string{"payments"}, false, true},
	} {
		p, err := Load(context.Background(), Options{
			Files:   fstest.MapFS{"p/a.rego": &fstest.MapFile{Data: []byte("# METADATA\n# title: a\n# custom:\n#   id: A1\npackage a\n\nimport data.assay\n\n_unused := assay.tables\n\ndeny contains \"x\" if { " + body + " }\n")}},
			Sources: []Source{{Dir: "p"}}, Owners: []Owner{{Pattern: "*", Team: "payments"}},
		})
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if d := cmp.Diff(Asks{want.teams, want.approvals, want.author}, p.Asks()); d != "" {
			t.Errorf("%s:\n%s", body, d)
		}
	}
}
