package migration

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

var liquibase = &format{
	load: loadLiquibase,
	tx:   txRule{TxFile, "liquibase runs each changeset in a transaction", "write `runInTransaction:false` on the changeset's line"},
	bookkeeping: `CREATE TABLE IF NOT EXISTS databasechangeloglock (
	id integer NOT NULL, locked boolean NOT NULL, lockgranted timestamp, lockedby varchar(255),
	CONSTRAINT databasechangeloglock_pkey PRIMARY KEY (id)
);
CREATE TABLE IF NOT EXISTS databasechangelog (
	id varchar(255) NOT NULL, author varchar(255) NOT NULL, filename varchar(255) NOT NULL,
	dateexecuted timestamp NOT NULL, orderexecuted integer NOT NULL, exectype varchar(10) NOT NULL,
	md5sum varchar(35), description varchar(255), comments varchar(255), tag varchar(255), liquibase varchar(20),
	contexts varchar(255), labels varchar(255), deployment_id varchar(10)
);`,
}

var (
	liquibaseHeader    = regexp.MustCompile(`(?i)^\s*--\s*liquibase\s+formatted\s+sql`)
	liquibaseChangeset = regexp.MustCompile(`(?i)^\s*--\s*changeset\s+(?:"([^"]+)"|([^:\s][^:]*)):(?:"([^"]+)"|(\S+))(.*)$`)
	liquibaseRollback  = regexp.MustCompile(`(?i)^(\s*--\s*rollback)(?:\s+(.*))?$`)
	liquibaseOpen      = regexp.MustCompile(`(?i)^\s*/\*\s*liquibase\s+rollback\s*$`)
	liquibaseProperty  = regexp.MustCompile(`(?i)^\s*--\s*property\s+name:\s*(\S+)\s+value:\s*(?:"([^"]*)"|(\S*))`)
	liquibaseAttribute = regexp.MustCompile(`(\w+):(?:"([^"]*)"|(\S+))`)
	liquibaseInclude   = regexp.MustCompile(`(?i)(include|includeAll)\b[^<>]*?\b(file|path)\s*[=:]\s*["']?([^"'\s>}]+)`)
	liquibaseMaster    = regexp.MustCompile(`(?i)(?:master|changelog).*\.(?:xml|ya?ml|json)$`)
)

// loadLiquibase reads the formatted SQL files in the order of the changelog
// that includes them, else by their names. Every changeset is a migration.
func loadLiquibase(l *loader) error {
	files, err := l.liquibaseOrder()
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".sql") {
			err = l.liquibaseFile(f)
		} else if u := l.step(f, path.Base(f), strings.TrimSuffix(path.Base(f), path.Ext(f))); u != nil {
			l.add(u)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// liquibaseOrder lists the changelog files.
func (l *loader) liquibaseOrder() ([]string, error) {
	files, _, err := l.entries(l.dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if !liquibaseMaster.MatchString(f) {
			continue
		}
		var out []string
		if err := l.liquibaseIncludes(l.in(f), &out, map[string]bool{}); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(f string) bool { return strings.HasSuffix(f, ".sql") }) {
			return out, nil
		}
	}
	var out []string
	if err := l.plainFiles(l.dir, &out); err != nil {
		return nil, err
	}
	slices.SortFunc(out, compareNatural)
	formatted := out[:0]
	for _, f := range out {
		text, err := l.read(f)
		if err != nil {
			return nil, err
		}
		if len(marks(text, liquibaseFormatted)) > 0 {
			formatted = append(formatted, f)
		} else {
			l.notice("ignored-file", f, "the file does not begin with `--liquibase formatted sql` and no changelog includes it: it is left out")
		}
	}
	return formatted, nil
}

var liquibaseFormatted = regexp.MustCompile(`(?i)^\s*--\s*(liquibase)\s+formatted\s+sql`)

