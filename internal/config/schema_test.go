package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/assaydb/assay/internal/migration"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The forms that a type may take besides its mapping. They are methods of the
// tests so that the program need not carry a schema library.

func severityWord() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Enum: words(severities)}
}

func words(list []string) []any {
	var out []any
	for _, w := range list {
		out = append(out, w)
	}
	return out
}

func alternatives(s, short *jsonschema.Schema) {
	mapping := *s
	*s = jsonschema.Schema{OneOf: []*jsonschema.Schema{short, &mapping}, Description: s.Description}
	mapping.Description = ""
}

func (Check) JSONSchemaExtend(s *jsonschema.Schema) { alternatives(s, severityWord()) }
func (Rule) JSONSchemaExtend(s *jsonschema.Schema)  { alternatives(s, severityWord()) }
func (Enforcement) JSONSchemaExtend(s *jsonschema.Schema) {
	alternatives(s, &jsonschema.Schema{Enum: words([]string{Advisory, Overridable, Mandatory})})
}

func (Policy) JSONSchemaExtend(s *jsonschema.Schema) {
	alternatives(s, &jsonschema.Schema{Type: "string"})
}

func (Extension) JSONSchemaExtend(s *jsonschema.Schema) {
	alternatives(s, &jsonschema.Schema{Type: "string"})
}

func (Proofs) JSONSchemaExtend(s *jsonschema.Schema) {
	alternatives(s, &jsonschema.Schema{Enum: words([]string{"on", "off"})})
}

func (Comment) JSONSchemaExtend(s *jsonschema.Schema) {
	alternatives(s, &jsonschema.Schema{Enum: words([]string{"on", "off"})})
}

