package report

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"

	"github.com/assaydb/assay/internal/lint"
)

// evil are texts that try to get out of their place.
var evil = []string{
	"@alice", "see #123, GH-123, acme/shop#1", "https://evil.example www.evil.example a@evil.example", "[x](http://e.example)", "![x](http://e.example)",
	"<script>alert(1)</script>", "<!-- assay:sticky -->", "</details>", "```\nfence\n```", "~~~", "`code`", "a | b", "|---|---|", "# heading", "- item", "1. item", "1) item",
	"> quote", "> [!WARNING]", "/close", "---", "===", "* * *", "\\", "&lt;&#64;alice", "**bold** _it_ ~~gone~~ $x$ $$y$$ :tada:", "::error::x", "##[error]x", "\u202eevil\u2066",
	"a\r\nb\rc", "\x00\x1b[31m", "\xff\xfe", "http://x", "ftp://x.example", "mailto:a@b.example", "#wwww.a", "[ref]: http://e.example", "[^1]", "    indented", "\tindented", "!1 ~label %m $1 ^x", "deadbeef1234567",
	"{{.}}", "${x}", "]]>", "-- >", "x\\|y", "`|`", "``` |", "<https://e.example>", "\u2028\u2029", strings.Repeat("x", 1000),
}

// bodies parses Markdown the way hosts do (tables, autolinks, strikethrough).
func parse(src []byte) ast.Node {
	return goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(src))
}

// kinds counts the nodes of a document.
func kinds(src []byte) map[string]int {
	out := map[string]int{}
	_ = ast.Walk(parse(src), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			out[n.Kind().String()]++
		}
		return ast.WalkContinue, nil
	})
	return out
}

// reference is what hosts would make a link or a command of in rendered text.
var reference = regexp.MustCompile(`@[A-Za-z0-9]|#[0-9]|[A-Za-z]://|www\.[a-z]|^/[a-z]|\$[^\x{200b}]|:[a-z]+:`)

// checkText holds mdText's promise for one text in a paragraph and in a cell.
func checkText(t *testing.T, s string) {
	t.Helper()
	got := mdText(s, 200)
	if strings.ContainsAny(got, "\n\r<>|`") || !utf8.ValidString(got) {
		t.Errorf("mdText(%q) = %q holds what it must not", s, got)
	}
	for _, doc := range []string{got + "\n", "| a |\n|---|\n| " + got + " |\n"} {
		for kind, n := range kinds([]byte(doc)) {
			switch kind {
			case "Document", "Text", "Paragraph", "Table", "TableHeader", "TableRow", "String":
			case "TableCell":
				if n != 2 {
					t.Errorf("mdText(%q) = %q breaks the table: %d cells", s, got, n)
				}
			default:
				t.Errorf("mdText(%q) = %q makes a %s", s, got, kind)
			}
		}
	}
	if m := reference.FindString(html.UnescapeString(got)); m != "" {
		t.Errorf("mdText(%q) = %q leaves %q for the host to link", s, got, m)
	}
}

func checkCode(t *testing.T, s string) {
	t.Helper()
	got := mdCode(s, 200)
	if strings.ContainsAny(got, "\n\r|") || !utf8.ValidString(got) {
		t.Errorf("mdCode(%q) = %q holds what it must not", s, got)
	}
	k := kinds([]byte("| a |\n|---|\n| x " + got + " |\n"))
	if k["TableCell"] != 2 || k["Link"]+k["AutoLink"]+k["Image"]+k["Emphasis"]+k["Strikethrough"] > 0 || k["CodeSpan"] > 1 || k["RawHTML"] != 0 && k["RawHTML"] != 2 || k["CodeSpan"] == 1 && k["RawHTML"] > 0 {
		t.Errorf("mdCode(%q) = %q makes %v", s, got, k)
	}
}

