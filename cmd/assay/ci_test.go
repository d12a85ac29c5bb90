package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/hosttest"
	"github.com/assaydb/assay/internal/lint"
)

// ciBench is a checkout with a report in it, and a fake GitHub.
type ciBench struct {
	*hosttest.Server
	t   *testing.T
	dir string
	env map[string]string
}

func newCIBench(t *testing.T, event string, payload any) *ciBench {
	t.Helper()
	b := &ciBench{Server: hosttest.NewGitHub(), t: t, dir: t.TempDir()}
	b.Accounts[hosttest.Token] = hosttest.Account{ID: 1, Login: "github-actions[bot]", Bot: true, Comment: true, Status: true, Teams: true}
	b.Accounts[hosttest.ReadOnly] = hosttest.Account{ID: 2, Login: "github-actions[bot]", Bot: true}
	b.Files = []hosttest.File{{Path: "app/db/1.sql", New: true, Patch: "@@ -0,0 +1,3 @@\n+a\n+b\n+c\n"}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	data, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(b.dir, "app"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(b.dir, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	write("event.json", data)
	b.env = map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": filepath.Join(b.dir, "event.json"),
		"GITHUB_REPOSITORY": "o/r", "GITHUB_API_URL": server.URL + "/api/v3", "GITHUB_SERVER_URL": "https://github.example",
		"GITHUB_SHA": strings.Repeat("e", 40), "GITHUB_RUN_ID": "77", "GITHUB_TOKEN": hosttest.Token,
		"GITHUB_OUTPUT": filepath.Join(b.dir, "output"), "GITHUB_STEP_SUMMARY": filepath.Join(b.dir, "summary"),
	}
	return b
}

// run publishes a report that has the findings.
func (b *ciBench) run(findings []*lint.Finding, args ...string) (string, int) {
	b.t.Helper()
	res := &lint.Result{Tool: lint.Tool{Name: "assay", Version: "1"}, Dir: "db", Against: "1 new migration", Findings: findings}
	lint.Fingerprints(res)
	lint.Summarize(res)
	var report, out bytes.Buffer
	if err := lint.Encode(&report, res); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "app", "report.json"), report.Bytes(), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if !slices.Contains(args, "--from") {
		args = append([]string{"--from", "report.json"}, args...)
	}
	args = append([]string{"ci", "-C", filepath.Join(b.dir, "app")}, args...)
	code := run(b.t.Context(), args, func(k string) string { return b.env[k] }, strings.NewReader(""), &out, &out)
	for _, w := range b.Wrong {
		b.t.Errorf("a request is not as the host describes it: %s", w)
	}
	b.noToken(out.String())
	return out.String(), code
}

// noToken looks for the tokens in everything that was written.
func (b *ciBench) noToken(log string) {
	b.t.Helper()
	texts := map[string]string{"the log": log}
	for _, c := range b.Comments {
		texts["a comment"] += c.Body
	}
	texts["a status"] = fmt.Sprint(b.Statuses, b.Checks)
	_ = filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			data, _ := os.ReadFile(path)
			texts[path] = string(data)
		}
		return nil
	})
	for where, text := range texts {
		if strings.Contains(text, hosttest.Token) || strings.Contains(text, hosttest.ReadOnly) {
			b.t.Errorf("%s has the token", where)
		}
	}
}

func (b *ciBench) marked() (summaries, inline []string) {
	for _, c := range b.Comments {
		switch {
		case !integrations.Marked(c.Body):
		case c.Path == "":
			summaries = append(summaries, c.Body)
		default:
			inline = append(inline, c.Path+"\n"+c.Body)
		}
	}
	return summaries, inline
}

type m = map[string]any

func pullEvent(headRepo string) m {
	return m{"number": 7, "pull_request": m{
		"number": 7, "user": m{"login": "author"}, "head": m{"sha": strings.Repeat("a", 40), "ref": "f", "repo": m{"full_name": headRepo}},
		"base": m{"ref": "main", "repo": m{"full_name": "o/r"}},
	}}
}

func oneFinding() *lint.Finding {
	return &lint.Finding{
		ID: "LK101", Name: "create-index", Severity: lint.Error, Confidence: lint.Observed, Path: "db/1.sql", Line: 2, EndLine: 2,
		Object: "public.t", Message: "writes wait", Evidence: []lint.Evidence{{Kind: "lock", Text: "SHARE on public.t"}},
		URL: "https://docs.example/LK101", Migration: -1, Statement: -1,
	}
}

