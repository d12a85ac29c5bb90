package ci_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/ci"
	"github.com/assaydb/assay/internal/lint"
)

type env map[string]string

func (e env) get(key string) string { return e[key] }

// with writes an event and returns the environment of a run of it.
func with(t *testing.T, name string, event any, more env) env {
	t.Helper()
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	e := env{
		"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": file, "GITHUB_REPOSITORY": "o/r",
		"GITHUB_SHA": "merge", "GITHUB_REF_NAME": "7/merge", "GITHUB_RUN_ID": "5", "GITHUB_TOKEN": "t",
	}
	for k, v := range more {
		e[k] = v
	}
	return e
}

type m = map[string]any

func pull(head any, user, sender string) m {
	return m{"number": 7, "sender": m{"login": sender}, "pull_request": m{
		"number": 7, "user": m{"login": user}, "head": m{"sha": "head", "ref": "feature", "repo": head},
		"base": m{"sha": "base", "ref": "main", "repo": m{"full_name": "o/r"}},
	}}
}

func TestGitHub(t *testing.T) {
	own, fork := m{"full_name": "o/r"}, m{"full_name": "stranger/r"}
	for _, c := range []struct {
		name     string
		env      env
		number   int
		head     string
		comments bool
		readOnly string // a part of it
	}{
		{"a pull request", with(t, "pull_request", pull(own, "a", "a"), nil), 7, "head", true, ""},
		{"a fork's", with(t, "pull_request", pull(fork, "a", "a"), nil), 7, "head", true, "from a fork"},
		{"one whose repository was deleted", with(t, "pull_request", pull(nil, "a", "a"), nil), 7, "head", true, "was deleted"},
		{"Dependabot's", with(t, "pull_request", pull(own, "dependabot[bot]", "dependabot[bot]"), nil), 7, "head", true, "Dependabot"},
		{"Dependabot's, set off by a person", with(t, "pull_request", pull(own, "dependabot[bot]", "a"), nil), 7, "head", true, ""},
		{"a fork's with a token of its own", with(t, "pull_request", pull(fork, "a", "a"), env{"ASSAY_GITHUB_TOKEN": "x"}), 7, "head", true, ""},
		{"a fork's with the target's token", with(t, "pull_request_target", pull(fork, "a", "a"), nil), 7, "head", true, ""},
		{"the merge queue's", with(t, "merge_group", m{"merge_group": m{"head_sha": "queue"}}, nil), 0, "queue", false, ""},
		{"a push", with(t, "push", m{"after": "pushed", "before": strings.Repeat("0", 40)}, nil), 0, "pushed", false, ""},
		{"a schedule", with(t, "schedule", m{"schedule": "0 0 * * *"}, nil), 0, "merge", false, ""},
		{"by hand", with(t, "workflow_dispatch", m{"inputs": m{}}, nil), 0, "merge", false, ""},
		{"after a workflow of a fork", with(t, "workflow_run", m{"workflow_run": m{"head_sha": "head", "head_branch": "b", "pull_requests": []any{}, "head_repository": m{"owner": m{"login": "stranger"}}}}, nil), 0, "head", false, ""},
		{"after a workflow of a branch", with(t, "workflow_run", m{"workflow_run": m{"head_sha": "head", "pull_requests": []any{m{"number": 7, "head": m{"sha": "head"}}}}}, nil), 7, "head", true, ""},
		{"without a token", with(t, "pull_request", pull(own, "a", "a"), env{"GITHUB_TOKEN": ""}), 7, "head", true, "GITHUB_TOKEN"},
		{"a local run that pretends", env{"GITHUB_ACTIONS": "true", "GITHUB_TOKEN": "t", "GITHUB_SHA": "merge"}, 0, "merge", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run, err := ci.Read(c.env.get)
			if err != nil {
				t.Fatal(err)
			}
			if run.Number != c.number || run.Head != c.head || run.Comments() != c.comments {
				t.Errorf("got number %d, head %s, comments %v", run.Number, run.Head, run.Comments())
			}
			if (c.readOnly == "") != (run.ReadOnly == "") || !strings.Contains(run.ReadOnly, c.readOnly) {
				t.Errorf("read only: %q", run.ReadOnly)
			}
		})
	}
	if _, err := ci.Read(env{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": "/no/such/event"}.get); err == nil {
		t.Error("a missing event file is no error")
	}
}

