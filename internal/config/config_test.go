package config

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/internal/lint"
)

func parse(t *testing.T, src string) *Config {
	t.Helper()
	c, err := Parse("assay.yaml", []byte(src))
	if err != nil {
		t.Fatalf("parsing:\n%s\n%v", src, err)
	}
	return c
}

func TestLoad(t *testing.T) {
	fsys := fstest.MapFS{"assay.yaml": {Data: []byte("dir: db\n")}, "other.yaml": {Data: []byte("dir: other\n")}}
	for name, want := range map[string]string{"": "db", "other.yaml": "other", "./other.yaml": "other"} {
		c, err := Load(fsys, name)
		if err != nil || c.Dir != want {
			t.Errorf("Load(%q): got %+v, %v, want dir %s", name, c, err, want)
		}
	}
	if c, err := Load(fstest.MapFS{}, ""); err != nil || c.Path != "" {
		t.Errorf("no file: got %+v, %v, want the zero configuration", c, err)
	}
	if _, err := Load(fstest.MapFS{}, "x.yaml"); err == nil || !strings.Contains(err.Error(), "x.yaml") {
		t.Errorf("a named file that is missing: got %v", err)
	}
	for _, name := range []string{"../assay.yaml", "/etc/assay.yaml"} {
		if _, err := Load(fsys, name); err == nil || !strings.Contains(err.Error(), "must lie inside the project directory") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := Load(fstest.MapFS{"assay.yml": {}}, ""); err == nil || !strings.Contains(err.Error(), "rename it") {
		t.Errorf("assay.yml: got %v", err)
	}
}

func TestParseEverything(t *testing.T) {
	c := parse(t, everything)
	off := map[string]any{"max": uint64(3), "names": []any{"a", "b"}}
	for _, tt := range []struct{ name, diff string }{
		{"postgres", cmp.Diff("17", c.Postgres)},
		{"major", cmp.Diff(17, c.Major())},
		{"values", cmp.Diff(map[string]string{"schema": "app", "limit": "10"}, c.Values)},
		{"params", cmp.Diff(off, c.Checks["LK2"].Params)},
		{"short check", cmp.Diff("off", c.Checks["LK101"].Severity)},
		{"policies", cmp.Diff("policies", c.Policies[0].Dir)},
		{"rules", cmp.Diff("warning", c.Rules["ORG001"].Level)},
		{"timeout", cmp.Diff(90*time.Second, c.StatementTimeout.Or(time.Hour))},
		{"age", cmp.Diff(30*24*time.Hour, c.StatsMaxAge.Or(0))},
		{"rows", cmp.Diff(int64(10_000), c.SmallTable.Or(0))},
		{"default", cmp.Diff(time.Hour, c.RunTimeout.Or(time.Hour))},
		{"proofs", cmp.Diff(true, c.Proofs.Off)},
		{"one item for a list", cmp.Diff([]string{"platform.sql"}, c.Setup)},
		{"place", cmp.Diff("assay.yaml:3:1", c.At("postgres"))},
	} {
		if tt.diff != "" {
			t.Errorf("%s: -want +got\n%s", tt.name, tt.diff)
		}
	}
}

// everything names every key at least once; TestSchema holds it against the
// JSON Schema too.
const everything = `dir: db/migrations
format: goose
postgres: 17
locations: [db/more]
dev-url: postgres://${PGUSER}:${PGPASSWORD}@localhost:5432/postgres
setup: platform.sql
base: db/base.sql
values: {schema: app, limit: 10}
steps:
  db/migrations/003_go.go: SELECT 1
  db/migrations/004_go.go: stub.sql
superuser: false
extensions: [vector]
settings: {lock_timeout: 2s, search_path: app}
time-zone: Europe/Berlin
wal-level: logical
statement-timeout: 90s
git-base: origin/main
fail-on: warning
packs: [conventions]
checks:
  LK101: off
  LK2:
    severity: warning
    include: ["db/**"]
    exclude: [legacy/]
    objects: [public.*]
    exclude-objects: [audit.*]
    params: {max: 3, names: [a, b]}
overrides:
  - paths: [legacy/]
    objects: [orders]
    checks: {LK: off}
ignore:
  - check: DS101
    path: db/migrations/0001_a.sql
    object: public.orders
    reason: agreed with the owners
    expires: 2027-01-31
baseline: assay.baseline.json
down: require
policies:
  - policies
  - git: https://example.com/rules.git
    commit: 0123456789012345678901234567890123456789
    subdir: sql
  - bundle: https://example.com/b.tar.gz
    digest: sha256:0123456789012345678901234567890123456789012345678901234567890123
    key: keys/policies.pem
policy-packs: [naming]
policy-timeout: 30s
rules:
  ORG001: warning
  ORG002: {level: off, params: {a: 1}, exclude: [old/], exclude-objects: [tmp_*]}
owners: OWNERS
enforce:
  NAM01: mandatory
stats: assay.stats.json
stats-max-age: 30d
small-table: 10k
large-table: 1M
queries: ["queries/**/*.sql"]
seed: seed.sql
proofs: off
measure: true
comment: {name: shop, off: false, no-inline: true, status: assay/shop}
schema: {dir: schema, include: [app.*], exclude: ["*.tmp_*[type=table]"]}
dirs: []
run-timeout:
`

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"dri: x", `assay.yaml:1:1: unknown key "dri", did you mean "dir"? (one of dir, dirs, format,`},
		{"dir: x\nchecks:\n  LK101:\n    severty: off", `assay.yaml:4:5: unknown key "severty" in checks.LK101, did you mean "severity"? (one of severity, include,`},
		{"fail-on: eror", `assay.yaml:1:10: fail-on: unknown value "eror", did you mean "error"? (one of off, info, warning, error)`},
		{"dir: [a]", `assay.yaml:1:6: dir is a list, but must be a text`},
		{"superuser: yes", `assay.yaml:1:12: superuser is "yes", but must be true or false`},
		{"superuser: \"true\"", `must be true or false`},
		{"setup: {a: b}", `assay.yaml:1:9: setup is a mapping, but must be a list`},
		{"checks: off", `assay.yaml:1:9: checks is "off", but must be a mapping (key: value)`},
		{"checks: {LK101: loud}", `assay.yaml:1:17: LK101: unknown severity "loud" (one of off, on, info, warning, error)`},
		{"- a", `assay.yaml:1:1: the file is a list, but must be a mapping`},
		{"dir: a\ndir: b", `assay.yaml:2:1: the key "dir" is given twice`},
		{"dir: a\n---\ndir: b", `assay.yaml:3:1: a second document: the file holds one`},
		{"dir: 'a", `not valid YAML`},
		{"policies: [{dir: a, key: b.pem}]", "assay.yaml:1:13: key goes with bundle"},
		{"policies:\n  - a\npolicy-timeout: 0s", `assay.yaml:3:17: policy-timeout: "0s" is no duration: write it as 500ms, 30s, 5m, 2h or 30d`},
		{"run-timeout: 5 minutes", `assay.yaml:1:14: run-timeout: "5 minutes" is no duration: write it as 500ms, 30s, 5m, 2h or 30d`},
		{"small-table: big", `"big" is no number of rows`},
		{"small-table: 2k\nlarge-table: 1k", `assay.yaml:2:1: large-table (1000 rows) must be more than small-table (2000 rows)`},
		{"postgres: 12", `assay.yaml:1:1: postgres is 12, but must be a major version from 13 on`},
		{"dev-url: postgres://me:secret@db/x", `assay.yaml:1:1: dev-url holds a password`},
		{"dev-url: host=db password=secret", `dev-url holds a password`},
		{"ignore: [{check: DS101}]", `assay.yaml:1:11: an ignore entry needs a reason`},
		{"ignore: [{check: DS101, reason: x, expires: soon}]", `expires is "soon", but must be a day such as 2027-01-31`},
		{"ignore: [{reason: x}]", `an ignore entry needs the check that it is for`},
		{"overrides: [{checks: {LK: off}}]", `an override needs paths or objects`},
		{"overrides: [{paths: ['a['], checks: {LK: off}}]", `"a[" is not a valid glob`},
		{"checks: {LK101: {include: [/etc/*]}}", `"/etc/*" leaves the project`},
		{"policies: [{git: u, commit: main}]", `commit is "main", but must be a full commit id`},
		{"policies: [{git: u, dir: d}]", `a policy source is one of dir, git (with commit) and bundle`},
		{"policies: [{bundle: http://x/b.tar.gz}]", `not over http`},
		{"dir: *nowhere", `the alias *nowhere has no anchor before it`},
		{"checks: {LK101: {params: 3}}", `params is "3", but must be a mapping`},
		{"proofs: maybe", `proofs: unknown value "maybe" (one of on, off)`},
	} {
		_, err := Parse("assay.yaml", []byte(tt.src))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q:\n got %v\nwant %s", tt.src, err, tt.want)
		}
	}
}

