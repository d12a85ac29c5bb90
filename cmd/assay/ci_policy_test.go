package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/hosttest"
)

// A rule that tells what it is told of the pull request, and one that a team's
// approval satisfies.
const contextRule = `# METADATA
# title: what is known of the pull request
# custom:
#   id: CTX
package told

warn contains {"message": message} if {
	c := input.context
	message := sprintf("%s %s %s %d %q %s→%s labels %v reviewers %v approvals %v environment %s draft %v body %s teams %v",
		[c.host, c.repository, c.author, c.number, c.title, c.branch, c.target, c.labels, c.reviewers,
		[sprintf("%s %s %v %v %v", [a.user, a.type, a.writes, a.teams, a.current]) | some a in c.approvals], c.environment, c.draft, c.body, c.author_teams])
}
`

const approvedRule = `# METADATA
# title: the database team has approved
# custom:
#   id: DBA
package approved

import data.assay

deny contains {"message": "team dba has not approved"} if not assay.approved_by("dba")
`

// seesTeams gives the job's token the right to read teams.
func (b *ciBench) seesTeams() {
	a := b.Accounts[hosttest.Token]
	a.Teams = true
	b.Accounts[hosttest.Token] = a
}

// lint reviews a project with policies for the pull request.
func (b *ciBench) lint(args ...string) (string, int) {
	b.t.Helper()
	for name, text := range map[string]string{
		"assay.yaml": "policies: [policies]\nowners: owners\n", "owners": "* payments\n",
		"policies/told.rego": contextRule, "policies/approved.rego": approvedRule, "db/1.sql": "CREATE TABLE t (id bigint PRIMARY KEY);\n",
	} {
		full := filepath.Join(b.dir, "app", name)
		if _, err := os.Stat(full); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
	getenv := func(key string) string {
		if v, ok := b.env[key]; ok || strings.HasPrefix(key, "GITHUB") || strings.HasPrefix(key, "CI") || strings.HasPrefix(key, "GITLAB") {
			return v
		}
		return os.Getenv(key)
	}
	var out bytes.Buffer
	code := run(b.t.Context(), append([]string{"ci", "-C", filepath.Join(b.dir, "app"), "--dir", "db", "--latest", "1", "--comment", "never", "--inline=false"}, args...), getenv, strings.NewReader(""), &out, &out)
	for _, w := range b.Wrong {
		b.t.Errorf("a request is not as the host describes it: %s", w)
	}
	return out.String(), code
}

// TestCIContext: policies are told what the pull request is now, by both hosts.
func TestCIContext(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*ciBench{"github o/r": newCIBench(t, "pull_request", pullEvent("o/r")), "gitlab 42": onGitLab(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.t = t
			b.seesTeams()
			alice, bob := hosttest.Account{ID: 51, Login: "alice"}, hosttest.Account{ID: 52, Login: "bob"}
			b.Accounts["alice"], b.Accounts["bob"], b.Accounts["author"] = alice, bob, hosttest.Account{ID: 90, Login: "author"}
			b.Labels, b.Asked = []string{"urgent", "db"}, []string{"carol"}
			b.env["ASSAY_ENVIRONMENT"] = "production"
			b.Teams["o/dba"], b.Teams["dba"] = []string{"alice"}, []string{"alice"}
			b.Teams["o/payments"], b.Teams["payments"] = []string{"bob", "author"}, []string{"bob", "author"}
			old := strings.Repeat("d", 40)
			for _, c := range []struct {
				reviews []hosttest.Review
				told    string
				code    int
			}{
				{nil, `author 7 "the title" feature→main labels ["db", "urgent"] reviewers ["carol"] approvals [] environment production draft true body why teams ["payments"]`, exitFindings},
				{[]hosttest.Review{{Author: bob, State: "APPROVED", Commit: b.Head}}, `reviewers ["bob", "carol"] approvals ["bob person true [\"payments\"] true"]`, exitFindings},
				{[]hosttest.Review{{Author: alice, State: "APPROVED", Commit: old}}, `approvals ["alice person true [\"dba\"] false"]`, exitFindings},
				{[]hosttest.Review{{Author: alice, State: "APPROVED", Commit: b.Head}, {Author: bob, State: "APPROVED", Commit: b.Head}}, `approvals ["alice person true [\"dba\"] true", "bob person true [\"payments\"] true"]`, exitClean},
			} {
				b.Reviews = c.reviews
				out, code := b.lint()
				if code != c.code || !strings.Contains(out, name) || !strings.Contains(flat(out), c.told) {
					t.Errorf("exit %d, want %d and %s\n%s", code, c.code, c.told, out)
				}
				if got := strings.Contains(out, "team dba has not approved"); got != (c.code != exitClean) {
					t.Errorf("the rule over approvals said it: %v\n%s", got, out)
				}
			}
			// A host that does not tell leaves what the job's environment says, and says so.
			b.Faults = []*hosttest.Fault{{Method: "GET", Times: -1, Code: 403, Message: "not for you"}}
			out, code := b.lint()
			if code != exitFindings || !strings.Contains(flat(out), `approvals [] environment`) || !strings.Contains(flat(out), "reading the pull request's labels, reviewers and approvals for the policies was left out: not for you (403); it needs") {
				t.Errorf("exit %d\n%s", code, out)
			}
		})
	}
}

// flat is the text as if it had been written on one line.
func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// TestCIRequireApproval: a policy's demand waits, turns green by the team's
// approval of that very set of findings, and asks again for another finding.
func TestCIRequireApproval(t *testing.T) {
	t.Parallel()
	const rule = `# METADATA
# title: changes of a team's tables are approved by it
# custom:
#   id: OWN
package own

import data.assay

require_approval contains {"team": team, "reason": change.text, "object": change.object} if {
	some change in input.changes
	change.type == "add_table"
	team := assay.owner(change.object)
}
`
	for name, b := range map[string]*ciBench{"github": newCIBench(t, "pull_request", pullEvent("o/r")), "gitlab": onGitLab(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.t = t
			b.seesTeams()
			bob := hosttest.Account{ID: 52, Login: "bob"}
			b.Accounts["bob"] = bob
			b.Teams["o/payments"], b.Teams["payments"] = []string{"bob"}, []string{"bob"}
			write := func(name, text string) {
				if err := os.MkdirAll(filepath.Join(b.dir, "app", filepath.Dir(name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(b.dir, "app", name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("own/own.rego", rule)
			write("own.yaml", "policies: [own]\nowners: owners\n")
			want := func(code int, state integrations.State, description string) {
				t.Helper()
				out, got := b.lint("--config", "own.yaml")
				s := b.Statuses[len(b.Statuses)-1]
				if got != code || s.State != state || !strings.Contains(s.Description, description) {
					t.Fatalf("exit %d, status %+v; want %d, %s, %q\n%s", got, s, code, state, description, out)
				}
			}
			want(exitWaiting, integrations.Pending, "by payments")
			set := b.Statuses[0].Description
			b.Reviews = []hosttest.Review{{Author: bob, State: "APPROVED", Commit: b.Head}}
			want(exitClean, integrations.Success, "approved by bob")
			// One more finding after a push: the approval was of another set.
			b.Reviews[0].Commit = strings.Repeat("d", 40)
			write("db/1.sql", "CREATE TABLE t (id bigint PRIMARY KEY);\nCREATE TABLE u (id bigint PRIMARY KEY);\n")
			want(exitWaiting, integrations.Pending, "by payments")
			if b.Statuses[len(b.Statuses)-1].Description == set {
				t.Errorf("another set of findings has the same name: %s", set)
			}
		})
	}
}