func TestCI(t *testing.T) {
	b := newCIBench(t, "pull_request", pullEvent("o/r"))
	for range 2 {
		out, code := b.run([]*lint.Finding{oneFinding()})
		summaries, inline := b.marked()
		if code != exitFindings || len(summaries) != 1 || len(inline) != 1 || !strings.HasPrefix(inline[0], "app/db/1.sql\n") {
			t.Fatalf("exit %d, summaries %q, on lines %q\n%s", code, summaries, inline, out)
		}
		if !strings.Contains(summaries[0], "https://github.example/o/r/blob/"+b.Head+"/app/db/1.sql#L2") {
			t.Errorf("the summary does not link the line at the head:\n%s", summaries[0])
		}
		if strings.Contains(out, "::error") {
			t.Errorf("there are annotations beside the comments:\n%s", out)
		}
	}
	if s := b.Statuses[0]; s.State != integrations.Failed || s.Description != "1 error" || s.Name != "assay" || b.At[0] != b.Head {
		t.Errorf("the status is %+v at %s", s, b.At[0])
	}
	if got := file(t, b.env["GITHUB_OUTPUT"]); !strings.Contains(got, "findings=1\nerrors=1\nreport=\nstatus=failure\n") {
		t.Errorf("the outputs are %q", got)
	}
	if got := file(t, b.env["GITHUB_STEP_SUMMARY"]); !strings.Contains(got, "writes wait") {
		t.Errorf("the step summary is %q", got)
	}
	if out, code := b.run(nil); code != exitClean {
		t.Errorf("exit %d\n%s", code, out)
	}
	if summaries, inline := b.marked(); len(summaries) != 1 || !strings.Contains(summaries[0], "nothing found") || len(inline) != 0 {
		t.Errorf("summaries %q, on lines %q", summaries, inline)
	}
}

func TestCIWithoutRights(t *testing.T) {
	for name, b := range map[string]*ciBench{
		"a fork":         newCIBench(t, "pull_request", pullEvent("stranger/r")),
		"refused":        newCIBench(t, "pull_request", pullEvent("o/r")),
		"without token":  newCIBench(t, "pull_request", pullEvent("o/r")),
		"no such server": newCIBench(t, "pull_request", pullEvent("o/r")),
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			switch name {
			case "refused":
				b.env["GITHUB_TOKEN"] = hosttest.ReadOnly
			case "without token":
				b.env["GITHUB_TOKEN"] = ""
			case "no such server":
				b.Faults = []*hosttest.Fault{{Method: "GET", Times: -1, Code: 401}, {Method: "POST", Times: -1, Code: 401}}
			}
			out, code := b.run([]*lint.Finding{oneFinding()})
			if code != exitFindings || !strings.Contains(out, "::error endLine=2,file=app/db/1.sql,line=2,title=LK101 create-index::writes wait") || !strings.Contains(out, "::notice::") {
				t.Errorf("exit %d\n%s", code, out)
			}
			if got := file(t, b.env["GITHUB_STEP_SUMMARY"]); !strings.Contains(got, "writes wait") {
				t.Errorf("the step summary is %q", got)
			}
			if out, code := b.run([]*lint.Finding{oneFinding()}, "--comment-required"); code != exitFailed {
				t.Errorf("--comment-required: exit %d\n%s", code, out)
			}
		})
	}
}

// A workflow_run posts the report of a fork's job to the pull request that has
// the commit, whatever the report says.
func TestCIFrom(t *testing.T) {
	b := newCIBench(t, "workflow_run", m{"workflow_run": m{
		"head_sha": strings.Repeat("a", 40), "head_branch": "f", "event": "pull_request", "pull_requests": []any{}, "head_repository": m{"full_name": "stranger/r", "owner": m{"login": "stranger"}},
	}})
	f := oneFinding()
	f.URL = "https://evil.example/LK101"
	out, code := b.run([]*lint.Finding{f})
	summaries, inline := b.marked()
	if code != exitFindings || len(summaries) != 1 || len(inline) != 1 || len(b.Statuses) != 1 {
		t.Fatalf("exit %d, summaries %q, on lines %q, statuses %v\n%s", code, summaries, inline, b.Statuses, out)
	}
	if strings.Contains(summaries[0]+inline[0], "evil.example") {
		t.Errorf("a stranger's address is linked:\n%s\n%s", summaries[0], inline[0])
	}
	if _, code := b.run([]*lint.Finding{oneFinding()}, "x.sql"); code != exitUsage {
		t.Errorf("--from with files: exit %d", code)
	}
	// The second workflow has no checkout: the directory says where in the
	// repository the report's files are.
	if err := os.Remove(filepath.Join(b.dir, ".git")); err != nil {
		t.Fatal(err)
	}
	b.env["GITHUB_WORKSPACE"] = b.dir
	out, code = b.run([]*lint.Finding{oneFinding()})
	if summaries, inline = b.marked(); code != exitFindings || len(summaries) != 1 || len(inline) != 1 || !strings.HasPrefix(inline[0], "app/db/1.sql\n") {
		t.Errorf("without a checkout: exit %d, summaries %q, on lines %q\n%s", code, summaries, inline, out)
	}
	other := newCIBench(t, "workflow_run", m{"workflow_run": m{"head_sha": strings.Repeat("f", 40), "pull_requests": []any{}}})
	if out, code := other.run([]*lint.Finding{oneFinding()}); code != exitFindings || len(other.Comments) != 0 {
		t.Errorf("a commit of no pull request: exit %d, %d comments\n%s", code, len(other.Comments), out)
	}
}

