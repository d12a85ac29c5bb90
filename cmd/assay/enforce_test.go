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
	"github.com/assaydb/assay/internal/devdb/postgres/pgtest"
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
	"owners": "* platform\npublic.pay* payments\npay.* payments\n",
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
	"db/1.sql": `CREATE TABLE payments (id bigint PRIMARY KEY, old text);
COMMENT ON TABLE payments IS 'money';
CREATE SCHEMA pay;
CREATE TYPE pay.state AS ENUM ('new');
CREATE TABLE pay.cards (id bigint PRIMARY KEY, s pay.state);
COMMENT ON TABLE pay.cards IS 'cards';
CREATE TABLE payments_log (at date PRIMARY KEY) PARTITION BY RANGE (at);
COMMENT ON TABLE payments_log IS 'what happened';
CREATE TABLE payments_log_1 PARTITION OF payments_log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
COMMENT ON TABLE payments_log_1 IS 'what happened in 2026';
`,
}

// evasion is a change that tries to get past what is enforced.
type evasion struct {
	name  string
	files map[string]string // of the change, beside those of the target branch; "" deletes
	sql   string            // of the new migration
	args  []string
	code  int
	says  []string // in the log

	reviews  []hosttest.Review
	baseline bool // the change writes a baseline of its own findings
}

// unclean is any code of a change that may not be merged: it fails, or waits.
const unclean = -1

// neverFails leaves nothing but what is enforced: an approval that counts turns
// the result green.
var neverFails = []string{"--fail-on", "off"}

// The people who review: only paula is of team payments and may approve.
var (
	paula  = hosttest.Account{ID: 61, Login: "paula", Association: "MEMBER"}
	eve    = hosttest.Account{ID: 62, Login: "eve", Association: "MEMBER"}
	reader = hosttest.Account{ID: 63, Login: "reader", Reader: true}
	robot  = hosttest.Account{ID: 64, Login: "helper[bot]", Bot: true}
)

// approve are reviews of the head, or of an earlier commit.
func approve(who hosttest.Account, stale bool) []hosttest.Review {
	commit := ""
	if stale {
		commit = strings.Repeat("d", 40)
	}
	return []hosttest.Review{{Author: who, State: "APPROVED", Commit: commit}}
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
	{name: "renamed first", sql: "ALTER TABLE payments RENAME TO scratch;\nDROP TABLE scratch;\n", code: unclean, says: []string{"OWN", "team payments"}},
	{name: "renamed twice", sql: "ALTER TABLE payments RENAME TO a;\nALTER TABLE a RENAME TO b;\nALTER TABLE b DROP COLUMN old;\n", code: unclean, says: []string{"OWN", "team payments"}},
	{name: "the column renamed first", sql: "ALTER TABLE payments RENAME COLUMN old TO tmp;\nALTER TABLE payments DROP COLUMN tmp;\n", code: unclean, says: []string{"team payments"}},
	{name: "moved to another schema", sql: "CREATE SCHEMA trash;\nALTER TABLE payments SET SCHEMA trash;\nDROP TABLE trash.payments;\n", code: unclean, says: []string{"team payments"}},
	{name: "the schema renamed first", sql: "ALTER SCHEMA pay RENAME TO trash;\nDROP TABLE trash.cards;\n", code: unclean, says: []string{"team payments"}},
	{name: "the schema dropped", sql: "DROP SCHEMA pay CASCADE;\n", code: unclean, says: []string{"team payments"}},
	{name: "the type dropped", sql: "DROP TYPE pay.state CASCADE;\n", code: unclean, says: []string{"team payments"}},
	{name: "a partition detached and dropped", sql: "ALTER TABLE payments_log DETACH PARTITION payments_log_1;\nDROP TABLE payments_log_1;\n", code: unclean, says: []string{"team payments"}},
	{name: "a partition detached, renamed and dropped", sql: "ALTER TABLE payments_log DETACH PARTITION payments_log_1;\nALTER TABLE payments_log_1 RENAME TO scratch;\nDROP TABLE scratch;\n", code: unclean, says: []string{"team payments"}},
	{name: "in a DO block", sql: "DO $$ BEGIN EXECUTE 'ALTER TABLE pay' || 'ments DROP COLUMN old'; END $$;\n", code: unclean, says: []string{"team payments"}},
	{name: "in a function", sql: "CREATE FUNCTION wipe() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ALTER TABLE payments DROP COLUMN old; END $$;\nSELECT wipe();\n", code: unclean, says: []string{"team payments"}},
	{name: "in quotes", sql: "ALTER TABLE \"public\".\"payments\" DROP COLUMN \"old\";\n", code: unclean, says: []string{"team payments"}},
	{name: "in Unicode escapes", sql: "ALTER TABLE U&\"p\\0061yments\" DROP COLUMN U&\"\\006fld\";\n", code: unclean, says: []string{"team payments"}},
	{name: "by another search path", sql: "SET search_path = pay;\nDROP TABLE cards;\n", code: unclean, says: []string{"team payments"}},
	{name: "among comments", sql: "ALTER /* assay:ignore OWN */ TABLE payments -- assay:ignore OWN it is old\n  DROP COLUMN old;\n", code: unclean, says: []string{"team payments"}},
	{name: "as a sensitive statement", sql: "-- assay:sensitive\nALTER TABLE payments DROP COLUMN old;\n", code: unclean, says: []string{"team payments"}},
	{name: "in a transaction of its own", sql: "BEGIN;\nALTER TABLE payments DROP COLUMN old;\nCOMMIT;\n", code: unclean, says: []string{"team payments"}},
	{name: "dropped and created again", sql: "DROP TABLE payments;\nCREATE TABLE payments (id bigint PRIMARY KEY, old text);\nCOMMENT ON TABLE payments IS 'money';\n", code: unclean, says: []string{"team payments"}},
	{name: "an index in a DO block", sql: "DO $$ BEGIN EXECUTE 'CREATE INDEX i ON payments (old)'; END $$;\n", code: exitFindings, says: []string{"LK101"}},
	{name: "a key that is dropped again", sql: "CREATE TABLE t (a integer PRIMARY KEY);\nCOMMENT ON TABLE t IS 'x';\nALTER TABLE t DROP CONSTRAINT t_pkey;\n", code: exitFindings, says: []string{"KY101"}},
	{name: "the key of an old table", sql: "ALTER TABLE payments DROP CONSTRAINT payments_pkey;\n", code: exitFindings, says: []string{"KY101"}},
	{name: "a table from a query", sql: "CREATE TABLE t AS SELECT 1 AS a;\nCOMMENT ON TABLE t IS 'x';\n", code: exitFindings, says: []string{"KY101"}},
	{name: "a comment that is taken away", sql: "COMMENT ON TABLE payments IS NULL;\n", code: exitFindings, says: []string{"NOTE"}},
	{name: "a baseline of the change", sql: dropOld, baseline: true, code: unclean, says: []string{"team payments", "freezes a finding of OWN"}},
	{name: "a stale approval", sql: dropOld, args: neverFails, reviews: approve(paula, true), code: exitWaiting, says: []string{"team payments"}},
	{name: "a bot's approval", sql: dropOld, args: neverFails, reviews: approve(robot, false), code: exitWaiting, says: []string{"team payments"}},
	{name: "a reader's approval", sql: dropOld, args: neverFails, reviews: approve(reader, false), code: exitWaiting, says: []string{"team payments"}},
	{name: "another team's approval", sql: dropOld, args: neverFails, reviews: approve(eve, false), code: exitWaiting, says: []string{"team payments"}},
	{name: "the approval of new owners", files: map[string]string{"owners": "* eves\n"}, sql: dropOld, args: neverFails, reviews: approve(eve, false), code: exitWaiting, says: []string{"team payments"}},
	{name: "an approval that was withdrawn", sql: dropOld, args: neverFails, reviews: append(approve(paula, false), hosttest.Review{Author: paula, State: "CHANGES_REQUESTED"}), code: exitWaiting, says: []string{"team payments"}},
	{name: "an override that another team approves", sql: "CREATE TABLE t (a bigint PRIMARY KEY); -- assay:ignore NOTE it is gone tomorrow\n", reviews: approve(eve, false), code: exitWaiting, says: []string{"team dba"}},
	{name: "the team approves", sql: dropOld, args: neverFails, reviews: approve(paula, false), code: exitClean},
	{name: "a change that keeps to the rules", sql: "CREATE TABLE t (a bigint PRIMARY KEY);\nCOMMENT ON TABLE t IS 'x';\n", code: exitClean},
}

