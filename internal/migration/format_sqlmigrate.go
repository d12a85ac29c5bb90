package migration

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var sqlMigrate = &format{
	byName: true,
	load:   loadSQLMigrate,
	sending: sending{ // read in v1.8.1, sqlparse/sqlparse.go
		lines: true, bom: bomHidesMark,
		looks:   sqlMigrateMark,
		reads:   regexp.MustCompile(`^-- \+migrate\s+(?:Up|Down|StatementBegin|StatementEnd)(?:\s|$)`),
		misread: "does not read this line as an annotation: it takes `-- +migrate Up` at the start of a line, with one blank and these capitals",
	},
	tx:          txRule{TxFile, "sql-migrate runs each file in a transaction", "write `-- +migrate Up notransaction`"},
	bookkeeping: `CREATE TABLE IF NOT EXISTS gorp_migrations (id text NOT NULL PRIMARY KEY, applied_at timestamp with time zone);`,
}

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
		s, err := cut(u.path, u.source, marks(u.source, sqlMigrateMark))
		if err != nil {
			return err
		}
		if !s.seen && strings.TrimSpace(u.source) != "" {
			return fmt.Errorf("%s: no `-- +migrate Up` line: sql-migrate refuses the file", u.path)
		}
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
