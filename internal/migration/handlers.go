package migration

import (
	"regexp"
	"slices"
	"strings"
)

// Handler is one WHEN of an EXCEPTION block in PL/pgSQL.
type Handler struct {
	Conditions []string // as written, lower case: "others", "unique_violation", "42p01"
	Line       int      // in the body, 1-based, 0 if unknown
	// Passive: it does nothing but end the block: NULL, a message, RETURN.
	Passive bool
	// Changes are the statements of its block that may change something; the
	// expression of an EXECUTE in their place.
	Changes []string
}

// Catches reports whether the handler is for an error with the condition name.
func (h *Handler) Catches(condition string) bool {
	return slices.Contains(h.Conditions, "others") || slices.Contains(h.Conditions, condition)
}

// Handlers reads the exception handlers of a DO block, in the order of their text.
func Handlers(st *Statement) []Handler {
	r := st.Syntax.Routine
	if r == nil || st.Syntax.Language != "plpgsql" || !exceptionBlock.MatchString(r.Body) || len(st.Text) > wholeUpTo {
		return nil
	}
	return handlersOf(st.Text, r)
}

// BodyHandlers is Handlers for the body of a PL/pgSQL function.
func BodyHandlers(body string) []Handler {
	if !exceptionBlock.MatchString(body) || len(body) > wholeUpTo {
		return nil
	}
	text := "DO $assay_body$" + body + "$assay_body$"
	syntax := syntaxOf(text, func(int) Position { return Position{} })
	if syntax.Routine == nil {
		return nil
	}
	return handlersOf(text, syntax.Routine)
}

var exceptionBlock = regexp.MustCompile(`(?i)\bexception\s+when\b`)

func handlersOf(text string, r *Routine) []Handler {
	_, tree, _, err := readPLpgSQL(text, r)
	if err != nil {
		return nil
	}
	var out []Handler
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if block, ok := v["PLpgSQL_stmt_block"].(map[string]any); ok {
				walk(block["body"])
				exceptions, _ := block["exceptions"].(map[string]any)
				inner, _ := exceptions["PLpgSQL_exception_block"].(map[string]any)
				list, _ := inner["exc_list"].([]any)
				for _, e := range list {
					x, _ := e.(map[string]any)
					node, _ := x["PLpgSQL_exception"].(map[string]any)
					h := Handler{Passive: passive(node["action"]), Changes: changesIn(block["body"])}
					conditions, _ := node["conditions"].([]any)
					for _, c := range conditions {
						m, _ := c.(map[string]any)
						cond, _ := m["PLpgSQL_condition"].(map[string]any)
						name, _ := cond["condname"].(string)
						h.Conditions = append(h.Conditions, strings.ToLower(name))
					}
					out = append(out, h)
					walk(node["action"])
				}
				return
			}
			for _, k := range sortedKeys(v) {
				walk(v[k])
			}
		}
	}
	walk(tree)
	placeHandlers(out, r.Body)
	return out
}

// passive reports whether the statements of a handler leave everything as it is.
func passive(action any) bool {
	list, _ := action.([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		for k, v := range m {
			switch k {
			case "PLpgSQL_stmt_return", "PLpgSQL_stmt_exit", "PLpgSQL_stmt_getdiag":
			case "PLpgSQL_stmt_raise":
				node, _ := v.(map[string]any)
				if level, ok := node["elog_level"].(float64); !ok || level >= 21 { // ERROR, or RAISE alone
					return false
				}
			default:
				return false
			}
		}
	}
	return true
}

var readsOnly = regexp.MustCompile(`(?i)^\s*(?:SELECT|VALUES|TABLE|SHOW|SET|RESET|EXPLAIN)\b`)

// changesIn are the statements in a block's body, nested ones too, that may change something.
func changesIn(v any) []string {
	var out []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = append(out, changesIn(e)...)
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			node, _ := v[k].(map[string]any)
			switch k {
			case "PLpgSQL_stmt_execsql":
				if sql := exprOf(node["sqlstmt"]); !readsOnly.MatchString(sql) {
					out = append(out, sql)
				}
			case "PLpgSQL_stmt_dynexecute":
				if sql := exprOf(node["query"]); !readsOnly.MatchString(constantText(sql)) {
					out = append(out, sql)
				}
			case "PLpgSQL_stmt_perform":
				out = append(out, exprOf(node["expr"]))
			case "PLpgSQL_stmt_call":
				out = append(out, exprOf(node["expr"]))
			default:
				out = append(out, changesIn(v[k])...)
			}
		}
	}
	return out
}

// places of the handlers: the offset behind each THEN.
func handlerPlaces(handlers []Handler, body string) []int {
	var toks []token
	l := newLexer(body)
	for t := l.next(); t.kind != tokEOF; t = l.next() {
		if t.kind != tokComment {
			toks = append(toks, t)
		}
	}
	word := func(i int) string {
		if i < 0 || i >= len(toks) {
			return ""
		}
		return strings.ToLower(body[toks[i].start:toks[i].end])
	}
	var out []int
	for i := 0; i < len(toks) && len(out) < len(handlers); i++ {
		before := word(i - 1)
		if word(i) != "when" || before != "exception" && before != ";" && before != "then" {
			continue
		}
		j, ok := i+1, true
		for n, c := range handlers[len(out)].Conditions {
			if n > 0 {
				ok = ok && word(j) == "or"
				j++
			}
			if word(j) == "sqlstate" {
				j++
			}
			ok = ok && strings.Trim(word(j), `'"`) == c
			j++
		}
		if ok && word(j) == "then" {
			out = append(out, toks[j].end)
		}
	}
	return out
}

func placeHandlers(handlers []Handler, body string) {
	for i, at := range handlerPlaces(handlers, body) {
		handlers[i].Line = 1 + strings.Count(body[:at], "\n")
	}
}

// Traced is a PL/pgSQL body in which each handler first runs a statement:
// trace gives it for the handler's number. ok is false if not every handler
// was found in the text.
func Traced(body string, handlers []Handler, trace func(n int) string) (traced string, ok bool) {
	places := handlerPlaces(handlers, body)
	if len(places) != len(handlers) || len(places) == 0 {
		return "", false
	}
	for i, at := range slices.Backward(places) {
		body = body[:at] + " " + trace(i) + body[at:]
	}
	return body, true
}
