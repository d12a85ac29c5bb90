package hosttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/internal/lint"
)

// posts are the parts of the paths that comments are created at.
var posts = []string{"/comments", "/notes", "/reviews", "/discussions"}

// trouble has what goes wrong on the way: D8.13 and its like.
var trouble = []scenario{
	{"D8.13 a limit on creating is waited for, and duplicates nothing", func(b *Bench) {
		for _, p := range posts {
			b.Faults = append(b.Faults,
				&Fault{Method: "POST", Path: p, Times: 1, Code: 429, Header: map[string]string{"Retry-After": "7"}, Message: "slow down"},
				&Fault{Method: "POST", Path: p, Times: 1, Code: 403, Header: map[string]string{"Retry-After": "9"}, Message: "You have exceeded a secondary rate limit"})
		}
		b.complete(Token, b.review(1, "x", finding(newFile, 3, "one"), finding(newFile, 4, "two")))
		b.one("x")
		b.onLines(2)
		if b.waited < 32*time.Second || b.waited > time.Minute {
			b.t.Errorf("waited %s, the host asked for 32s", b.waited)
		}
	}},
	{"D8.13 a broken answer after the comment was created duplicates nothing", func(b *Bench) {
		for _, code := range []int{502, 0} {
			for _, p := range posts {
				b.Faults = append(b.Faults, &Fault{Method: "POST", Path: p, Times: 1, Code: code, After: true})
			}
		}
		b.complete(Token, b.review(1, "x", finding(newFile, 3, "one"), finding(newFile, 4, "two")))
		b.one("x")
		b.onLines(2)
	}},
	{"D8.13 a broken answer before it was created is tried again", func(b *Bench) {
		for _, code := range []int{500, 0} {
			for _, p := range posts {
				b.Faults = append(b.Faults, &Fault{Method: "POST", Path: p, Times: 1, Code: code})
			}
		}
		b.complete(Token, b.review(1, "x", finding(newFile, 3, "one"), finding(newFile, 4, "two")))
		b.one("x")
		b.onLines(2)
	}},
	{"every reading request fails once", func(b *Bench) {
		b.complete(Token, b.review(1, "x", finding(newFile, 3, "one")))
		b.Faults = []*Fault{
			{Method: "GET", Path: "/comments", Times: 2, Code: 503},
			{Method: "GET", Path: "/discussions", Times: 2, Code: 503},
			{Method: "GET", Path: "/files", Times: 1, Code: 0},
			{Method: "GET", Path: "/diffs", Times: 1, Code: 0},
		}
		b.complete(Token, b.review(2, "y", finding(newFile, 3, "one"), finding(newFile, 5, "two")))
		b.one("y")
		b.onLines(2)
	}},
	{"updates and removals fail once", func(b *Bench) {
		b.complete(Token, b.review(1, "x", finding(newFile, 3, "one"), finding(newFile, 4, "two")))
		for _, m := range []string{"PATCH", "PUT", "DELETE"} {
			b.Faults = append(b.Faults, &Fault{Method: m, Times: 1, Code: 502}, &Fault{Method: m, Times: 1, Code: 0, After: true})
		}
		b.complete(Token, b.review(2, "y", finding(newFile, 3, "one")))
		b.one("y")
		b.onLines(1)
	}},
	{"the status fails once", func(b *Bench) {
		b.Faults = []*Fault{
			{Method: "POST", Path: "/statuses/", Times: 1, Code: 502, After: true},
			{Method: "POST", Path: "/statuses/", Times: 1, Code: 0},
			{Method: "POST", Path: "/statuses/", Times: 1, Code: 409, Message: "Another update to this commit status is in progress"},
		}
		r := b.review(1, "x", finding(newFile, 3, "one"))
		r.Status = &integrations.Status{Name: "assay", State: integrations.Failed, Description: "1 error"}
		b.complete(Token, r)
		if len(b.Statuses) == 0 {
			b.t.Error("there is no status")
		}
	}},
	{"a limit that lasts longer than a minute is not waited for", func(b *Bench) {
		reset := fmt.Sprint(time.Now().Add(time.Hour).Unix())
		b.Faults = []*Fault{{
			Method: "POST", Times: -1, Code: 403, Message: "API rate limit exceeded",
			Header: map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset, "RateLimit-Remaining": "0", "RateLimit-Reset": reset},
		}}
		o := b.publish(Token, b.review(1, "x", finding(newFile, 3, "one")))
		if o.Complete() || b.waited > time.Minute {
			b.t.Errorf("left out %v after waiting %s", o.Left, b.waited)
		}
	}},
	{"a server that is down is given up within a minute", func(b *Bench) {
		b.Faults = []*Fault{{Method: "GET", Times: -1, Code: 0}, {Method: "POST", Times: -1, Code: 0}}
		r := b.review(1, "x", finding(newFile, 3, "one"))
		r.Status = &integrations.Status{Name: "assay", State: integrations.Failed, Description: "1 error"}
		if o := b.publish(Token, r); o.Complete() || b.waited > time.Minute {
			b.t.Errorf("left out %v after waiting %s", o.Left, b.waited)
		}
	}},
	{"a list that lags behind leads to no second comment", func(b *Bench) {
		b.Lag = true
		b.complete(Token, b.review(1, "x", finding(newFile, 3, "one")))
		b.Lag = false
		b.complete(Token, b.review(2, "y", finding(newFile, 3, "one")))
		b.one("y")
		b.onLines(1)
	}},
	{"two runs at once end with one comment each", func(b *Bench) {
		b.together(b.review(1, "from run 1", finding(newFile, 3, "one")), b.review(2, "from run 2", finding(newFile, 3, "one")))
		b.one("from run 2")
		b.onLines(1)
	}},
	{"a run that is overtaken while it posts takes it back", func(b *Bench) {
		b.Meet = func() { // at the first comment of run 1
			b.Meet = nil
			b.complete(Token, b.review(2, "from run 2", finding(newFile, 3, "one")))
		}
		if o := b.complete(Token, b.review(1, "from run 1", finding(newFile, 3, "one"), finding(newFile, 4, "two"))); !o.Superseded {
			b.t.Error("it did not say that a newer run has spoken")
		}
		b.one("from run 2")
		b.onLines(1)
	}},
	{"an older run that ends later does not overwrite", func(b *Bench) {
		b.complete(Token, b.review(9, "newer", finding(newFile, 3, "one")))
		if o := b.complete(Token, b.review(8, "older")); !o.Superseded {
			b.t.Error("it did not say that a newer run has spoken")
		}
		b.one("newer")
		b.onLines(1)
	}},
	{"a comment that somebody deletes meanwhile is posted again", func(b *Bench) {
		b.complete(Token, b.review(1, "x", finding(newFile, 3, "one")))
		b.Faults = []*Fault{{Method: "PATCH", Times: 1, Code: 404, Message: "Not Found"}, {Method: "PUT", Times: 1, Code: 404, Message: "404 Not found"}}
		b.complete(Token, b.review(2, "y", finding(newFile, 3, "one")))
		if list := b.summaries(); !strings.Contains(list[len(list)-1].Body, "y") {
			b.t.Errorf("the summary is %q", list[len(list)-1].Body)
		}
	}},
	{"the token shows nowhere, whatever the server answers", func(b *Bench) {
		for _, code := range []int{400, 401, 403, 404, 422, 500} {
			b.Faults = []*Fault{{Method: "POST", Times: -1, Code: code, Message: "bad " + Token}, {Method: "PUT", Times: -1, Code: code, Message: "bad " + Token}}
			r := b.review(1, "x", finding(newFile, 3, "one"))
			r.Status = &integrations.Status{Name: "assay", State: integrations.Failed, Description: "1 error"}
			o := b.publish(Token, r)
			if text := fmt.Sprintf("%v %+v", o, o.Left); o.Complete() || strings.Contains(text, Token) {
				b.t.Errorf("answer %d: %s", code, text)
			}
		}
	}},
	{"a context that ends is an error", func(b *Bench) {
		ctx, cancel := context.WithCancel(b.t.Context())
		cancel()
		if _, err := integrations.Publish(ctx, b.host(Token), b.review(1, "x", finding(newFile, 3, "one"))); err == nil {
			b.t.Error("there was no error")
		}
	}},
	{"approvals", approvals},
	{"a pull request is described as it is now", describes},
}