// checkBreakable: mdBreakable makes what mdCode makes, and places to break.
func checkBreakable(t *testing.T, s string) {
	t.Helper()
	got := mdBreakable(s, 200)
	if strings.ContainsAny(got, "\n\r|") || !utf8.ValidString(got) {
		t.Errorf("mdBreakable(%q) = %q holds what it must not", s, got)
	}
	k := kinds([]byte("| a |\n|---|\n| [" + got + "](https://a.example) |\n"))
	if k["TableCell"] != 2 || k["Link"] != 1 || k["AutoLink"]+k["Image"]+k["Emphasis"]+k["Strikethrough"] > 0 {
		t.Errorf("mdBreakable(%q) = %q makes %v", s, got, k)
	}
}

func checkFence(t *testing.T, s string) {
	t.Helper()
	doc := "before\n\n" + mdFence("sql", s) + "\nafter\n"
	k := kinds([]byte(doc))
	if k["FencedCodeBlock"] != 1 || k["Paragraph"] != 2 || len(k) != 4 {
		t.Errorf("mdFence(%q) makes %v", s, k)
	}
	if strings.Contains(doc, "<!--") {
		t.Errorf("mdFence(%q) leaves a marker", s)
	}
}

func checkMermaid(t *testing.T, s string) {
	t.Helper()
	if got := mermaidText(s); got == "" && s != "" && strings.TrimSpace(s) != "" || strings.ContainsAny(got, "\"\n`<>;#%{}[]|\\") {
		t.Errorf("mermaidText(%q) = %q", s, got)
	}
	if got := mermaidWord(s); !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_()\[\]]*$`).MatchString(got) {
		t.Errorf("mermaidWord(%q) = %q", s, got)
	}
}

func TestEscape(t *testing.T) {
	for _, s := range evil {
		checkText(t, s)
		checkCode(t, s)
		checkBreakable(t, s)
		checkBreakable(t, strings.Repeat("x_/.", 10)+s)
		checkFence(t, s)
		checkMermaid(t, s)
	}
}

func FuzzMarkdownText(f *testing.F) { fuzz(f, checkText) }
func FuzzMarkdownCode(f *testing.F) {
	fuzz(f, func(t *testing.T, s string) { checkCode(t, s); checkBreakable(t, s) })
}
func FuzzMarkdownFence(f *testing.F) { fuzz(f, checkFence) }
func FuzzMermaid(f *testing.F)       { fuzz(f, checkMermaid) }

func fuzz(f *testing.F, check func(*testing.T, string)) {
	for _, s := range evil {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { check(t, s) })
}

// TestMarkdownHostile renders the worst case and looks for anything that its
// texts could have made: only our own addresses are linked, only our own
// elements are HTML, and no host would find a mention.
func TestMarkdownHostile(t *testing.T) {
	src := []byte(render(t, lookup(t, "markdown"), load(t, "hostile"), options))
	allowed := regexp.MustCompile(`^</?(details|summary|code|b|sub)>$|^<(br|wbr)>$`)
	tag := regexp.MustCompile(`<[^>]*>`)
	_ = ast.Walk(parse(src), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			if d := string(n.Destination); !strings.HasPrefix(d, "https://git.example/") && !strings.HasPrefix(d, "https://ci.example/") && !strings.HasPrefix(d, "https://assaydb.github.io/") {
				t.Errorf("a link to %s", d)
			}
		case *ast.AutoLink, *ast.Image, *east.Strikethrough, *east.TaskCheckBox:
			t.Errorf("a %s", n.Kind())
		case *ast.Heading:
			if n.Level != 3 {
				t.Errorf("a heading of level %d", n.Level)
			}
		case *ast.RawHTML:
			for i := range n.Segments.Len() {
				if s := n.Segments.At(i); !allowed.Match(s.Value(src)) {
					t.Errorf("HTML %s", s.Value(src))
				}
			}
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				s := n.Lines().At(i)
				for _, x := range tag.FindAll(s.Value(src), -1) {
					if !allowed.Match(x) {
						t.Errorf("HTML %s", x)
					}
				}
			}
		case *ast.Text:
			if _, code := n.Parent().(*ast.CodeSpan); !code {
				if m := regexp.MustCompile(`@[a-z]|#[0-9]`).FindString(html.UnescapeString(string(n.Segment.Value(src)))); m != "" {
					t.Errorf("a reference %s", m)
				}
			}
		}
		return ast.WalkContinue, nil
	})
	for _, bad := range []string{"<!--", "\u202e", "\x1b", "\n::error", "##[error]"} {
		if bytes.Contains(src, []byte(bad)) {
			t.Errorf("the Markdown holds %q", bad)
		}
	}
}

