package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/assaydb/assay/internal/lint"
)

// collect finds the rules of the modules. Where clauses of one package and one
// verb belong to several rules, it adds to the module a copy of each clause
// under a name of the rule's own, so that results can be told apart.
func collect(modules map[string]*ast.Module, trees []*tree) ([]*Rule, error) {
	set, errs := annotations(modules)
	if errs != nil {
		return nil, errs
	}
	c := &collector{set: set, byNote: map[*ast.Annotations]*Rule{}, byID: map[string]*Rule{}, clauses: map[string]map[string][]*ast.Rule{}}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		m := modules[name]
		c.errs = append(c.errs, schemaNotes(m)...)
		for _, r := range m.Rules {
			c.clause(m, r)
		}
	}
	c.unused(modules)
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	c.divide()
	perPackage := map[string]int{}
	for _, r := range c.byID {
		perPackage[r.Package]++
	}
	out := slices.Collect(maps.Values(c.byID))
	slices.SortFunc(out, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	for _, r := range out {
		r.Name = strings.ToLower(r.ID)
		last := r.Package[strings.LastIndexByte(r.Package, '.')+1:]
		if perPackage[r.Package] == 1 && ruleName.MatchString(last) {
			r.Name = strings.ReplaceAll(last, "_", "-")
		}
		finish(r, trees)
	}
	return out, nil
}

func annotations(modules map[string]*ast.Module) (*ast.AnnotationSet, error) {
	var list []*ast.Module
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		list = append(list, modules[name])
	}
	set, errs := ast.BuildAnnotationSet(list)
	if len(errs) > 0 {
		return nil, explain(errs)
	}
	return set, nil
}

type collector struct {
	set    *ast.AnnotationSet
	byNote map[*ast.Annotations]*Rule
	byID   map[string]*Rule
	// clauses by package and verb, then by rule id.
	clauses map[string]map[string][]*ast.Rule
	errs    []error
}

func (c *collector) fail(loc *ast.Location, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s:%d: %s", loc.File, loc.Row, fmt.Sprintf(format, args...)))
}

// clause reads one clause of deny, warn or require_approval.
func (c *collector) clause(m *ast.Module, r *ast.Rule) {
	verb := r.Head.Name.String()
	if ref := r.Head.Ref(); len(ref) > 0 {
		verb = strings.Trim(ref[0].Value.String(), `"`)
	}
	if !slices.Contains(verbs, verb) {
		return
	}
	if r.Head.Key == nil || r.Head.Value != nil || len(r.Head.Args) > 0 || len(r.Head.Ref()) > 1 {
		c.fail(r.Loc(), "%s must be a set: write %s contains {…} if {…}", verb, verb)
		return
	}
	note := c.note(r)
	if note == nil {
		c.fail(r.Loc(), "this %s has no id: write METADATA with custom.id above the package or the rule", verb)
		return
	}
	if wrong := wrongKey(r.Head.Key); wrong != "" {
		c.fail(r.Loc(), "%s", wrong)
	} else if wrong := wrongLiteral(verb, r.Head.Key); wrong != "" {
		c.fail(r.Loc(), "%s", wrong)
	}
	rule := c.byNote[note]
	if rule == nil {
		var err error
		if rule, err = newRule(note, m.Package.Path.String()); err != nil {
			c.fail(note.Location, "%v", err)
			c.byNote[note] = &Rule{} // said once
			return
		}
		if other := c.byID[rule.ID]; other != nil {
			c.fail(note.Location, "rule id %s is taken by %s:%d", rule.ID, other.File, other.Line)
		}
		c.byNote[note], c.byID[rule.ID] = rule, rule
	}
	if rule.ID == "" {
		return
	}
	rule.clauses = append(rule.clauses, r.Loc().Row)
	key := m.Package.Path.String() + "\x00" + verb
	if c.clauses[key] == nil {
		c.clauses[key] = map[string][]*ast.Rule{}
	}
	c.clauses[key][rule.ID] = append(c.clauses[key][rule.ID], r)
}

// wrongKey says which key of a result that is written out does not exist: said
// here and not when the rule speaks for the first time.
func wrongKey(result *ast.Term) string {
	o, ok := result.Value.(ast.Object)
	if !ok {
		return ""
	}
	wrong := ""
	o.Foreach(func(k, _ *ast.Term) {
		if key, ok := k.Value.(ast.String); ok && wrong == "" && !slices.Contains(resultKeys, string(key)) {
			wrong = unknownKey(string(key))
		}
	})
	return wrong
}

