package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// forbidden are functions of OPA that policies may not call beside those that
// OPA itself marks as depending on the world: whatever reaches the network or
// loads schemas from elsewhere, and what has no bound.
var forbidden = []string{
	"graph.reachable_paths", "json.match_schema", "json.verify_schema", "opa.runtime", "rego.parse_module", "strings.render_template",
	"regex.globs_match", "crypto.parse_private_keys",
}

// forbiddenKinds are families of functions that nobody needs to judge a
// migration, and whose parsers have no bound.
var forbiddenKinds = []string{"net.", "graphql.", "io.jwt.", "crypto.x509.", "providers."}

// capabilities are what policies may use: OPA's functions without network,
// environment, randomness and clock. time.now_ns stays; it gives one fixed value.
var capabilities = sync.OnceValue(func() *ast.Capabilities {
	guard()
	c := ast.CapabilitiesForThisVersion()
	c.AllowNet = []string{}
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		return b.Name != "time.now_ns" && (b.Nondeterministic || slices.Contains(forbidden, b.Name) || slices.ContainsFunc(forbiddenKinds, func(kind string) bool { return strings.HasPrefix(b.Name, kind) }))
	})
	return c
})

// compile checks the modules against the input's schema and builds them.
func compile(modules map[string]*ast.Module, rules []*Rule, strict bool) (*ast.Compiler, error) {
	set, err := schemas(rules)
	if err != nil {
		return nil, err
	}
	c := ast.NewCompiler().WithCapabilities(capabilities()).WithSchemas(set).WithUseTypeCheckAnnotations(true).
		WithStrict(strict).WithEnablePrintStatements(true)
	c.Compile(modules)
	if c.Failed() {
		return nil, explain(c.Errors)
	}
	return c, nil
}

// explain turns OPA's errors into one line each that says what to do, without repeats.
func explain(err error) error {
	var errs ast.Errors
	var one *ast.Error
	switch {
	case errors.As(err, &errs):
	case errors.As(err, &one):
		errs = ast.Errors{one}
	default:
		return err
	}
	var out []error
	seen := map[string]bool{}
	for _, e := range errs {
		text := sentence(e)
		if e.Location != nil && e.Location.File != "" {
			text = fmt.Sprintf("%s:%d: %s", e.Location.File, max(e.Location.Row, 1), text)
		}
		if !seen[text] {
			seen[text] = true
			out = append(out, errors.New(text))
		}
	}
	return errors.Join(out...)
}

// sentence says what is wrong without OPA's own terms.
func sentence(e *ast.Error) string {
	switch d := e.Details.(type) {
	case *ast.RefErrInvalidDetail:
		return noField(d)
	case *ast.UnificationErrDetail:
		return fmt.Sprintf("a %s and a %s are never equal", typeName(d.Left), typeName(d.Right))
	case *ast.ArgErrDetail:
		want := d.Want.Args[:min(len(d.Want.Args), len(d.Have))] // the last may be the result
		return fmt.Sprintf("%s takes (%s), not (%s)", strings.TrimSuffix(e.Message, ": invalid argument(s)"), typeNames(want), typeNames(d.Have))
	}
	if name, ok := strings.CutPrefix(e.Message, "undefined function "); ok {
		if b := ast.BuiltinMap[name]; b != nil && !slices.ContainsFunc(capabilities().Builtins, func(a *ast.Builtin) bool { return a.Name == name }) {
			return name + " is not there for policies: they see the input and nothing else"
		}
		return "there is no function " + name
	}
	if name, ok := strings.CutPrefix(e.Message, "var "); ok && strings.HasSuffix(name, " is unsafe") {
		return strings.TrimSuffix(name, " is unsafe") + " has no value: nothing before says what it is"
	}
	return strings.TrimPrefix(e.Message, "rego_parse_error: ")
}

func noField(d *ast.RefErrInvalidDetail) string {
	if d.Have != nil || len(d.OneOf) == 0 {
		return fmt.Sprintf("%s: no such field", d.Ref)
	}
	wrong := strings.Trim(d.Ref[d.Pos].Value.String(), `"`)
	var names []string
	for _, v := range d.OneOf {
		names = append(names, strings.Trim(v.String(), `"`))
	}
	slices.Sort(names)
	return fmt.Sprintf("%s has no field %s: the fields are %s", d.Ref[:d.Pos], wrong, strings.Join(names, ", "))
}

// typeName is a type in one word: what an object holds does not matter where it
// stands in the place of a string.
func typeName(t types.Type) string {
	name := types.Sprint(t)
	if i := strings.IndexAny(name, "<["); i > 0 {
		name = name[:i]
	}
	return strings.ReplaceAll(name, "array", "list")
}

func typeNames(list []types.Type) string {
	names := make([]string, 0, len(list))
	for _, t := range list {
		names = append(names, typeName(t))
	}
	return strings.Join(names, ", ")
}
