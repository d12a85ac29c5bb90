package policy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
	"github.com/open-policy-agent/opa/v1/ast"
)

// InputSchema is the JSON Schema of the input document, as it is published in
// docs/schemas/policy-input.json: what "opa check --schema" and editors want.
func InputSchema() ([]byte, error) {
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, BaseSchemaID: ""}
	s := r.ReflectFromType(reflect.TypeFor[Input]())
	s.Title = "Input of assay's policies"
	s.ID = ""
	if change := s.Definitions["Change"]; change != nil {
		if p, ok := change.Properties.Get("type"); ok {
			for _, name := range changeTypeNames {
				p.Enum = append(p.Enum, name)
			}
		}
	}
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the input schema: %w", err)
	}
	return append(out, '\n'), nil
}

// schemas is what policies are checked against: the input's schema, with the
// parameters of the loaded rules, so that neither a field nor a parameter can
// be misspelt.
func schemas(rules []*Rule) (*ast.SchemaSet, error) {
	text, err := InputSchema()
	if err != nil {
		return nil, err
	}
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("reading the input schema: %w", err)
	}
	doc["properties"].(map[string]any)["params"] = paramsSchema(rules)
	set := ast.NewSchemaSet()
	set.Put(ast.SchemaRootRef, doc)
	set.Put(ast.MustParseRef("schema.input"), doc)
	return set, nil
}

func paramsSchema(rules []*Rule) map[string]any {
	byRule := map[string]any{}
	for _, r := range rules {
		props := map[string]any{}
		for _, p := range r.Params {
			props[p.Name] = typeOf(p.Default)
		}
		byRule[r.ID] = map[string]any{"type": "object", "properties": props, "additionalProperties": false}
	}
	return map[string]any{"type": "object", "properties": byRule, "additionalProperties": false}
}

// typeOf is the schema of values like the default.
func typeOf(v any) map[string]any {
	switch v := v.(type) {
	case string:
		return map[string]any{"type": "string"}
	case bool:
		return map[string]any{"type": "boolean"}
	case json.Number, int, int64, float64:
		return map[string]any{"type": "number"}
	case []any:
		if len(v) > 0 {
			return map[string]any{"type": "array", "items": typeOf(v[0])}
		}
		return map[string]any{"type": "array"}
	case map[string]any:
		return map[string]any{"type": "object"}
	}
	return map[string]any{}
}

// sameType reports whether a configured parameter can stand for the default.
func sameType(value, standard any) bool {
	want, got := typeOf(standard)["type"], typeOf(value)["type"]
	return want == nil || want == got
}

// kindOf says a parameter's type in words.
func kindOf(v any) string {
	if t, ok := typeOf(v)["type"].(string); ok {
		return strings.ReplaceAll(t, "array", "list")
	}
	return "value"
}
