package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/hosttest"
)

// The project that the evasions are tried on: what its target branch enforces.
var enforced = map[string]string{
	"assay.yaml": `dir: db
policies: [policies]
policy-packs: [keys]
owners: owners
enforce:
  OWN: mandatory
  keys: mandatory
  LK101: mandatory
  NOTE: {level: overridable, team: dba}
  HINT: advisory
`,
	"owners": "* platform\npublic.pay* payments\n",
	"policies/own.rego": `# METADATA
# title: the owner approves what is dropped
# custom:
#   id: OWN
package own

import data.assay

require_approval contains {"team": team, "reason": change.text, "object": change.object, "location": change.location} if {
	some change in input.changes
	change.type in {"drop_table", "drop_column"}
	team := assay.owner(change.table)
}
`,
	"policies/note.rego": `# METADATA
# title: tables have a comment
# custom:
#   id: NOTE
package note

deny contains {"message": "no comment", "object": t.object} if {
	some t in input.after.tables
	t.comment == ""
}
`,
	"policies/hint.rego": `# METADATA
# title: tables are small
# custom:
#   id: HINT
package hint

deny contains {"message": "many columns", "object": t.object} if {
	some t in input.after.tables
	count(t.columns) > 2
}
`,
	"db/1.sql": "CREATE TABLE payments (id bigint PRIMARY KEY, old text);\nCOMMENT ON TABLE payments IS 'money';\n",
}

// evasion is a change that tries to get past what is enforced.
type evasion struct {
	name  string
	files map[string]string // of the change, beside those of the target branch; "" deletes
	sql   string            // of the new migration
	args  []string
	code  int
	says  []string // in the log
}

const dropOld = "SET lock_timeout = '2s';\nALTER TABLE payments DROP COLUMN old;\n"

func configWith(lines string) map[string]string {
	return map[string]string{"assay.yaml": enforced["assay.yaml"] + lines}
}

var evasions = []evasion{
	{name: "nothing is tried", sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "a comment ignores the rule", sql: dropOld[:len(dropOld)-1] + " -- assay:ignore OWN I am in a hurry\n", code: exitFindings, says: []string{"SQ908", "ignores OWN, which is mandatory: the ignore does not count"}},
	{name: "a comment ignores it for the file", sql: "-- assay:ignore-file OWN all is well\n" + dropOld, code: exitFindings, says: []string{"SQ908"}},
	{name: "another tool's comment", sql: "-- atlas:nolint\n" + dropOld, code: exitFindings},
	{name: "the rule is off", files: configWith("rules: {OWN: off}\n"), sql: dropOld, code: exitFindings, says: []string{"sets OWN to off"}},
	{name: "the rule is off by its check", files: configWith("checks: {LK101: off}\n"), sql: "CREATE INDEX i ON payments (old);\n", code: exitFindings, says: []string{"LK101", "sets LK101 to off"}},
	{name: "the rule is info", files: configWith("rules: {KY101: info}\n"), sql: "CREATE TABLE t (a integer);\nCOMMENT ON TABLE t IS 'x';\n", code: exitFindings, says: []string{"sets KY101 to info"}},
	{name: "an override for the path", files: configWith("overrides: [{paths: ['db/*'], checks: {OWN: off}}]\n"), sql: dropOld, code: exitFindings, says: []string{"sets OWN to off"}},
	{name: "an ignore entry", files: configWith("ignore: [{check: OWN, reason: soon}]\n"), sql: dropOld, code: exitFindings, says: []string{"ignores OWN"}},
	{name: "the objects are left out", files: configWith("rules: {OWN: {exclude-objects: ['public.*']}}\n"), sql: dropOld, code: exitFindings},
	{name: "the files are left out", files: configWith("rules: {OWN: {exclude: ['db/**']}}\n"), sql: dropOld, code: exitFindings},
	{name: "nothing is enforced any more", files: map[string]string{"assay.yaml": "dir: db\n"}, sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "the configuration is deleted", files: map[string]string{"assay.yaml": ""}, sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "the configuration is broken", files: map[string]string{"assay.yaml": "dir: [\n"}, sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "the run never fails", files: configWith("fail-on: off\n"), sql: "CREATE TABLE t (a integer);\nCOMMENT ON TABLE t IS 'x';\n", code: exitFindings, says: []string{"KY101"}},
	{name: "the job never fails", args: []string{"--fail-on", "off"}, sql: "CREATE TABLE t (a integer);\nCOMMENT ON TABLE t IS 'x';\n", code: exitFindings, says: []string{"KY101"}},
	{name: "another directory", files: map[string]string{"assay.yaml": strings.Replace(enforced["assay.yaml"], "dir: db", "dir: empty", 1), "empty/1.sql": "SELECT 1;\n"}, sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "measured from the head", files: configWith("git-base: HEAD\n"), sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "no time for policies", files: configWith("policy-timeout: 1ms\n"), sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "the rule is emptied", files: map[string]string{"policies/own.rego": strings.Replace(enforced["policies/own.rego"], "some change in", "false\n\tsome change in", 1)}, sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "the rule is deleted", files: map[string]string{"policies/own.rego": "", "assay.yaml": strings.Replace(enforced["assay.yaml"], "  OWN: mandatory\n", "", 1)}, sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "the helpers are replaced", files: map[string]string{"policies/assay/assay.rego": "package assay\n\nowner(_) := \"eves\"\n"}, sql: dropOld, code: exitFindings, says: []string{"team payments"}},
	{name: "the pack is dropped", files: map[string]string{"assay.yaml": strings.Replace(enforced["assay.yaml"], "policy-packs: [keys]\n", "", 1)}, sql: "CREATE TABLE t (a integer);\nCOMMENT ON TABLE t IS 'x';\n", code: exitFindings, says: []string{"KY101"}},
	{name: "the owners are one's own", files: map[string]string{"owners": "* eves\n"}, sql: dropOld, code: exitFindings, says: []string{"team payments"}},
	{name: "the owners are deleted", files: map[string]string{"owners": ""}, sql: dropOld, code: exitFindings, says: []string{"team payments"}},
	{name: "SQL in the place of the migration", files: configWith("steps: {db/2.sql: 'SELECT 1'}\n"), sql: dropOld, code: exitFindings, says: []string{"OWN"}},
	{name: "an overridable rule without a reason", sql: "CREATE TABLE t (a bigint PRIMARY KEY); -- assay:ignore NOTE\n", code: exitFindings, says: []string{"NOTE"}},
	{name: "an overridable rule with a reason waits", sql: "CREATE TABLE t (a bigint PRIMARY KEY); -- assay:ignore NOTE it is gone tomorrow\n", code: exitWaiting, says: []string{"overrides NOTE: it is gone tomorrow", "waits for the approval of team dba"}},
	{name: "advice fails nothing", sql: "CREATE TABLE t (a bigint PRIMARY KEY, b text, c text);\nCOMMENT ON TABLE t IS 'x';\n", code: exitClean, says: []string{"HINT"}},
	{name: "a change that keeps to the rules", sql: "CREATE TABLE t (a bigint PRIMARY KEY);\nCOMMENT ON TABLE t IS 'x';\n", code: exitClean},
}

