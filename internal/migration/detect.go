package migration

import (
	"cmp"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Candidate is a directory that looks like one of migrations.
type Candidate struct {
	Path   string // slash-separated, relative to the project root; "." for the root
	Format Format
	Reason string // what gave the format away
	Files  int    // how many files or directories in it look like migrations
	// Locations are further directories that belong to Path and do not lie below it.
	Locations []string
	Dialect   string // the database it is for, if its place says so: "postgres", "mysql"; empty otherwise

	rank int
}

// skipDir reports whether a directory never holds migrations of the project.
func skipDir(name string) bool {
	switch name {
	case "node_modules", "vendor", "target", "dist", "build", "out", "bin", "obj", "venv", "__pycache__", "Pods", "bower_components", "coverage", "third_party":
		return true
	}
	return len(name) > 1 && name[0] == '.'
}

// Detect finds the migration directories below root. The first candidate is
// the one to use; the error is about there being none, or several that are
// equally likely (the candidates are then returned as well).
func Detect(fsys fs.FS, root string) ([]Candidate, error) {
	d := &detector{fsys: fsys}
	if err := d.walk(path.Clean(root)); err != nil {
		return nil, err
	}
	found := d.merge()
	if len(found) == 0 {
		return nil, d.nothing(root)
	}
	slices.SortStableFunc(found, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), strings.Compare(a.Path, b.Path))
	})
	if len(found) > 1 && found[0].rank == found[1].rank {
		return found, ambiguous(found)
	}
	return found, nil
}

// DetectIn guesses the format of a directory that somebody named. Where it has
// no migrations itself but just one directory below has, that is the one.
func DetectIn(fsys fs.FS, dir string) (*Candidate, error) {
	d := &detector{fsys: fsys}
	if err := d.walk(dir); err != nil {
		return nil, err
	}
	found := d.merge()
	for _, c := range found {
		if c.Path == dir {
			return &c, nil
		}
	}
	switch len(found) {
	case 0:
		return nil, d.nothing(dir)
	case 1:
		return &found[0], nil
	}
	var names []string
	for _, c := range found {
		names = append(names, fmt.Sprintf("%s (%s)", c.Path, c.Format))
	}
	return nil, fmt.Errorf("%s holds no migrations itself, but there are some below: %s: choose one with --dir, or say what %s is with --dir-format",
		dir, strings.Join(names, ", "), dir)
}

func ambiguous(found []Candidate) error {
	var b strings.Builder
	b.WriteString("several directories look like the migrations of this project:")
	for _, c := range found {
		if c.rank == found[0].rank {
			fmt.Fprintf(&b, "\n  --dir %s  --dir-format %s  (%d, %s)", c.Path, c.Format, c.Files, c.Reason)
		}
	}
	b.WriteString("\nchoose one")
	return fmt.Errorf("%s", b.String())
}

func (d *detector) nothing(root string) error {
	saw := "no .sql file"
	if len(d.sqlDirs) > 0 {
		saw = fmt.Sprintf(".sql files only in %s", strings.Join(d.sqlDirs[:min(len(d.sqlDirs), 5)], ", "))
		if n := len(d.sqlDirs) - 5; n > 0 {
			saw += fmt.Sprintf(" and %d more", n)
		}
	}
	if t := otherToolIn(d.fsys, root); t != nil {
		return fmt.Errorf("no migrations found below %s (saw %s): %s", root, saw, t.advice())
	}
	return fmt.Errorf("no migrations found below %s (saw %s): name the directory with --dir, and with --dir-format its format, one of %s",
		root, saw, formatNames())
}

// detector walks a project.
type detector struct {
	fsys    fs.FS
	found   []Candidate
	sqlDirs []string // directories with SQL that is in no known format
}

