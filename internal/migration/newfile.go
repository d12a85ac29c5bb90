package migration

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// NewFile is a file to be added to a project.
type NewFile struct{ Path, Text string }

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// slug is a name as it can stand in a file name.
func slug(name string) string {
	return cmp.Or(strings.Trim(notInNames.ReplaceAllString(strings.ToLower(name), "_"), "_"), "new")
}

// bump returns the version after v: a second later for a time, else one more.
// The width stays.
func bump(v string) string {
	if len(v) == 14 {
		if t, err := time.Parse("20060102150405", v); err == nil {
			return t.Add(time.Second).Format("20060102150405")
		}
	}
	b := []byte(v)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < '0' || b[i] > '9' {
			continue
		}
		if b[i]++; b[i] <= '9' {
			return string(b)
		}
		b[i] = '0'
	}
	return "1" + string(b)
}

// nextVersion returns the first version after v that no migration has.
func nextVersion(d *Dir, v string) string {
	taken := map[string]bool{}
	for _, m := range d.Migrations {
		taken[m.Version] = true
	}
	for _, file := range d.leftOut() {
		taken[digits(path.Base(file))] = true
	}
	for v = bump(v); taken[v]; {
		v = bump(v)
	}
	return v
}

// leftOut are the steps that are not SQL, whose versions are taken all the same.
func (d *Dir) leftOut() []string {
	var out []string
	for _, n := range d.Notices {
		if n.Kind == "not-sql" {
			out = append(out, n.Pos.Path)
		}
	}
	return out
}

// NextName returns the path of a new migration that runs after a given one, as
// the format names its files. Where files are numbered in a row it comes after
// the last of that row.
func NextName(d *Dir, after *Migration, name string) string {
	dir, base, s := path.Dir(after.Path), path.Base(after.Path), slug(name)
	switch d.Format {
	case Prisma, Diesel, Hasura, Drizzle:
		if base == "up.sql" || base == "migration.sql" {
			folder := path.Base(dir)
			written, _, _ := strings.Cut(folder, "_")
			version := nextVersion(d, strings.ReplaceAll(written, "-", ""))
			return path.Join(path.Dir(dir), dashedLike(written, version)+"_"+s, base)
		}
		if d.Format == Drizzle {
			return path.Join(dir, nextNumbered(d, dir, base, s))
		}
	case Flyway:
		return path.Join(dir, "V"+nextDotted(d, after, base)+"__"+s+".sql")
	case GraphileMigrate:
		return path.Join(d.Path, "current.sql")
	case Sqitch:
		// deploy/tables/a.sql: the name of the change holds the directories.
		if top, ok := strings.CutSuffix(after.Path, "/"+strings.TrimSuffix(after.Name, ".sql")+path.Ext(after.Path)); ok {
			return path.Join(top, s+path.Ext(after.Path))
		}
	case Liquibase, Plain, SQLMigrate, NodePgMigrate:
		return path.Join(dir, nextNumbered(d, dir, base, s))
	}
	suffix := ".sql"
	if m := upDownFile.FindStringSubmatch(base); m != nil {
		suffix = ".up.sql"
	}
	return path.Join(dir, nextVersion(d, after.Version)+"_"+s+suffix)
}

// dashedLike writes digits with the dashes of another version.
func dashedLike(like, version string) string {
	if len(strings.ReplaceAll(like, "-", "")) != len(version) {
		return version
	}
	var b strings.Builder
	for i, j := 0, 0; i < len(like); i++ {
		if like[i] == '-' {
			b.WriteByte('-')
			continue
		}
		b.WriteByte(version[j])
		j++
	}
	return b.String()
}

// nextDotted is the version after that of a Flyway file, separated as it is there.
func nextDotted(d *Dir, after *Migration, base string) string {
	version := after.Version
	if version == "" { // a repeatable file: behind the last version
		for _, m := range d.Migrations {
			if m.Version != "" {
				version, base = m.Version, path.Base(m.Path)
			}
		}
	}
	head, last := "", version
	if i := strings.LastIndexByte(version, '.'); i >= 0 {
		head, last = version[:i+1], version[i+1:]
	}
	taken := func(v string) bool {
		for _, m := range d.Migrations {
			if m.Version != "" && compareVersions(m.Version, v) == 0 {
				return true
			}
		}
		return slices.ContainsFunc(d.leftOut(), func(file string) bool {
			step := flywayStep.FindStringSubmatch(path.Base(file))
			return step != nil && compareVersions(strings.ReplaceAll(step[1], "_", "."), v) == 0
		})
	}
	next := head + bump(cmp.Or(last, "0"))
	if taken(next) {
		for next = version + ".1"; taken(next); {
			next = version + "." + bump(next[len(version)+1:])
		}
	}
	if number, _, _ := strings.Cut(base, "__"); strings.Contains(number, ".") {
		return next
	}
	return strings.ReplaceAll(next, ".", "_")
}

