package policy

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// writeFails tells the expressions that did not hold, each as its source with
// the values that it was asked about: what somebody whose rule is silent looks
// for. What is the same is told once.
func writeFails(w io.Writer, events []*topdown.Event) error {
	seen := map[string]bool{}
	for _, e := range events {
		expr, ok := e.Node.(*ast.Expr)
		if !ok || e.Op != topdown.FailOp || expr.Location == nil || expr.Location.File == "" {
			continue
		}
		source := strings.Join(strings.Fields(string(expr.Location.Text)), " ")
		if strings.HasPrefix(source, "not ") && !expr.Negated {
			continue // what is negated fails, so that the whole holds
		}
		text := fmt.Sprintf("%s:%d: fails: %s", expr.Location.File, expr.Location.Row, source)
		if values := valuesOf(e, source); len(values) > 0 {
			text += "    with " + strings.Join(values, ", ")
		}
		if seen[text] {
			continue
		}
		seen[text] = true
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}

var references = regexp.MustCompile(`\b([A-Za-z_]\w*)((?:\.\w+)*)`)

// valuesOf are the values of the variables in the source of an expression, and
// of what it takes out of them: table = public.orders, table.comment = "".
func valuesOf(e *topdown.Event, source string) []string {
	byName := map[string]ast.Value{}
	for name, meta := range e.LocalMetadata {
		if v := e.Locals.Get(name); v != nil {
			byName[string(meta.Name)] = v
		}
	}
	var out []string
	put := func(name string, v ast.Value) {
		if text := name + " = " + brief(v); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	for _, m := range references.FindAllStringSubmatch(source, -1) {
		v := byName[m[1]]
		if v == nil {
			continue
		}
		put(m[1], v)
		var path ast.Ref
		for _, key := range strings.FieldsFunc(m[2], func(r rune) bool { return r == '.' }) {
			path = append(path, ast.StringTerm(key))
		}
		if part, err := v.Find(path); err == nil && len(path) > 0 {
			put(m[0], part)
		}
	}
	return out
}

// brief is a value in a few words: an object of the document by its name.
func brief(v ast.Value) string {
	switch v := v.(type) {
	case ast.Object:
		for _, key := range []string{"object", "path", "message", "name"} {
			if t := v.Get(ast.StringTerm(key)); t != nil {
				return strings.Trim(t.Value.String(), `"`)
			}
		}
	case *ast.Array:
		if v.Len() > 3 {
			return fmt.Sprintf("a list of %d", v.Len())
		}
	}
	text := []rune(v.String())
	if len(text) > 60 {
		return string(text[:60]) + "…"
	}
	return string(text)
}