func TestGitLab(t *testing.T) {
	base := env{
		"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_ID": "1", "CI_MERGE_REQUEST_PROJECT_ID": "42",
		"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "42", "CI_COMMIT_SHA": "head", "CI_PIPELINE_ID": "9", "CI_SERVER_URL": "https://git.example/sub/", "CI_JOB_TOKEN": "job",
		"ASSAY_GITLAB_TOKEN": "t", "CI_SERVER_TLS_CA_FILE": "/ca.pem", "CI_MERGE_REQUEST_PROJECT_URL": "https://git.example/sub/g/p",
	}
	and := func(more env) env {
		e := env{}
		for k, v := range base {
			e[k] = v
		}
		for k, v := range more {
			e[k] = v
		}
		return e
	}
	run, err := ci.Read(base.get)
	if err != nil {
		t.Fatal(err)
	}
	if run.API != "https://git.example/sub/api/v4" || run.Repo != "42" || run.Number != 7 || run.Pipeline != 9 || run.CA != "/ca.pem" || run.ReadOnly != "" {
		t.Errorf("got %+v", run)
	}
	if got := run.Link("../../../evil/r/-/blob/main/x", 3) + run.Link("/x", 3); got != "" {
		t.Errorf("a way out of the project is linked: %s", got)
	}
	if got := run.Link("a b/ü(1).sql", 3); got != "https://git.example/sub/g/p/-/blob/head/a%20b/%C3%BC%281%29.sql#L3" {
		t.Errorf("the link is %s", got)
	}
	run, _ = ci.Read(and(env{"CI_COMMIT_SHA": "merged", "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "head"}).get)
	if run.Head != "head" || run.Pipeline != 9 || run.PipelineHead != "merged" {
		t.Errorf("a merged result: %+v", run)
	}
	run, _ = ci.Read(and(env{"ASSAY_GITLAB_TOKEN": ""}).get)
	if run.Token != "" || !strings.Contains(run.ReadOnly, "ASSAY_GITLAB_TOKEN") {
		t.Errorf("with the job's token: %+v", run)
	}
	run, _ = ci.Read(and(env{"ASSAY_GITLAB_TOKEN": "", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "43"}).get)
	if !run.Untrusted || !strings.Contains(run.ReadOnly, "fork") {
		t.Errorf("a fork's: %+v", run)
	}
	run, _ = ci.Read(and(env{"CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"}).get)
	if run.Comments() {
		t.Error("a merge train's run comments")
	}
}

func TestCircleCI(t *testing.T) {
	run, err := ci.Read(env{
		"CIRCLECI": "true", "CIRCLE_PULL_REQUEST": "https://github.com/o/r/pull/7", "CIRCLE_PROJECT_USERNAME": "o", "CIRCLE_PROJECT_REPONAME": "r",
		"CIRCLE_SHA1": "head", "GITHUB_TOKEN": "t", "CIRCLE_BUILD_NUM": "12",
	}.get)
	if err != nil {
		t.Fatal(err)
	}
	if run.Host != ci.GitHub || run.Repo != "o/r" || run.Number != 7 || run.API != "https://api.github.com" || run.Head != "head" || run.ReadOnly != "" {
		t.Errorf("got %+v", run)
	}
	run, _ = ci.Read(env{"CIRCLECI": "true", "CIRCLE_PULL_REQUEST": "https://ghe.example/o/r/pull/7", "CIRCLE_PROJECT_USERNAME": "o", "CIRCLE_PROJECT_REPONAME": "r", "GITHUB_TOKEN": "t"}.get)
	if run.API != "https://ghe.example/api/v3" {
		t.Errorf("an enterprise's: %+v", run)
	}
	if run, _ = ci.Read(env{}.get); run.Host != ci.None || run.CI != "" {
		t.Errorf("at home: %+v", run)
	}
}

func TestAnnotations(t *testing.T) {
	var list []*lint.Finding
	for range 12 {
		list = append(list, &lint.Finding{ID: "LK101", Name: "create-index", Severity: lint.Warning, Path: "a,b: c%/é.sql", Line: 3, EndLine: 4, Message: "one\n::error::two%"})
	}
	list = append(list, &lint.Finding{ID: "DS101", Name: "drop-table", Severity: lint.Error, Message: "gone"})
	run := &ci.Run{CI: "github"}
	var out bytes.Buffer
	ci.NewRunner(run, env{}.get, &out).Annotate(ci.Annotations(list))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 12 || lines[0] != "::error title=DS101 drop-table::gone" ||
		lines[1] != "::warning endLine=4,file=a%2Cb%3A c%25/é.sql,line=3,title=LK101 create-index::one%0A::error::two%25" || !strings.HasPrefix(lines[11], "2 more") {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	ci.NewRunner(&ci.Run{CI: "gitlab"}, env{}.get, &out).Annotate([]integrations.Annotation{{Msg: "x"}})
	if out.Len() > 0 {
		t.Errorf("another CI got %q", out.String())
	}
}

// GITHUB_OUTPUT is not set when somebody runs it by hand with GITHUB_ACTIONS.
func TestRunnerFiles(t *testing.T) {
	r := ci.NewRunner(&ci.Run{CI: "github"}, env{}.get, &bytes.Buffer{})
	if r.Output("a", "b") != nil || r.StepSummary("x") != nil {
		t.Error("without files there is an error")
	}
	dir := t.TempDir()
	e := env{"GITHUB_OUTPUT": filepath.Join(dir, "o"), "GITHUB_STEP_SUMMARY": filepath.Join(dir, "s")}
	r = ci.NewRunner(&ci.Run{CI: "github"}, e.get, &bytes.Buffer{})
	for _, err := range []error{r.Output("a", "b\nc=d"), r.Output("e", "f"), r.StepSummary("# one"), r.StepSummary("# two")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	o, _ := os.ReadFile(e["GITHUB_OUTPUT"])
	s, _ := os.ReadFile(e["GITHUB_STEP_SUMMARY"])
	if diff := cmp.Diff("a=b c=d\ne=f\n# one\n# two\n", string(o)+string(s)); diff != "" {
		t.Error(diff)
	}
}