// wrongLiteral says what else is wrong with a result that is written out: what
// it lacks, and constants that cannot stand where they do.
func wrongLiteral(verb string, result *ast.Term) string {
	o, ok := result.Value.(ast.Object)
	if !ok {
		return ""
	}
	var keys []string
	wrong := ""
	o.Foreach(func(k, v *ast.Term) {
		key, _ := k.Value.(ast.String)
		keys = append(keys, string(key))
		word, isString := v.Value.(ast.String)
		_, isNumber := v.Value.(ast.Number)
		_, isObject := v.Value.(ast.Object)
		switch {
		case wrong != "":
		case key == "severity" && isString && !slices.Contains([]string{"error", "warning", "info"}, string(word)):
			wrong = fmt.Sprintf("severity %q: one of error, warning, info", string(word))
		case key == "location" && (isString || isNumber):
			wrong = "the location of a result is an object, such as the location of a statement"
		case key == "count" && isString:
			wrong = "the count of a result cannot be a string"
		case slices.Contains([]string{"message", "msg", "object", "advice", "reason", "team", "user"}, string(key)) && (isNumber || isObject):
			wrong = fmt.Sprintf("the %s of a result cannot be %s", string(key), map[bool]string{true: "a number", false: "an object"}[isNumber])
		}
	})
	if err := wrongShape(verb, keys); wrong == "" && err != nil {
		wrong = err.Error()
	}
	return wrong
}

func unknownKey(key string) string {
	return fmt.Sprintf("unknown key %q in a result: the keys are %s", key, strings.Join(resultKeys, ", "))
}

// note is the METADATA that names the rule a clause belongs to: its own, its
// document's or its package's.
func (c *collector) note(r *ast.Rule) *ast.Annotations {
	for _, ref := range c.set.Chain(r) {
		if a := ref.Annotations; a != nil && a.Custom["id"] != nil && a.Scope != "subpackages" {
			return a
		}
	}
	return nil
}

// unused tells METADATA that has an id and no clauses.
func (c *collector) unused(modules map[string]*ast.Module) {
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		for _, a := range modules[name].Annotations {
			if a.Custom["id"] != nil && c.byNote[a] == nil {
				c.fail(a.Location, "rule %v fills neither deny nor warn nor require_approval", a.Custom["id"])
			}
		}
	}
}

// schemaNotes refuses schemas in METADATA that would be read from elsewhere.
func schemaNotes(m *ast.Module) []error {
	var out []error
	for _, a := range m.Annotations {
		for _, s := range a.Schemas {
			if s.Definition != nil {
				out = append(out, fmt.Errorf("%s:%d: schemas in METADATA are written as input: schema.input, not inline", a.Location.File, a.Location.Row))
			}
		}
	}
	return out
}

// divide gives each rule its sets.
func (c *collector) divide() {
	for key, byID := range c.clauses {
		pkg, verb, _ := strings.Cut(key, "\x00")
		base := ast.MustParseRef(pkg)
		if len(byID) == 1 {
			for id := range byID {
				c.byID[id].queries[verb] = base.Append(ast.StringTerm(verb))
			}
			continue
		}
		for id, clauses := range byID {
			name := "assay__" + verb + "__" + strings.NewReplacer("-", "_").Replace(id)
			for _, r := range clauses {
				cp := r.Copy()
				cp.Annotations = nil
				cp.Head.Name = ast.Var(name)
				cp.Head.Reference = ast.Ref{ast.VarTerm(name)}
				r.Module.Rules = append(r.Module.Rules, cp)
			}
			c.byID[id].queries[verb] = base.Append(ast.StringTerm(name))
		}
	}
}

// finish fills in what the rule's sets and source decide.
func finish(r *Rule, trees []*tree) {
	if r.Severity == "" {
		r.Severity = lint.Warning
		if r.queries[deny] != nil || r.queries[requireApproval] != nil {
			r.Severity = lint.Error
		}
	}
	for _, t := range trees {
		if t.pack != "" && strings.HasPrefix(r.File, t.name+t.pack+"/") {
			r.Pack = t.pack
		}
	}
}
