package policy

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// FuzzPolicy loads and runs what a stranger has written: a policy and its data.
// It ends by itself, with a result or an error.
func FuzzPolicy(f *testing.F) {
	f.Add(keyRule, "limits:\n  a: 1\n")
	f.Add("package team.a\n\nimport data.assay\n\n# METADATA\n# custom: {id: ORG001}\ndeny contains m if { m := sprintf(\"%v\", [data.limits.a]) }\n", "limits: {a: &x [1, *x]}")
	f.Add("# METADATA\n# title: x\n# custom:\n#   id: ORG002\n#   params: {a: {type: string}}\npackage team.b\nwarn contains {\"message\": x} if some x in input.migrations[_].statements[_].text", "{}")
	f.Add(keyRule, "  ")
	f.Add(keyRule, "# nothing\n")
	f.Fuzz(func(t *testing.T, rego, data string) {
		files := fstest.MapFS{"policies/a.rego": {Data: []byte(rego)}, "policies/data.yaml": {Data: []byte(data)}}
		p, err := Load(t.Context(), Options{Files: files, Sources: []Source{{Dir: "policies"}}, Timeout: time.Second, MaxMemory: 256 << 20})
		if err != nil {
			if strings.Contains(err.Error(), "%!") || strings.Contains(err.Error(), "internal error") {
				t.Errorf("the error is %q", err)
			}
			return
		}
		_, _ = (&Rules{Policies: p}).Judge(context.Background(), ordersRecord(), nil) // an error has a name
	})
}

// FuzzOwners reads files of owners, also those of hosts.
func FuzzOwners(f *testing.F) {
	f.Add("* platform\npublic.payment* payments @alice # both\n")
	f.Add("^[Database][2] @org/dba\n/db/migrations/ \n[x\n*.sql @a @b/c d@e")
	f.Fuzz(func(t *testing.T, text string) {
		owners, err := ReadOwners("owners", []byte(text))
		if err != nil {
			return
		}
		for _, o := range owners {
			if len(o.Teams)+len(o.Users) == 0 || o.Pattern == "" && !strings.Contains(text, "/") {
				t.Errorf("%q: %+v", text, o)
			}
		}
	})
}

// FuzzPins reads lock files.
func FuzzPins(f *testing.F) {
	f.Add([]byte(`{"version": 1, "policies": [{"source": "https://example.com/p.git", "commit": "0123456789012345678901234567890123456789", "digest": "sha256:00"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ReadPins(fstest.MapFS{LockFile: {Data: text}})
		if (p == nil) == (err == nil) {
			t.Errorf("%q gives %v, %v", text, p, err)
		}
	})
}
