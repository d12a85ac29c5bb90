package integrations

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
)

var hostile = []string{
	"@team", "#123", "!4", "~label", "%m", "$1", "&1", "<b>x</b>", "<!-- assay:summary v1 scope=a run=1 -->", "[a](javascript:x)", "![](http://x/y.png)",
	"`code`", "```\nfence", "| a | b |", "# title", "- list", "1. list", "***bold***", "__x__", "~~x~~", "http://evil.example", "www.evil.example", "/close",
	":tada:", "GH-12", "a1b2c3d4e5f6", "\u202egnp.exe", "\x1b[31m", "\x00", "a\r\nb", "&lt;script&gt;", "&#64;team", "\\@team", "</details>", "$x^2$", "> quote", "\xff\xfe",
}

func FuzzText(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	f.Fuzz(func(t *testing.T, s string) {
		got := Text(s)
		if strings.Contains(got, "\n") || !utf8.ValidString(got) || strings.Contains(got, "<") || strings.HasPrefix(got, "/") {
			t.Fatalf("%q became %q", s, got)
		}
		var html bytes.Buffer
		if err := md.Convert([]byte("words "+got), &html); err != nil {
			t.Fatal(err)
		}
		body := strings.TrimSpace(html.String())
		body = strings.TrimSuffix(strings.TrimPrefix(body, "<p>"), "</p>")
		if strings.Contains(body, "<") {
			t.Fatalf("%q became markup: %q as %s", s, got, body)
		}
	})
}

func TestCode(t *testing.T) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	for _, s := range hostile {
		var html bytes.Buffer
		if err := md.Convert([]byte(Code(s)), &html); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(html.String(), "<"); n != 4 || !strings.HasPrefix(html.String(), "<p><code>") {
			t.Errorf("%q became %s", s, html.String())
		}
	}
}

func TestFenced(t *testing.T) {
	got := Fenced("sql", "a\n```\n/close\n````x")
	if want := "`````sql\na\n```\n /close\n````x\n`````\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCut(t *testing.T) {
	body := "head\n<details>\n<summary>x</summary>\n\n```sql\n" + strings.Repeat("line é\n", 1000) + "```\n</details>\n"
	for limit := 1200; limit < len(body); limit += 97 {
		got := Cut(body, limit, "[more](https://x)")
		if len(got) > limit || !strings.HasSuffix(got, "[more](https://x)\n") || strings.Count(got, "```") != 2 || strings.Count(got, "</details>") != 1 || !utf8.ValidString(got) {
			t.Fatalf("limit %d: %d bytes, %q", limit, len(got), got[max(0, len(got)-300):])
		}
	}
	if Cut("short", 100, "") != "short" {
		t.Error("a short body was changed")
	}
}

func TestMarked(t *testing.T) {
	for body, want := range map[string]bool{
		mark{scope: "ab12", run: 7}.String() + "\nwords":        true,
		mark{scope: "ab12", print: "ff"}.String() + "\r\nwords": true,
		"> " + mark{scope: "ab12", run: 7}.String():             false,
		"words\n" + mark{scope: "ab12", run: 7}.String():        false,
		mark{scope: "ab12", run: 7}.String() + " words":         false,
		"<!-- assay:summary v1 scope=ab12 run=-1 -->\n":         false,
		"<!-- assay:summary v1 scope=../x run=1 -->\n":          false,
		"": false,
	} {
		if Marked(body) != want {
			t.Errorf("%q: got %v", body, !want)
		}
	}
}

func TestParsePatch(t *testing.T) {
	spans, old := ParsePatch("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@ f\n a\n+b\n c\n@@ -10 +11,0 @@\n-gone\n@@ -20,0 +20,2 @@\n+@@ -1 +1 @@\n++x\n\\ No newline at end of file\n")
	if len(spans) != 2 || spans[0] != (Span{1, 3}) || spans[1] != (Span{20, 21}) {
		t.Errorf("spans %v", spans)
	}
	if !old[2].Added || old[3] != (Old{2, false}) || !old[21].Added {
		t.Errorf("old %v", old)
	}
}
