package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/assaydb/assay/integrations/hosttest"
)

// hostileProject writes testdata/hostile into dir, with the characters and the
// file names that no checkout should have.
func hostileProject(t *testing.T, dir string) string {
	t.Helper()
	fill := strings.NewReplacer("{{RLO}}", "\u202e\u2066", "{{ESC}}", "\x1b", "{{LONG}}", strings.Repeat("é@team ", 10_000))
	name := "2_@team <img src=x> `x` [y](z) | #1 ::error::n\u202e.up.sql"
	for from, to := range map[string]string{"1_base.up.sql": "1_base.up.sql", "2_hostile.up.sql": name, "2_hostile.down.sql": strings.Replace(name, ".up.", ".down.", 1)} {
		target := filepath.Join(dir, "db", to)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, []byte(fill.Replace(file(t, "../../testdata/hostile/"+from))), 0o644); err != nil {
			t.Skipf("this system has no such file names: %v", err)
		}
	}
	return "app/db/" + name
}

var hostileOutputs = []string{"json=r.json", "sarif=r.sarif", "gitlab=r.gitlab.json", "junit=r.xml", "markdown=r.md", "html=r.html"}

// TestHostileMigration reviews a migration that tries to break out of every
// place that its text gets to, on both hosts, with and without rights, and looks
// at everything that is written.
func TestHostileMigration(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*ciBench{
		"GitHub": newCIBench(t, "pull_request", pullEvent("o/r")), "a fork on GitHub": newCIBench(t, "pull_request", pullEvent("stranger/r")), "GitLab": onGitLab(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b.t = t
			project := filepath.Join(b.dir, "app")
			path := hostileProject(t, project)
			lines := 1 + strings.Count(file(t, filepath.Join(b.dir, filepath.FromSlash(path))), "\n")
			b.Files = []hosttest.File{{Path: path, New: true, Patch: newFilePatch(lines)}}
			args := []string{"ci", "-C", project, "--latest", "1", "--trust-checkout", "-o", "text"}
			for _, o := range hostileOutputs {
				args = append(args, "-o", o)
			}
			var out bytes.Buffer
			code := run(t.Context(), args, func(k string) string { return b.env[k] }, strings.NewReader(""), &out, &out)
			if code == exitFailed && strings.Contains(out.String(), "no PostgreSQL") {
				t.Skipf("no PostgreSQL could be started:\n%s", out.String())
			}
			if code != exitFindings {
				t.Fatalf("exit %d\n%s", code, out.String())
			}
			if len(b.Wrong) > 0 || len(b.Commands) > 0 {
				t.Errorf("wrong requests %q, commands %q", b.Wrong, b.Commands)
			}
			b.noToken(out.String())
			harmlessLog(t, out.String())
			summaries, inline := b.marked()
			if want := name != "a fork on GitHub"; (len(summaries) == 1 && len(inline) > 3) != want || len(summaries) > 1 {
				t.Errorf("%d summaries, %d comments on lines", len(summaries), len(inline))
			}
			for i := range inline {
				_, inline[i], _ = strings.Cut(inline[i], "\n") // the path is the bench's
			}
			for _, body := range append(summaries, inline...) {
				if !strings.HasPrefix(body, "<!-- assay:") || len(body) > 65536 {
					t.Errorf("a comment of %d bytes starts with %.40q", len(body), body)
				}
				_, body, _ = strings.Cut(body, "\n")
				harmlessMarkdown(t, "a comment", body)
			}
			harmlessMarkdown(t, "the Markdown report", file(t, filepath.Join(project, "r.md")))
			if b.env["GITHUB_STEP_SUMMARY"] != "" {
				harmlessMarkdown(t, "the step summary", file(t, b.env["GITHUB_STEP_SUMMARY"]))
				if got := file(t, b.env["GITHUB_OUTPUT"]); !regexp.MustCompile(`^findings=\d+\nerrors=\d+\nreport=[^\n]*r\.json\nstatus=failure\n$`).MatchString(got) {
					t.Errorf("the outputs are %q", got)
				}
			}
			harmlessHTML(t, file(t, filepath.Join(project, "r.html")))
			harmlessData(t, project)
			for _, s := range b.Statuses {
				if strings.ContainsAny(s.Description, "@<`\n") {
					t.Errorf("the status says %q", s.Description)
				}
			}
		})
	}
}

// onGitLab is a bench on GitLab.
func onGitLab(t *testing.T) *ciBench {
	t.Helper()
	b := newCIBench(t, "", nil)
	b.Server = hosttest.NewGitLab()
	b.Accounts[hosttest.Token] = hosttest.Account{ID: 1, Login: "project_42_bot_1", Bot: true, Comment: true, Status: true}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.env = map[string]string{
		"GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_PROJECT_ID": "42", "CI_PROJECT_ID": "42",
		"CI_API_V4_URL": server.URL + "/git/api/v4", "CI_COMMIT_SHA": b.Head, "CI_PIPELINE_ID": "9", "ASSAY_GITLAB_TOKEN": hosttest.Token,
		"CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.example/g/p",
	}
	return b
}

func newFilePatch(lines int) string {
	return fmt.Sprintf("@@ -0,0 +1,%d @@\n", lines) + strings.Repeat("+x\n", lines)
}

