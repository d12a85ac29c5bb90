package gitlab_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/integrations/gitlab"
	"github.com/assaydb/assay/integrations/hosttest"
	"github.com/assaydb/assay/internal/lint"
)

func open(t *testing.T, url, token string, number int) integrations.Host {
	t.Helper()
	c, err := gitlab.New(gitlab.Options{API: url, Token: token, Project: "42", Number: number, Head: strings.Repeat("a", 40)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHost(t *testing.T) { hosttest.Run(t, hosttest.NewGitLab, "project_42_bot_1a", open) }

// TestApproveByComment: a comment that names the set approves it, unless the
// author of the merge request wrote it or it names another set.
func TestApproveByComment(t *testing.T) {
	s := hosttest.NewGitLab()
	s.Accounts[hosttest.Token] = hosttest.Account{ID: 1, Login: "project_42_bot_1", Bot: true}
	server := httptest.NewServer(s)
	defer server.Close()
	f := &lint.Finding{Fingerprint: "aa", Approval: &lint.Approval{User: "alice"}}
	own := &lint.Finding{Fingerprint: "aa", Approval: &lint.Approval{User: "author"}}
	host := open(t, server.URL+"/git/api/v4", hosttest.Token, 7).(integrations.Approvers)
	waiting := func(f *lint.Finding) int {
		t.Helper()
		c, err := integrations.Approve(t.Context(), host, []*lint.Finding{f})
		if err != nil {
			t.Fatal(err)
		}
		return len(c.Waiting)
	}
	set := integrations.SetID([]string{"aa"})
	s.Add(hosttest.Comment{Author: hosttest.Account{ID: 5, Login: "alice"}, Body: "assay approve 000000000000"})
	s.Add(hosttest.Comment{Author: hosttest.Account{ID: 5, Login: "alice"}, Body: set})
	s.Add(hosttest.Comment{Author: hosttest.Account{ID: 6, Login: "author"}, Body: "assay approve " + set})
	s.Add(hosttest.Comment{Author: hosttest.Account{ID: 5, Login: "alice"}, Body: "> write `assay approve " + set + "` with your approval\n\nno: assay approve " + set})
	if waiting(f) != 1 || waiting(own) != 1 {
		t.Error("it is approved by nobody")
	}
	s.Add(hosttest.Comment{Author: hosttest.Account{ID: 5, Login: "alice"}, Body: "Fine.\n\nassay approve " + set})
	if waiting(f) != 0 {
		t.Error("it is not approved")
	}
}

// TestStatusPipeline: the status goes to the pipeline of the job, which GitLab
// finds by its id and its commit, and by no branch.
func TestStatusPipeline(t *testing.T) {
	head, merged := strings.Repeat("a", 40), strings.Repeat("b", 40)
	for name, x := range map[string]struct {
		merged string
		opt    gitlab.Options
	}{
		"a branch":                        {"", gitlab.Options{Ref: "feature"}},
		"a merge request":                 {"", gitlab.Options{Ref: "feature", Pipeline: 9}},
		"a merged result":                 {merged, gitlab.Options{Ref: "feature", Pipeline: 9, PipelineHead: merged}},
		"a merged result's merge request": {merged, gitlab.Options{Ref: "feature"}},
	} {
		s := hosttest.NewGitLab()
		s.Merged = x.merged
		s.Accounts[hosttest.Token] = hosttest.Account{ID: 1, Login: "project_42_bot_1", Bot: true, Status: true}
		server := httptest.NewServer(s)
		defer server.Close()
		x.opt.API, x.opt.Token, x.opt.Project, x.opt.Number, x.opt.Head = server.URL+"/git/api/v4", hosttest.Token, "42", 7, head
		c, err := gitlab.New(x.opt)
		if err != nil {
			t.Fatal(err)
		}
		want := head
		if x.opt.PipelineHead != "" {
			want = merged
		}
		if err := c.SetStatus(t.Context(), integrations.Status{Name: "assay", State: integrations.Failed}); err != nil || len(s.At) != 1 || s.At[0] != want {
			t.Errorf("%s: the status is of %v, and the error %v", name, s.At, err)
		}
	}
}
