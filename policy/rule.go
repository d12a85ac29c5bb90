package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/assaydb/assay/internal/lint"
)

// Rule is a policy rule: what METADATA says of one set of deny, warn and
// require_approval clauses.
type Rule struct {
	ID          string
	Name        string // of its package if it is alone there, else its id, in kebab case
	Title       string
	Description string
	Severity    lint.Severity // of what it denies
	Params      []Param       // by name
	Aliases     []string      // names of other tools: "bytebase:table.require-pk"
	Related     []string      // URLs
	Package     string        // "data.team.naming"
	Pack        string        // pack of the shipped library, empty for other sources
	File        string
	Line        int
	// PerMigration rules are asked once for each new migration instead of once for the change set.
	PerMigration bool
	// Everywhere rules also speak of objects that the change set does not touch.
	Everywhere bool

	// clauses are the lines that its clauses begin on.
	clauses []int
	// queries are the sets that the rule fills, by verb.
	queries map[string]ast.Ref
}

// Param is a setting of a rule.
type Param struct {
	Name        string
	Default     any
	Description string
	// Format is what the strings of the value are: regexp, time, windows, or empty.
	Format string
}

// Lint is the rule as the rest of assay knows rules.
func (r *Rule) Lint() lint.Rule {
	out := lint.Rule{ID: r.ID, Name: r.Name, Title: r.Title, Severity: r.Severity, Aliases: r.Aliases, Policy: true, Pack: r.Pack}
	if r.Pack != "" {
		out.URL = "https://github.com/assaydb/assay/blob/main/docs/policies/" + r.ID + ".md"
	}
	return out
}

var ruleID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// The sets that a rule may fill.
const (
	deny            = "deny"
	warn            = "warn"
	requireApproval = "require_approval"
)

var verbs = []string{deny, warn, requireApproval}

var customKeys = []string{"aliases", "id", "params", "per", "scope", "severity"}

// newRule reads METADATA. Everything that assay would ignore is an error.
func newRule(a *ast.Annotations, pkg string) (*Rule, error) {
	r := &Rule{Title: a.Title, Description: strings.TrimSpace(a.Description), Package: pkg, queries: map[string]ast.Ref{}}
	if loc := a.Location; loc != nil {
		r.File, r.Line = loc.File, loc.Row
	}
	for _, x := range a.RelatedResources {
		r.Related = append(r.Related, x.Ref.String())
	}
	for key := range a.Custom {
		if !slices.Contains(customKeys, key) {
			return nil, fmt.Errorf("unknown key custom.%s: the keys are %s", key, strings.Join(customKeys, ", "))
		}
	}
	var err error
	if r.ID, err = word(a.Custom, "id"); err != nil {
		return nil, err
	}
	if !ruleID.MatchString(r.ID) {
		return nil, fmt.Errorf("custom.id %q: an id is letters, digits and dashes, such as PAY001 or payments-no-lock", r.ID)
	}
	if r.Title == "" {
		return nil, fmt.Errorf("rule %s has no title: say in one clause what it finds", r.ID)
	}
	severity, err := choice(a.Custom, "severity", "error", "warning", "info")
	if err != nil {
		return nil, err
	}
	r.Severity = lint.Severity(severity)
	per, err := choice(a.Custom, "per", "change", "migration")
	if err != nil {
		return nil, err
	}
	scope, err := choice(a.Custom, "scope", "touched", "everything")
	if err != nil {
		return nil, err
	}
	r.PerMigration, r.Everywhere = per == "migration", scope == "everything"
	if r.Aliases, err = words(a.Custom, "aliases"); err != nil {
		return nil, err
	}
	r.Params, err = params(a.Custom)
	return r, err
}

func word(custom map[string]any, key string) (string, error) {
	v, ok := custom[key]
	if !ok {
		return "", nil
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("custom.%s must be a string", key)
	}
	return s, nil
}

func choice(custom map[string]any, key string, choices ...string) (string, error) {
	s, err := word(custom, key)
	switch {
	case err != nil:
		return "", err
	case s == "" && key == "severity":
		return "", nil // decided by the set: deny or warn
	case s == "":
		return choices[0], nil
	case !slices.Contains(choices, s):
		return "", fmt.Errorf("custom.%s %q: one of %s", key, s, strings.Join(choices, ", "))
	}
	return s, nil
}