// walk looks at a directory and those below it. Links are not followed.
func (d *detector) walk(dir string) error {
	l := &loader{fsys: d.fsys, dir: dir, out: &Dir{}, sources: map[string]string{}, noLinks: true}
	files, dirs, err := l.entries(dir)
	if err != nil {
		if dir == "." {
			return err
		}
		return nil // not ours to read; a directory that matters is named with --dir
	}
	if c := d.look(l, files, dirs); c != nil {
		c.Path = dir
		c.Dialect = dialectOf(dir)
		c.rank += rankOf(c)
		d.found = append(d.found, *c)
		switch c.Format {
		case Sqitch, Prisma, Diesel, Hasura, GraphileMigrate, Drizzle, Liquibase:
			return nil // what lies below belongs to it
		}
	} else if slices.ContainsFunc(files, isSQL) {
		d.sqlDirs = append(d.sqlDirs, dir)
	}
	for _, sub := range dirs {
		if skipDir(sub) {
			continue
		}
		if err := d.walk(path.Join(dir, sub)); err != nil {
			return err
		}
	}
	return nil
}

func isSQL(f string) bool { return strings.HasSuffix(f, ".sql") }

// dialectOf is the database that the place of a directory speaks of.
func dialectOf(dir string) string {
	for _, part := range slices.Backward(strings.Split(strings.ToLower(dir), "/")) {
		if ours(part) {
			return "postgres"
		}
		if foreign(part) {
			return part
		}
	}
	return ""
}

var besideTheProject = regexp.MustCompile(`(?i)(^|/)(tests?|testdata|__tests__|spec|fixtures?|examples?|samples?|demos?|e2e|integration[-_]tests?|docs?|benchmarks?)(/|$)`)

// rankOf orders the candidates: a foreign dialect and test data come last, and
// directories of no known tool after those of one.
func rankOf(c *Candidate) int {
	rank := 0
	if c.Dialect == "postgres" {
		rank += 20
	} else if c.Dialect != "" {
		rank -= 400
	}
	if besideTheProject.MatchString(c.Path) {
		rank -= 200
	}
	if c.Format != Plain {
		rank += 50
	} else if migrationsDir.MatchString(c.Path) {
		rank += 25
	}
	return rank
}

var migrationsDir = regexp.MustCompile(`(?i)(^|/)(db[-_]?)?(migrations?|migrate|changelogs?|changes|schema[-_]migrations|sql[-_]?migrations?)(/|$)`)

// look guesses what one directory is, nil if it holds no migrations.
func (d *detector) look(l *loader, files, dirs []string) *Candidate {
	for _, guess := range []func(*loader, []string, []string) *Candidate{lookMarkers, lookDirs, lookFiles} {
		if c := guess(l, files, dirs); c != nil {
			return c
		}
	}
	return nil
}

// lookMarkers goes by the files that only one tool writes.
func lookMarkers(l *loader, files, dirs []string) *Candidate {
	has := func(f string) bool { return slices.Contains(files, f) }
	switch {
	case has("sqitch.plan"):
		return &Candidate{Format: Sqitch, Reason: "sqitch.plan", Files: 1}
	case has("sqitch.conf"):
		if conf, err := l.sqitchConf(); err == nil && l.exists(conf.plan) {
			return &Candidate{Format: Sqitch, Reason: "sqitch.conf", Files: 1}
		}
	case slices.Contains(dirs, "meta") && l.exists(l.in("meta/_journal.json")):
		c := &Candidate{Format: Drizzle, Reason: "meta/_journal.json", Files: count(files, isSQL)}
		if text, err := l.read(l.in("meta/_journal.json")); err == nil && regexp.MustCompile(`"dialect":\s*"(mysql|sqlite|singlestore|turso)"`).MatchString(text) {
			c.rank = -400
		}
		return c
	case has("migration_lock.toml"):
		c := &Candidate{Format: Prisma, Reason: "migration_lock.toml", Files: len(dirs)}
		if text, err := l.read(l.in("migration_lock.toml")); err == nil && regexp.MustCompile(`provider\s*=\s*"(mysql|sqlite|sqlserver|cockroachdb|mongodb)"`).MatchString(text) {
			c.rank = -400
		}
		return c
	case slices.Contains(dirs, "committed") && (has("current.sql") || slices.Contains(dirs, "current") || l.anyContains("committed", "--! Previous:")):
		return &Candidate{Format: GraphileMigrate, Reason: "committed/ and current", Files: 1}
	}
	return nil
}