func (Duration) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^[0-9]+d$`, Description: "a duration: 500ms, 30s, 5m, 2h, 30d"}
}

func (Rows) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "integer", Minimum: "0"}, {Type: "string", Pattern: rows.String()}}, Description: "a number of rows: 5000, 10k, 2M"}
}

func generate(t *testing.T) []byte {
	t.Helper()
	r := &jsonschema.Reflector{FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true}
	if err := r.AddGoComments("github.com/assaydb/assay/internal/config", "."); err != nil {
		t.Fatal(err)
	}
	for k, v := range r.CommentMap {
		delete(r.CommentMap, k)
		r.CommentMap[strings.Replace(k, "/config/.", "/config", 1)] = strings.ReplaceAll(v, "\n", " ")
	}
	s := r.Reflect(&Config{})
	s.ID, s.Title = jsonschema.ID(SchemaURL), "assay.yaml"
	finish(s, reflect.TypeFor[Config]())
	for name, typ := range map[string]reflect.Type{
		"Check": reflect.TypeFor[Check](), "Rule": reflect.TypeFor[Rule](), "Override": reflect.TypeFor[Override](), "Ignore": reflect.TypeFor[Ignore](), "Enforcement": reflect.TypeFor[Enforcement](),
		"Policy": reflect.TypeFor[Policy](), "Proofs": reflect.TypeFor[Proofs](), "Comment": reflect.TypeFor[Comment](),
		"Extension": reflect.TypeFor[Extension](),
	} {
		def := s.Definitions[name]
		if len(def.OneOf) == 2 {
			def = def.OneOf[1]
		}
		finish(def, typ)
		if name == "Ignore" {
			def.Required = []string{"check", "reason"}
		}
	}
	var formats []any
	for _, f := range migration.Formats() {
		formats = append(formats, string(f))
	}
	property(s, "format").Enum = formats
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func property(s *jsonschema.Schema, name string) *jsonschema.Schema {
	p, _ := s.Properties.Get(name)
	return p
}

// finish puts in what the decoder allows and the types do not say: words to
// choose from, one item in place of a list, scalars that are read as text.
func finish(s *jsonschema.Schema, typ reflect.Type) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		p := property(s, f.Tag.Get("yaml"))
		if p == nil {
			continue
		}
		// The comments are Go's; the reader of the schema knows the keys.
		if rest, ok := strings.CutPrefix(p.Description, f.Name+" "); ok {
			p.Description = f.Tag.Get("yaml") + " " + rest
		}
		choices := choicesOf(f)
		switch f.Type.Kind() {
		case reflect.Slice:
			list := *p
			list.Description = ""
			*p = jsonschema.Schema{Description: p.Description, AnyOf: []*jsonschema.Schema{&list, list.Items}}
		case reflect.Map:
			if f.Type.Elem().Kind() == reflect.String {
				p.AdditionalProperties = &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "string"}, {Type: "number"}, {Type: "boolean"}}}
			}
			if choices != nil {
				p.AdditionalProperties = &jsonschema.Schema{Enum: words(choices)}
			}
		case reflect.String:
			if choices != nil {
				p.Enum = words(choices)
			}
			if f.Name == "Postgres" {
				desc := p.Description
				*p = jsonschema.Schema{Description: desc, OneOf: []*jsonschema.Schema{{Type: "integer", Minimum: "13"}, {Type: "string"}}}
			}
		}
	}
}

func TestSchemaIsFresh(t *testing.T) {
	got := generate(t)
	file := filepath.Join("..", "..", "docs", "schemas", "assay.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/schemas/assay.json is stale: run go test ./internal/config -update\n%s", diff)
	}
	if strings.Count(string(got), `"description"`) < 40 {
		t.Error("the schema has lost the doc comments")
	}
}

func compiled(t *testing.T) *validator.Schema {
	t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(generate(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("assay.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("assay.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate holds YAML against the schema as an editor would.
func validate(t *testing.T, s *validator.Schema, src string) error {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// TestSchemaAgrees: what the decoder takes the schema takes, and what it
// refuses for its shape the schema refuses.
func TestSchemaAgrees(t *testing.T) {
	s := compiled(t)
	whole := strings.Replace(everything, "run-timeout:\n", "run-timeout: 5m\n", 1)
	if err := validate(t, s, whole); err != nil {
		t.Errorf("the schema refuses a file that assay reads: %v", err)
	}
	_, names := fieldsOf(reflect.TypeFor[Config]())
	for _, name := range names {
		if !strings.Contains(everything, "\n"+name+":") && !strings.HasPrefix(everything, name+":") {
			t.Errorf("the test file lacks the key %s", name)
		}
	}
	for _, src := range []string{
		"dri: x", "checks: {LK101: loud}", "checks: {LK101: {severty: off}}", "fail-on: eror", "superuser: 3",
		"ignore: [{check: x}]", "overrides: [{checks: {LK: loud}}]", "rules: {A: {lvl: off}}", "format: gosse", "run-timeout: soon", "proofs: maybe",
	} {
		if validate(t, s, src) == nil {
			t.Errorf("the schema takes what assay refuses: %s", src)
		}
	}
}

func TestTemplate(t *testing.T) {
	for _, d := range []Detected{
		{},
		{Dir: "db/migrations", Format: "goose", Count: 12, Postgres: "17", Default: "origin/main"},
		{Dir: "db: odd 'dir'", Format: "plain"},
	} {
		text := Template(d)
		c := parse(t, text)
		if c.Dir != d.Dir || c.Format != d.Format || c.Postgres != d.Postgres {
			t.Errorf("%+v: got %+v from\n%s", d, c, text)
		}
		// With the comment signs gone it must still be a file that assay reads.
		var open strings.Builder
		for line := range strings.Lines(text) {
			switch {
			case strings.HasPrefix(line, "# ") && (strings.Contains(line, ": ") || strings.HasSuffix(strings.TrimSpace(line), ":") || strings.HasPrefix(line, "#   ")) && !strings.Contains(line, "$schema"):
				if !strings.Contains(line, "Everything") {
					open.WriteString(strings.TrimPrefix(line, "# "))
				}
			case !strings.HasPrefix(line, "#"):
				open.WriteString(line)
			}
		}
		if d.Dir == "" {
			continue
		}
		if _, err := Parse("assay.yaml", []byte(open.String())); err != nil {
			t.Errorf("the commented part does not parse: %v\n%s", err, open.String())
		}
	}
}
