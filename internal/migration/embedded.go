package migration

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Embedded is SQL inside a routine's body.
type Embedded struct {
	SQL string
	// Dynamic: SQL is the expression whose value EXECUTE runs.
	Dynamic bool
	// Expression: SQL is an expression or query of PL/pgSQL (a condition, an
	// assignment, FOR … IN), not a statement by itself.
	Expression bool
	Pos        Position // where it begins, or the start of its line
}

// EmbeddedSQL returns the SQL in the body of a DO block, function or procedure,
// in order of lines. It knows the languages plpgsql and sql; the body of another
// holds none. An error means that the body could not be read.
func EmbeddedSQL(st *Statement) ([]Embedded, error) {
	r := st.Syntax.Routine
	if r == nil || r.Body == "" {
		return nil, nil
	}
	switch st.Syntax.Language {
	case "plpgsql":
		return plpgsql(st.Text, r)
	case "sql":
		return sqlBody(r), nil
	}
	return nil, nil
}

// sqlBody splits the body of an SQL routine.
func sqlBody(r *Routine) []Embedded {
	body, skip := r.Body, 0
	if r.Atomic && len(body) > 12 && isWord(body[:5], "begin") {
		l := newLexer(body)
		l.next()
		skip = l.next().end
		body = body[:strings.LastIndexAny(body, "eE")] // the E of END
	}
	var out []Embedded
	s := newSplitter(body, []segment{{span: span{skip, len(body)}}})
	at := newPlaces("", r.Body)
	for e := s.next(); e.kind != atEnd; e = s.next() {
		out = append(out, Embedded{SQL: body[e.start:e.end], Expression: r.Atomic && skip == 0, Pos: within(r, at, e.start)})
	}
	return out
}

// within is the position in the file of an offset in a body. In '…' with
// doubled quotes before it the column and offset may be off by those quotes.
func within(r *Routine, body *places, offset int) Position {
	p := body.at(offset)
	if p.Line == 1 {
		p.Column += r.Pos.Column - 1
	}
	p.Path, p.Line, p.Offset = r.Pos.Path, p.Line+r.Pos.Line-1, p.Offset+r.Pos.Offset
	return p
}

// plpgsql asks the parser for the SQL that a PL/pgSQL body holds.
func plpgsql(text string, r *Routine) ([]Embedded, error) {
	out, _, _, err := readPLpgSQL(text, r)
	if err != nil {
		return nil, fmt.Errorf("reading the PL/pgSQL body at %s:%d: %w", r.Pos.Path, r.Pos.Line, err)
	}
	return out, nil
}

// collector gathers the expressions of a PL/pgSQL tree.
type collector struct {
	routine *Routine
	body    *places
	lines   []int // offsets where lines begin
	out     []Embedded
}

func newCollector(r *Routine) *collector {
	c := &collector{routine: r, body: newPlaces("", r.Body), lines: []int{0}}
	for i := 0; i < len(r.Body); i++ {
		if r.Body[i] == '\n' {
			c.lines = append(c.lines, i+1)
		}
	}
	return c
}

func (c *collector) walk(kind string, v any, line int) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			c.walk(kind, e, line)
		}
	case map[string]any:
		if n, ok := v["lineno"].(float64); ok && n > 0 {
			line = int(n)
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if k != "PLpgSQL_expr" {
				inside := kind
				if strings.HasPrefix(k, "PLpgSQL_") || k == "params" { // of EXECUTE … USING
					inside = k
				}
				c.walk(inside, v[k], line)
				continue
			}
			x, _ := v[k].(map[string]any)
			if sql, _ := x["query"].(string); sql != "" {
				c.add(sql, kind, line)
			}
		}
	}
}

func (c *collector) add(sql, kind string, line int) {
	from := c.lines[min(line, len(c.lines))-1]
	if i := strings.Index(c.routine.Body[from:], sql); i >= 0 {
		from += i
	}
	c.out = append(c.out, Embedded{
		SQL:        strings.TrimSpace(sql),
		Dynamic:    kind == "PLpgSQL_stmt_dynexecute" || kind == "PLpgSQL_stmt_dynfors",
		Expression: kind != "PLpgSQL_stmt_execsql",
		Pos:        within(c.routine, c.body, from),
	})
}

// Normalize returns the statement with its constants replaced by $1, $2 …; one
// that the parser does not know keeps its text, blanks collapsed.
func Normalize(sql string) string {
	if n, err := pg_query.Normalize(sql); err == nil {
		return n
	}
	return strings.Join(strings.Fields(sql), " ")
}

// Fingerprint returns the same short text for statements that differ only in
// constants, blanks, comments and the case of keywords.
func Fingerprint(sql string) string {
	if len(sql) <= wholeUpTo {
		if f, err := pg_query.Fingerprint(sql); err == nil {
			return f
		}
	}
	var b strings.Builder
	l := newLexer(sql)
	for t := l.next(); t.kind != tokEOF; t = l.next() {
		switch t.kind {
		case tokComment:
		case tokString, tokNumber:
			b.WriteString(" ?")
		case tokWord:
			b.WriteString(" " + strings.ToLower(sql[t.start:t.end]))
		default:
			b.WriteString(" " + sql[t.start:t.end])
		}
	}
	return fmt.Sprintf("%016x", pg_query.HashXXH3_64([]byte(b.String()), 0))
}

// reserved are the key words that cannot be names without quotes in PostgreSQL
// 13 to 18 (reserved, and those that can only be function or type names).
var reserved = words(`all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both
	case cast char character check coalesce collate collation column concurrently constraint create cross current_catalog
	current_date current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc
	distinct do else end except exists extract false fetch float for foreign freeze from full grant greatest group grouping
	having ilike in initially inner inout int integer intersect interval into is isnull join json json_array json_arrayagg
	json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value lateral leading least
	left like limit localtime localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric
	offset on only or order out outer overlaps overlay placing position precision primary real references returning right row
	select session_user setof similar smallint some substring symmetric system_user table tablesample then time timestamp to
	trailing treat trim true union unique user using values varchar variadic verbose when where window with xmlattributes
	xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable`)

// QuoteIdent writes a name so that SQL reads it as that name: with quotes where it needs them.
func QuoteIdent(name string) string {
	plain := name != "" && !reserved[name] && !isDigit(name[0]) && name[0] != '$'
	for i := 0; plain && i < len(name); i++ {
		c := name[i]
		plain = c >= 'a' && c <= 'z' || c == '_' || isDigit(c) || c == '$'
	}
	if plain {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
