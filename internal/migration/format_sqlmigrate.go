package migration

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

var sqlMigrate = &format{
	byName:  true,
	load:    loadSQLMigrate,
	follows: "sql-migrate v1.8.1",
	sending: sending{
		lines: sqlMigrateLines, readsAll: true, libpq: true, ledger: "gorp_migrations", records: `INSERT INTO "gorp_migrations" ("id", "applied_at") VALUES (gen_random_uuid()::text, now())`,
		looks: sqlMigrateMark, reads: sqlMigrateRead,
		misread: "does not read this line as an annotation: it takes `-- +migrate Up` at the start of a line, with one blank and these capitals",
	},
	tx:          txRule{TxFile, "sql-migrate runs each file in a transaction", "write `-- +migrate Up notransaction`"},
	bookkeeping: `CREATE TABLE IF NOT EXISTS gorp_migrations (id text NOT NULL PRIMARY KEY, applied_at timestamp with time zone);`,
}

// sqlMigrateRead is a mark as sql-migrate knows it, sqlMigrateMark one that is meant.
var sqlMigrateRead = regexp.MustCompile(`^-- \+migrate\s+(?:Up|Down|StatementBegin|StatementEnd)(?:\s|$)`)

var sqlMigrateMark = regexp.MustCompile(`(?i)^\s*--[\s-]*\+migrate\s+(up|down|statementbegin|statementend)\b(.*)$`)

// compareSQLMigrate orders file names: by the number they begin with, those without one last.
func compareSQLMigrate(a, b string) int {
	x, y := digits(a), digits(b)
	switch {
	case x != "" && y != "":
		return cmp.Or(compareNumbers(x, y), strings.Compare(a, b))
	case x != "":
		return -1
	case y != "":
		return 1
	}
	return strings.Compare(a, b)
}

func loadSQLMigrate(l *loader) error {
	files, _, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f string) bool { return !strings.HasSuffix(f, ".sql") })
	slices.SortStableFunc(files, compareSQLMigrate)
	for _, f := range files {
		stem := strings.TrimSuffix(f, ".sql")
		version := digits(stem)
		name := strings.TrimLeft(stem[len(version):], "-_ ")
		if version == "" {
			version = stem
		}
		u, err := l.unit(l.in(f), version, name)
		if err != nil {
			return err
		}
		found := marks(u.source, sqlMigrateMark)
		if sqlMigrateLines(u.source, false).refused == "" { // else what is meant is judged
			found = slices.DeleteFunc(found, func(k mark) bool { return !sqlMigrateRead.MatchString(u.source[k.start:k.end]) })
		}
		s := cut(u.source, found)
		if slices.Contains(strings.Fields(s.upRest), "notransaction") {
			u.tx = txRule{TxNone, "the file says `-- +migrate Up notransaction`", ""}
		}
		s.apply(u)
		if u.down != nil {
			u.down.tx = l.format.tx
			if slices.Contains(strings.Fields(s.downRest), "notransaction") {
				u.down.tx = txRule{TxNone, "the file says `-- +migrate Down notransaction`", ""}
			}
		}
		l.add(u)
	}
	return nil
}

const sqlMigrateUnfinished = "ERROR: The last statement must be ended by a semicolon or '-- +migrate StatementEnd' marker"

// sqlMigrateLines follows sqlparse/sqlparse.go of v1.8.1. It reads both
// directions, and leaves out what stands before the first mark and every line
// that begins with "-- ".
func sqlMigrateLines(src string, down bool) *lineReading {
	r := &lineReading{}
	side, wanted := "", "Up"
	if down {
		wanted = "Down"
	}
	inWhole, start, first := false, -1, 0
	for line := range linesOf(src) {
		if strings.HasPrefix(line.text, "-- ") && !strings.HasPrefix(line.text, "-- +") {
			continue
		}
		ended := false
		if rest, ok := strings.CutPrefix(line.text, "-- +migrate"); ok {
			words := strings.Fields(rest)
			if len(words) == 0 {
				return r.refuse("misread-annotation", line.n, "ERROR: incomplete migration command")
			}
			switch words[0] {
			case "Up", "Down":
				if start >= 0 {
					return r.refuse("unfinished-statement", first, sqlMigrateUnfinished)
				}
				side = words[0]
			case "StatementBegin":
				inWhole = inWhole || side != ""
			case "StatementEnd":
				ended, inWhole = inWhole, false
			}
		}
		if side == "" {
			continue
		}
		own := strings.HasPrefix(line.text, "-- +")
		if start < 0 && !own && strings.TrimSpace(line.text) != "" {
			start, first = line.start, line.n
		}
		if !own && !inWhole && endsQuery(line.text) || ended {
			if start >= 0 && side == wanted {
				r.queries = append(r.queries, span{start, line.end})
			}
			start = -1
		}
	}
	switch {
	case inWhole:
		return r.refuse("misread-annotation", first, "ERROR: saw '-- +migrate StatementBegin' with no matching '-- +migrate StatementEnd'")
	case side == "":
		return r.refuse("misread-annotation", 1, "ERROR: no Up/Down annotations found, so no statements were executed")
	case start >= 0:
		return r.refuse("unfinished-statement", first, sqlMigrateUnfinished)
	}
	return r
}