// together runs two reviews so that both have listed the comments before one
// of them creates any.
func (b *Bench) together(reviews ...integrations.Review) {
	var ready, done sync.WaitGroup
	ready.Add(len(reviews))
	seen := 0
	var mu sync.Mutex
	b.Meet = func() {
		mu.Lock()
		seen++
		first := seen <= len(reviews)
		mu.Unlock()
		if first {
			ready.Done()
			ready.Wait()
		}
	}
	for _, r := range reviews {
		r.Sleep = func(context.Context, time.Duration) error { return nil }
		done.Go(func() {
			if o, err := integrations.Publish(b.t.Context(), b.host(Token), r); err != nil || !o.Complete() {
				b.t.Errorf("publishing: %v, left out %v", err, o.Left)
			}
		})
	}
	done.Wait()
	b.Meet = nil
}

func approvals(b *Bench) {
	one, two := finding(newFile, 3, "one"), finding(newFile, 4, "two")
	one.Approval = &lint.Approval{Team: "org/dba", Reason: "a big table"}
	two.Approval = &lint.Approval{User: "alice"}
	alice := Account{ID: 51, Login: "alice", Association: "MEMBER"}
	bob := Account{ID: 52, Login: "bob", Association: "MEMBER"}
	b.Accounts["alice"], b.Accounts["bob"] = alice, bob
	b.Teams["org/dba"] = []string{"bob"}
	ask := func(token string, list ...*lint.Finding) integrations.Consent {
		b.t.Helper()
		c, err := integrations.Approve(b.t.Context(), b.host(token).(integrations.Approvers), list)
		if err != nil {
			b.t.Fatal(err)
		}
		return c
	}
	want := func(c integrations.Consent, waiting int) {
		b.t.Helper()
		if len(c.Waiting) != waiting {
			b.t.Errorf("%d findings wait, want %d (approved by %v, not asked %v)", len(c.Waiting), waiting, c.By, c.Left)
		}
	}
	want(ask(Token, one, two, finding(newFile, 5, "asks nobody")), 2)
	b.Reviews = []Review{{Author: alice, State: "APPROVED", Commit: b.Head}}
	want(ask(Token, one, two), 1)
	b.Reviews = append(b.Reviews, Review{Author: bob, State: "APPROVED", Commit: b.Head})
	want(ask(Token, one, two), 0)
	// An approval from before the last push is for what was found then.
	old := strings.Repeat("d", 40)
	b.Reviews = []Review{{Author: alice, State: "APPROVED", Commit: old}}
	want(ask(Token, two), 1)
	b.Reviews = []Review{{Author: alice, State: "APPROVED", Commit: b.Head}, {Author: bob, State: "APPROVED", Commit: b.Head}}
	people(b, want, ask, alice, bob)
	// A token that may not read the team says so, and nothing is approved.
	b.Reviews = []Review{{Author: bob, State: "APPROVED", Commit: b.Head}}
	c := ask(Other, one)
	want(c, 1)
	if len(c.Left) != 1 || !strings.Contains(c.Left[0].String(), "it needs") {
		b.t.Errorf("not asked: %v", c.Left)
	}
}

