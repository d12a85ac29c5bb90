package analyzers

import (
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

// splitName takes a name as written apart: the schema, empty if none is
// written, and the name, both as the catalog has them.
func splitName(written string) (schemaName, name string) {
	var parts []string
	var b strings.Builder
	quoted := false
	for i := 0; i < len(written); i++ {
		switch c := written[i]; {
		case c == '"' && quoted && i+1 < len(written) && written[i+1] == '"':
			b.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			parts = append(parts, b.String())
			b.Reset()
		case quoted:
			b.WriteByte(c)
		default:
			b.WriteString(strings.ToLower(string(c)))
		}
	}
	parts = append(parts, b.String())
	if n := len(parts); n > 1 {
		schemaName = parts[n-2]
	}
	return schemaName, parts[len(parts)-1]
}

// schemas are those in which the step looks for a name as written.
func lookIn(s *devdb.Step, schemaName string) []string {
	if schemaName != "" {
		return []string{schemaName}
	}
	var out []string
	for _, n := range strings.Split(s.Settings.SearchPath, ",") {
		n = strings.Trim(strings.TrimSpace(n), `"`)
		if n != "" && n != "$user" {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		out = []string{"public"}
	}
	return out
}

// writtenRelation finds the relation that a name as written means before the step.
func writtenRelation(s *devdb.Step, written string) *schema.Relation {
	in, name := splitName(written)
	for _, schemaName := range lookIn(s, in) {
		if r := s.Before.RelationNamed(schemaName, name); r != nil {
			return r
		}
	}
	return nil
}

// writtenIndex finds the index that a name as written means before the step; an
// index is in the schema of its table.
func writtenIndex(s *devdb.Step, written, table string) *schema.Index {
	_, name := splitName(written)
	t := writtenRelation(s, table)
	for _, i := range schema.Sorted(s.Before.Indexes) {
		if i.Name == name && (t == nil || i.Schema == t.Schema) {
			return i
		}
	}
	return nil
}

var typeWords = strings.NewReplacer("pg_catalog.", "", `"`, "")

// typeNames are other ways to write the built-in types.
var typeNames = map[string]string{
	"int": "integer", "int4": "integer", "int8": "bigint", "int2": "smallint", "bool": "boolean", "varchar": "character varying",
	"char": "character(1)", "bpchar": "character", "decimal": "numeric", "float": "double precision", "float8": "double precision", "float4": "real",
	"timestamptz": "timestamp with time zone", "timestamp": "timestamp without time zone", "timetz": "time with time zone",
	"time": "time without time zone", "serial": "integer", "serial4": "integer", "bigserial": "bigint", "serial8": "bigint",
	"smallserial": "smallint", "serial2": "smallint", "varbit": "bit varying", "character": "character(1)", "bit": "bit(1)", "dec": "numeric",
}

// canonicalType is a built-in type as the catalog writes it, and whether the
// name is certain: of a user's type the schema may be missing.
func canonicalType(written string) (string, bool) {
	t := strings.ToLower(typeWords.Replace(strings.TrimSpace(written)))
	t = regexp.MustCompile(`\s+`).ReplaceAllString(t, " ")
	t = strings.NewReplacer(" (", "(", "( ", "(", " )", ")", ", ", ",", " ,", ",").Replace(t)
	array := ""
	for strings.HasSuffix(t, "[]") || strings.HasSuffix(t, " array") {
		t, array = strings.TrimSuffix(strings.TrimSuffix(t, "[]"), " array"), "[]"
	}
	base, rest, mod := strings.Cut(t, "(")
	if full := typeNames[base]; full != "" && !mod {
		t = full
	} else if full != "" {
		full = strings.TrimSuffix(full, "(1)")
		word, zone, split := strings.Cut(full, " with")
		if strings.HasPrefix(full, "time") && split { // timestamp(3) with time zone
			t = word + "(" + rest
			if !strings.Contains(rest, "zone") {
				t += " with" + zone
			}
		} else {
			t = full + "(" + rest
		}
	}
	base, _, _ = strings.Cut(t, "(")
	known := slices.Contains(builtinTypes, strings.TrimSuffix(base, " without time zone")) || slices.Contains(builtinTypes, base)
	return t + array, known
}

var builtinTypes = []string{
	"integer", "bigint", "smallint", "boolean", "text", "character varying", "character", "numeric", "double precision", "real",
	"timestamp with time zone", "timestamp without time zone", "timestamp", "time", "date", "time with time zone", "time without time zone", "interval", "uuid", "json", "jsonb", "bytea",
	"inet", "cidr", "macaddr", "money", "xml", "bit", "bit varying", "tsvector", "tsquery", "point", "oid",
}
