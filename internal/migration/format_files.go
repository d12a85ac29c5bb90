package migration

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Formats with one numbered file for each migration: sqlx, Supabase, node-pg-migrate.

var sqlx = &format{
	load:    loadSqlx,
	sending: sending{bom: bomSent},
	tx: txRule{
		TxFile, "sqlx runs each file in a transaction",
		"write `-- no-transaction` as the very first line, and leave a single statement in the file",
	},
	bookkeeping: `CREATE TABLE IF NOT EXISTS _sqlx_migrations (
	version bigint PRIMARY KEY,
	description text NOT NULL,
	installed_on timestamptz NOT NULL DEFAULT now(),
	success boolean NOT NULL,
	checksum bytea NOT NULL,
	execution_time bigint NOT NULL
);`,
}

var supabase = &format{
	load:    loadSupabase,
	sending: sending{bom: bomSent},
	tx: txRule{
		TxFile, "the supabase command sends a file and its bookkeeping in one batch, which PostgreSQL runs as one transaction", "",
	},
	bookkeeping: `CREATE SCHEMA IF NOT EXISTS supabase_migrations;
CREATE TABLE IF NOT EXISTS supabase_migrations.schema_migrations (version text NOT NULL PRIMARY KEY, statements text[], name text);`,
}

var nodePgMigrate = &format{
	byName:  true,
	load:    loadNodePgMigrate,
	follows: "node-pg-migrate 9.0.0",
	sending: sending{bom: bomSent},
	tx: txRule{
		TxAll, "node-pg-migrate runs all pending migrations in one transaction",
		"write the step as a JavaScript migration that calls pgm.noTransaction(), or run with --no-single-transaction",
	},
	bookkeeping: `CREATE TABLE IF NOT EXISTS pgmigrations (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);`,
}

var numberedFile = regexp.MustCompile(`^([0-9]+)_(.*)\.sql$`)

// addNumbered adds the files with a number, an underscore and a name.
func (l *loader) addNumbered(skip func(file string) bool, compare func(a, b string) int, adapt func(*unit) error) error {
	files, _, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	var units []*unit
	for _, f := range files {
		m := numberedFile.FindStringSubmatch(f)
		if m == nil || skip != nil && skip(f) {
			if m == nil && strings.HasSuffix(f, ".sql") {
				l.notice("ignored-file", l.in(f), "%s wants names like 20240131120000_name.sql: this file is left out", l.out.Format)
			}
			continue
		}
		u, err := l.unit(l.in(f), m[1], m[2])
		if err != nil {
			return err
		}
		if adapt != nil {
			if err := adapt(u); err != nil {
				return err
			}
		}
		units = append(units, u)
	}
	byVersion(units, compare)
	l.units = append(l.units, units...)
	return nil
}

// loadSqlx reads both layouts; sqlx allows them side by side.
func loadSqlx(l *loader) error {
	adapt := func(u *unit) error {
		// sqlx looks at the first bytes alone, so a BOM or blank hides the word.
		if strings.HasPrefix(u.source, "-- no-transaction") {
			u.tx = txRule{
				TxImplicit, "the file says `-- no-transaction`; sqlx sends it as one query, which PostgreSQL runs as one transaction if it has several statements",
				"leave a single statement in the file",
			}
		}
		return nil
	}
	if err := l.addUpDown(adapt); err != nil {
		return err
	}
	simple := func(f string) bool { return upDownFile.MatchString(f) }
	if err := l.addNumbered(simple, compareNumbers, adapt); err != nil {
		return err
	}
	byVersion(l.units, compareNumbers)
	return nil
}

// loadSupabase: since 2.109 the command sends statements that cannot be in a
// transaction by themselves, and what stands between them in batches.
func loadSupabase(l *loader) error {
	down := func(f string) bool { return strings.HasSuffix(f, ".down.sql") }
	return l.addNumbered(down, strings.Compare, func(u *unit) error {
		u.settle = supabaseSettle
		return nil
	})
}

var supabaseAlone = regexp.MustCompile(`(?i)^(?:(?:CREATE|DROP)(?: UNIQUE)? INDEX CONCURRENTLY|REINDEX .*CONCURRENTLY|VACUUM|ALTER SYSTEM|CLUSTER)\b`)

func supabaseSettle(m *Migration) []Notice {
	alone := func(st *Statement) bool { return supabaseAlone.MatchString(headOf(st)) }
	i := slices.IndexFunc(m.Statements, alone)
	if i < 0 {
		return nil
	}
	m.TxMode = TxNone
	m.TxReason = "the supabase command sends " + m.Statements[i].Syntax.Tag + " by itself and the other statements in batches"
	batch := 1
	for _, st := range m.Statements {
		b := 0
		if alone(st) {
			batch++
		} else {
			b = batch
		}
		if st.Batch != b { // those that were read before have theirs, and are in use
			st.Batch = b
		}
	}
	return nil
}

// headOf is the beginning of a statement, with single blanks and no comments before it.
func headOf(st *Statement) string {
	head := st.Text
	if len(head) > 200 {
		head = head[:200]
	}
	return strings.Join(strings.Fields(stripComments(head)), " ")
}

var (
	nodeFile = regexp.MustCompile(`^([0-9]+)[_-](.*)\.sql$`)
	nodeMark = regexp.MustCompile(`(?i)^\s*--[\s-]*(up|down)\s+migration`)
	nodeStep = regexp.MustCompile(`^([0-9]+)[_-](.*)\.(?:ts|js|mjs|cjs)$`)
)

func loadNodePgMigrate(l *loader) error {
	files, _, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	var units []*unit
	ups, downs, rest := upsAndDowns(files, false)
	for _, f := range ups { // the layout of two files, since version 8
		u, err := l.unit(l.in(f.file), f.version, f.name)
		if err != nil {
			return err
		}
		if err := l.withDown(u, l.in(downs[f.version+"_"+f.name])); err != nil {
			return err
		}
		units = append(units, u)
	}
	for _, f := range rest {
		u, err := l.nodeUnit(f)
		if err != nil {
			return err
		}
		if u != nil {
			units = append(units, u)
		}
	}
	units = append(units, l.steps(files, nodeStep)...)
	slices.SortStableFunc(units, func(a, b *unit) int {
		return cmp.Or(compareNumbers(a.version, b.version), compareNatural(a.path, b.path))
	})
	l.units = units
	return nil
}

// nodeUnit reads a file with both ways.
func (l *loader) nodeUnit(f string) (*unit, error) {
	m := nodeFile.FindStringSubmatch(f)
	if m == nil {
		if isSQL(f) && !strings.HasSuffix(f, ".down.sql") {
			l.notice("ignored-file", l.in(f), "node-pg-migrate wants names like 1706702400000_name.sql: this file is left out")
		}
		return nil, nil
	}
	u, err := l.unit(l.in(f), m[1], m[2])
	if err != nil {
		return nil, err
	}
	found := marks(u.source, nodeMark)
	s := cut(u.source, found)
	switch {
	case len(s.up) > 0:
		s.apply(u)
	case len(s.down) > 0:
		s.apply(u)
		u.parts = nil
		l.sumNotice("no-up-mark", u.path, found[0].line, "without a line `-- Up Migration` node-pg-migrate runs the whole file, what is below this line too")
	}
	return u, nil
}
