package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// checkRefs finds what OPA takes for undefined and we know to be a mistake, as
// all rules, data and parameters are there when policies are loaded: a helper,
// a rule of another package or a parameter whose name is misspelt.
func checkRefs(c *ast.Compiler, rules []*Rule, data map[string]any) error {
	byID := map[string]*Rule{}
	for _, r := range rules {
		byID[r.ID] = r
	}
	var errs []error
	seen := map[string]bool{}
	var at *ast.Location // what the compiler has rewritten is without a place of its own
	visit := ast.NewGenericVisitor(func(x any) bool {
		if n, ok := x.(ast.Node); ok && n.Loc() != nil && n.Loc().Row > 0 {
			at = n.Loc()
		}
		wrong := ""
		switch x := x.(type) {
		case *ast.With:
			wrong = missingInput(c.TypeEnv, x.Target)
		case ast.Ref:
			if wrong = missingData(c.RuleTree, x, data); wrong == "" {
				wrong = missingParam(x, byID)
			}
		}
		if wrong == "" {
			return false
		}
		text := fmt.Sprintf("%s:%d: %s", at.File, at.Row, wrong)
		if !seen[text] {
			seen[text] = true
			errs = append(errs, errors.New(text))
		}
		return false
	})
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		visit.Walk(c.Modules[name])
	}
	return errors.Join(errs...)
}

// missingInput says which field of the document a test gives a value to that
// does not exist, so that nothing reads it.
func missingInput(env *ast.TypeEnv, target *ast.Term) string {
	ref, ok := target.Value.(ast.Ref)
	if !ok || !ref.HasPrefix(inputRef) {
		return ""
	}
	for i := 2; i <= len(ref); i++ {
		if _, constant := ref[i-1].Value.(ast.String); constant && env.GetByRef(ref[:i]) == nil {
			return fmt.Sprintf("%s has no field %s", ref[:i-1], strings.Trim(ref[i-1].Value.String(), `"`))
		}
	}
	return ""
}

// missingData says what a reference to data.… names and nobody defines.
func missingData(tree *ast.TreeNode, ref ast.Ref, data map[string]any) string {
	if !ref.HasPrefix(ast.DefaultRootRef) {
		return ""
	}
	node := tree.Child(ast.DefaultRootDocument.Value)
	var doc any = data
	for i := 1; i < len(ref); i++ {
		key, constant := ref[i].Value.(ast.String)
		if !constant || node != nil && len(node.Values) > 0 {
			return ""
		}
		values, isMap := doc.(map[string]any)
		if node == nil && !isMap {
			return "" // inside of a value of data
		}
		var names []string
		if node != nil {
			for k := range node.Children {
				if s, ok := k.(ast.String); ok && !strings.HasPrefix(string(s), "_") && !strings.Contains(string(s), "__") {
					names = append(names, string(s))
				}
			}
			node = node.Child(key)
		}
		names = slices.AppendSeq(names, maps.Keys(values))
		below, there := values[string(key)]
		if node == nil && !there {
			slices.Sort(names)
			return fmt.Sprintf("%s has no %s: %s", ref[:i], string(key), oneOf(slices.Compact(names)))
		}
		doc = below
	}
	return ""
}

// missingParam says which parameter a reference names that no rule declares.
func missingParam(ref ast.Ref, rules map[string]*Rule) string {
	if !ref.HasPrefix(paramsRef) || len(ref) < 3 {
		return ""
	}
	id, ok := ref[2].Value.(ast.String)
	if !ok {
		return ""
	}
	r := rules[string(id)]
	if r == nil {
		return fmt.Sprintf("input.params has no %s: %s", string(id), oneOf(slices.Sorted(maps.Keys(rules))))
	}
	if len(ref) < 4 {
		return ""
	}
	name, ok := ref[3].Value.(ast.String)
	if !ok || slices.ContainsFunc(r.Params, func(p Param) bool { return p.Name == string(name) }) {
		return ""
	}
	names := make([]string, 0, len(r.Params))
	for _, p := range r.Params {
		names = append(names, p.Name)
	}
	return fmt.Sprintf("rule %s has no parameter %q in its custom.params: %s", r.ID, string(name), oneOf(names))
}