// liquibaseIncludes follows the includes of an XML, YAML or JSON changelog.
func (l *loader) liquibaseIncludes(file string, out *[]string, seen map[string]bool) error {
	if seen[file] {
		return nil
	}
	seen[file] = true
	text, err := l.read(file)
	if err != nil {
		return err
	}
	if strings.Contains(text, "changeSet") {
		*out = append(*out, file) // holds changesets of its own, which are not SQL
	}
	for _, m := range liquibaseInclude.FindAllStringSubmatch(strings.ReplaceAll(text, `"file"`, "file"), -1) {
		at, ok := l.liquibaseFind(path.Dir(file), m[3])
		switch {
		case !ok:
			return fmt.Errorf("%s includes %s, which is not found: liquibase looks from the root of the project, its resources, or beside the changelog", file, m[3])
		case strings.EqualFold(m[1], "includeAll") || strings.EqualFold(m[2], "path"):
			files, _, err := l.entries(at)
			if err != nil {
				return err
			}
			slices.Sort(files)
			for _, f := range files {
				if err := l.liquibaseOne(path.Join(at, f), out, seen); err != nil {
					return err
				}
			}
		default:
			if err := l.liquibaseOne(at, out, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loader) liquibaseOne(file string, out *[]string, seen map[string]bool) error {
	switch path.Ext(file) {
	case ".sql":
		if !seen[file] {
			seen[file] = true
			*out = append(*out, file)
		}
	case ".xml", ".yaml", ".yml", ".json":
		return l.liquibaseIncludes(file, out, seen)
	}
	return nil
}

// liquibaseFind looks for an included file beside the changelog and in every
// directory above it, which covers relative paths and the class path.
func (l *loader) liquibaseFind(dir, name string) (string, bool) {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "classpath:"), "/")
	for ; ; dir = path.Dir(dir) {
		at := path.Join(dir, name)
		if fs := strings.TrimSuffix(at, "/"); !strings.HasPrefix(at, "..") && l.there(fs) {
			return fs, true
		}
		if dir == "." || dir == "/" {
			return "", false
		}
	}
}

// changeset is one changeset of a formatted SQL file while it is read.
type changeset struct {
	author, id string
	attributes map[string]string
	start, end int
	rollbacks  []span // what is run to go back
	comments   []span // lines that are not part of the way there
}

func (l *loader) liquibaseFile(file string) error {
	src, err := l.read(file)
	if err != nil {
		return err
	}
	sets := changesets(src, func(name, value string) {
		if _, given := lookUp(l.o.Values, name); !given {
			l.values[name] = value
		}
	})
	if len(sets) == 0 && strings.TrimSpace(src) != "" {
		// A file without the header is one change to liquibase.
		u, err := l.unit(file, path.Base(file), strings.TrimSuffix(path.Base(file), ".sql"))
		if err != nil {
			return err
		}
		u.script.fills = append(u.script.fills, dollarBrace)
		l.add(u)
	}
	for _, c := range sets {
		if dbms := c.attributes["dbms"]; c.attributes["ignore"] == "true" || dbms != "" && !forPostgres(dbms) {
			continue
		}
		if err := l.addChangeset(file, src, c); err != nil {
			return err
		}
	}
	return nil
}

// forPostgres reads a dbms attribute: "postgresql,h2", "!oracle".
func forPostgres(dbms string) bool {
	yes := false
	for _, d := range strings.Split(strings.ToLower(dbms), ",") {
		switch d = strings.TrimSpace(d); {
		case d == "!postgresql" || d == "none":
			return false
		case d == "postgresql" || d == "all" || strings.HasPrefix(d, "!"):
			yes = true
		}
	}
	return yes
}

func (l *loader) addChangeset(file, src string, c *changeset) error {
	// Liquibase trims it, so that blank lines before the next one change nothing.
	c.end = c.start + len(strings.TrimRight(src[c.start:c.end], " \t\r\n"))
	u, err := l.unit(file, c.author+":"+c.id, c.id)
	if err != nil {
		return err
	}
	u.script.fills = append(u.script.fills, dollarBrace)
	u.repeatable = c.attributes["runonchange"] == "true" || c.attributes["runalways"] == "true"
	u.parts = []span{{c.start, c.end}}
	u.text = blankOut(src, c.comments)
	if c.attributes["runintransaction"] == "false" {
		u.tx = txRule{TxNone, "the changeset says runInTransaction:false", ""}
	}
	switch d := c.attributes["enddelimiter"]; {
	case c.attributes["splitstatements"] == "false":
		u.script.whole = u.parts
	case d != "" && d != ";":
		u.script.whole = chunks(u.text, c.start, c.end, unescaped(d))
		u.text = blankOut(u.text, between(u.script.whole, c.start, c.end))
	}
	if len(c.rollbacks) > 0 {
		down := *u
		down.script.whole = nil
		down.parts = []span{{c.start, c.end}}
		down.text = blankOut(src, between(c.rollbacks, c.start, c.end))
		u.down = &down
	}
	l.add(u)
	return nil
}

// between returns what lies between the ranges: delimiters, which are no SQL.
func between(ranges []span, start, end int) []span {
	var out []span
	for _, r := range ranges {
		out = append(out, span{start, r.start})
		start = r.end
	}
	return append(out, span{start, end})
}

// blankOut overwrites ranges with blanks; line ends stay, so places do too.
func blankOut(src string, ranges []span) string {
	b := []byte(src)
	for _, r := range ranges {
		for i := r.start; i < r.end; i++ {
			if b[i] != '\n' {
				b[i] = ' '
			}
		}
	}
	return string(b)
}

// changesets divides a formatted SQL file.
func changesets(src string, property func(name, value string)) []*changeset {
	var out []*changeset
	var c *changeset
	inRollback, header := false, false
	for at := 0; at < len(src); {
		end, next := len(src), len(src)
		if i := strings.IndexByte(src[at:], '\n'); i >= 0 {
			end, next = at+i, at+i+1
		}
		line := strings.TrimRight(strings.TrimPrefix(src[at:end], bom), "\r")
		m := liquibaseChangeset.FindStringSubmatch(line)
		switch {
		case liquibaseHeader.MatchString(line):
			header = true
		case m != nil:
			if c != nil {
				c.end = at
			}
			c = &changeset{author: strings.TrimSpace(m[1] + m[2]), id: m[3] + m[4], attributes: map[string]string{}, start: next}
			for _, a := range liquibaseAttribute.FindAllStringSubmatch(m[5], -1) {
				c.attributes[strings.ToLower(a[1])] = a[2] + a[3]
			}
			out = append(out, c)
			inRollback = false
		case c == nil:
			if p := liquibaseProperty.FindStringSubmatch(line); p != nil {
				property(p[1], p[2]+p[3])
			}
		case inRollback && strings.TrimSpace(line) == "*/":
			inRollback = false
			c.comments = append(c.comments, span{at, end})
		case inRollback:
			c.rollbacks = append(c.rollbacks, span{at, end})
			c.comments = append(c.comments, span{at, end})
		case liquibaseOpen.MatchString(line):
			inRollback = true
			c.comments = append(c.comments, span{at, end})
		default:
			if r := liquibaseRollback.FindStringSubmatchIndex(line); r != nil {
				if word := strings.ToLower(line[r[3]:]); !strings.Contains(word, "not required") && strings.TrimSpace(word) != "empty" {
					c.rollbacks = append(c.rollbacks, span{at + r[3], end})
				}
				c.comments = append(c.comments, span{at, end})
			}
		}
		at = next
	}
	if c != nil {
		c.end = len(src)
	}
	if !header && len(out) == 0 {
		return nil
	}
	return out
}