// sections counts the folded sections that are opened and closed, as a renderer sees them.
func sections(src []byte) (opened, closed int) {
	_ = ast.Walk(parse(src), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if b, ok := n.(*ast.HTMLBlock); ok && entering {
			for i := range b.Lines().Len() {
				s := b.Lines().At(i)
				opened += bytes.Count(s.Value(src), []byte("<details>"))
				closed += bytes.Count(s.Value(src), []byte("</details>"))
			}
		}
		return ast.WalkContinue, nil
	})
	return opened, closed
}

// TestMarkdownLimit cuts the report everywhere: it never gets longer than
// asked for, everything is closed, and it says that it is cut.
func TestMarkdownLimit(t *testing.T) {
	for _, name := range []string{"findings", "hostile", "suppressed"} {
		r := load(t, name)
		full := Markdown(r, MarkdownOptions{Link: options.Link, Marker: "<!-- m -->", ReportURL: options.URL})
		if !strings.HasPrefix(full, "<!-- m -->\n") {
			t.Fatalf("%s: no marker on the first line", name)
		}
		for limit := 2500; limit <= len(full)+7; limit += 97 {
			out := Markdown(r, MarkdownOptions{Link: options.Link, Marker: "<!-- m -->", ReportURL: options.URL, Limit: limit})
			if len(out) > limit {
				t.Fatalf("%s: %d bytes at a limit of %d", name, len(out), limit)
			}
			if cut := limit < len(full); cut != strings.Contains(out, "> Cut here:") {
				t.Fatalf("%s at %d: cut %v, note %v", name, limit, cut, !cut)
			}
			if o, c := sections([]byte(out)); o != c {
				t.Fatalf("%s at %d: %d sections opened, %d closed:\n%s", name, limit, o, c, out[max(0, len(out)-600):])
			}
			if !strings.HasSuffix(out, "</sub>\n") {
				t.Fatalf("%s at %d: no footer", name, limit)
			}
			if k := kinds([]byte(out)); limit < len(full) && k["Blockquote"] == 0 {
				t.Fatalf("%s at %d: the note is not read as one: an open fence?", name, limit)
			}
		}
	}
}

// huge is a result as a careless seed file makes it.
func huge() *lint.Result {
	r := &lint.Result{Version: "1", Tool: lint.Tool{Name: "assay", Version: "0.4.0"}, Dir: "migrations", Against: "1 new migration"}
	m := &lint.Migration{Path: "migrations/1.sql", TxMode: "file"}
	for i := range 20000 {
		o := fmt.Sprintf("public.t%d", i%300)
		m.Statements = append(m.Statements, &lint.Statement{
			Line: i + 1, Column: 1, EndLine: i + 1, EndColumn: 30, Tag: "ALTER TABLE", Text: "ALTER TABLE " + o + " ADD COLUMN c int", InTransaction: true, Transaction: 1,
			Locks: []lint.Lock{{Object: o, Kind: "table", Mode: "ACCESS EXCLUSIVE"}}, Scans: []lint.Scan{{Object: o, Count: 1}},
		})
		if i%4 == 0 {
			r.Findings = append(r.Findings, &lint.Finding{ID: "LK201", Name: "table-rewrite", Severity: lint.Error, Confidence: lint.Observed, Path: m.Path, Line: i + 1, Column: 1, EndLine: i + 1, EndColumn: 30, Object: o, Message: "writes anew", Statement: i})
		}
	}
	r.Migrations = []*lint.Migration{m}
	r.Diagram = &lint.Diagram{}
	for i := range 300 {
		r.Diagram.Tables = append(r.Diagram.Tables, lint.DiagramTable{Name: fmt.Sprintf("public.t%d", i), Change: "changed"})
		r.Diagram.Keys = append(r.Diagram.Keys, lint.DiagramKey{From: fmt.Sprintf("public.t%d", i), To: fmt.Sprintf("public.t%d", (i+1)%300), Name: "fk"})
		r.Diagram.Chains = append(r.Diagram.Chains, []string{fmt.Sprintf("public.v%d", i), fmt.Sprintf("public.v%d", i+1)})
	}
	lint.Fingerprints(r)
	lint.Summarize(r)
	return r
}

