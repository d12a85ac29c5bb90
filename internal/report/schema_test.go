package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	reflect "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/assaydb/assay/internal/lint"
)

const (
	resultSchema = "../../docs/schemas/result.json"
	agentSchema  = "../../docs/schemas/agent.json"
)

// reflected is the schema of a type, with the comments of its fields.
func reflected(t *testing.T, v any, file, title, about string) *reflect.Schema {
	t.Helper()
	r := &reflect.Reflector{AllowAdditionalProperties: true}
	for _, dir := range []string{"lint", "report"} {
		if err := r.AddGoComments("github.com/assaydb/assay/internal", "../../internal/"+dir); err != nil {
			t.Fatal(err)
		}
		// AddGoComments names packages by the path it was given.
		for k, v := range r.CommentMap {
			if i := strings.Index(k, "/"+dir+"."); i >= 0 {
				r.CommentMap["github.com/assaydb/assay/internal"+k[i:]] = v
			}
		}
	}
	s := r.Reflect(v)
	s.ID = reflect.ID("https://raw.githubusercontent.com/assaydb/assay/main/docs/schemas/" + file)
	s.Title, s.Description = title, about
	return s
}

func goldenSchema(t *testing.T, path string, s *reflect.Schema) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	golden(t, path, b.String())
}

// TestResultSchema holds docs/schemas/result.json against the Go types.
func TestResultSchema(t *testing.T) {
	s := reflected(t, &lint.Result{}, "result.json", "assay result",
		"The outcome of one run of assay: what assay lint -o json writes. Within one version keys are only added.")
	enumerate(s, "Finding", "Suppressed", "RuleInfo")
	goldenSchema(t, resultSchema, s)
}

// enumerate lists the values of severities and confidences.
func enumerate(s *reflect.Schema, defs ...string) {
	enums := map[string][]any{"severity": {"info", "warning", "error"}, "confidence": {"proven", "observed", "inferred"}}
	for _, def := range defs {
		for key, values := range enums {
			if p, ok := s.Definitions[def].Properties.Get(key); ok && !(def == "RuleInfo" && key == "confidence") {
				p.Enum = values
				if def == "RuleInfo" {
					p.Enum = append([]any{"off"}, values...)
				}
			}
		}
	}
}

// TestAgentSchema holds docs/schemas/agent.json against the Go types, and every
// line of every case against it; no text is longer than it says.
func TestAgentSchema(t *testing.T) {
	s := reflected(t, &AgentFinding{}, "agent.json", "assay finding for an agent",
		"A line of what assay lint -o agent writes. Within one version keys are only added.")
	enumerate(s, "AgentFinding")
	goldenSchema(t, agentSchema, s)
	schema := compile(t, agentSchema)
	for _, name := range cases(t) {
		r := load(t, name)
		for i, f := range r.Findings {
			f.Message += strings.Repeat(" wörd", 200*(i%2))
			if f.Fix != nil {
				f.Fix.Patch = Patch("m/1.sql", []byte("a\n"), []byte("b\n"))
			}
		}
		out := render(t, lookup(t, "agent"), r, options)
		if n := strings.Count(out, "\n"); n != len(r.Findings) {
			t.Errorf("%s: %d lines for %d findings", name, n, len(r.Findings))
		}
		for line := range strings.Lines(out) {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for key, v := range doc.(map[string]any) {
				if text, ok := v.(string); ok && utf8.RuneCountInString(text) > agentText {
					t.Errorf("%s: %s has %d characters", name, key, utf8.RuneCountInString(text))
				}
			}
		}
	}
}

