package migration

import (
	"encoding/json"
	"maps"
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// withFacts asks the parser what a statement with WITH changes, in its queries too.
func withFacts(text string, s *Syntax) {
	if len(text) > wholeUpTo {
		return
	}
	out, err := pg_query.ParseToJSON(text)
	if err != nil {
		return
	}
	var tree any
	if json.Unmarshal([]byte(out), &tree) != nil {
		return
	}
	s.Parsed = true
	changes, unbounded := 0, 0
	walk(tree, func(kind string, node map[string]any) {
		switch kind {
		case "UpdateStmt", "DeleteStmt":
			changes++
			if node["whereClause"] == nil {
				unbounded++
			}
		case "InsertStmt", "MergeStmt":
		default:
			return
		}
		r, _ := node["relation"].(map[string]any)
		name, _ := r["relname"].(string)
		name = QuoteIdent(name)
		if schema, _ := r["schemaname"].(string); schema != "" {
			name = QuoteIdent(schema) + "." + name
		}
		if !slices.Contains(s.Objects, name) {
			s.Objects = append(s.Objects, name)
		}
	})
	s.HasWhere = changes > 0 && unbounded == 0
}

// walk calls visit with every object of a parse tree in JSON and the key it
// stands under, in a fixed order.
func walk(v any, visit func(key string, node map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if node, ok := v[k].(map[string]any); ok {
				visit(k, node)
			}
			walk(v[k], visit)
		}
	}
}
