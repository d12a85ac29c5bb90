package policy

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"github.com/assaydb/assay/policy/library"
)

var ruleName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// New makes the files of a first rule: the rule, its unit test and its fixture.
// The rule is whole and passes its tests. Beside them stand the helpers of
// package assay, for opa test and editors; assay itself brings its own.
func New(name, id string) (map[string][]byte, error) {
	if !ruleName.MatchString(name) {
		return nil, fmt.Errorf("a rule's name is lower-case letters, digits and underscores, such as table_comment, not %q", name)
	}
	if !ruleID.MatchString(id) {
		return nil, fmt.Errorf("an id is letters, digits and dashes, such as PAY001, not %q", id)
	}
	helpers, err := fs.ReadFile(library.Helpers, "assay/assay.rego")
	if err != nil {
		return nil, err
	}
	fill := strings.NewReplacer("NAME", name, "IDENT", id)
	return map[string][]byte{
		name + "/" + name + ".rego":      []byte(fill.Replace(newRego)),
		name + "/" + name + "_test.rego": []byte(fill.Replace(newTest)),
		name + "/" + name + ".txtar":     []byte(fill.Replace(newFixture)),
		"assay/assay.rego":               helpers,
	}, nil
}

const newRego = `# METADATA
# title: tables have a comment
# description: |
#   Say here why, for whoever the rule stops.
# custom:
#   id: IDENT
#   severity: warning
package policies.NAME

import data.assay

deny contains {"message": message, "object": table.object} if {
	some table in assay.tables
	table.comment == ""
	message := sprintf("table %q has no comment", [table.object])
}
`

const newTest = `package policies.NAME_test

import data.policies.NAME

table(comment) := {"object": "public.orders", "comment": comment, "partition_of": "", "persistence": "permanent"}

test_speaks if {
	count(NAME.deny) == 1 with input.after.tables as [table("")]
}

test_silent if {
	count(NAME.deny) == 0 with input.after.tables as [table("what customers bought")]
}
`

const newFixture = `A comment on the table reaches everybody who queries it.

-- bad.sql --
CREATE TABLE orders (id bigint PRIMARY KEY); -- want IDENT ` + "`table \"public.orders\" has no comment`" + `
-- good.sql --
CREATE TABLE orders (id bigint PRIMARY KEY);
COMMENT ON TABLE orders IS 'what customers bought';
`