// harmlessLog: no line is a command of a CI's runner, nothing acts on a terminal.
func harmlessLog(t *testing.T, log string) {
	t.Helper()
	ours := regexp.MustCompile(`^::(error|warning|notice)( [^:]*)?::`)
	for _, line := range strings.Split(log, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "::") && !ours.MatchString(line) || regexp.MustCompile(`##\w*\[`).MatchString(line) {
			t.Errorf("the runner would carry out %.200q", line)
		}
		if ours.MatchString(line) && (strings.Count(line, "file=") > 1 || strings.Contains(line, "::error::n\u202e")) {
			t.Errorf("an annotation has properties of a stranger's: %.300q", line)
		}
	}
	if !regexp.MustCompile(`(?s)^[^\x00-\x08\x0b-\x1f\x7f\x{202a}-\x{202e}\x{2066}-\x{2069}]*$`).MatchString(log) {
		t.Error("the log has characters that do not show, or that turn others around")
	}
}

// harmlessMarkdown: only our elements are HTML, only our addresses are linked,
// nobody is mentioned, no line is a command, there is no marker.
func harmlessMarkdown(t *testing.T, what, body string) {
	t.Helper()
	if strings.Contains(body, "<!--") || strings.Contains(body, "\n/") || strings.ContainsAny(body, "\x1b\u202e\u2066\r") || !utf8.ValidString(body) {
		t.Errorf("%s has a marker, a command or characters that do not show:\n%.3000s", what, body)
	}
	folds := 0
	src := []byte(body)
	allowed := regexp.MustCompile(`^</?(details|summary|code|b|sub)>$|^<(br|wbr)>$`)
	mention := regexp.MustCompile(`@[A-Za-z]|[A-Za-z]#[0-9]|(^|\s)[#!][0-9]`)
	address := regexp.MustCompile(`^https://(github|gitlab)\.example/|^https://github\.com/assaydb/assay/|^https://docs\.example/|^http://127\.0\.0\.1`)
	_ = ast.Walk(goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(src)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			if !address.Match(n.Destination) {
				t.Errorf("%s links %s", what, n.Destination)
			}
		case *ast.AutoLink, *ast.Image:
			t.Errorf("%s has a %s", what, n.Kind())
		case *ast.RawHTML:
			for i := range n.Segments.Len() {
				if s := n.Segments.At(i); !allowed.Match(s.Value(src)) {
					t.Errorf("%s has the HTML %s", what, s.Value(src))
				}
			}
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				s := n.Lines().At(i)
				folds += strings.Count(string(s.Value(src)), "<details>") - strings.Count(string(s.Value(src)), "</details>")
				for _, x := range regexp.MustCompile(`<[^>]*>`).FindAll(s.Value(src), -1) {
					if !allowed.Match(x) {
						t.Errorf("%s has the HTML %s", what, x)
					}
				}
			}
		case *ast.Text:
			if _, code := n.Parent().(*ast.CodeSpan); !code {
				if m := mention.Find(n.Segment.Value(src)); m != nil {
					t.Errorf("%s mentions %s in %.200q", what, m, n.Segment.Value(src))
				}
			}
		}
		return ast.WalkContinue, nil
	})
	if folds != 0 {
		t.Errorf("%s leaves %d folds open", what, folds)
	}
}

// harmlessHTML: one script, which is ours, and no element or attribute of a
// stranger's.
func harmlessHTML(t *testing.T, page string) {
	t.Helper()
	if n := strings.Count(page, "<script"); n != 1 {
		t.Errorf("the page has %d scripts", n)
	}
	for _, bad := range []string{"<img", "<iframe", "<!-- assay", "</details></summary>", "<b>enum", "<svg onload", "javascript:alert(1)\"", "\x1b", "\u202e"} {
		if i := strings.Index(page, bad); i >= 0 {
			t.Errorf("the page has %q: …%s…", bad, page[max(0, i-80):min(len(page), i+80)])
		}
	}
	if m := regexp.MustCompile(`<[a-z0-9]+(\s+[a-zA-Z-]+(="[^"]*")?)*\s+(src|style|on[a-z]+)=`).FindString(page); m != "" {
		t.Errorf("the page has %s", m)
	}
}

// harmlessData: the formats for programs can be read, and hold to their schemas.
func harmlessData(t *testing.T, project string) {
	t.Helper()
	for name, schema := range map[string]string{
		"r.json": "../../docs/schemas/result.json", "r.sarif": "../../testdata/report/schemas/sarif-schema-2.1.0.json",
		"r.gitlab.json": "../../testdata/report/schemas/gitlab-code-quality.json",
	} {
		data := file(t, filepath.Join(project, name))
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		described, err := jsonschema.UnmarshalJSON(strings.NewReader(file(t, schema)))
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource("file:///s.json", described); err != nil {
			t.Fatal(err)
		}
		s, err := c.Compile("file:///s.json")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(data, "\x1b") || len(data) > 2<<20 {
			t.Errorf("%s has %d bytes, or characters that act on a terminal", name, len(data))
		}
	}
	d := xml.NewDecoder(strings.NewReader(file(t, filepath.Join(project, "r.xml"))))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("r.xml: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok && !slices.Contains([]string{"testsuites", "testsuite", "testcase", "failure", "skipped", "system-out"}, e.Name.Local) {
			t.Errorf("r.xml has the element %s", e.Name.Local)
		}
	}
}