// TestEvasions: nothing that a pull request of the same repository brings
// along gets it past what the target branch enforces.
func TestEvasions(t *testing.T) {
	t.Parallel()
	for i, e := range evasions {
		if !pgtest.InSample(i, 4) {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			b := newCIBench(t, "pull_request", pullEvent("o/r"))
			b.seesTeams()
			b.Teams["o/payments"] = []string{"paula", "reader", "helper[bot]"}
			b.Teams["o/platform"], b.Teams["o/dba"], b.Teams["o/eves"] = nil, nil, []string{"eve"}
			for _, who := range []hosttest.Account{paula, eve, reader, robot} {
				b.Accounts[who.Login] = who
			}
			for _, r := range e.reviews {
				if r.Commit == "" {
					r.Commit = b.Head
				}
				b.Reviews = append(b.Reviews, r)
			}
			b.project(enforced)
			b.git("checkout", "-q", "-b", "feature")
			files := map[string]string{"db/2.sql": e.sql}
			for name, text := range e.files {
				files[name] = text
			}
			b.commit("evade", files)
			if e.baseline {
				if out, code := b.command("lint", "--git-base", "main", "--no-proofs", "--write-baseline"); code != exitClean {
					t.Fatalf("exit %d\n%s", code, out)
				}
				b.git("add", "-A")
				b.git("commit", "-q", "-m", "baseline")
			}
			out, code := b.ci(e.args...)
			want := e.code
			if strings.Contains(e.sql, "DROP COLUMN") && want == exitFindings && !strings.Contains(out, " LK") && code == exitWaiting {
				want = exitWaiting // nothing but the approval is missing
			}
			if code != want && (want != unclean || code != exitFindings && code != exitWaiting) {
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
	out, code := b.command(append([]string{"ci", "--comment", "never", "--inline=false", "--no-proofs"}, args...)...)
	for _, w := range b.Wrong {
		b.t.Errorf("a request is not as the host describes it: %s", w)
	}
	return out, code
}

// command runs a command in the checkout.
func (b *ciBench) command(args ...string) (string, int) {
	b.t.Helper()
	getenv := func(key string) string {
		if v, ok := b.env[key]; ok || slices.ContainsFunc([]string{"GITHUB", "CI", "GITLAB"}, func(p string) bool { return strings.HasPrefix(key, p) }) {
			return v
		}
		return os.Getenv(key)
	}
	var out bytes.Buffer
	code := run(b.t.Context(), append(args, "-C", filepath.Join(b.dir, "app")), getenv, strings.NewReader(""), &out, &out)
	return out.String(), code
}

var _ = hosttest.Token
