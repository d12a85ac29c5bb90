package migration

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

var flyway = &format{
	load:    loadFlyway,
	sending: sending{copyData: true},
	tx: txRule{
		TxFile, "flyway runs each file in a transaction",
		"add a file of the same name with .conf appended that says `executeInTransaction=false`",
	},
	bookkeeping: `CREATE TABLE IF NOT EXISTS flyway_schema_history (
	installed_rank integer NOT NULL CONSTRAINT flyway_schema_history_pk PRIMARY KEY,
	version varchar(50),
	description varchar(200) NOT NULL,
	type varchar(20) NOT NULL,
	script varchar(1000) NOT NULL,
	checksum integer,
	installed_by varchar(100) NOT NULL,
	installed_on timestamp NOT NULL DEFAULT now(),
	execution_time integer NOT NULL,
	success boolean NOT NULL
);
CREATE INDEX IF NOT EXISTS flyway_schema_history_s_idx ON flyway_schema_history (success);`,
}

var (
	flywayFile     = regexp.MustCompile(`^([VUB])([0-9]+(?:[._][0-9]+)*)(?:__(.*))?\.sql$`)
	flywayRepeat   = regexp.MustCompile(`^R__(.*)\.sql$`)
	flywayStep     = regexp.MustCompile(`^V([0-9]+(?:[._][0-9]+)*)__(.*)\.(?:java|kt|groovy|scala|class)$`)
	flywayCallback = regexp.MustCompile(`^(?:before|after|create)[A-Z]\w*?(?:__.*)?\.sql$`)
	flywayNoTx     = regexp.MustCompile(`(?mi)^\s*executeInTransaction\s*=\s*false\b`)
)

// flywayFound is what lies in the locations.
type flywayFound struct {
	versions, baselines, repeats, steps []*unit
	undo                                map[string]string
}

// loadFlyway reads all locations in one order: versions, then repeatable files.
func loadFlyway(l *loader) error {
	conf, err := l.flywayConf()
	if err != nil {
		return err
	}
	found := &flywayFound{undo: map[string]string{}}
	for i, dir := range append([]string{l.dir}, l.o.Locations...) {
		if dir = path.Clean(dir); i > 0 && (dir == l.dir || strings.HasPrefix(dir, l.dir+"/")) {
			continue // already read with the directory above
		}
		if err := l.flywayFiles(dir, found); err != nil {
			return err
		}
	}
	if l.out.Holds, err = l.flywayHolds(); err != nil {
		return err
	}
	l.flywayJava(found)
	versions := slices.Concat(found.versions, found.steps)
	byVersion(versions, compareVersions)
	versions = withBaseline(versions, found.baselines)
	for _, u := range versions {
		if down := found.undo[u.version]; down != "" {
			if err := l.withDown(u, down); err != nil {
				return err
			}
			u.down.script = u.script
		}
	}
	slices.SortStableFunc(found.repeats, func(a, b *unit) int { return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.path, b.path)) })
	l.units = slices.Concat(versions, found.repeats)
	for _, u := range l.units {
		if err := l.flywayUnit(u, conf); err != nil {
			return err
		}
	}
	return nil
}

// withBaseline puts the newest baseline file in the place of the versions up
// to it, but only if those are gone: databases that ran them never run it.
func withBaseline(versions, baselines []*unit) []*unit {
	byVersion(baselines, compareVersions)
	for _, b := range slices.Backward(baselines) {
		if len(versions) == 0 || compareVersions(versions[0].version, b.version) > 0 {
			return append([]*unit{b}, versions...)
		}
	}
	return versions
}

