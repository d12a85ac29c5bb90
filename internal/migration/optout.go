package migration

import (
	"path"
	"regexp"
	"strings"
)

// Insert is text to write into a file at a place.
type Insert struct {
	At   Position
	Text string
}

// PlaceOf gives the position of a byte offset of the file's text.
func (m *Migration) PlaceOf(offset int) Position { return newPlaces(m.Path, m.Source).at(offset) }

var upMark = map[Format]*regexp.Regexp{
	Dbmate:     regexp.MustCompile(`(?mi)^--[ \t]*migrate:up`),
	SQLMigrate: regexp.MustCompile(`(?mi)^--[ \t]*\+migrate[ \t]+Up`),
}

// LeaveTransaction says what to write, and which files to add, for the
// format's tool to run the migration outside a transaction; false if the
// format knows no way. Nothing to write is an answer too: a tool that sends
// the file as one query runs a single statement by itself.
func (m *Migration) LeaveTransaction() ([]Insert, []NewFile, bool) {
	top := func(line string) []Insert { return []Insert{{m.PlaceOf(bomLength(m.Source)), line + "\n"}} }
	switch m.Format {
	case Goose:
		return top("-- +goose NO TRANSACTION"), nil, true
	case Atlas:
		return top("-- atlas:txmode none\n"), nil, true
	case Sqlx:
		return top("-- no-transaction"), nil, true
	case GraphileMigrate:
		return top("--! no-transaction"), nil, true
	case Dbmate, SQLMigrate:
		at := upMark[m.Format].FindStringIndex(m.Source)
		if at == nil {
			return nil, nil, false
		}
		word := " notransaction"
		if m.Format == Dbmate {
			word = " transaction:false"
		}
		return []Insert{{m.PlaceOf(at[1]), word}}, nil, true
	case Flyway:
		return nil, []NewFile{{m.Path + ".conf", "executeInTransaction=false\n"}}, true
	case Diesel:
		return nil, []NewFile{{path.Join(path.Dir(m.Path), "metadata.toml"), "run_in_transaction = false\n"}}, true
	case GolangMigrate, Prisma:
		return nil, nil, len(m.Statements) == 1
	case Plain, Sqitch, Supabase:
		return nil, nil, m.TxMode == TxNone || m.Format == Supabase
	}
	return nil, nil, false
}

func bomLength(src string) int {
	if strings.HasPrefix(src, bom) {
		return len(bom)
	}
	return 0
}
