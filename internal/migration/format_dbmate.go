package migration

import (
	"regexp"
	"slices"
	"strings"
)

var dbmate = &format{
	load:    loadDbmate,
	follows: "dbmate 2.36.0",
	// pkg/dbmate/migration.go: a section goes to the server whole.
	// pkg/dbmate/postgres.go: its table is that of the current schema.
	sending: sending{libpq: true, ledger: "schema_migrations", records: `DO $$ BEGIN EXECUTE format('INSERT INTO %I.schema_migrations (version) VALUES (gen_random_uuid())', coalesce(current_schema(), 'public')); END $$`},
	tx: txRule{
		TxFile, "dbmate runs each file in a transaction",
		"write `-- migrate:up transaction:false`, with a single statement below it",
	},
	bookkeeping: `CREATE TABLE IF NOT EXISTS schema_migrations (version varchar PRIMARY KEY);`,
}

var (
	dbmateFile    = regexp.MustCompile(`^([0-9]+)(.*)\.sql$`)
	dbmateUp      = regexp.MustCompile(`(?m)^--\s*migrate:up(?:\s*$|\s+\S+)`)
	dbmateDown    = regexp.MustCompile(`(?m)^--\s*migrate:down(?:\s*$|\s+\S+)$`)
	dbmateComment = regexp.MustCompile(`^\s*(?:--.*)?$`)
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
		s := dbmateSections(u)
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

// dbmateSections finds the two blocks as dbmate does: each begins at the first
// line of its kind, and both have to be there.
func dbmateSections(u *unit) *sections {
	s := &sections{seen: true}
	up, down := dbmateUp.FindStringIndex(u.source), dbmateDown.FindStringIndex(u.source)
	refuse := func(offset int, text string) {
		u.notices = append(u.notices, Notice{
			Kind: "misread-annotation", Refused: RefusedFile, Pos: newPlaces(u.path, u.source).at(offset),
			Text: "dbmate refuses the file: dbmate " + text,
		})
	}
	hidden := strings.HasPrefix(u.source, bom) && dbmateUp.MatchString(u.source[len(bom):])
	switch {
	case up == nil && hidden:
		refuse(0, "requires each migration to define an up block with '-- migrate:up'")
		n := &u.notices[len(u.notices)-1]
		n.Kind, n.Text = "byte-order-mark", "dbmate does not recognize the first line behind the byte order mark, and refuses the file: "+strings.TrimPrefix(n.Text, "dbmate refuses the file: ")
	case up == nil:
		refuse(0, "requires each migration to define an up block with '-- migrate:up'")
	case down == nil:
		refuse(up[0], "requires each migration to define a down block with '-- migrate:down'")
	case down[0] < up[0]:
		refuse(down[0], "requires '-- migrate:up' to appear before '-- migrate:down'")
	default:
		at := 0
		for line := range strings.SplitSeq(u.source[:up[0]], "\n") {
			if !dbmateComment.MatchString(strings.TrimSuffix(line, "\r")) {
				refuse(at, "does not support statements preceding the '-- migrate:up' block")
				break
			}
			at += len(line) + 1
		}
	}
	rest := func(at int) (string, int) {
		line, _, _ := strings.Cut(u.source[at:], "\n")
		return line, min(at+len(line)+1, len(u.source))
	}
	if up == nil {
		return s
	}
	line, next := rest(up[0])
	s.head, s.upRest = up[0], line
	end := len(u.source)
	if down != nil && down[0] > up[0] {
		end = down[0]
		line, next := rest(down[0])
		s.downRest = line
		s.down = []span{{next, len(u.source)}}
	}
	s.up = []span{{min(next, end), end}}
	return s
}
