package policy

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestApprovers: the host is asked only where a rule reads who approved.
func TestApprovers(t *testing.T) {
	for body, want := range map[string]struct {
		teams []string
		asked bool
	}{
		`"x" in input.context.labels`:                           {[]string{"payments"}, false},
		`some a in input.context.approvals; a.user == "x"`:      {[]string{"payments"}, true},
		`count(input.context["approvals"]) > 0`:                 {[]string{"payments"}, true},
		`c := input.context; c.author == "x"`:                   {[]string{"payments"}, true},
		`some key in ["labels"]; count(input.context[key]) > 0`: {[]string{"payments"}, true},
		`not assay.approved_by("dba")`:                          {[]string{"dba", "payments"}, true},
		`every t in ["a", "b"] { assay.approved_by(t) }`:        {[]string{"payments"}, true},
		`count([1 | assay.approved_by("org/dba")]) == 0`:        {[]string{"org/dba", "payments"}, true},
	} {
		p, err := Load(context.Background(), Options{
			Files:   fstest.MapFS{"p/a.rego": &fstest.MapFile{Data: []byte("# METADATA\n# title: a\n# custom:\n#   id: A1\npackage a\n\nimport data.assay\n\n_unused := assay.tables\n\ndeny contains \"x\" if { " + body + " }\n")}},
			Sources: []Source{{Dir: "p"}}, Owners: []Owner{{Pattern: "*", Team: "payments"}},
		})
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		teams, asked := p.Approvers()
		if d := cmp.Diff(want.teams, teams); d != "" || asked != want.asked {
			t.Errorf("%s: asked %v\n%s", body, asked, d)
		}
	}
}
