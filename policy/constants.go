package policy

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"
)

// changeTypeNames are the values of a change's type: one for each type of change.
var changeTypeNames = []string{
	"add_schema", "drop_schema", "rename_schema", "add_extension", "drop_extension", "alter_extension", "add_publication",
	"drop_publication", "alter_publication", "add_event_trigger", "drop_event_trigger", "alter_event_trigger",
	"add_table", "drop_table", "rename_table", "move_table", "set_persistence", "set_tablespace", "set_access_method",
	"set_options", "set_row_security", "set_replica_identity", "set_inheritance", "attach_partition", "detach_partition",
	"add_view", "drop_view", "replace_view", "add_sequence", "drop_sequence", "alter_sequence", "add_column",
	"drop_column", "rename_column", "alter_column_type", "set_not_null", "drop_not_null", "alter_default",
	"alter_identity", "alter_generated", "alter_column_storage", "add_index", "drop_index", "rename_index", "alter_index",
	"add_constraint", "drop_constraint", "rename_constraint", "validate_constraint", "alter_constraint", "add_statistics",
	"drop_statistics", "alter_statistics", "add_object", "drop_object", "alter_object", "unmodelled", "set_attributes",
	"add_type", "drop_type", "rename_type", "alter_type", "add_enum_value", "rename_enum_value",
	"add_function", "drop_function", "rename_function", "replace_function", "add_trigger", "drop_trigger",
	"alter_trigger", "add_rule", "drop_rule", "alter_rule", "add_policy", "drop_policy", "alter_policy", "add_grant",
	"drop_grant", "set_owner", "set_comment",
}

// closed are the values of the fields that have a closed list of them, by the
// field and by the fields that its object has: "kind" of a table is another one
// than that of a constraint.
func closed() map[string]map[string][]string {
	out := map[string]map[string][]string{}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		var keys []string
		values := map[string][]string{}
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			keys = append(keys, name)
			walk(f.Type)
			for _, part := range strings.Split(f.Tag.Get("jsonschema"), ",") {
				if v, ok := strings.CutPrefix(part, "enum="); ok {
					values[name] = append(values[name], v)
				}
			}
		}
		if t == reflect.TypeFor[Change]() {
			values["type"] = changeTypeNames
		}
		out[keysOf(keys)] = values
	}
	walk(reflect.TypeFor[Input]())
	return out
}

func keysOf(keys []string) string {
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// checkConstants refuses comparisons with a value that a field never has.
func checkConstants(c *ast.Compiler) error {
	lists := closed()
	var errs []error
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		ast.WalkRules(c.Modules[name], func(r *ast.Rule) bool {
			k := &constants{env: c.TypeEnv, lists: lists, vars: map[ast.Var]types.Type{}, refs: map[ast.Var]ast.Ref{}}
			k.bodies(r)
			for _, wrong := range k.wrong {
				if !seen[wrong] {
					seen[wrong] = true
					errs = append(errs, errors.New(wrong))
				}
			}
			return false
		})
	}
	return errors.Join(errs...)
}

// constants follows the types of one rule's variables.
type constants struct {
	env   *ast.TypeEnv
	lists map[string]map[string][]string
	vars  map[ast.Var]types.Type
	refs  map[ast.Var]ast.Ref
	at    *ast.Location
	wrong []string
}

// bodies looks at all expressions twice: a variable can be used above the place
// that says what it is.
func (k *constants) bodies(r *ast.Rule) {
	for range 2 {
		ast.WalkExprs(r, func(e *ast.Expr) bool {
			if a, b, ok := sides(e); ok && e.IsEquality() {
				k.bind(a, b)
				k.bind(b, a)
			}
			return false
		})
	}
	ast.WalkExprs(r, func(e *ast.Expr) bool {
		if e.Location != nil && e.Location.Row > 0 {
			k.at = e.Location
		}
		a, b, ok := sides(e)
		switch {
		case !ok:
		case e.IsEquality() || e.Operator().String() == "equal" || e.Operator().String() == "neq":
			k.compare(a, b)
			k.compare(b, a)
		case e.Operator().String() == ast.Member.Name:
			if set, isSet := b.Value.(ast.Set); isSet {
				set.Foreach(func(x *ast.Term) { k.compare(a, x) })
			}
			if list, isList := b.Value.(*ast.Array); isList {
				list.Foreach(func(x *ast.Term) { k.compare(a, x) })
			}
		}
		return false
	})
}

// sides are the two operands of an expression.
func sides(e *ast.Expr) (a, b *ast.Term, ok bool) {
	terms, isCall := e.Terms.([]*ast.Term)
	if !isCall || len(terms) < 3 {
		return nil, nil, false
	}
	return terms[1], terms[2], true
}

func (k *constants) bind(v, x *ast.Term) {
	name, isVar := v.Value.(ast.Var)
	if !isVar {
		return
	}
	if ref, isRef := x.Value.(ast.Ref); isRef {
		k.refs[name] = ref // the compiler gives operands names of their own
	}
	if k.vars[name] != nil {
		return
	}
	if t := k.typeOf(x); t != nil {
		k.vars[name] = t
	}
}

func (k *constants) typeOf(x *ast.Term) types.Type {
	switch x := x.Value.(type) {
	case ast.Var:
		return k.vars[x]
	case ast.Ref:
		if x[0].Equal(ast.InputRootDocument) || x[0].Equal(ast.DefaultRootDocument) {
			return k.env.GetByRef(x)
		}
		head, isVar := x[0].Value.(ast.Var)
		if !isVar {
			return nil
		}
		t := k.vars[head]
		for _, step := range x[1:] {
			if t == nil {
				return nil
			}
			if key, constant := step.Value.(ast.String); constant {
				t = types.Select(t, string(key))
			} else {
				t = types.Values(t)
			}
		}
		return t
	}
	return nil
}

// compare holds a constant against the values of the field that it is compared with.
func (k *constants) compare(field, value *ast.Term) {
	word, constant := value.Value.(ast.String)
	ref, isRef := field.Value.(ast.Ref)
	if v, isVar := field.Value.(ast.Var); isVar {
		ref, isRef = k.refs[v]
	}
	if !constant || !isRef || len(ref) < 2 {
		return
	}
	name, named := ref[len(ref)-1].Value.(ast.String)
	if !named {
		return
	}
	owner, isObject := k.typeOf(ast.NewTerm(ref[:len(ref)-1])).(*types.Object)
	if len(ref) == 2 {
		if v, isVar := ref[0].Value.(ast.Var); isVar && k.vars[v] != nil {
			owner, isObject = k.vars[v].(*types.Object)
		}
	}
	if !isObject || owner == nil {
		return
	}
	var keys []string
	for _, p := range owner.StaticProperties() {
		key, _ := p.Key.(string)
		keys = append(keys, key)
	}
	values := k.lists[keysOf(keys)][string(name)]
	if len(values) == 0 || slices.Contains(values, string(word)) {
		return
	}
	at := ""
	if k.at != nil {
		at = fmt.Sprintf("%s:%d: ", k.at.File, k.at.Row)
	}
	known := map[string]bool{}
	for _, v := range values {
		known[v] = true
	}
	near := nearest(string(word), known)
	if !strings.HasPrefix(near, ": did you mean") {
		near = ""
	}
	k.wrong = append(k.wrong, fmt.Sprintf("%s%s is never %q%s (one of %s)", at, string(name), string(word), near, strings.Join(quotedAll(values), ", ")))
}

func quotedAll(list []string) []string {
	out := make([]string, 0, len(list))
	for _, x := range list {
		out = append(out, fmt.Sprintf("%q", x))
	}
	return out
}
