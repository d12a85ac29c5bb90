package hosttest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/assaydb/assay/integrations"
	"github.com/assaydb/assay/internal/lint"
)

type scenario struct {
	name string
	run  func(*Bench)
}

var scenarios = []scenario{
	{"says it once, and the same again changes nothing", func(b *Bench) {
		r := b.review(1, "**2 errors**", finding(newFile, 3, "one"), finding(editedFile, 11, "two"))
		b.complete(Token, r)
		b.one("2 errors")
		b.onLines(2)
		before := b.requests()
		b.complete(Token, r)
		b.onLines(2)
		if n := b.requests() - before; n != 0 {
			b.t.Errorf("saying the same again took %d writing requests", n)
		}
	}},
	{"updates in place", func(b *Bench) {
		b.complete(Token, b.review(1, "first", finding(newFile, 3, "one")))
		id := b.one("first").ID
		b.complete(Token, b.review(2, "second", finding(newFile, 3, "one")))
		if b.one("second").ID != id {
			b.t.Error("the summary was posted again")
		}
	}},
	{"D8.1 finds its comment on the second page", func(b *Bench) {
		for range 120 {
			b.Add(Comment{Author: Account{Login: "somebody"}, Body: "words"})
		}
		b.complete(Token, b.review(1, "first", finding(newFile, 3, "one")))
		for range 120 {
			b.Add(Comment{Author: Account{Login: "somebody"}, Body: "words"})
		}
		b.complete(Token, b.review(2, "second", finding(newFile, 3, "one")))
		b.one("second")
		b.onLines(1)
	}},
	{"D8.2 a quoted or forged marker is nobody's", func(b *Bench) {
		b.complete(Token, b.review(1, "first", finding(newFile, 3, "one")))
		body := b.one("first").Body
		quoted := b.Add(Comment{Author: Account{Login: "somebody", Association: "NONE"}, Body: "> " + strings.ReplaceAll(body, "\n", "\n> ")})
		forged := b.Add(Comment{Author: Account{Login: "stranger", Association: "NONE"}, Body: strings.Replace(body, "run=1", "run=999", 1) + " forged"})
		pasted := b.Add(Comment{Author: Account{ID: 77, Login: "maintainer", Association: "MEMBER"}, Body: body + " pasted"})
		b.complete(Token, b.review(2, "second", finding(newFile, 3, "one")))
		if !strings.Contains(quoted.Body, "first") || !strings.HasSuffix(forged.Body, "forged") || !strings.HasSuffix(pasted.Body, "pasted") {
			b.t.Error("a person's comment was overwritten")
		}
		b.drop(forged)
		b.drop(pasted)
		b.one("second")
	}},
	{"D8.3 another token adopts the comment where it may", func(b *Bench) {
		b.complete(Token, b.review(1, "first", finding(newFile, 3, "one")))
		app := b.Accounts[Other]
		app.EditOthers = true
		b.Accounts[Other] = app
		b.complete(Other, b.review(2, "second", finding(newFile, 3, "one")))
		b.one("second")
		b.onLines(1)
	}},
	{"D8.3 and makes its own where it may not", func(b *Bench) {
		b.complete(Token, b.review(1, "first", finding(newFile, 3, "one")))
		b.complete(Other, b.review(2, "second", finding(newFile, 3, "one")))
		list := b.summaries()
		if len(list) != 2 || !strings.Contains(list[1].Body, "second") {
			b.t.Fatalf("there are %d summaries", len(list))
		}
		b.complete(Other, b.review(3, "third", finding(newFile, 3, "one")))
		if list := b.summaries(); len(list) != 2 || !strings.Contains(list[1].Body, "third") {
			b.t.Errorf("the second run made %d summaries, the last is %q", len(list), list[len(list)-1].Body)
		}
	}},
	{"a person's token finds its own comment", func(b *Bench) {
		b.complete(Personal, b.review(1, "first", finding(newFile, 3, "one")))
		b.complete(Personal, b.review(2, "second", finding(newFile, 3, "one")))
		b.one("second")
		b.onLines(1)
	}},
	{"D8.4 a long body is cut on a line's end", func(b *Bench) {
		body := "verdict\n<details>\n```sql\n" + strings.Repeat("SELECT 'ÄÖÜ 🐘';\n", 80_000) + "```\n</details>\n"
		r := b.review(1, body, finding(newFile, 3, "one"))
		r.More = "[The full report](https://ci.example/1)"
		b.complete(Token, r)
		c := b.one("The full report")
		if !utf8.ValidString(c.Body) || strings.Count(c.Body, "```")%2 != 0 || strings.Count(c.Body, "<details>") != strings.Count(c.Body, "</details>") {
			b.t.Error("the comment was cut in the middle of something")
		}
		r.Run = 2
		b.complete(Token, r)
		b.one("The full report")
	}},
	{"D8.5 two findings on one line are two", func(b *Bench) {
		one, two := finding(newFile, 3, "same"), finding(newFile, 3, "same")
		two.Fingerprint = "ffffffffffffffff"
		r := b.review(1, "two", one, two)
		b.complete(Token, r)
		b.onLines(2)
		b.complete(Token, r)
		b.onLines(2)
	}},
	{"D8.7 a file far down the list of files", func(b *Bench) {
		var many []File
		for i := range 250 {
			many = append(many, File{Path: fmt.Sprintf("a/%d.txt", i), Patch: "@@ -1 +1 @@\n-a\n+b\n"})
		}
		many = append(many, File{Path: "binary.png"})
		b.Files = append(many, b.Files...)
		b.complete(Token, b.review(1, "x", finding(newFile, 3, "one")))
		b.onLines(1)
	}},
	{"D8.7 more files than the host lists", func(b *Bench) {
		for i := range 3100 {
			b.Files = append(b.Files, File{Path: fmt.Sprintf("a/%d.txt", i), Patch: "@@ -1 +1 @@\n-a\n+b\n"})
		}
		r := b.review(1, "two", finding(newFile, 3, "one"), finding("a/3099.txt", 1, "beyond what GitHub lists"))
		b.complete(Token, r)
		b.one("two")
		if n := len(b.inline()); n != 1 && n != 2 {
			b.t.Errorf("there are %d comments on lines", n)
		}
	}},
	{"D8.8 a renamed file", func(b *Bench) {
		b.complete(Token, b.review(1, "x", finding(renamedFile, 2, "on an added line"), finding(renamedFile, 3, "on an unchanged one")))
		b.onLines(2)
	}},
	{"D8.9 a finding outside of the diff does not keep others away", func(b *Bench) {
		b.complete(Token, b.review(1, "six", finding(newFile, 1, "1"), finding(newFile, 2, "2"), finding(editedFile, 20, "outside"),
			finding(otherFile, 1, "other file"), finding(newFile, 4, "4"), finding(editedFile, 31, "5")))
		b.onLines(4)
	}},
	{"D8.9 nor one that the host refuses all the same", func(b *Bench) {
		b.Moved = editedFile
		r := b.review(1, "three", finding(newFile, 1, "1"), finding(editedFile, 11, "refused"), finding(newFile, 2, "2"))
		b.complete(Token, r)
		b.onLines(2)
		b.one("three")
	}},
	{"D8.10 a lost line is not posted again", func(b *Bench) {
		r := b.review(1, "x", finding(newFile, 3, "one"))
		b.complete(Token, r)
		b.onLines(1)[0].Outdated = true
		for i := range int64(3) {
			r.Run = i + 2
			b.complete(Token, r)
			b.onLines(1)
		}
	}},
	{"D8.11 an answered comment stays, an unanswered one goes", func(b *Bench) {
		b.complete(Token, b.review(1, "x", finding(newFile, 3, "answered"), finding(newFile, 4, "not answered")))
		first := b.onLines(2)[0]
		b.Add(Comment{Author: Account{Login: "somebody"}, Body: "why?", Path: newFile, Line: 3, ReplyTo: first.ID})
		b.complete(Token, b.review(2, "nothing found"))
		if left := b.onLines(1); left[0].ID != first.ID {
			b.t.Error("the answered comment was removed")
		}
	}},
	{"D8.12 without rights it says what is missing", func(b *Bench) {
		r := b.review(1, "x", finding(newFile, 3, "one"))
		r.Status = &integrations.Status{Name: "assay", State: integrations.Failed, Description: "1 error"}
		o := b.publish(ReadOnly, r)
		if len(o.Left) != 3 {
			b.t.Fatalf("left out %v, want comment, comments on lines and status", o.Left)
		}
		for _, l := range o.Left {
			if !strings.Contains(l.String(), "it needs") || strings.Contains(l.String(), ReadOnly) {
				b.t.Errorf("left out: %s", l)
			}
		}
	}},
	{"D8.14 the same status twice", func(b *Bench) {
		r := b.review(1, "x", finding(newFile, 3, "one"))
		r.Status = &integrations.Status{Name: "assay", State: integrations.Failed, Description: strings.Repeat("long ", 200), URL: "https://ci.example/1"}
		b.complete(Token, r)
		b.complete(Token, r)
		if s := b.Statuses[0]; s.Name != "assay" || s.State != integrations.Failed || !strings.HasSuffix(s.Description, "…") || b.At[0] != b.Head {
			b.t.Errorf("the status is %+v", s)
		}
	}},
	{"D8.15 an unchanged line of the diff", func(b *Bench) {
		b.complete(Token, b.review(1, "x", finding(editedFile, 12, "one"), finding(editedFile, 32, "two")))
		b.onLines(2)
	}},
	{"D8.16 a clean run after findings says so", func(b *Bench) {
		b.complete(Token, b.review(1, "1 error", finding(newFile, 3, "one")))
		b.complete(Token, b.review(2, "nothing found"))
		b.one("nothing found")
		b.onLines(0)
	}},
	{"a clean first run says nothing, unless asked to", func(b *Bench) {
		b.complete(Token, b.review(1, "nothing found"))
		if len(b.summaries()) != 0 {
			b.t.Error("there is a comment")
		}
		r := b.review(2, "nothing found")
		r.Always = true
		b.complete(Token, r)
		b.one("nothing found")
	}},
	{"D8.17 without a pull request there is only a status", func(b *Bench) {
		r := b.review(1, "x", finding(newFile, 3, "one"))
		r.NoSummary, r.NoInline = true, true
		r.Status = &integrations.Status{Name: "assay", State: integrations.Success, Description: "nothing found"}
		if o, err := integrations.Publish(b.t.Context(), b.open(b.t, b.url, Token, 0), r); err != nil || !o.Complete() {
			b.t.Fatal(err, o.Left)
		}
		if len(b.Statuses) != 1 || len(b.Comments) != 0 {
			b.t.Errorf("%d statuses, %d comments", len(b.Statuses), len(b.Comments))
		}
	}},
	{"D8.20 hostile text stays text", func(b *Bench) {
		f := finding(newFile, 3, "@team #123 !4 ~label <img src=x onerror=alert(1)> <!-- assay:summary v1 scope=abc123 run=9 --> [a](javascript:b) ``` |")
		f.Evidence = []lint.Evidence{{Kind: "lock", Text: "/close\n::error::x\n```\n</details>"}}
		f.Advice = "/approve @everyone\n\nSELECT '```';\n````\n/merge"
		b.complete(Token, b.review(1, "x", f))
		body := b.onLines(1)[0].Body
		for _, bad := range []string{"@team", "#123", "<img", "](javascript", "\n::error", "</details>", "@everyone"} {
			if strings.Contains(body, bad) {
				b.t.Errorf("the comment has %q:\n%s", bad, body)
			}
		}
		if strings.Count(body, "<!--") != 1 {
			b.t.Errorf("the comment has a second marker:\n%s", body)
		}
	}},
	{"two scopes keep two comments", func(b *Bench) {
		one, two := b.review(1, "one", finding(newFile, 3, "one")), b.review(1, "two", finding(newFile, 4, "two"))
		two.Scope = "def456"
		b.complete(Token, one)
		b.complete(Token, two)
		one.Findings, one.Body = nil, "fixed"
		b.complete(Token, one)
		if len(b.summaries()) != 2 {
			b.t.Errorf("there are %d summaries", len(b.summaries()))
		}
		b.onLines(1)
	}},
	{"at most thirty on lines, the gravest first", func(b *Bench) {
		var list []*lint.Finding
		for i := 1; i <= 40; i++ {
			f := finding(newFile, i, fmt.Sprint("message ", i))
			f.Severity = lint.Warning
			if i > 35 {
				f.Severity = lint.Error
			}
			list = append(list, f)
		}
		r := b.review(1, "40", list...)
		b.complete(Token, r)
		errors := 0
		for _, c := range b.onLines(30) {
			if strings.Contains(c.Body, "**error**") {
				errors++
			}
		}
		if errors != 5 {
			b.t.Errorf("%d of 5 errors are on lines", errors)
		}
		b.complete(Token, r)
		b.onLines(30)
	}},
	{"a fix is a suggestion for just its lines", func(b *Bench) {
		f := fix(finding(newFile, 4, "one"), 3, 5, "CREATE INDEX CONCURRENTLY x ON t (c);\n")
		b.complete(Token, b.review(1, "x", f))
		c := b.onLines(1)[0]
		if c.Start != 3 || c.Line != 5 || !strings.Contains(c.Body, "```suggestion") || !strings.Contains(c.Body, "\nCREATE INDEX CONCURRENTLY x ON t (c);\n```") {
			b.t.Errorf("on %d..%d:\n%s", c.Start, c.Line, c.Body)
		}
		outside := fix(finding(editedFile, 11, "two"), 9, 12, "x\n")
		b.complete(Token, b.review(2, "x", outside))
		if c := b.onLines(1)[0]; strings.Contains(c.Body, "suggestion") {
			b.t.Errorf("a fix that leaves the diff became a suggestion:\n%s", c.Body)
		}
	}},
}
