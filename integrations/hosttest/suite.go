package hosttest

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/internal/lint"
)

// The tokens of the suite.
const (
	Token    = "tok-en.of-the-job"  // a bot that may all but edit others' comments
	Other    = "tok-en.of-an-app"   // another bot
	Personal = "tok-en.of-a-person" // a person without a role in the repository
	ReadOnly = "tok-en.of-a-fork"
)

// Open makes the client under test for pull request number, 0 for none.
type Open func(t *testing.T, url, token string, number int) integrations.Host

// Bench is one scenario's fake and clients.
type Bench struct {
	*Server
	t      *testing.T
	url    string
	open   Open
	waited time.Duration
}

// Run runs every scenario of the suite over a new fake each.
func Run(t *testing.T, fake func() *Server, bot string, open Open) {
	for _, s := range slices.Concat(scenarios, trouble) {
		t.Run(s.name, func(t *testing.T) {
			b := &Bench{Server: fake(), t: t, open: open}
			b.Accounts[Token] = Account{ID: 1001, Login: bot, Bot: true, Association: "NONE", Comment: true, Status: true, Teams: true}
			b.Accounts[Other] = Account{ID: 1002, Login: strings.Replace(bot, "1", "2", 1) + "9", Bot: true, Association: "NONE", Comment: true, Status: true}
			b.Accounts[Personal] = Account{ID: 1003, Login: "person", Association: "NONE", Comment: true, Status: true}
			b.Accounts[ReadOnly] = Account{ID: 1004, Login: bot, Bot: true, Association: "NONE"}
			b.Files = files()
			server := httptest.NewServer(b.Server)
			defer server.Close()
			b.url = server.URL + b.prefix
			s.run(b)
			for _, w := range b.Wrong {
				t.Errorf("a request is not as the host describes it: %s", w)
			}
			if len(b.Commands) > 0 {
				t.Errorf("a comment carried out commands: %q", b.Commands)
			}
		})
	}
}

// The files of the pull request: one new, one edited, one renamed and edited.
const (
	newFile     = "db/migrations/003_new.sql"
	editedFile  = "db/migrations/002_edited.sql"
	renamedFile = "db/migrations/0001_renamed.sql"
	otherFile   = "db/migrations/000_not_in_the_diff.sql"
)

func files() []File {
	var added strings.Builder
	added.WriteString("@@ -0,0 +1,60 @@\n")
	for i := 1; i <= 60; i++ {
		fmt.Fprintf(&added, "+CREATE INDEX i%d ON t (c);\n", i)
	}
	return []File{
		{Path: newFile, New: true, Patch: added.String()},
		{Path: editedFile, Patch: "@@ -10,3 +10,4 @@ -- hunk\n unchanged 10\n+added 11\n unchanged 12\n unchanged 13\n@@ -30,2 +31,2 @@\n-old\n+added 31\n unchanged 32\n"},
		{Path: renamedFile, Old: "db/migrations/1_renamed.sql", Patch: "@@ -1,2 +1,3 @@\n unchanged 1\n+added 2\n unchanged 3\n"},
	}
}

func source() string {
	var b strings.Builder
	for i := 1; i <= 60; i++ {
		fmt.Fprintf(&b, "CREATE INDEX i%d ON t (c);\n", i)
	}
	return b.String()
}

// finding makes one on a line.
func finding(path string, line int, message string) *lint.Finding {
	return &lint.Finding{
		ID: "LK101", Name: "create-index", Severity: lint.Error, Path: path, Line: line, EndLine: line,
		Object: "public.t", Message: message, URL: "https://assay.example/LK101",
		Fingerprint: integrations.SetID([]string{path, message, fmt.Sprint(line)}),
		Evidence:    []lint.Evidence{{Kind: "lock", Text: "SHARE on public.t"}},
	}
}

// fix gives f a fix that rewrites lines from..to of the new file.
func fix(f *lint.Finding, from, to int, text string) *lint.Finding {
	src := source()
	at := func(line int) int {
		off := 0
		for range line - 1 {
			off += strings.IndexByte(src[off:], '\n') + 1
		}
		return off
	}
	e := lint.Edit{Text: text}
	e.Pos.Path, e.Pos.Line, e.Pos.Column, e.Pos.Offset = f.Path, from, 1, at(from)
	e.End.Path, e.End.Line, e.End.Column, e.End.Offset = f.Path, to+1, 1, at(to+1)
	f.Fix = &lint.Fix{Title: "build it concurrently", Edits: []lint.Edit{e}}
	return f
}

// host is a client with one of the tokens.
func (b *Bench) host(token string) integrations.Host { return b.open(b.t, b.url, token, 7) }

// review is what a run has to say.
func (b *Bench) review(run int64, body string, findings ...*lint.Finding) integrations.Review {
	return integrations.Review{
		Scope: "abc123", Run: run, Body: body, Findings: findings, Source: func(string) string { return source() },
		Sleep: func(_ context.Context, d time.Duration) error { b.waited += d; return nil },
	}
}

// publish publishes and requires that there was no error.
func (b *Bench) publish(token string, r integrations.Review) integrations.Outcome {
	b.t.Helper()
	o, err := integrations.Publish(b.t.Context(), b.host(token), r)
	if err != nil {
		b.t.Fatalf("publishing: %v", err)
	}
	return o
}

// complete publishes and requires that nothing was left out.
func (b *Bench) complete(token string, r integrations.Review) integrations.Outcome {
	b.t.Helper()
	o := b.publish(token, r)
	for _, l := range o.Left {
		b.t.Errorf("left out: %s", l)
	}
	return o
}

// summaries and inline are assay's comments.
func (b *Bench) summaries() []*Comment { return b.ours(func(c *Comment) bool { return c.Path == "" }) }
func (b *Bench) inline() []*Comment    { return b.ours(func(c *Comment) bool { return c.Path != "" }) }

func (b *Bench) ours(want func(*Comment) bool) []*Comment {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*Comment
	for _, c := range b.Comments {
		if want(c) && integrations.Marked(c.Body) {
			out = append(out, c)
		}
	}
	return out
}

// one requires exactly one summary, which says text.
func (b *Bench) one(text string) *Comment {
	b.t.Helper()
	list := b.summaries()
	if len(list) != 1 {
		b.t.Fatalf("there are %d summaries, want 1", len(list))
	}
	if !strings.Contains(list[0].Body, text) {
		b.t.Fatalf("the summary is %q, want it to say %q", list[0].Body, text)
	}
	return list[0]
}

// onLines requires so many comments on lines.
func (b *Bench) onLines(n int) []*Comment {
	b.t.Helper()
	list := b.inline()
	if len(list) != n {
		b.t.Fatalf("there are %d comments on lines, want %d", len(list), n)
	}
	return list
}

// requests counts requests that write.
func (b *Bench) requests() int {
	n := 0
	for _, l := range b.Log {
		if !strings.HasPrefix(l, "GET ") {
			n++
		}
	}
	return n
}