// TestPatch: git apply makes the new text of the old one.
func TestPatch(t *testing.T) {
	for _, c := range []struct{ name, old, text string }{
		{"m/1.sql", "a\nb\nc\n", "a\nB\nc\n"},
		{"m/no newline.sql", "a\nb", "a\nb\nc"},
		{"m/crlf.sql", "a\r\nb\r\n", "a\r\nx\r\nb\r\n"},
		{"m/q\"uote\t.sql", "a\n", "b\n"},
		{"m/new.sql", "", "a\n"},
		{"m/ü.sql", "\n\n\n", "\n"},
	} {
		dir := t.TempDir()
		var old []byte
		if c.old != "" {
			old = []byte(c.old)
			if err := errors.Join(os.MkdirAll(filepath.Join(dir, "m"), 0o755), os.WriteFile(filepath.Join(dir, c.name), old, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command("git", "apply", "-")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(Patch(c.name, old, []byte(c.text)))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", c.name, err, out)
		} else if got, err := os.ReadFile(filepath.Join(dir, c.name)); err != nil || string(got) != c.text {
			t.Errorf("%q: %q, %v, want %q", c.name, got, err, c.text)
		}
	}
	if Patch("a", []byte("x"), []byte("x")) != "" {
		t.Error("no change has a patch")
	}
}

func compile(t *testing.T, path string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("file:///schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("file:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lookup(t testing.TB, name string) Format {
	t.Helper()
	f, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSchemas validates every case's output in the JSON formats.
func TestSchemas(t *testing.T) {
	for format, path := range map[string]string{
		"json":   resultSchema,
		"sarif":  filepath.Join(samples, "schemas", "sarif-schema-2.1.0.json"),
		"gitlab": filepath.Join(samples, "schemas", "gitlab-code-quality.json"),
	} {
		schema, f := compile(t, path), lookup(t, format)
		for _, name := range cases(t) {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(render(t, f, load(t, name), options)))
			if err != nil {
				t.Fatalf("%s %s: %v", name, format, err)
			}
			if err := schema.Validate(doc); err != nil {
				t.Errorf("%s %s: %v", name, format, err)
			}
		}
	}
}

// TestFingerprintsUnique: no two entries of a Code Quality file share one.
func TestFingerprintsUnique(t *testing.T) {
	for _, name := range cases(t) {
		var list []codeQuality
		if err := json.Unmarshal([]byte(render(t, lookup(t, "gitlab"), load(t, name), options)), &list); err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, e := range list {
			if seen[e.Fingerprint] {
				t.Errorf("%s: fingerprint %s twice", name, e.Fingerprint)
			}
			seen[e.Fingerprint] = true
		}
	}
}

// TestJUnit: every case parses as XML, counts add up, and each test has a name,
// a class and at most one outcome, which is what the readers rely on.
func TestJUnit(t *testing.T) {
	for _, name := range cases(t) {
		out := render(t, lookup(t, "junit"), load(t, name), options)
		d := xml.NewDecoder(strings.NewReader(out))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		var doc junitSuites
		if err := xml.Unmarshal([]byte(out), &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tests, failures := 0, 0
		for _, s := range doc.Suites {
			failed, skipped := 0, 0
			for _, c := range s.Cases {
				if c.Name == "" || c.Class == "" || c.Failure != nil && c.Skipped != nil {
					t.Errorf("%s: bad test case %+v", name, c)
				}
				if c.Failure != nil {
					failed++
				}
				if c.Skipped != nil {
					skipped++
				}
			}
			if failed != s.Failures || skipped != s.Skipped || len(s.Cases) != s.Tests {
				t.Errorf("%s: suite %s counts wrong", name, s.Name)
			}
			tests += s.Tests
			failures += s.Failures
		}
		if tests != doc.Tests || failures != doc.Failures {
			t.Errorf("%s: the totals are wrong", name)
		}
	}
}

// TestRoundTrip: what -o json writes, Decode reads, and every other format
// comes out the same from it but for excerpts.
func TestRoundTrip(t *testing.T) {
	for _, name := range cases(t) {
		r := load(t, name)
		first := render(t, lookup(t, "json"), r, Options{})
		again, err := lint.Decode(strings.NewReader(first))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if second := render(t, lookup(t, "json"), again, Options{}); second != first {
			t.Errorf("%s: the report changes on its way through a file", name)
		}
	}
}

// junitGrammar is what junit-10.xsd allows, of Jenkins' xunit plugin (commit
// 031e285ef3b60dee7aaf36e9096d7dcd95ffae83): each element's attributes, those
// with a ! required, and its children. GitLab and CircleCI read one attribute
// more, the file of a testcase.
var junitGrammar = map[string]struct{ attributes, children string }{
	"testsuites": {"name time tests failures errors", "testsuite"},
	"testsuite":  {"name! tests! failures! errors! group time skipped timestamp hostname id package file log url", "testsuite properties testcase system-out system-err"},
	"testcase":   {"name! time classname group file", "skipped error failure system-out system-err"},
	"failure":    {"type message", ""},
	"skipped":    {"type message", ""},
	"system-out": {"", ""},
}

// TestJUnitSchema holds every case against the grammar, and with ASSAY_JUNIT_XSD
// against the schema itself, by xmllint.
func TestJUnitSchema(t *testing.T) {
	xsd := os.Getenv("ASSAY_JUNIT_XSD")
	for _, name := range cases(t) {
		out := render(t, lookup(t, "junit"), load(t, name), options)
		if err := junitValid(out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if xsd == "" {
			continue
		}
		cmd := exec.Command("xmllint", "--noout", "--schema", xsd, "-")
		cmd.Stdin = strings.NewReader(regexp.MustCompile(`(<testcase [^>]*) file="[^"]*"`).ReplaceAllString(out, "$1"))
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	if junitValid(`<testsuites><testsuite name="a" tests="1" failures="0"></testsuite></testsuites>`) == nil {
		t.Error("the grammar takes anything")
	}
}

func junitValid(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.StartElement:
			g, ok := junitGrammar[e.Name.Local]
			if !ok || len(open) > 0 && !slices.Contains(strings.Fields(junitGrammar[open[len(open)-1]].children), e.Name.Local) {
				return fmt.Errorf("the element %s in %v", e.Name.Local, open)
			}
			have := map[string]bool{}
			for _, a := range e.Attr {
				have[a.Name.Local] = true
			}
			for _, a := range strings.Fields(g.attributes) {
				a, required := strings.CutSuffix(a, "!")
				if required && !have[a] {
					return fmt.Errorf("%s has no %s", e.Name.Local, a)
				}
				delete(have, a)
			}
			if len(have) > 0 {
				return fmt.Errorf("%s has the attributes %v", e.Name.Local, have)
			}
			open = append(open, e.Name.Local)
		}
	}
}
