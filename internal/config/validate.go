package config

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/project"
)

// check holds the file against rules that need nothing from outside it.
func (c *Config) check(d *decoder) {
	if hasPassword(c.DevURL) {
		d.failAt("dev-url", "dev-url holds a password, which does not belong in a file that is committed: write ${NAME} in its place and set NAME in the environment")
	}
	if c.Postgres != "" && c.Major() > 0 && c.Major() < 13 {
		d.failAt("postgres", "postgres is %s, but must be a major version from 13 on, or a directory with initdb and postgres in it", c.Postgres)
	}
	if c.SmallTable > 0 && c.LargeTable > 0 && c.SmallTable >= c.LargeTable {
		d.failAt("large-table", "large-table (%d rows) must be more than small-table (%d rows)", c.LargeTable, c.SmallTable)
	}
	for i, ig := range c.Ignore {
		at := fmt.Sprintf("ignore.%d", i)
		if ig.Check == "" {
			d.failAt(at, "an ignore entry needs the check that it is for")
		}
		if strings.TrimSpace(ig.Reason) == "" {
			d.failAt(at, "an ignore entry needs a reason")
		}
		if _, err := time.Parse(time.DateOnly, ig.Expires); ig.Expires != "" && err != nil {
			d.failAt(at+".expires", "expires is %q, but must be a day such as 2027-01-31", ig.Expires)
		}
		d.globs(at+".path", ig.Path)
		d.globs(at+".object", ig.Object)
	}
	for i, o := range c.Overrides {
		at := fmt.Sprintf("overrides.%d", i)
		if len(o.Paths)+len(o.Objects) == 0 {
			d.failAt(at, "an override needs paths or objects; for everything, write it under checks")
		}
		d.globs(at+".paths", o.Paths...)
		d.globs(at+".objects", o.Objects...)
	}
	d.globs("queries", c.Queries...)
	for name, k := range c.Checks {
		at := "checks." + name
		d.globs(at+".include", k.Include...)
		d.globs(at+".exclude", k.Exclude...)
		d.globs(at+".objects", k.Objects...)
		d.globs(at+".exclude-objects", k.ExcludeObjects...)
	}
	for name, r := range c.Rules {
		d.globs("rules."+name+".exclude", r.Exclude...)
		d.globs("rules."+name+".exclude-objects", r.ExcludeObjects...)
	}
	c.checkEnforced(d)
	for i, p := range c.Policies {
		if s := p.wrong(); s != "" {
			d.failAt(fmt.Sprintf("policies.%d", i), "%s", s)
		}
	}
}

var (
	commitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	digest   = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	password = regexp.MustCompile(`(?i)\bpassword\s*=\s*'?([^\s'$])`)
)

func hasPassword(s string) bool {
	if u, err := url.Parse(variable.ReplaceAllString(s, "")); err == nil && u.User != nil {
		if p, ok := u.User.Password(); ok && p != "" {
			return true
		}
	}
	return password.MatchString(s)
}

// wrong says what is wrong with a policy source, or nothing.
func (p *Policy) wrong() string {
	n := 0
	for _, s := range []string{p.Dir, p.Git, p.Bundle} {
		if s != "" {
			n++
		}
	}
	switch {
	case n != 1:
		return "a policy source is one of dir, git (with commit) and bundle"
	case p.Git != "" && !commitID.MatchString(p.Commit):
		return fmt.Sprintf("commit is %q, but must be a full commit id: a branch or tag would let somebody else change your rules", p.Commit)
	case p.Git == "" && (p.Commit != "" || p.Subdir != ""):
		return "commit and subdir go with git"
	case p.Digest != "" && (p.Bundle == "" || !digest.MatchString(p.Digest)):
		return "digest goes with bundle and is sha256: and 64 hex digits"
	case p.Key != "" && p.Bundle == "":
		return "key goes with bundle"
	case strings.HasPrefix(p.Bundle, "http:"):
		return "a bundle is fetched over https or read from a file, not over http"
	}
	return ""
}

// globs holds patterns against the pattern language.
func (d *decoder) globs(key string, patterns ...string) {
	for _, p := range patterns {
		if err := project.CheckGlob(p); err != nil {
			d.failAt(key, "%v", err)
			continue
		}
		if !doublestar.ValidatePattern(p) {
			d.failAt(key, "%q is not a valid glob", p)
		}
		if path.IsAbs(p) || strings.HasPrefix(p, "../") {
			d.failAt(key, "%q leaves the project: paths are relative to the directory of %s", p, File)
		}
	}
}