// nextNumbered keeps what stands around the number of a file name.
func nextNumbered(d *Dir, dir, base, s string) string {
	number := digits(base)
	if number == "" {
		return strings.TrimSuffix(base, ".sql") + "_" + s + ".sql"
	}
	taken := map[string]bool{}
	for _, m := range d.Migrations {
		if path.Dir(m.Path) == dir {
			taken[digits(path.Base(m.Path))] = true
		}
	}
	for _, file := range d.leftOut() {
		taken[digits(path.Base(file))] = true
	}
	between := "_"
	if rest := base[len(number):]; rest != ".sql" && rest != "" && strings.ContainsAny(rest[:1], "-. ") {
		between = rest[:1]
	}
	for number = bump(number); taken[number]; {
		number = bump(number)
	}
	return number + between + s + ".sql"
}

// NewFiles returns the files of a new migration that runs after a given one:
// the file itself, the way back where the directory has one, and what it takes
// to leave the tool's transaction if outside is true. What drizzle's journal
// or sqitch's plan must say of them is Listed's.
func NewFiles(d *Dir, after *Migration, name, up, down string, outside bool) []NewFile {
	file := NextName(d, after, name)
	up, down = strings.TrimRight(up, "\n")+"\n", strings.TrimRight(down, "\n")+"\n"
	out := []NewFile{{file, newText(d.Format, slug(name), up, down, outside)}}
	if back := downName(d.Format, file, after); back != "" {
		if outside && d.Format == Sqlx {
			down = "-- no-transaction\n" + down
		}
		out = append(out, NewFile{back, down})
	}
	if outside && d.Format == Diesel {
		out = append(out, NewFile{path.Join(path.Dir(file), "metadata.toml"), "run_in_transaction = false\n"})
	}
	if outside && d.Format == Flyway {
		out = append(out, NewFile{file + ".conf", "executeInTransaction=false\n"})
	}
	return out
}

// downName is the file for the way back, empty where the format or this directory has none.
func downName(f Format, file string, after *Migration) string {
	switch {
	case strings.HasSuffix(file, ".up.sql"):
		return strings.TrimSuffix(file, ".up.sql") + ".down.sql"
	case f == Diesel || f == Hasura:
		return path.Join(path.Dir(file), "down.sql")
	case f == Sqitch:
		return strings.Replace(file, "deploy/", "revert/", 1)
	case f == Flyway && after.Down != nil:
		return path.Join(path.Dir(file), "U"+strings.TrimPrefix(path.Base(file), "V"))
	}
	return ""
}

// newText is the text of a new file, with the annotations that the tool needs.
func newText(f Format, name, up, down string, outside bool) string {
	ifOutside := func(text string) string {
		if outside {
			return text
		}
		return ""
	}
	switch f {
	case Goose:
		return ifOutside("-- +goose NO TRANSACTION\n") + "-- +goose Up\n" + up + "\n-- +goose Down\n" + down
	case SQLMigrate:
		return "-- +migrate Up" + ifOutside(" notransaction") + "\n" + up + "\n-- +migrate Down" + ifOutside(" notransaction") + "\n" + down
	case Dbmate:
		return "-- migrate:up" + ifOutside(" transaction:false") + "\n" + up + "\n-- migrate:down" + ifOutside(" transaction:false") + "\n" + down
	case NodePgMigrate:
		return "-- Up Migration\n" + up + "\n-- Down Migration\n" + down
	case Atlas:
		return ifOutside("-- atlas:txmode none\n\n") + up
	case Sqlx:
		return ifOutside("-- no-transaction\n") + up
	case GraphileMigrate:
		return ifOutside("--! no-transaction\n") + up
	case Liquibase:
		back := ""
		if strings.TrimSpace(down) != "" {
			back = "--rollback " + strings.ReplaceAll(strings.TrimSpace(down), "\n", "\n--rollback ") + "\n"
		}
		return "--liquibase formatted sql\n\n--changeset assay:" + name + ifOutside(" runInTransaction:false") + "\n" + up + back
	}
	return up
}

// FileText writes statements as the tool of a format takes them: those that cut
// a file at each semicolon are shown where a statement with one inside ends.
func FileText(f Format, statements []string) string {
	mark := map[Format]string{Goose: "-- +goose", SQLMigrate: "-- +migrate"}[f]
	var b strings.Builder
	for _, st := range statements {
		if mark != "" && strings.Contains(st, ";") {
			fmt.Fprintf(&b, "%[1]s StatementBegin\n%[2]s;\n%[1]s StatementEnd\n", mark, st)
			continue
		}
		b.WriteString(st + ";\n")
	}
	return b.String()
}
