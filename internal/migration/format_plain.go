package migration

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

var plain = &format{
	byName:  true,
	load:    loadPlain,
	sending: sending{copyData: true},
	tx:      txRule{TxNone, "plain files are run as `psql -f` does it, each statement by itself", ""},
}

var (
	plainVersion = regexp.MustCompile(`^[vV]?([0-9][0-9._-]*)(.*)$`)
	plainDown    = regexp.MustCompile(`(?i)(^|[._-])(?:down|undo|rollback|revert)\.sql$`)
	plainUp      = regexp.MustCompile(`(?i)[._-](up|do|deploy)\.sql$`)
)

// loadPlain reads every .sql file below the directory in natural order.
func loadPlain(l *loader) error {
	var files []string
	if err := l.plainFiles(l.dir, &files); err != nil {
		return err
	}
	slices.SortFunc(files, compareNatural)
	var units []*unit
	for _, f := range files {
		if l.isPlainDown(f) {
			continue
		}
		version, name := "", strings.TrimSuffix(path.Base(f), ".sql")
		if m := plainVersion.FindStringSubmatch(name); m != nil {
			version, name = strings.TrimRight(m[1], "._-"), strings.Trim(m[2], "._- ")
		}
		if d := path.Dir(strings.TrimPrefix(f, l.dir+"/")); d != "." && version != "" {
			version = d + "/" + version
		}
		name = strings.TrimSuffix(name, ".up")
		u, err := l.unit(f, version, cmp.Or(name, version))
		if err != nil {
			return err
		}
		u.script.psql = true
		u.script.base = path.Dir(f)
		stem := plainUp.ReplaceAllString(f, "")
		if stem == f {
			stem = strings.TrimSuffix(f, ".sql")
		}
		if path.Base(f) == "up.sql" {
			if err := l.withDown(u, path.Join(path.Dir(f), "down.sql")); err != nil {
				return err
			}
		}
		for _, end := range []string{".down.sql", "_down.sql", "-down.sql", ".undo.sql", ".rollback.sql", "_rollback.sql"} {
			if u.down == nil {
				if err := l.withDown(u, stem+end); err != nil {
					return err
				}
			}
		}
		if u.down != nil {
			u.down.script = u.script
		}
		units = append(units, u)
	}
	l.units = units
	return nil
}

// isPlainDown reports whether a file is a way back. A name that ends in _down
// may as well speak of something else: then there is no file to go back from.
func (l *loader) isPlainDown(file string) bool {
	m := plainDown.FindStringSubmatchIndex(path.Base(file))
	if m == nil {
		return false
	}
	base := path.Base(file)
	if separator := base[m[2]:m[3]]; separator == "." || separator == "" {
		return true
	}
	stem := path.Join(path.Dir(file), base[:m[0]])
	for _, end := range []string{".sql", ".up.sql", "_up.sql", "-up.sql"} {
		if l.exists(stem + end) {
			return true
		}
	}
	return false
}

func (l *loader) plainFiles(dir string, out *[]string) error {
	files, dirs, err := l.entries(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".sql") {
			*out = append(*out, path.Join(dir, f))
		}
	}
	for _, d := range dirs {
		if skipDir(d) {
			continue
		}
		if err := l.plainFiles(path.Join(dir, d), out); err != nil {
			return err
		}
	}
	return nil
}