func words(custom map[string]any, key string) ([]string, error) {
	v, ok := custom[key]
	if !ok {
		return nil, nil
	}
	items, ok := v.([]any)
	var out []string
	for _, x := range items {
		s, isString := x.(string)
		ok = ok && isString
		out = append(out, s)
	}
	if !ok {
		return nil, fmt.Errorf("custom.%s must be a list of strings", key)
	}
	return out, nil
}

// params reads custom.params: a default by name, or {default, description}.
func params(custom map[string]any) ([]Param, error) {
	v, ok := custom["params"]
	if !ok {
		return nil, nil
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("custom.params must be an object: name: default")
	}
	var out []Param
	for _, name := range slices.Sorted(maps.Keys(m)) {
		p := Param{Name: name, Default: m[name]}
		if o, ok := m[name].(map[string]any); ok {
			d, has := o["default"]
			if !has {
				return nil, fmt.Errorf("custom.params.%s has no default", name)
			}
			p.Default = d
			p.Description, _ = o["description"].(string)
			p.Format, _ = o["format"].(string)
			if !slices.Contains(paramFormats, p.Format) {
				return nil, fmt.Errorf("custom.params.%s.format %q: one of regexp, time, windows", name, p.Format)
			}
			if strings.HasPrefix(strings.ToLower(p.Description), "regular expression") && p.Format == "" {
				p.Format = "regexp"
			}
		}
		var err error
		if p.Default, err = plain(p.Default); err != nil {
			return nil, fmt.Errorf("custom.params.%s: %w", name, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// values gives the rule's parameters: configured ones over defaults. at, which
// may be nil, says where one is configured.
func (r *Rule) values(set map[string]any, at func(id, param string) string) (map[string]any, error) {
	out := map[string]any{}
	names := []string{}
	for _, p := range r.Params {
		out[p.Name] = p.Default
		names = append(names, p.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		place := ""
		if at != nil {
			place = at(r.ID, name) + ": "
		}
		i := slices.Index(names, name)
		if i < 0 {
			return nil, fmt.Errorf("%srule %s has no parameter %q: %s", place, r.ID, name, oneOf(names))
		}
		v, err := plain(set[name])
		if err != nil {
			return nil, fmt.Errorf("%srule %s, parameter %s: %w", place, r.ID, name, err)
		}
		if err := r.Params[i].fits(v); err != nil {
			return nil, fmt.Errorf("%srule %s, parameter %s: %w", place, r.ID, name, err)
		}
		if !sameType(v, r.Params[i].Default) {
			return nil, fmt.Errorf("%srule %s, parameter %s is a %s, but must be a %s", place, r.ID, name, kindOf(v), kindOf(r.Params[i].Default))
		}
		out[name] = v
	}
	return out, nil
}

var paramFormats = []string{"", "regexp", "time", "windows"}

// fits holds a value against the format of the parameter.
func (p Param) fits(v any) error {
	switch v := v.(type) {
	case string:
		switch p.Format {
		case "regexp":
			if _, err := regexp.Compile(v); err != nil {
				return fmt.Errorf("%q is no regular expression: %w", v, err)
			}
		case "time", "windows":
			if _, err := time.Parse(time.RFC3339, v); err != nil {
				return fmt.Errorf("%q is no time: write it as 2026-12-20T00:00:00Z", v)
			}
		}
	case []any:
		inner := p
		for _, x := range v {
			if pair, isList := x.([]any); p.Format == "windows" {
				if !isList || len(pair) != 2 {
					return fmt.Errorf("%s is no window: write a pair of times, as [2026-12-20T00:00:00Z, 2027-01-02T00:00:00Z]", shortJSON(x))
				}
				inner.Format = "time"
			}
			if err := inner.fits(x); err != nil {
				return err
			}
		}
	}
	return nil
}

// plain makes a value of a configuration file one of JSON.
func plain(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out any
	return out, json.Unmarshal(text, &out)
}

func oneOf(names []string) string {
	if len(names) == 0 {
		return "it has none"
	}
	return "one of " + strings.Join(names, ", ")
}
