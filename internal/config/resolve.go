package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/assaydb/assay/internal/lint"
)

// About are the objects that a finding is about, as the globs for objects see
// them: its main object, the table of a column, and the relation of its first
// evidence (the table that an index is built on).
func About(f *lint.Finding) []string {
	var out []string
	add := func(object string) {
		for object != "" && !slices.Contains(out, object) {
			out = append(out, object)
			i := strings.LastIndexByte(object, '.')
			if i < 0 || strings.Count(object, ".") < 2 {
				return
			}
			object = object[:i]
		}
	}
	add(f.Object)
	if len(f.Evidence) > 0 && slices.Contains([]string{"lock", "scan", "rewrite"}, f.Evidence[0].Kind) {
		add(f.Evidence[0].Object)
	}
	return out
}

// Severity is how much a finding of the rule matters at the path and for its
// objects (About), and the place in the file that decided it. With no place the file
// leaves the severity to the rule, which may have chosen another one for this
// very finding; only off must then be obeyed. Later steps win over earlier ones:
//
//  1. the rule's own severity, or off if it is optional and no pack has it;
//  2. checks: its family;
//  3. checks: its id, name or alias (rules: for a policy rule);
//  4. overrides that match path and object, from first to last; in each, the
//     family before the exact name;
//  5. the scope (include, exclude, objects, exclude-objects) of 2 and 3: a
//     finding outside is off whatever was said before.
func (c *Config) Severity(rule lint.Rule, path string, objects ...string) (lint.Severity, string) {
	severity, where := rule.Severity, ""
	if rule.Optional && !c.inPack(rule) {
		severity = lint.Off
	}
	set := func(word, key string) {
		if word == "" {
			return
		}
		severity, where = lint.Severity(word), c.At(key)
		if word == "on" {
			severity, where = rule.Severity, ""
		}
	}
	if rule.Policy {
		for _, key := range keysFor(c.Rules, rule) {
			set(c.Rules[key].Level, "rules."+key)
		}
	}
	for _, key := range keysFor(c.Checks, rule) {
		k := c.Checks[key]
		if k.Severity == "" && severity == lint.Off {
			set("on", "checks."+key) // naming an optional check is asking for it
		}
		set(k.Severity, "checks."+key)
	}
	for i, o := range c.Overrides {
		if !in(o.Paths, path, matchPath) || !inAny(o.Objects, objects) {
			continue
		}
		for _, key := range keysFor(o.Checks, rule) {
			set(o.Checks[key], fmt.Sprintf("overrides.%d.checks.%s", i, key))
		}
	}
	if key := c.outOfScope(rule, path, objects); key != "" {
		return lint.Off, c.At(key)
	}
	return severity, where
}

// outOfScope is the key that leaves the path or the objects out, or "".
func (c *Config) outOfScope(rule lint.Rule, path string, objects []string) string {
	if rule.Policy {
		for _, key := range keysFor(c.Rules, rule) {
			r := c.Rules[key]
			if match(r.Exclude, path, matchPath) || matchAny(r.ExcludeObjects, objects) {
				return "rules." + key
			}
		}
	}
	for _, key := range keysFor(c.Checks, rule) {
		k := c.Checks[key]
		if !in(k.Include, path, matchPath) || match(k.Exclude, path, matchPath) ||
			!inAny(k.Objects, objects) || matchAny(k.ExcludeObjects, objects) {
			return "checks." + key
		}
	}
	return ""
}

// Params are the rule's parameters as the file gives them, nil if it gives
// none. A check's own entry wins over its family's, key by key.
func (c *Config) Params(rule lint.Rule) map[string]any {
	var out map[string]any
	add := func(params map[string]any) {
		for k, v := range params {
			if out == nil {
				out = map[string]any{}
			}
			out[k] = v
		}
	}
	for _, key := range keysFor(c.Checks, rule) {
		add(c.Checks[key].Params)
	}
	if rule.Policy {
		for _, key := range keysFor(c.Rules, rule) {
			add(c.Rules[key].Params)
		}
	}
	return out
}

// inPack says whether a pack that is switched on has the optional rule. The
// one pack of built-in checks is conventions: family CV.
func (c *Config) inPack(rule lint.Rule) bool {
	return rule.Policy || rule.Family() == "CV" && slices.Contains(c.Packs, "conventions")
}

// keysFor are the keys of m that mean the rule: its family, then aliases, then
// its name or id.
func keysFor[V any](m map[string]V, rule lint.Rule) []string {
	if len(m) == 0 {
		return nil
	}
	type ranked struct {
		key  string
		rank int
	}
	var keys []ranked
	for key := range m {
		switch {
		case rule.Named(key):
			keys = append(keys, ranked{key, 2})
		case rule.Alias("", key):
			keys = append(keys, ranked{key, 1})
		case !rule.Policy && strings.EqualFold(key, rule.Family()):
			keys = append(keys, ranked{key, 0})
		}
	}
	slices.SortFunc(keys, func(a, b ranked) int {
		if a.rank != b.rank {
			return a.rank - b.rank
		}
		return strings.Compare(a.key, b.key)
	})
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.key
	}
	return out
}

// Ignored is the index of the first ignore entry that accepts the finding of
// the rule, -1 if none does. Entries whose last day is before today accept
// nothing.
func (c *Config) Ignored(rule lint.Rule, f *lint.Finding, today time.Time) int {
	for i, ig := range c.Ignore {
		if !rule.Named(ig.Check) && !rule.Alias("", ig.Check) || ig.Expired(today) {
			continue
		}
		if ig.Path != "" && !matchPath(ig.Path, f.Path) || ig.Object != "" && !matchAny([]string{ig.Object}, About(f)) {
			continue
		}
		return i
	}
	return -1
}

// Expired says whether the entry's last day is before today.
func (ig Ignore) Expired(today time.Time) bool {
	return ig.Expires != "" && today.Format(time.DateOnly) > ig.Expires
}

// in is match with an empty list for everything.
func in(patterns []string, s string, matches func(pattern, s string) bool) bool {
	return len(patterns) == 0 || match(patterns, s, matches)
}

func match(patterns []string, s string, matches func(pattern, s string) bool) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, s) })
}

// inAny is matchAny with an empty list of patterns for everything.
func inAny(patterns, objects []string) bool {
	return len(patterns) == 0 || matchAny(patterns, objects)
}

func matchAny(patterns, objects []string) bool {
	return slices.ContainsFunc(objects, func(o string) bool { return match(patterns, o, matchObject) })
}

// matchPath matches a path: a pattern without a slash is for the file's name,
// one that ends in a slash is for everything below.
func matchPath(pattern, path string) bool {
	pattern = strings.TrimPrefix(pattern, "./")
	if strings.HasSuffix(pattern, "/") {
		pattern += "**"
	} else if !strings.Contains(pattern, "/") {
		pattern = "**/" + pattern
	}
	ok, _ := doublestar.Match(pattern, path) // patterns were validated when the file was read
	return ok
}

// matchObject matches "schema.name": a pattern without a dot is for the name
// in any schema.
func matchObject(pattern, object string) bool {
	if object == "" {
		return false
	}
	if !strings.Contains(pattern, ".") {
		if _, name, ok := strings.Cut(object, "."); ok {
			object = name
		}
	}
	ok, _ := doublestar.Match(pattern, object)
	return ok
}
