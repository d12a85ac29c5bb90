package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assaydb/assay/internal/lint"
	reflect "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const resultSchema = "../../docs/schemas/result.json"

// TestResultSchema holds docs/schemas/result.json against the Go types.
func TestResultSchema(t *testing.T) {
	r := &reflect.Reflector{AllowAdditionalProperties: true}
	if err := r.AddGoComments("github.com/assaydb/assay/internal", "../../internal/lint"); err != nil {
		t.Fatal(err)
	}
	// AddGoComments names packages by the path it was given.
	for k, v := range r.CommentMap {
		if i := strings.Index(k, "/lint."); i >= 0 {
			r.CommentMap["github.com/assaydb/assay/internal"+k[i:]] = v
		}
	}
	s := r.Reflect(&lint.Result{})
	s.ID = "https://raw.githubusercontent.com/assaydb/assay/main/docs/schemas/result.json"
	s.Title = "assay result"
	s.Description = "The outcome of one run of assay: what assay lint -o json writes. Within one version keys are only added."
	enums := map[string][]any{"severity": {"info", "warning", "error"}, "confidence": {"proven", "observed", "inferred"}}
	for _, def := range []string{"Finding", "Suppressed", "RuleInfo"} {
		for key, values := range enums {
			if p, ok := s.Definitions[def].Properties.Get(key); ok && !(def == "RuleInfo" && key == "confidence") {
				p.Enum = values
				if def == "RuleInfo" {
					p.Enum = append([]any{"off"}, values...)
				}
			}
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	golden(t, resultSchema, b.String())
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
			if _, err := d.Token(); err == io.EOF {
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