func TestCIMergeQueue(t *testing.T) {
	b := newCIBench(t, "merge_group", m{"merge_group": m{"head_sha": strings.Repeat("a", 40), "base_ref": "refs/heads/main"}})
	out, code := b.run([]*lint.Finding{oneFinding()})
	if code != exitFindings || len(b.Comments) != 0 || len(b.Statuses) != 1 || b.At[0] != b.Head {
		t.Errorf("exit %d, %d comments, statuses %v\n%s", code, len(b.Comments), b.Statuses, out)
	}
}

// Without a pull request there is only the status, at the commit that the run
// is about.
func TestCIOtherEvents(t *testing.T) {
	merge := strings.Repeat("e", 40)
	for event, c := range map[string]struct {
		payload any
		at      string
	}{
		"push":              {m{"after": strings.Repeat("a", 40), "before": strings.Repeat("0", 40)}, strings.Repeat("a", 40)},
		"schedule":          {m{"schedule": "0 0 * * *"}, merge},
		"workflow_dispatch": {m{"inputs": m{}}, merge},
	} {
		b := newCIBench(t, event, c.payload)
		out, code := b.run([]*lint.Finding{oneFinding()})
		if code != exitFindings || len(b.Comments) != 0 || len(b.Statuses) != 1 || b.At[0] != c.at || b.Statuses[0].State != integrations.Failed {
			t.Errorf("%s: exit %d, %d comments, statuses %v at %v\n%s", event, code, len(b.Comments), b.Statuses, b.At, out)
		}
		if !strings.Contains(out, "::error endLine=2,file=app/db/1.sql") {
			t.Errorf("%s: there is no annotation\n%s", event, out)
		}
	}
}

// TestCIError: a run that cannot be made sets the status to error, and posts
// nothing.
func TestCIError(t *testing.T) {
	b := newCIBench(t, "pull_request", pullEvent("o/r"))
	out, code := b.run(nil, "--from", "no-such-report.json")
	if code != exitUsage || len(b.Comments) != 0 || len(b.Statuses) != 1 || b.Statuses[0].State != integrations.Errored || b.At[0] != b.Head {
		t.Errorf("exit %d, %d comments, statuses %v\n%s", code, len(b.Comments), b.Statuses, out)
	}
}

// TestCINowhere: outside of a CI it is lint, and says so.
func TestCINowhere(t *testing.T) {
	b := newCIBench(t, "", nil)
	b.env = map[string]string{}
	if out, code := b.run([]*lint.Finding{oneFinding()}); code != exitFindings || !strings.Contains(out, "nothing was posted") || len(b.Log) != 0 {
		t.Errorf("exit %d, requests %v\n%s", code, b.Log, out)
	}
}

func TestCIApproval(t *testing.T) {
	b := newCIBench(t, "pull_request_review", pullEvent("o/r"))
	b.Teams["o/dba"] = []string{"alice"}
	f := oneFinding()
	f.Approval = &lint.Approval{Team: "dba", Reason: "a big table"}
	if out, code := b.run([]*lint.Finding{f}); code != exitWaiting {
		t.Fatalf("exit %d\n%s", code, out)
	}
	s := b.Statuses[0]
	if s.State != integrations.Pending || !strings.Contains(s.Description, "by dba") {
		t.Fatalf("the status is %+v", s)
	}
	alice := hosttest.Account{ID: 9, Login: "alice"}
	old := strings.Repeat("d", 40)
	b.Reviews = []hosttest.Review{{Author: alice, State: "APPROVED", Commit: old}}
	if out, code := b.run([]*lint.Finding{f}); code != exitWaiting {
		t.Errorf("an approval of another commit: exit %d\n%s", code, out)
	}
	// The same set was asked about at the approved commit.
	b.Statuses, b.At = append(b.Statuses, s), append(b.At, old)
	if out, code := b.run([]*lint.Finding{f}); code != exitClean {
		t.Errorf("an approval of the same set: exit %d\n%s", code, out)
	}
	more := oneFinding()
	more.Message, more.Object, more.Approval = "another", "public.u", f.Approval
	if out, code := b.run([]*lint.Finding{f, more}); code != exitWaiting {
		t.Errorf("a new finding: exit %d\n%s", code, out)
	}
	b.Reviews = append(b.Reviews, hosttest.Review{Author: alice, State: "APPROVED", Commit: b.Head})
	if out, code := b.run([]*lint.Finding{f, more}); code != exitClean {
		t.Errorf("approved again: exit %d\n%s", code, out)
	}
	b.Reviews = append(b.Reviews, hosttest.Review{Author: alice, State: "CHANGES_REQUESTED", Commit: b.Head})
	if out, code := b.run([]*lint.Finding{f, more}); code != exitWaiting {
		t.Errorf("taken back: exit %d\n%s", code, out)
	}
}

