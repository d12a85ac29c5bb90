package postgres

import (
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/migration"
)

// scope is what a PL/pgSQL body may name besides the database's objects.
type scope struct {
	args    []variable // first, so that $1 is the first
	vars    []variable
	untyped []string // records and what else has no type before run time
}

type variable struct{ name, typ string }

// triggerNames are those that PL/pgSQL gives to trigger functions.
var triggerNames = []variable{
	{"tg_name", "name"},
	{"tg_when", "text"},
	{"tg_level", "text"},
	{"tg_op", "text"},
	{"tg_relid", "oid"},
	{"tg_relname", "name"},
	{"tg_table_name", "name"},
	{"tg_table_schema", "name"},
	{"tg_nargs", "integer"},
	{"tg_argv", "text[]"},
	{"tg_event", "text"},
	{"tg_tag", "text"},
}

var (
	aliasFor  = regexp.MustCompile(`(?i)([\w"]+)\s+alias\s+for\s+`)
	cursorFor = regexp.MustCompile(`(?i)\bfor\s+(\w+)\s+in\b`)
)

// scope gathers the names of a body; table is that of a trigger, empty for none.
func (x *routine) scope(vars []migration.Variable, table string) *scope {
	s := &scope{}
	seen := map[string]bool{}
	add := func(to *[]variable, name, typ string) {
		if name == "" || !seen[name] {
			*to = append(*to, variable{name, typ})
			seen[name] = name != ""
		}
	}
	for i, t := range x.Types {
		name := ""
		if i < len(x.Names) {
			name = x.Names[i]
		}
		add(&s.args, name, t)
	}
	if x.Trigger && table != "" {
		add(&s.vars, "new", table)
		add(&s.vars, "old", table)
	}
	for _, v := range append([]variable{{"found", "boolean"}, {"sqlstate", "text"}, {"sqlerrm", "text"}}, triggerNames...) {
		add(&s.vars, v.name, v.typ)
	}
	for _, v := range vars {
		switch {
		case seen[v.Name]:
		case v.Type == "" || strings.HasPrefix(strings.ToLower(v.Type), "cursor"):
			s.untyped = append(s.untyped, v.Name)
		default:
			add(&s.vars, v.Name, v.Type)
		}
	}
	for _, re := range []*regexp.Regexp{aliasFor, cursorFor} {
		for _, m := range re.FindAllStringSubmatch(x.Definition, -1) {
			if n := strings.ToLower(strings.Trim(m[1], `"`)); !seen[n] {
				s.untyped = append(s.untyped, n)
			}
		}
	}
	return s
}

// function is an SQL function of the same name, so that name.variable means the
// same, over the arguments and those variables that the statement mentions.
func (s *scope) function(name, sql string, all bool) string {
	var params []string
	for _, v := range s.args {
		p := v.typ
		if v.name != "" {
			p = migration.QuoteIdent(v.name) + " " + v.typ
		}
		params = append(params, p)
	}
	lower := strings.ToLower(sql)
	for _, v := range s.vars {
		if all && !strings.HasPrefix(v.name, "tg_") || strings.Contains(lower, strings.ToLower(v.name)) {
			params = append(params, migration.QuoteIdent(v.name)+" "+v.typ)
		}
	}
	return "CREATE FUNCTION pg_temp." + migration.QuoteIdent(name) + "(" + strings.Join(params, ", ") + ") RETURNS void LANGUAGE sql AS $assay_probe$ " + sql + " $assay_probe$"
}

// blank writes NULL for what has no type before run time. False if that cannot
// be done: a whole row of unknown columns, or a table's alias of the same name.
func (s *scope) blank(sql string) (string, bool) {
	for _, v := range s.vars {
		// v.field of a row: an SQL function would look for a table v when the field is gone.
		if strings.HasPrefix(v.name, "tg_") || strings.Contains(v.typ, "%") || isAlias(v.name, sql) {
			continue
		}
		field := regexp.MustCompile(`(?i)(^|[^\w.$"'])` + regexp.QuoteMeta(v.name) + `\s*\.\s*(\w+|"[^"]+"|\*)`)
		sql = outside(sql, field, "${1}(NULL::"+strings.ReplaceAll(v.typ, "$", "$$")+").${2}")
	}
	for _, n := range s.untyped {
		q := regexp.QuoteMeta(n)
		if !regexp.MustCompile(`(?i)\b` + q + `\b`).MatchString(sql) {
			continue
		}
		if isAlias(n, sql) || regexp.MustCompile(`(?i)\b`+q+`\s*\.\s*\*`).MatchString(sql) {
			return "", false
		}
		sql = outside(sql, regexp.MustCompile(`(?i)(^|[^\w.$"'])`+q+`\b(?:\s*\.\s*(?:\w+|"[^"]+"))*`), "${1}NULL")
	}
	return sql, true
}

// isAlias reports whether a name may be a table's alias in the statement.
func isAlias(name, sql string) bool {
	return regexp.MustCompile(`(?i)[\w")]\s+(?:as\s+)?"?` + regexp.QuoteMeta(name) + `"?\s*(?:$|,|\)|\bon\b|\bwhere\b|\bset\b|\bjoin\b|\bleft\b|\binner\b|\bcross\b|\border\b|\bgroup\b|\blimit\b|\busing\b)`).MatchString(sql)
}

// outside replaces matches that do not lie in '…'.
func outside(sql string, re *regexp.Regexp, by string) string {
	parts := strings.Split(sql, "'")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = re.ReplaceAllString(parts[i], by)
	}
	return strings.Join(parts, "'")
}

var (
	assignment = regexp.MustCompile(`^\s*((?:"[^"]+"|\w+)(?:\s*\.\s*(?:"[^"]+"|\w+))*)(?:\[[^\]]*\])*\s*(?::=|=)\s*`)
	complete   = regexp.MustCompile(`(?i)^\s*\(*\s*(?:select|with|values|table|insert|update|delete|merge|call)\b`)
	constant   = regexp.MustCompile(`^\s*'((?:[^']|'')*)'\s*$`)
)

// statementOf makes a statement of what stands in the body: an assignment reads
// both of its sides, an expression is selected, and the constant text of an
// EXECUTE is what it says.
func statementOf(e migration.Embedded) (string, bool) {
	if strings.TrimSpace(e.SQL) == "" || strings.Contains(e.SQL, "$assay_probe$") {
		return "", false
	}
	if m := constant.FindStringSubmatch(e.SQL); e.Dynamic && m != nil {
		sql := strings.ReplaceAll(m[1], "''", "'")
		return sql, complete.MatchString(sql) && !strings.Contains(sql, "$") // $1 is of USING
	}
	if complete.MatchString(e.SQL) {
		return e.SQL, true
	}
	if !e.Expression && !e.Dynamic {
		return "", false // a utility statement: the server looks at it when it runs
	}
	if m := assignment.FindStringSubmatch(e.SQL); m != nil {
		return "SELECT " + m[1] + ", " + e.SQL[len(m[0]):], true
	}
	return "SELECT " + e.SQL, true
}