func TestParseTellsAllErrorsInOrder(t *testing.T) {
	_, err := Parse("assay.yaml", []byte("fail-on: x\ndown: y\nnope: 1\nsuperuser: 3\n"))
	want := []string{":1:10:", ":2:7:", ":3:1:", ":4:12:"}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got %d errors, want %d:\n%v", len(lines), len(want), err)
	}
	for i := range want {
		if !strings.Contains(lines[i], want[i]) {
			t.Errorf("line %d: got %s, want %s", i, lines[i], want[i])
		}
	}
}

func TestParseEmptyAndAnchors(t *testing.T) {
	for _, src := range []string{"", "# only a comment\n", "---\n", "dir:\nchecks:\n"} {
		if c := parse(t, src); c.Dir != "" || len(c.Checks) != 0 {
			t.Errorf("%q: got %+v", src, c)
		}
	}
	c := parse(t, "setup: &s [a.sql]\nqueries: *s\nchecks:\n  LK101: &k {severity: info, exclude: [a/]}\n  LK102: {<<: *k, exclude: [b/]}\n")
	if diff := cmp.Diff([]string{"a.sql"}, c.Queries); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Check{Severity: "info", Exclude: []string{"b/"}}, c.Checks["LK102"]); diff != "" {
		t.Error(diff)
	}
}