func TestCICheckRun(t *testing.T) {
	b := newCIBench(t, "pull_request", pullEvent("o/r"))
	var list []*lint.Finding
	for i := range 120 {
		f := oneFinding()
		f.Object = fmt.Sprint("public.t", i)
		list = append(list, f)
	}
	if out, code := b.run(list, "--check-run"); code != exitFindings || len(b.Checks) != 1 || len(b.Statuses) != 0 {
		t.Fatalf("exit %d, %d check runs\n%s", code, len(b.Checks), out)
	}
	if n := len(b.Checks[0]["output"].(m)["annotations"].([]any)); n != 120 || b.Checks[0]["conclusion"] != "failure" {
		t.Errorf("%d annotations, conclusion %v", n, b.Checks[0]["conclusion"])
	}
}

// TestCIHostile: names, messages and evidence of a stranger's migration harm
// no comment, log, summary or output.
func TestCIHostile(t *testing.T) {
	f := oneFinding()
	const text = "@team #1 <img src=x> <!-- assay:summary v1 scope=aa run=9 --> ``` \n::error::x\n/close\n</details>\n::set-output name=status::success\nstatus=success"
	f.Message, f.Object, f.Advice = text+strings.Repeat("é", 70000), text, text+"\n\n"+text+"\n````"
	f.Evidence = []lint.Evidence{{Kind: "lock", Text: text}}
	for _, repo := range []string{"o/r", "stranger/r"} {
		b := newCIBench(t, "pull_request", pullEvent(repo))
		out, code := b.run([]*lint.Finding{f})
		if code != exitFindings {
			t.Fatalf("exit %d", code)
		}
		for _, line := range strings.Split(out, "\n") {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "::") && !strings.HasPrefix(line, "::error endLine=2,file=app/db/1.sql") && !strings.HasPrefix(line, "::notice::") {
				t.Errorf("the log carries out %.100q", line)
			}
		}
		if got := file(t, b.env["GITHUB_OUTPUT"]); strings.Contains(got, "success") {
			t.Errorf("the outputs are %q", got)
		}
		summaries, inline := b.marked()
		for i := range inline {
			_, inline[i], _ = strings.Cut(inline[i], "\n") // the path is the bench's
		}
		for _, body := range append(summaries, inline...) {
			_, body, _ = strings.Cut(body, "\n") // the marker
			harmlessMarkdown(t, "a comment", body)
		}
		harmlessMarkdown(t, "the step summary", file(t, b.env["GITHUB_STEP_SUMMARY"]))
	}
}

// TestCIHostileGitLab: GitLab carries out lines of comments that start with a
// command.
func TestCIHostileGitLab(t *testing.T) {
	b := onGitLab(t)
	b.Files = []hosttest.File{{Path: "app/db/1.sql", New: true, Patch: "@@ -0,0 +1,3 @@\n+a\n+b\n+c\n"}}
	f := oneFinding()
	const text = "/close\n/merge\n```\n/approve\n~~~\n/label ~x\n````"
	f.Message, f.Object, f.Advice = text, text, text+"\n\n"+text
	f.Evidence = []lint.Evidence{{Kind: "lock", Text: text}}
	for range 2 {
		out, code := b.run([]*lint.Finding{f})
		summaries, inline := b.marked()
		if code != exitFindings || len(summaries) != 1 || len(inline) != 1 || len(b.Commands) != 0 {
			t.Fatalf("exit %d, %d summaries, %d on lines, commands %q\n%s", code, len(summaries), len(inline), b.Commands, out)
		}
		for _, body := range append(summaries, inline...) {
			if strings.Contains(body, "\n/") {
				t.Errorf("a line starts with a command:\n%s", body)
			}
		}
	}
	if s := b.Statuses[len(b.Statuses)-1]; s.State != integrations.Failed {
		t.Errorf("the status is %+v", s)
	}
}