func (l *loader) flywayFiles(dir string, found *flywayFound) error {
	files, dirs, err := l.entries(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := l.flywayFile(dir, f, found); err != nil {
			return err
		}
	}
	for _, d := range dirs {
		if skipDir(d) || foreign(strings.ToLower(d)) {
			continue
		}
		if err := l.flywayFiles(path.Join(dir, d), found); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) flywayFile(dir, f string, found *flywayFound) error {
	file := path.Join(dir, f)
	if m := flywayFile.FindStringSubmatch(f); m != nil {
		version := strings.ReplaceAll(m[2], "_", ".")
		if m[1] == "U" {
			found.undo[version] = file
			return nil
		}
		u, err := l.unit(file, version, strings.ReplaceAll(m[3], "_", " "))
		if err != nil {
			return err
		}
		if m[1] == "B" {
			found.baselines = append(found.baselines, u)
		} else {
			found.versions = append(found.versions, u)
		}
		return nil
	}
	if m := flywayRepeat.FindStringSubmatch(f); m != nil {
		u, err := l.unit(file, "", strings.ReplaceAll(m[1], "_", " "))
		if err != nil {
			return err
		}
		u.repeatable = true
		found.repeats = append(found.repeats, u)
		return nil
	}
	switch m := flywayStep.FindStringSubmatch(f); {
	case m != nil:
		if u := l.step(file, strings.ReplaceAll(m[1], "_", "."), strings.ReplaceAll(m[2], "_", " ")); u != nil {
			found.steps = append(found.steps, u)
		}
	case flywayCallback.MatchString(f):
		l.notice("callback", file, "flyway runs this file beside the migrations: it is left out")
	case strings.HasSuffix(f, ".sql"):
		l.notice("ignored-file", file, "flyway wants names like V1_2__name.sql or R__name.sql: this file is left out")
	}
	return nil
}

// flywayJava looks for steps in Java and its kin where a build puts them: in
// the package of the same name as the location.
func (l *loader) flywayJava(found *flywayFound) {
	at := "/" + l.dir
	i := strings.Index(at, "/resources/")
	if i < 0 {
		return
	}
	module, location := strings.TrimPrefix(at[:i], "/"), at[i+len("/resources/"):]
	for _, language := range []string{"java", "kotlin", "groovy", "scala"} {
		dir := path.Join(module, language, location)
		files, _, err := l.entries(dir)
		if err != nil {
			continue // no such directory
		}
		for _, f := range files {
			if m := flywayStep.FindStringSubmatch(f); m != nil {
				if u := l.step(path.Join(dir, f), strings.ReplaceAll(m[1], "_", "."), strings.ReplaceAll(m[2], "_", " ")); u != nil {
					found.steps = append(found.steps, u)
				}
			}
		}
	}
}

// flywayConf is what assay takes from flyway's own configuration.
type flywayConf struct{ mixed, group, verbatim bool }

var (
	// flywayLock is the switch in each spelling: flyway.conf, flyway.toml, Spring's
	// properties and YAML, Maven and Gradle.
	flywayLock      = regexp.MustCompile(`(?is)transactional[._-]?lock\W{1,8}(?:lock\W{1,8})?false\b|\[[\w.]*transactional\]\s*lock\s*=\s*false\b|transactional\s*:\s*lock\s*:\s*["']?false\b`)
	flywayLockFiles = []string{
		"flyway.conf", "conf/flyway.conf", "flyway.toml", "pom.xml", "build.gradle", "build.gradle.kts", "application.properties", "application.yml", "application.yaml",
		"src/main/resources/application.properties", "src/main/resources/application.yml", "src/main/resources/application.yaml", ".env", "docker-compose.yml", "compose.yaml",
	}
)

// flywayHolds says what flyway keeps open while it migrates. Since 9.1.2 its lock
// is pg_try_advisory_xact_lock in a transaction on a connection of its own, unless
// flyway.postgresql.transactional.lock is false.
func (l *loader) flywayHolds() (string, error) {
	for dir := l.dir; ; dir = path.Dir(dir) {
		for _, name := range flywayLockFiles {
			file := path.Join(dir, name)
			if !l.exists(file) {
				continue
			}
			text, err := l.read(file)
			if err != nil {
				return "", err
			}
			if flywayLock.MatchString(text) {
				return "", nil
			}
		}
		if dir == "." || dir == "/" {
			return "flyway since 9.1.2 holds its lock in a transaction that stays open on another connection", nil
		}
	}
}

var (
	flywayKey  = regexp.MustCompile(`^\s*(?:flyway\.)?([\w.-]+)\s*=\s*(.*?)\s*$`)
	tomlHeader = regexp.MustCompile(`^\s*\[\s*([\w.-]+)\s*\]`)
)

// flywayConf reads flyway.conf or flyway.toml in the directory or above it.
func (l *loader) flywayConf() (*flywayConf, error) {
	conf := &flywayConf{}
	for dir := l.dir; ; dir = path.Dir(dir) {
		for _, name := range []string{"flyway.conf", "conf/flyway.conf", "flyway.toml"} {
			file := path.Join(dir, name)
			if !l.exists(file) {
				continue
			}
			text, err := l.read(file)
			if err != nil {
				return nil, err
			}
			l.flywaySettings(text, conf)
			return conf, nil
		}
		if dir == "." || dir == "/" {
			return conf, nil
		}
	}
}

func (l *loader) flywaySettings(text string, conf *flywayConf) {
	section := ""
	for _, line := range strings.Split(text, "\n") {
		if m := tomlHeader.FindStringSubmatch(line); m != nil {
			section = strings.TrimPrefix(strings.TrimPrefix(m[1], "flyway"), ".")
			continue
		}
		m := flywayKey.FindStringSubmatch(strings.TrimRight(line, "\r"))
		if m == nil {
			continue
		}
		key, value := m[1], strings.Trim(m[2], `"'`)
		if section == "placeholders" {
			key = "placeholders." + key
		}
		switch name, isPlaceholder := strings.CutPrefix(key, "placeholders."); {
		case isPlaceholder:
			if _, given := lookUp(l.o.Values, name); !given {
				l.values[name] = value
			}
		case key == "mixed":
			conf.mixed = value == "true"
		case key == "placeholderReplacement":
			conf.verbatim = value == "false"
		case key == "group":
			conf.group = value == "true"
		}
	}
}

// flywayUnit decides how one file is run.
func (l *loader) flywayUnit(u *unit, conf *flywayConf) error {
	if !conf.verbatim {
		u.script.fills = append(u.script.fills, flywayOwn(path.Base(u.path)), dollarBrace)
	}
	if u.down != nil {
		u.down.script = u.script
	}
	if conf.group {
		u.tx = txRule{TxAll, "flyway runs all pending files in one transaction (group=true)", l.format.tx.optOut}
	}
	if file := u.path + ".conf"; l.exists(file) {
		text, err := l.read(file)
		if err != nil {
			return err
		}
		if flywayNoTx.MatchString(text) {
			u.tx = txRule{TxNone, path.Base(file) + " says executeInTransaction=false", ""}
			return nil
		}
	}
	u.settle = func(m *Migration) []Notice { return flywaySettle(m, conf) }
	return nil
}

// flywayOutside matches the statements that make flyway (to 11) leave its
// transaction; REINDEX CONCURRENTLY is not one of them.
var flywayOutside = regexp.MustCompile(`(?i)^(?:(?:CREATE|DROP)(?: UNIQUE)? INDEX CONCURRENTLY|REINDEX(?: VERBOSE)? (?:SCHEMA|DATABASE|SYSTEM)|(?:CREATE|DROP) (?:DATABASE|TABLESPACE|SUBSCRIPTION)|ALTER SYSTEM|VACUUM|DISCARD ALL)\b`)

// flywaySettle: a file whose statements all must run outside a transaction is
// run without one; flyway refuses a file that mixes them unless mixed=true.
func flywaySettle(m *Migration, conf *flywayConf) []Notice {
	inside, outside := 0, (*Statement)(nil)
	for _, st := range m.Statements {
		if flywayOutside.MatchString(headOf(st)) {
			outside = cmp.Or(outside, st)
		} else {
			inside++
		}
	}
	switch {
	case outside == nil:
	case inside == 0 || conf.mixed:
		m.TxMode, m.TxOptOut = TxNone, ""
		m.TxReason = "flyway runs a file with " + outside.Syntax.Tag + " outside a transaction by itself"
	default:
		return []Notice{{
			Kind: "mixed-transaction", Pos: outside.Pos, Refused: RefusedFile,
			Text: "flyway refuses a file that mixes statements for inside and outside a transaction: give this one a file of its own, or set mixed=true",
		}}
	}
	return nil
}

// flywayOwn fills the placeholders that flyway itself knows.
func flywayOwn(file string) fill {
	own := map[string]string{
		"flyway:defaultschema": "public", "flyway:table": "flyway_schema_history", "flyway:filename": file,
		"flyway:user": "postgres", "flyway:database": "postgres",
	}
	return func(src string, values map[string]string) ([]placeholder, error) {
		var out []placeholder
		for _, p := range delimited(src, "${flyway:", "}", values) {
			p.name = "flyway:" + p.name
			if p.value, p.found = lookUp(values, p.name); !p.found {
				p.value, p.found = own[strings.ToLower(p.name)]
			}
			out = append(out, p)
		}
		return out, nil
	}
}
