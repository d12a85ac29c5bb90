package pipeline

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// StubNames are the extensions that a stub stood for, before the new
// migrations or in one of them.
func StubNames(r *devdb.Record) []string {
	found := map[string]bool{}
	note := func(c *schema.Catalog) {
		if c == nil {
			return
		}
		for _, e := range c.Extensions {
			if e.Version == devdb.StubVersion {
				found[e.Name] = true
			}
		}
	}
	note(r.Before)
	note(r.After)
	for _, m := range r.New {
		for _, s := range m.Steps {
			if s.Stmt.Syntax.Tag == "CREATE EXTENSION" {
				note(s.After)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Provided are the types and access methods of the stubs that stood in, by extension.
type Provided map[string][]string

// touching names the stub that a statement has to do with: one of its types or
// access methods is in the text, or in a table that it locks. Empty if none is.
func (p Provided) touching(s *devdb.Step) string {
	for _, ext := range slices.Sorted(maps.Keys(p)) {
		for _, n := range p[ext] {
			if mentions(s.Stmt.Text, n) {
				return ext
			}
		}
	}
	for _, l := range s.Locks {
		t := s.Before.Relations[l.Table]
		if t == nil || l.Mode.Strength() < devdb.RowExclusive.Strength() {
			continue
		}
		for _, c := range t.Columns {
			for _, ext := range slices.Sorted(maps.Keys(p)) {
				if slices.Contains(p[ext], bareType(c.Type)) {
					return ext
				}
			}
		}
	}
	return ""
}

var typeModifier = regexp.MustCompile(`\(.*\)|\[\]`)

// bareType is a type's name without schema, modifier and brackets.
func bareType(t string) string {
	t = strings.TrimSpace(typeModifier.ReplaceAllString(t, ""))
	return strings.Trim(t[strings.LastIndexByte(t, '.')+1:], `"`)
}

// say adds to what was found in a statement that a stub stood in for what it needs.
func (p Provided) say(r *devdb.Record, findings []*lint.Finding) {
	if len(p) == 0 {
		return
	}
	for _, f := range findings {
		if f.Migration < 0 || f.Migration >= len(r.New) || f.Statement < 0 || f.Statement >= len(r.New[f.Migration].Steps) {
			continue
		}
		s := r.New[f.Migration].Steps[f.Statement]
		if ext := p.touching(s); ext != "" {
			f.Evidence = append(f.Evidence, lint.Evidence{Kind: "setting", Text: "a stub stood for extension " + ext + ", which the dev server lacks"})
		}
	}
}