// Known is what the names in the file may refer to.
type Known struct {
	Checks      []lint.Rule // built in
	Policies    []lint.Rule // rules of the loaded policies; nil if they are not loaded, and then not checked
	Formats     []string
	Packs       []string
	PolicyPacks []string
}

// Validate refuses names that mean nothing: checks, rules, formats, packs.
// The error has one line for each, with the place and the nearest valid names.
func (c *Config) Validate(known Known) error {
	d := &decoder{name: c.Path, places: c.places}
	if c.Format != "" && !slices.Contains(known.Formats, c.Format) {
		d.failAt("format", "%s", unknown("format", c.Format, known.Formats))
	}
	if len(c.Dirs) > 0 {
		const both = "%s is of one migrations directory, and dirs lists several: keep one"
		if c.Dir != "" {
			d.failAt("dir", both, "dir")
		}
		if len(c.Locations) > 0 {
			d.failAt("locations", both, "locations")
		}
	}
	for i, p := range c.Packs {
		if !slices.Contains(known.Packs, p) {
			d.failAt(fmt.Sprintf("packs.%d", i), "%s", unknown("pack", p, known.Packs))
		}
	}
	for i, p := range c.PolicyPacks {
		if !slices.Contains(known.PolicyPacks, p) {
			d.failAt(fmt.Sprintf("policy-packs.%d", i), "%s", unknown("policy pack", p, known.PolicyPacks))
		}
	}
	first := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.Checks)) {
		at := "checks." + name
		rules := lint.Lookup(known.Checks, name)
		switch {
		case len(rules) > 0 || isFamily(known.Checks, name):
		case len(lint.Lookup(known.Policies, name)) > 0:
			d.failAt(at, "%s is a policy rule: set it under rules", name)
		default:
			d.failAt(at, "%s", unknownCheck(name, known.Checks))
		}
		if len(rules) == 1 {
			if other, twice := first[rules[0].ID]; twice {
				d.failAt(at, "%s and %s are the same check: keep one", other, name)
			}
			first[rules[0].ID] = name
		}
	}
	for i, o := range c.Overrides {
		for _, name := range slices.Sorted(maps.Keys(o.Checks)) {
			if len(lint.Lookup(known.Checks, name)) == 0 && !isFamily(known.Checks, name) && len(lint.Lookup(known.Policies, name)) == 0 {
				d.failAt(fmt.Sprintf("overrides.%d.checks.%s", i, name), "%s", unknownCheck(name, known.Checks))
			}
		}
	}
	for i, ig := range c.Ignore {
		if len(lint.Lookup(known.Checks, ig.Check)) == 0 && len(lint.Lookup(known.Policies, ig.Check)) == 0 && (known.Policies != nil || len(c.Policies)+len(c.PolicyPacks) == 0) {
			d.failAt(fmt.Sprintf("ignore.%d.check", i), "%s", unknownCheck(ig.Check, append(slices.Clone(known.Checks), known.Policies...)))
		}
	}
	c.validateEnforced(d, known)
	if known.Policies != nil {
		for _, id := range slices.Sorted(maps.Keys(c.Rules)) {
			switch {
			case len(lint.Lookup(known.Policies, id)) > 0:
			case len(lint.Lookup(known.Checks, id)) > 0:
				d.failAt("rules."+id, "%s is a built-in check: set it under checks", id)
			default:
				d.failAt("rules."+id, "%s", unknownRule(id, known.Policies))
			}
		}
	}
	return d.err()
}

func isFamily(rules []lint.Rule, name string) bool {
	return slices.ContainsFunc(rules, func(r lint.Rule) bool { return strings.EqualFold(r.Family(), name) })
}

func unknownCheck(name string, rules []lint.Rule) string {
	var names, families []string
	for _, r := range rules {
		names = append(names, r.ID, r.Name)
		for _, a := range r.Aliases {
			_, bare, _ := strings.Cut(a, ":")
			names = append(names, bare)
		}
		if f := r.Family(); !r.Policy && !slices.Contains(families, f) {
			families = append(families, f)
		}
	}
	s := fmt.Sprintf("unknown check %q", name)
	if near := Nearest(name, names, 3); len(near) > 0 {
		s += ", did you mean " + strings.Join(near, ", ") + "?"
	}
	return s + " (families: " + strings.Join(families, ", ") + "; assay checks lists all)"
}

func unknownRule(id string, rules []lint.Rule) string {
	var ids []string
	for _, r := range rules {
		ids = append(ids, r.ID)
	}
	return unknown("policy rule", id, ids)
}
