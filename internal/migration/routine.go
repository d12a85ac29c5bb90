package migration

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Variable is what a PL/pgSQL body declares.
type Variable struct {
	Name string
	Type string // as written, empty for a record whose columns are known at run time alone
}

// RoutineSQL reads the text of CREATE FUNCTION or CREATE PROCEDURE as
// pg_get_functiondef prints it: the SQL in its body, with lines counted from
// the first line of the body, and the variables declared in it.
func RoutineSQL(definition string) ([]Embedded, []Variable, error) {
	st := &Statement{Text: definition}
	syntax := syntaxOf(definition, func(int) Position { return Position{Line: 1, Column: 1} })
	st.Syntax = &syntax
	r := st.Syntax.Routine
	if r == nil || r.Body == "" || st.Syntax.Language != "plpgsql" {
		sql, err := EmbeddedSQL(st)
		return sql, nil, err
	}
	c, tree, rows, err := readPLpgSQL(definition, r)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the PL/pgSQL body: %w", err)
	}
	return c, variables(tree, rows), nil
}

// readPLpgSQL gives the SQL of a body, its tree, and the types of the variables
// that the parser was told are records. It has no catalog: v.total of a
// variable of a table's type is not known to it, that of a record is; and it
// knows RECORD in upper case alone.
func readPLpgSQL(definition string, r *Routine) ([]Embedded, any, map[string]string, error) {
	rows := map[string]string{}
	for _, m := range rowtype.FindAllStringSubmatch(r.Body, -1) {
		rows[lowerName(m[1])] = m[2]
	}
	body := rowtype.ReplaceAllString(r.Body, "$1 RECORD")
	body = recordType.ReplaceAllString(body, "RECORD$1")
	tree, err := any(nil), error(nil)
	for range 20 {
		if tree, err = parsePLpgSQL(strings.Replace(definition, r.Body, body, 1)); err == nil {
			break
		}
		m := unknownField.FindStringSubmatch(err.Error())
		if m == nil {
			return nil, nil, nil, err
		}
		decl := regexp.MustCompile(`(?i)(\b` + regexp.QuoteMeta(m[1]) + `\s+)([\w."]+)`)
		d := decl.FindStringSubmatch(body)
		if d == nil || d[2] == "RECORD" {
			return nil, nil, nil, err
		}
		rows[lowerName(m[1])] = d[2]
		at := decl.FindStringIndex(body)
		body = body[:at[0]] + d[1] + "RECORD" + body[at[1]:]
	}
	if err != nil {
		return nil, nil, nil, err
	}
	c := newCollector(r)
	c.walk("", tree, 1)
	slices.SortStableFunc(c.out, func(a, b Embedded) int { return a.Pos.Offset - b.Pos.Offset })
	return c.out, tree, rows, nil
}

var (
	rowtype      = regexp.MustCompile(`(?i)([\w"]+)\s+([\w."]+)%rowtype`)
	recordType   = regexp.MustCompile(`(?i)\brecord(\s*;)`)
	unknownField = regexp.MustCompile(`"([^".]+)\.[^"]+" is not a known variable`)
)

func parsePLpgSQL(text string) (any, error) {
	out, err := pg_query.ParsePlPgSqlToJSON(text)
	if err != nil {
		return nil, err
	}
	var tree any
	err = json.Unmarshal([]byte(out), &tree)
	return tree, err
}

// variables gathers the declared variables of a tree, in order of names;
// rows holds the types of those that the parser was told are records.
func variables(tree any, rows map[string]string) []Variable {
	found := map[string]Variable{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, k := range slices.Sorted(maps.Keys(v)) {
				x, _ := v[k].(map[string]any)
				name, _ := x["refname"].(string)
				if (k == "PLpgSQL_var" || k == "PLpgSQL_rec") && name != "" && name != "(unnamed row)" {
					found[name] = Variable{Name: name, Type: declaredType(k, name, x, rows)}
				}
				walk(v[k])
			}
		}
	}
	walk(tree)
	var out []Variable
	for _, n := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[n])
	}
	return out
}

func declaredType(kind, name string, x map[string]any, rows map[string]string) string {
	if kind == "PLpgSQL_rec" {
		return rows[name]
	}
	d, _ := x["datatype"].(map[string]any)
	t, _ := d["PLpgSQL_type"].(map[string]any)
	typ, _ := t["typname"].(string)
	if typ == "UNKNOWN" {
		return ""
	}
	return strings.TrimSpace(typ)
}