// anyContains reports whether the first SQL file of a directory holds a text.
func (l *loader) anyContains(dir, text string) bool {
	files, _, err := l.entries(l.in(dir))
	if err != nil {
		return false
	}
	for _, f := range files {
		if isSQL(f) {
			src, err := l.read(l.in(dir + "/" + f))
			return err == nil && strings.Contains(src, text)
		}
	}
	return false
}

func count(names []string, is func(string) bool) int {
	n := 0
	for _, s := range names {
		if is(s) {
			n++
		}
	}
	return n
}

var msTimestamp = regexp.MustCompile(`^[0-9]{13}_`)

// lookDirs knows the formats with a directory for each migration.
func lookDirs(l *loader, files, dirs []string) *Candidate {
	ups, migrations, snapshots, stamped := 0, 0, 0, 0
	for _, sub := range dirs {
		if skipDir(sub) || digits(sub) == "" {
			continue
		}
		inside, _, err := l.entries(l.in(sub))
		if err != nil {
			continue
		}
		if slices.Contains(inside, "up.sql") {
			ups++
			if msTimestamp.MatchString(sub) {
				stamped++
			}
		}
		if slices.Contains(inside, "migration.sql") {
			migrations++
		}
		if slices.Contains(inside, "snapshot.json") {
			snapshots++
		}
	}
	switch {
	case migrations > 0 && snapshots > 0:
		return &Candidate{Format: Drizzle, Reason: "directories with migration.sql and snapshot.json", Files: migrations}
	case migrations > 0:
		return &Candidate{Format: Prisma, Reason: "directories with migration.sql", Files: migrations}
	case ups > 0 && (stamped == ups || l.above("config.yaml", "metadata_directory")):
		return &Candidate{Format: Hasura, Reason: "directories with up.sql, times in milliseconds", Files: ups}
	case ups > 0:
		return &Candidate{Format: Diesel, Reason: "directories with up.sql", Files: ups}
	}
	return nil
}

// above reports whether a file of that name lies in the directory or above it
// and holds the text.
func (l *loader) above(name, text string) bool {
	for dir := l.dir; ; dir = path.Dir(dir) {
		if f := path.Join(dir, name); l.exists(f) {
			if src, err := l.read(f); err == nil && strings.Contains(src, text) {
				return true
			}
		}
		if dir == "." || dir == "/" {
			return false
		}
	}
}

// annotations are the comments that give a file's tool away.
var annotations = []struct {
	format  Format
	pattern *regexp.Regexp
	reason  string
}{
	{Goose, regexp.MustCompile(`(?i)^--[\s-]*\+goose\s+(up|no\s+transaction)`), "`-- +goose Up`"},
	{SQLMigrate, regexp.MustCompile(`(?i)^--[\s-]*\+migrate\s+up`), "`-- +migrate Up`"},
	{Dbmate, regexp.MustCompile(`(?i)^--\s*migrate:up`), "`-- migrate:up`"},
	{Liquibase, regexp.MustCompile(`(?i)^--\s*liquibase\s+formatted\s+sql`), "`--liquibase formatted sql`"},
	{NodePgMigrate, regexp.MustCompile(`(?i)^--[\s-]*up\s+migration`), "`-- Up Migration`"},
}

// lookFiles goes by the names of the files, then by what some of them say.
func lookFiles(l *loader, files, dirs []string) *Candidate {
	var sql, flywayFiles, plainOnes []string
	for _, f := range files {
		switch {
		case !isSQL(f):
			continue
		case flywayFile.MatchString(f) && strings.Contains(f, "__"), flywayRepeat.MatchString(f):
			flywayFiles = append(flywayFiles, f)
		case plainVersion.MatchString(f):
			plainOnes = append(plainOnes, f)
		}
		sql = append(sql, f)
	}
	if len(sql) == 0 {
		return nil
	}
	if n := len(flywayFiles); n*2 > len(sql) {
		return &Candidate{Format: Flyway, Reason: "names like " + flywayFiles[0], Files: n}
	}
	for _, a := range annotations {
		n := l.annotated(sql, a.pattern, a.format == Liquibase) // its tool wants it above everything
		if n*2 > min(len(sql), samples) {
			return &Candidate{Format: a.format, Reason: a.reason, Files: len(sql)}
		}
	}
	if ups, _, _ := upsAndDowns(sql, false); len(ups) > 0 && count(sql, upDownFile.MatchString)*2 > len(sql) {
		c := &Candidate{Format: GolangMigrate, Reason: "names like " + ups[0].file, Files: len(ups)}
		if reason := l.sqlxSign(sql); reason != "" {
			c.Format, c.Reason = Sqlx, reason
		} else if msTimestamp.MatchString(ups[0].file) && l.above("config.yaml", "metadata_directory") {
			c.Format, c.Reason = Hasura, "config.yaml of hasura"
		}
		return c
	}
	if slices.Contains(files, sumFile) {
		return &Candidate{Format: Atlas, Reason: sumFile, Files: len(sql)}
	}
	if l.dir == "supabase/migrations" || strings.HasSuffix(l.dir, "/supabase/migrations") {
		return &Candidate{Format: Supabase, Reason: "its place", Files: len(sql)}
	}
	return l.lookNumbered(sql, plainOnes)
}

