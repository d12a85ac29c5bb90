package migration

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// Formats with a directory for each migration: Prisma, Diesel, Hasura.

var prisma = &format{
	byName:  true,
	load:    loadPrisma,
	sending: sending{bom: bomSent},
	tx: txRule{
		TxImplicit, "prisma sends the file as one query, which PostgreSQL runs as one transaction",
		"put the statement alone into a migration of its own: a single statement is not in a transaction",
	},
	bookkeeping: `CREATE TABLE IF NOT EXISTS _prisma_migrations (
	id varchar(36) PRIMARY KEY NOT NULL,
	checksum varchar(64) NOT NULL,
	finished_at timestamptz,
	migration_name varchar(255) NOT NULL,
	logs text,
	rolled_back_at timestamptz,
	started_at timestamptz NOT NULL DEFAULT now(),
	applied_steps_count integer NOT NULL DEFAULT 0
);`,
}

var diesel = &format{
	load:    loadDiesel,
	sending: sending{bom: bomSent},
	tx: txRule{
		TxFile, "diesel runs each migration in a transaction",
		"add a metadata.toml with `run_in_transaction = false` beside up.sql, and leave a single statement in it",
	},
	bookkeeping: `CREATE TABLE IF NOT EXISTS __diesel_schema_migrations (
	version varchar(50) PRIMARY KEY NOT NULL,
	run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);`,
}

var hasura = &format{
	load:    loadHasura,
	sending: sending{bom: bomSent},
	tx:      txRule{TxFile, "hasura runs each migration in a transaction", ""},
	bookkeeping: `CREATE SCHEMA IF NOT EXISTS hdb_catalog;
CREATE TABLE IF NOT EXISTS hdb_catalog.schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);`,
}

var versionedDir = regexp.MustCompile(`^([0-9][0-9-]*)(?:_(.*))?$`)

// addDirs adds the directories that hold the up file, in the order of compare
// over their versions. keep decides on version and name of a directory.
func (l *loader) addDirs(up, down string, keep func(dir string) (version, name string, ok bool), compare func(a, b string) int, adapt func(*unit) error) error {
	_, dirs, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	var units []*unit
	for _, d := range dirs {
		version, name, ok := keep(d)
		if !ok || !l.exists(l.in(path.Join(d, up))) {
			continue
		}
		u, err := l.unit(l.in(path.Join(d, up)), version, name)
		if err != nil {
			return err
		}
		if adapt != nil {
			if err := adapt(u); err != nil {
				return err
			}
		}
		if err := l.withDown(u, l.in(path.Join(d, down))); err != nil {
			return err
		}
		if u.down != nil {
			u.down.tx = u.tx
		}
		units = append(units, u)
	}
	byVersion(units, compare)
	l.units = append(l.units, units...)
	return nil
}

// loadPrisma goes by the names of the directories, whatever they are.
func loadPrisma(l *loader) error {
	_, dirs, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	for _, d := range dirs {
		if files, _, err := l.entries(l.in(d)); err == nil && len(files) > 0 && !slices.Contains(files, "migration.sql") {
			l.notice("ignored-file", l.in(d), "prisma wants a migration.sql in the directory: it refuses to go on without one")
		}
	}
	whole := func(d string) (string, string, bool) {
		if v, name, ok := strings.Cut(d, "_"); ok && digits(v) == v {
			return v, name, true
		}
		return d, d, true
	}
	splits := l.prismaSplits()
	return l.addDirs("migration.sql", "down.sql", whole, func(a, b string) int { return 0 }, func(u *unit) error {
		if splits {
			u.settle = prismaSettle
		}
		return nil
	})
}

var prismaVersion = regexp.MustCompile(`"prisma"\s*:\s*"[~^>=v ]*(\d+)\.(\d+)`)

// prismaSplits reports whether the project has prisma 7.4 or later, which
// sends a file that builds an index concurrently statement by statement.
func (l *loader) prismaSplits() bool {
	for dir := l.dir; ; dir = path.Dir(dir) {
		if f := path.Join(dir, "package.json"); l.exists(f) {
			if text, err := l.read(f); err == nil {
				if m := prismaVersion.FindStringSubmatch(text); m != nil {
					return compareVersions(m[1]+"."+m[2], "7.4") >= 0
				}
			}
		}
		if dir == "." || dir == "/" {
			return false
		}
	}
}

var prismaConcurrently = regexp.MustCompile(`(?i)^CREATE(?: UNIQUE)? INDEX CONCURRENTLY\b`)

func prismaSettle(m *Migration) []Notice {
	for _, st := range m.Statements {
		if prismaConcurrently.MatchString(headOf(st)) {
			m.TxMode, m.TxOptOut = TxNone, ""
			m.TxReason = "prisma since 7.4 sends a file with CREATE INDEX CONCURRENTLY statement by statement"
			break
		}
	}
	return nil
}

func loadDiesel(l *loader) error {
	keep := func(d string) (string, string, bool) {
		version, name, _ := strings.Cut(d, "_")
		version = strings.ReplaceAll(version, "-", "")
		return version, name, !skipDir(d) && version != ""
	}
	return l.addDirs("up.sql", "down.sql", keep, strings.Compare, func(u *unit) error {
		meta := path.Join(path.Dir(u.path), "metadata.toml")
		if !l.exists(meta) {
			return nil
		}
		text, err := l.read(meta)
		if err != nil {
			return err
		}
		if dieselNoTx.MatchString(text) {
			u.tx = txRule{
				TxImplicit, "metadata.toml says run_in_transaction = false; diesel sends the file as one query, which PostgreSQL runs as one transaction if it has several statements",
				"leave a single statement in up.sql",
			}
		}
		return nil
	})
}

var dieselNoTx = regexp.MustCompile(`(?m)^\s*run_in_transaction\s*=\s*false\b`)

func loadHasura(l *loader) error {
	keep := func(d string) (string, string, bool) {
		m := versionedDir.FindStringSubmatch(d)
		if m == nil {
			return "", "", false
		}
		return m[1], m[2], true
	}
	if err := l.addDirs("up.sql", "down.sql", keep, compareNumbers, nil); err != nil {
		return err
	}
	if err := l.addUpDown(nil); err != nil { // the layout before config version 2
		return err
	}
	byVersion(l.units, compareNumbers)
	return nil
}
