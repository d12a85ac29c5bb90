package migration

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

var plain = &format{
	byName: true,
	load:   loadPlain,
	tx:     txRule{TxNone, "plain files are run as `psql -f` does it, each statement by itself", ""},
}

var (
	plainVersion = regexp.MustCompile(`^[vV]?([0-9][0-9._-]*)(.*)$`)
	plainDown    = regexp.MustCompile(`(?i)(^|[._-])(down|undo|rollback|revert)\.sql$`)
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
		if plainDown.MatchString(path.Base(f)) {
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