// lookNumbered is for directories whose files have nothing but numbers.
func (l *loader) lookNumbered(sql, numbered []string) *Candidate {
	if n := count(sql, numberedFile.MatchString); n*2 > len(sql) {
		if reason := l.sqlxSign(sql); reason != "" {
			return &Candidate{Format: Sqlx, Reason: reason, Files: n}
		}
		if l.above("config.toml", "[api]") && l.above("config.toml", "project_id") {
			return &Candidate{Format: Supabase, Reason: "config.toml of supabase", Files: n}
		}
	}
	if n := count(sql, regexp.MustCompile(`^[0-9]{13,}[_-]`).MatchString); n*2 > len(sql) && l.above("package.json", "node-pg-migrate") {
		return &Candidate{Format: NodePgMigrate, Reason: "package.json names node-pg-migrate", Files: n}
	}
	inMigrations := migrationsDir.MatchString(l.dir)
	switch {
	case len(numbered)*2 > len(sql):
		return &Candidate{Format: Plain, Reason: "numbered .sql files", Files: len(numbered)}
	case inMigrations:
		return &Candidate{Format: Plain, Reason: ".sql files", Files: len(sql)}
	}
	return nil
}

// samples is how many files of a directory are read to guess its format.
const samples = 7

// annotated counts the samples with a comment that matches, above all else if
// it is to be the first: from both ends, as the habits of a team change.
func (l *loader) annotated(sql []string, pattern *regexp.Regexp, first bool) int {
	if len(sql) > samples {
		sql = slices.Concat(sql[:samples-3], sql[len(sql)-3:])
	}
	n := 0
	for _, f := range sql {
		src, err := l.read(l.in(f))
		if err != nil {
			continue
		}
		for before, line := range comments(src) {
			if first && strings.Trim(before, "\ufeff \t\r\n\f") != "" {
				break
			}
			if pattern.MatchString(line) {
				n++
				break
			}
		}
	}
	return n
}

// comments gives the lines that are a comment, and what stands before each. It
// looks for the comments alone: a seed file has a million other lines.
func comments(src string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for at := 0; ; {
			i := strings.Index(src[at:], "--")
			if i < 0 {
				return
			}
			i += at
			end := len(src)
			if n := strings.IndexByte(src[i:], '\n'); n >= 0 {
				end = i + n
			}
			start := strings.LastIndexByte(src[:i], '\n') + 1
			if strings.Trim(src[start:i], "\ufeff \t\r\f\v") == "" && !yield(src[:i], src[i:end]) {
				return
			}
			at = end
		}
	}
}

var sqlxTemplate = regexp.MustCompile(`(?m)\A-- (?:no-transaction|Add (?:up |down )?migration script here)`)

// sqlxSign tells sqlx from golang-migrate, whose names are the same: by the
// line that its command writes into a new file, or by the Cargo.toml.
func (l *loader) sqlxSign(sql []string) string {
	if l.above("go.mod", "golang-migrate/migrate") {
		return ""
	}
	if l.above("Cargo.toml", "sqlx") {
		return "Cargo.toml names sqlx"
	}
	for _, f := range sql {
		if src, err := l.read(l.in(f)); err == nil && sqlxTemplate.MatchString(src) {
			return "`-- Add migration script here` in " + f
		}
	}
	return ""
}