// TestEvasions: nothing that a pull request of the same repository brings
// along gets it past what the target branch enforces.
func TestEvasions(t *testing.T) {
	t.Parallel()
	for _, e := range evasions {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			b := newCIBench(t, "pull_request", pullEvent("o/r"))
			b.project(enforced)
			b.git("checkout", "-q", "-b", "feature")
			files := map[string]string{"db/2.sql": e.sql}
			for name, text := range e.files {
				files[name] = text
			}
			b.commit("evade", files)
			out, code := b.ci(e.args...)
			want := e.code
			if strings.Contains(e.sql, "DROP COLUMN") && want == exitFindings && !strings.Contains(out, " LK") && code == exitWaiting {
				want = exitWaiting // nothing but the approval is missing
			}
			if code != want {
				t.Errorf("exit %d, want %d\n%s", code, want, out)
			}
			for _, text := range e.says {
				if !strings.Contains(flat(out), text) {
					t.Errorf("no word of %q\n%s", text, out)
				}
			}
			if s := b.Statuses[len(b.Statuses)-1]; (s.State == integrations.Success) != (e.code == exitClean) {
				t.Errorf("the status is %+v", s)
			}
		})
	}
}

// project makes the checkout a repository with the files on its main branch.
func (b *ciBench) project(files map[string]string) {
	b.t.Helper()
	if err := os.RemoveAll(filepath.Join(b.dir, ".git")); err != nil {
		b.t.Fatal(err)
	}
	b.git("init", "-q", "-b", "main")
	b.commit("begin", files)
}

func (b *ciBench) git(args ...string) {
	b.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Dir = filepath.Join(b.dir, "app")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (b *ciBench) commit(subject string, files map[string]string) {
	b.t.Helper()
	for name, text := range files {
		full := filepath.Join(b.dir, "app", name)
		if text == "" {
			if err := os.Remove(full); err != nil {
				b.t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	b.git("add", "-A")
	b.git("commit", "-q", "-m", subject)
}

// ci reviews the pull request.
func (b *ciBench) ci(args ...string) (string, int) {
	b.t.Helper()
	getenv := func(key string) string {
		if v, ok := b.env[key]; ok || slices.ContainsFunc([]string{"GITHUB", "CI", "GITLAB"}, func(p string) bool { return strings.HasPrefix(key, p) }) {
			return v
		}
		return os.Getenv(key)
	}
	var out bytes.Buffer
	code := run(b.t.Context(), append([]string{"ci", "-C", filepath.Join(b.dir, "app"), "--comment", "never", "--inline=false", "--no-proofs"}, args...), getenv, strings.NewReader(""), &out, &out)
	for _, w := range b.Wrong {
		b.t.Errorf("a request is not as the host describes it: %s", w)
	}
	return out.String(), code
}

var _ = hosttest.Token