func TestDevServer(t *testing.T) {
	c := parse(t, "dir: x\ndev-url: postgres://me:${PW}@db/${DB}\n")
	env := map[string]string{"PW": "s3cret", "DB": "x"}
	got, err := c.DevServer(func(k string) string { return env[k] })
	if err != nil || got != "postgres://me:s3cret@db/x" {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = c.DevServer(func(string) string { return "" })
	if err == nil || err.Error() != "assay.yaml:2:1: dev-url uses $PW, $DB, which is not set in the environment" {
		t.Errorf("got %v", err)
	}
}

func TestSets(t *testing.T) {
	for value, want := range map[string]bool{"2s": true, "500": true, "0": false, "0s": false, "'0'": true, "5min": true, "0ms": false} {
		c := &Config{Settings: map[string]string{"lock_timeout": value}}
		if got := c.Sets("LOCK_TIMEOUT"); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
}

func TestReadStep(t *testing.T) {
	c := parse(t, "steps: {a.go: SELECT 1, b.go: b.sql, c.go: missing.sql}\n")
	fsys := fstest.MapFS{"b.sql": {Data: []byte("SELECT 2")}}
	for name, want := range map[string]string{"a.go": "SELECT 1", "b.go": "SELECT 2"} {
		if got, ok, err := c.ReadStep(fsys, name); got != want || !ok || err != nil {
			t.Errorf("%s: got %q, %v, %v", name, got, ok, err)
		}
	}
	if _, ok, err := c.ReadStep(fsys, "c.go"); !ok || err == nil || !strings.Contains(err.Error(), "assay.yaml:1:") {
		t.Errorf("a missing file: got %v", err)
	}
	if _, ok, err := c.ReadStep(fsys, "d.go"); ok || err != nil {
		t.Errorf("a path that is not named: got %v, %v", ok, err)
	}
}

var testRules = []lint.Rule{
	{ID: "LK101", Name: "create-index", Severity: lint.Error, Aliases: []string{"atlas:PG101", "squawk:require-concurrent-index-creation", "eugene:E6"}},
	{ID: "LK201", Name: "full-scan-under-lock", Severity: lint.Warning, Aliases: []string{"eugene:E1"}},
	{ID: "LK202", Name: "add-foreign-key", Severity: lint.Error, Aliases: []string{"eugene:E1"}},
	{ID: "CV101", Name: "plural-names", Severity: lint.Info, Optional: true},
}

func TestValidate(t *testing.T) {
	known := Known{
		Checks: testRules, Formats: []string{"goose", "plain"}, Packs: []string{"conventions"}, PolicyPacks: []string{"naming"},
		Policies: []lint.Rule{{ID: "ORG001", Policy: true}},
	}
	for _, tt := range []struct{ src, want string }{
		{"checks: {LK101: off, add-foreign-key: info, LK: warning, CV: on}", ""},
		{"checks: {PG101: off, 'squawk:require-concurrent-index-creation': off}", "PG101 and squawk:require-concurrent-index-creation are the same check: keep one"},
		{"checks: {E1: off, LK201: info}", ""},
		{"checks: {LK1O1: off}", `assay.yaml:1:10: unknown check "LK1O1", did you mean LK101? (families: LK, CV; assay checks lists all)`},
		{"checks: {create-indx: off}", "did you mean create-index?"},
		{"overrides: [{paths: [a/], checks: {XX: off}}]", `assay.yaml:1:36: unknown check "XX"`},
		{"ignore: [{check: nope, reason: r}]", `assay.yaml:1:11: unknown check "nope"`},
		{"ignore: [{check: ORG001, reason: r}]", ""},
		{"rules: {ORG002: off}", `assay.yaml:1:9: unknown policy rule "ORG002", did you mean "ORG001"? (one of ORG001)`},
		{"rules: {LK101: off}", "LK101 is a built-in check: set it under checks"},
		{"checks: {ORG001: off}", "ORG001 is a policy rule: set it under rules"},
		{"format: gosse", `assay.yaml:1:1: unknown format "gosse", did you mean "goose"? (one of goose, plain)`},
		{"packs: [convention]", `did you mean "conventions"?`},
		{"policy-packs: [namings]", `did you mean "naming"?`},
	} {
		err := parse(t, tt.src).Validate(known)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s:\n got %v\nwant %s", tt.src, err, tt.want)
		}
	}
}

func TestSeverity(t *testing.T) {
	index, convention := testRules[0], testRules[3]
	policy := lint.Rule{ID: "ORG001", Severity: lint.Error, Policy: true}
	for _, tt := range []struct {
		src, path, object string
		rule              lint.Rule
		want              lint.Severity
		where             string
	}{
		{"dir: x", "a.sql", "public.orders", index, "error", ""},
		{"checks: {LK: warning}", "a.sql", "public.orders", index, "warning", "assay.yaml:1:10"},
		{"checks: {LK101: info, LK: warning}", "a.sql", "public.orders", index, "info", "assay.yaml:1:10"},
		{"checks: {E6: info, LK101: on}", "a.sql", "public.orders", index, "error", ""},
		{"checks: {LK101: {exclude: [legacy/]}}", "legacy/a.sql", "public.orders", index, "off", "assay.yaml:1:10"},
		{"checks: {LK101: {exclude: [legacy/]}}", "new/a.sql", "public.orders", index, "error", ""},
		{"checks: {LK101: {include: [db/]}}", "new/a.sql", "public.orders", index, "off", "assay.yaml:1:10"},
		{"checks: {LK101: {objects: [audit.*]}}", "a.sql", "public.orders", index, "off", "assay.yaml:1:10"},
		{"checks: {LK101: {objects: [orders]}}", "a.sql", "public.orders", index, "error", ""},
		{"checks: {LK: {exclude-objects: ['*_tmp']}}", "a.sql", "public.orders_tmp", index, "off", "assay.yaml:1:10"},
		{"checks: {LK101: {include: ['*.up.sql']}}", "x/y/1.up.sql", "", index, "error", ""},
		{"overrides: [{paths: [old/], checks: {LK: off, LK101: info}}, {objects: [orders], checks: {create-index: warning}}]", "old/a.sql", "public.items", index, "info", "assay.yaml:1:47"},
		{"overrides: [{paths: [old/], checks: {LK: off, LK101: info}}, {objects: [orders], checks: {create-index: warning}}]", "old/a.sql", "public.orders", index, "warning", "assay.yaml:1:91"},
		{"dir: x", "a.sql", "", convention, "off", ""},
		{"packs: [conventions]", "a.sql", "", convention, "info", ""},
		{"checks: {CV: on}", "a.sql", "", convention, "info", ""},
		{"checks: {plural-names: {params: {a: 1}}}", "a.sql", "", convention, "info", ""},
		{"packs: [conventions]\nchecks: {CV101: off}", "a.sql", "", convention, "off", "assay.yaml:2:10"},
		{"rules: {ORG001: info}", "a.sql", "", policy, "info", "assay.yaml:1:9"},
		{"rules: {ORG001: {exclude-objects: [tmp]}}", "a.sql", "public.tmp", policy, "off", "assay.yaml:1:9"},
	} {
		got, where := parse(t, tt.src).Severity(tt.rule, tt.path, tt.object)
		if got != tt.want || where != tt.where {
			t.Errorf("%s on %s %s: got %s by %q, want %s by %q", tt.src, tt.path, tt.object, got, where, tt.want, tt.where)
		}
	}
}

func TestAbout(t *testing.T) {
	for _, tt := range []struct {
		f    lint.Finding
		want []string
	}{
		{lint.Finding{}, nil},
		{lint.Finding{Object: "public.orders.total"}, []string{"public.orders.total", "public.orders"}},
		{
			lint.Finding{Object: "public.orders_ref", Evidence: []lint.Evidence{{Kind: "lock", Object: "public.orders"}, {Kind: "lock", Object: "public.items"}}},
			[]string{"public.orders_ref", "public.orders"},
		},
		{lint.Finding{Object: "public.orders", Evidence: []lint.Evidence{{Kind: "dropped", Object: "public.v"}}}, []string{"public.orders"}},
	} {
		if diff := cmp.Diff(tt.want, About(&tt.f)); diff != "" {
			t.Errorf("%+v: -want +got\n%s", tt.f, diff)
		}
	}
	c := parse(t, "checks: {LK101: {exclude-objects: [orders]}}")
	if got, _ := c.Severity(testRules[0], "a.sql", "public.orders_ref", "public.orders"); got != lint.Off {
		t.Errorf("got %s for an index on an excluded table, want off", got)
	}
}

func TestParams(t *testing.T) {
	c := parse(t, "checks: {LK: {params: {a: one, b: one}}, LK101: {params: {b: two}}}")
	if diff := cmp.Diff(map[string]any{"a": "one", "b": "two"}, c.Params(testRules[0])); diff != "" {
		t.Error(diff)
	}
	if p := c.Params(testRules[3]); p != nil {
		t.Errorf("got %v, want none", p)
	}
}

func TestIgnored(t *testing.T) {
	c := parse(t, `ignore:
  - {check: LK101, path: db/, object: orders, reason: a}
  - {check: LK101, reason: b, expires: 2026-01-31}
  - {check: E1, reason: c}
`)
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tt := range []struct {
		rule  int
		f     lint.Finding
		today string
		want  int
	}{
		{0, lint.Finding{Path: "db/a.sql", Object: "public.orders"}, "2026-01-31", 0},
		{0, lint.Finding{Path: "db/a.sql", Object: "public.items"}, "2026-01-31", 1},
		{0, lint.Finding{Path: "db/a.sql", Object: "public.items"}, "2026-02-01", -1},
		{1, lint.Finding{Path: "db/a.sql"}, "2026-01-31", 2},
		{2, lint.Finding{Path: "x.sql"}, "2026-01-31", 2},
		{3, lint.Finding{Path: "x.sql"}, "2026-01-31", -1},
	} {
		if got := c.Ignored(testRules[tt.rule], &tt.f, day(tt.today)); got != tt.want {
			t.Errorf("%s %+v on %s: got %d, want %d", testRules[tt.rule].ID, tt.f, tt.today, got, tt.want)
		}
	}
}

func TestBaseline(t *testing.T) {
	findings := []*lint.Finding{
		{ID: "LK101", Path: "b.sql", Message: "x <y>", Fingerprint: "2"},
		{ID: "DS101", Path: "a.sql", Message: "y", Object: "public.t", Fingerprint: "1"},
		{ID: "DS101", Path: "a.sql", Message: "y", Object: "public.t", Fingerprint: "1"},
	}
	var out strings.Builder
	if err := NewBaseline(findings).Write(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "x <y>") || strings.Index(out.String(), "a.sql") > strings.Index(out.String(), "b.sql") {
		t.Errorf("not sorted or not readable:\n%s", out.String())
	}
	b, err := ReadBaseline(fstest.MapFS{"f.json": {Data: []byte(out.String())}}, "f.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Findings) != 2 || !b.Has(findings[0]) || b.Has(&lint.Finding{Fingerprint: "3"}) || b.Has(&lint.Finding{}) {
		t.Errorf("got %+v", b)
	}
	if diff := cmp.Diff([]Accepted{{"DS101", "a.sql", "public.t", "y", "1"}}, b.Unused([]string{"a.sql", "b.sql"})); diff != "" {
		t.Error(diff)
	}
	if u := b.Unused([]string{"b.sql"}); u != nil {
		t.Errorf("a file that was not linted counts as unused: %v", u)
	}
	if (*Baseline)(nil).Has(findings[0]) {
		t.Error("a nil baseline accepts something")
	}
	for src, want := range map[string]string{
		`{"version":"2"}`:                          `format version "2"`,
		`{"version":"1","findings":[{}]}`:          "has no fingerprint",
		`{"version":"1","finding":[]}`:             "is not a baseline",
		`{"version":"1","findings":[]} {"a": "b"}`: "something follows",
		`nothing`: "is not a baseline",
	} {
		if _, err := ReadBaseline(fstest.MapFS{"f.json": {Data: []byte(src)}}, "f.json"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", src, err, want)
		}
	}
	if _, err := ReadBaseline(fstest.MapFS{}, "f.json"); err == nil || !strings.Contains(err.Error(), fs.ErrNotExist.Error()) {
		t.Errorf("a missing file: got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(everything)
	f.Add("checks: &a {LK: off}\noverrides: [{paths: [x], checks: *a}]")
	f.Add("a: &a [*a]")
	f.Add("? [a]\n: b\n<<: *x")
	f.Fuzz(func(t *testing.T, src string) {
		c, err := Parse("assay.yaml", []byte(src))
		if err == nil {
			_ = c.Validate(Known{Checks: testRules})
			c.Severity(testRules[0], "a/b.sql", "public.t")
		}
	})
}