// TestHuge: 20,000 statements and 5,000 findings stay within what readers take.
func TestHuge(t *testing.T) {
	r := huge()
	most := map[string]int{"html": 4 << 20, "markdown": 4 << 20, "sarif": 20 << 20}
	for _, f := range Formats {
		n := len(render(t, f, r, options))
		if limit := most[f.Name]; limit > 0 && n > limit {
			t.Errorf("%s: %d bytes, more than %d", f.Name, n, limit)
		}
	}
	if n := len(Markdown(r, MarkdownOptions{Limit: 65000})); n > 65000 {
		t.Errorf("Markdown cut at 65000 has %d bytes", n)
	}
}

// TestHTML: the page loads nothing, runs only our script, and the policy that
// says so names the hashes of what is in it.
func TestHTML(t *testing.T) {
	for _, name := range cases(t) {
		out := render(t, lookup(t, "html"), load(t, name), options)
		if m := regexp.MustCompile(`<[a-z0-9]+(\s+[a-zA-Z-]+(="[^"]*")?)*\s+(src|style|on[a-z]+)=`).FindString(out); m != "" {
			t.Errorf("%s: the page holds %s", name, m)
		}
		if n := strings.Count(out, "<script"); n != 1 {
			t.Errorf("%s: %d scripts", name, n)
		}
		if !strings.Contains(html.UnescapeString(out), hash(htmlScript)) {
			t.Errorf("%s: the policy does not name the script's hash", name)
		}
		for _, bad := range []string{"url(", "@import", "<link", "<iframe", "<img", "ZgotmplZ", "javascript:alert(1)//\"", "\u202e", "\x1b"} {
			if i := strings.Index(out, bad); i >= 0 {
				t.Errorf("%s: the page holds %q: …%s…", name, bad, out[max(0, i-60):min(len(out), i+60)])
			}
		}
	}
}

// TestTerminal: nothing in the text report acts on a terminal or on a CI runner.
func TestTerminal(t *testing.T) {
	command := regexp.MustCompile(`(?m)^\s*::[^:\n]*::|##\w*\[`)
	for _, o := range []Options{{}, {Verbose: true, Width: 60}} {
		out := render(t, lookup(t, "text"), load(t, "hostile"), o)
		if m := command.FindString(out); m != "" {
			t.Errorf("a runner would take %q for a command", m)
		}
		if strings.ContainsAny(out, "\x1b\x07\r\u202e\u2066") {
			t.Error("control characters get through")
		}
	}
}

func TestShortType(t *testing.T) {
	for in, want := range map[string]string{
		"timestamp(3) without time zone": "timestamp(3)", "timestamp with time zone": "timestamptz", "time with time zone[]": "timetz[]",
		"character varying(20)": "varchar(20)", `public."Role"`: "Role", "bigint": "bigint",
	} {
		if got := shortType(in); got != want {
			t.Errorf("shortType(%s) = %s, want %s", in, got, want)
		}
	}
}