// people holds who counts as a reviewer, and how many of them.
func people(b *Bench, want func(integrations.Consent, int), ask func(string, ...*lint.Finding) integrations.Consent, alice, bob Account) {
	f := func(a lint.Approval) *lint.Finding {
		x := finding(newFile, 3, "asks")
		x.Approval = &a
		return x
	}
	reader := Account{ID: 54, Login: "reader", Reader: true}
	robot := Account{ID: 55, Login: "helper[bot]", Bot: true}
	gitlabRobot := Account{ID: 56, Login: "project_42_bot_0123"}
	author := Account{ID: 1, Login: "author"}
	for _, a := range []Account{reader, robot, gitlabRobot, author} {
		b.Accounts[a.Login] = a
	}
	b.Teams["org/dba"] = []string{"bob", "reader", "helper[bot]", "project_42_bot_0123", "author"}
	b.Teams["org/data"] = []string{"alice"}
	two := f(lint.Approval{Teams: []string{"org/dba", "org/data"}, Count: 2})
	want(ask(Token, two), 0)
	want(ask(Token, f(lint.Approval{Team: "org/dba", Count: 2})), 1)
	want(ask(Token, f(lint.Approval{Team: "org/dba", Users: []string{"@alice"}, Count: 2})), 0)
	want(ask(Token, f(lint.Approval{})), 1) // nobody owns it: nobody can
	old := b.Reviews
	strangers := []Account{reader, gitlabRobot, author}
	if b.prefix == "/api/v3" {
		strangers = []Account{reader, robot} // who wrote a pull request cannot approve it there
	}
	for _, a := range strangers {
		b.Reviews = []Review{{Author: a, State: "APPROVED", Commit: b.Head}}
		c := ask(Token, f(lint.Approval{Team: "org/dba"}))
		if len(c.Waiting) != 1 {
			b.t.Errorf("%s counts as a reviewer: %v", a.Login, c.By)
		}
	}
	b.Reviews = old
	b.Teams["org/dba"] = []string{"bob"}
}

