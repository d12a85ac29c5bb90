package migration

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// merge puts together the directories that one tool reads as one.
func (d *detector) merge() []Candidate {
	var out []Candidate
	for _, c := range d.found {
		if !slices.ContainsFunc(out, func(o Candidate) bool { return readsBelow(o, c) }) {
			out = append(out, c)
		}
	}
	return d.mergeSiblings(d.mergeSiblings(out, Flyway, d.oneFlyway), GolangMigrate, numberedDirs)
}

// readsBelow reports whether the tool of one candidate reads the other as well.
func readsBelow(above, c Candidate) bool {
	if above.Format != c.Format || !strings.HasPrefix(c.Path, above.Path+"/") && above.Path != "." {
		return false
	}
	if above.Format == Flyway {
		return !foreign(c.Dialect)
	}
	return above.Format == Plain && above.Path != "."
}

// mergeSiblings puts directories of one format that lie side by side under the
// directory that holds them all, if they make one history.
func (d *detector) mergeSiblings(found []Candidate, f Format, one func(group []Candidate) (Format, bool)) []Candidate {
	groups := map[string][]Candidate{}
	for _, c := range found {
		if c.Format == f && !foreign(path.Base(c.Path)) && c.Path != "." {
			groups[path.Dir(c.Path)] = append(groups[path.Dir(c.Path)], c)
		}
	}
	var out []Candidate
	for _, c := range found {
		parent := path.Dir(c.Path)
		group := groups[parent]
		if len(group) < 2 || !slices.ContainsFunc(group, func(g Candidate) bool { return g.Path == c.Path }) {
			out = append(out, c)
			continue
		}
		as, ok := one(group)
		if !ok {
			out = append(out, c)
			continue
		}
		if c.Path != group[0].Path {
			continue
		}
		whole := Candidate{Path: parent, Format: as, Dialect: dialectOf(parent), Reason: fmt.Sprintf("%s, in %d directories", c.Reason, len(group))}
		for _, g := range group {
			whole.Files += g.Files
		}
		whole.rank = rankOf(&whole)
		out = append(out, whole)
	}
	return out
}

// oneFlyway reports whether locations are read in one order: no version is in
// two of them. Otherwise they are histories of several databases.
func (d *detector) oneFlyway(group []Candidate) (Format, bool) {
	seen := map[string]bool{}
	for _, c := range group {
		l := &loader{fsys: d.fsys, dir: c.Path}
		files, _, err := l.entries(c.Path)
		if err != nil {
			return "", false
		}
		for _, f := range files {
			m := flywayFile.FindStringSubmatch(f)
			if m == nil || m[1] != "V" {
				continue
			}
			if version := strings.ReplaceAll(m[2], "_", "."); seen[version] {
				return "", false
			} else {
				seen[version] = true
			}
		}
	}
	return Flyway, true
}

var numberedDir = regexp.MustCompile(`^v?[0-9]+(?:\.[0-9]+)*$`)

// numberedDirs: a directory for each release, which no one tool has a name for.
func numberedDirs(group []Candidate) (Format, bool) {
	return Plain, !slices.ContainsFunc(group, func(c Candidate) bool { return !numberedDir.MatchString(path.Base(c.Path)) })
}
