package migration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var dbmate = &format{
	load: loadDbmate,
	// Read in pkg/dbmate/migration.go: a section goes to the server whole.
	sending: sending{bom: bomRefused},
	tx: txRule{
		TxFile, "dbmate runs each file in a transaction",
		"write `-- migrate:up transaction:false`, with a single statement below it",
	},
	bookkeeping: `CREATE TABLE IF NOT EXISTS schema_migrations (version varchar(128) PRIMARY KEY);`,
}

var (
	dbmateFile    = regexp.MustCompile(`^([0-9]+)(.*)\.sql$`)
	dbmateMark    = regexp.MustCompile(`^--\s*migrate:(up|down)(\s.*)?$`)
	dbmateNoTx    = regexp.MustCompile(`(?:^|\s)transaction:false(?:\s|$)`)
	dbmateOutOfTx = txRule{TxImplicit, "the file says `transaction:false`; dbmate sends it as one query, which PostgreSQL runs as one transaction if it has several statements", "leave a single statement in the file"}
)

func loadDbmate(l *loader) error {
	files, _, err := l.entries(l.dir)
	if err != nil {
		return err
	}
	slices.Sort(files) // dbmate goes by name
	for _, f := range files {
		m := dbmateFile.FindStringSubmatch(f)
		if m == nil {
			if strings.HasSuffix(f, ".sql") {
				l.notice("ignored-file", l.in(f), "dbmate wants names that begin with digits: this file is left out")
			}
			continue
		}
		u, err := l.unit(l.in(f), m[1], strings.TrimLeft(m[2], "_-"))
		if err != nil {
			return err
		}
		s, err := cut(u.path, u.source, marks(u.source, dbmateMark))
		if err != nil {
			return err
		}
		if len(s.up) == 0 {
			return fmt.Errorf("%s: no `-- migrate:up` line: dbmate refuses the file", u.path)
		}
		if dbmateNoTx.MatchString(s.upRest) {
			u.tx = dbmateOutOfTx
		}
		s.apply(u)
		if u.down != nil {
			u.down.tx = l.format.tx
			if dbmateNoTx.MatchString(s.downRest) {
				u.down.tx = dbmateOutOfTx
			}
		}
		l.add(u)
	}
	return nil
}
