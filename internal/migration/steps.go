package migration

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// in returns the path of a file of the directory.
func (l *loader) in(file string) string { return path.Join(l.dir, file) }

// there reports whether there is such a file or directory.
func (l *loader) there(name string) bool {
	_, err := fs.Stat(l.fsys, name)
	return err == nil
}

// versionedStep is a step in a programming language, with a version as the SQL files have it.
var versionedStep = regexp.MustCompile(`^([0-9]+)(?:[_-](.*?))?(?:\.up)?\.(?:go|ts|js|mjs|cjs|py|rb|java|kt|rs|sh)$`)

// steps finds the steps that are not SQL among the files; the pattern's groups
// are version and name. Down, test and declaration files are none.
func (l *loader) steps(files []string, pattern *regexp.Regexp) []*unit {
	var out []*unit
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") || strings.HasSuffix(f, ".d.ts") || strings.Contains(f, ".down.") || strings.Contains(f, ".test.") {
			continue
		}
		if m := pattern.FindStringSubmatch(f); m != nil {
			if u := l.step(l.in(f), m[1], m[2]); u != nil {
				out = append(out, u)
			}
		}
	}
	return out
}