func describes(b *Bench) {
	alice := Account{ID: 51, Login: "alice", Association: "MEMBER"}
	bob := Account{ID: 52, Login: "bob", Association: "MEMBER"}
	carol := Account{ID: 53, Login: "carol", Association: "MEMBER"}
	describe := func() integrations.Pull {
		b.t.Helper()
		p, err := b.host(Token).(integrations.Describer).Describe(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		for i := range p.Approvals {
			p.Approvals[i].URL = ""
		}
		return p
	}
	want := integrations.Pull{Title: "the title", Body: "why", Draft: true, Author: "author", Branch: "feature", Target: "main"}
	if d := cmp.Diff(want, describe(), cmpopts.EquateEmpty()); d != "" {
		b.t.Error(d)
	}
	b.Labels, b.Asked = []string{"db", "urgent"}, []string{"carol"}
	b.Reviews = []Review{
		{Author: alice, State: "COMMENTED", Commit: b.Head},
		{Author: alice, State: "APPROVED", Commit: b.Head},
		{Author: alice, State: "COMMENTED", Commit: b.Head},
		{Author: bob, State: "APPROVED", Commit: strings.Repeat("d", 40)},
		{Author: carol, State: "CHANGES_REQUESTED", Commit: b.Head},
	}
	b.Add(Comment{Author: carol, Body: "assay approve 0123456789ab"})
	want.Labels, want.Reviewers = b.Labels, []string{"carol", "alice", "bob"}
	want.Approvals = []integrations.Vote{{User: "alice", Current: true}, {User: "bob"}}
	if d := cmp.Diff(want, describe(), cmpopts.EquateEmpty()); d != "" {
		b.t.Error(d)
	}
	b.Faults = []*Fault{{Method: "GET", Path: "/7", Times: 1, Code: 403, Message: "no"}}
	_, err := b.host(Token).(integrations.Describer).Describe(b.t.Context())
	var f *integrations.Failure
	if !errors.As(err, &f) || f.Permission == "" {
		b.t.Errorf("a refusal is %v", err)
	}
}
