package migration

import "strings"

// Checksums reports whether the format's tool keeps a checksum of each file that
// it ran, and refuses to go on when the file says something else.
func (f Format) Checksums() bool {
	switch f {
	case Flyway, Liquibase, Atlas, Prisma, Sqlx, GraphileMigrate:
		return true
	}
	return false
}

// Late says what a tool does with a file that sorts before one that it has run.
type Late string

// What tools do with a file that comes late.
const (
	LateSkipped Late = "skipped" // it is never run there
	LateRefused Late = "refused" // the run ends with an error, unless an option allows it
	LateRun     Late = "run"     // it runs, after what it sorts before
	LateUnknown Late = ""        // a tool of the team's own decides
)

// Late is what the format's tool does with a late file, as it is set up by default.
func (f Format) Late() Late {
	switch f {
	case GolangMigrate, Drizzle, Sqitch:
		return LateSkipped
	case Goose, Flyway, Atlas, NodePgMigrate, Supabase, GraphileMigrate:
		return LateRefused
	case SQLMigrate, Prisma, Dbmate, Sqlx, Diesel, Hasura, Liquibase:
		return LateRun
	}
	return LateUnknown
}

// SameStatements reports whether two versions of a migration, their down parts
// included, run the same: comments and layout aside.
func SameStatements(a, b *Migration) bool {
	if a == nil || b == nil {
		return a == b
	}
	if len(a.Statements) != len(b.Statements) || a.TxMode != b.TxMode || a.Repeatable != b.Repeatable {
		return false
	}
	for i, st := range a.Statements {
		o := b.Statements[i]
		if st.Kind != o.Kind || st.Batch != o.Batch || string(st.Data) != string(o.Data) || bare(st.Text) != bare(o.Text) {
			return false
		}
	}
	return SameStatements(a.Down, b.Down)
}

// bare is a statement's text as its tokens, without comments.
func bare(text string) string {
	var b strings.Builder
	l := newLexer(text)
	for t := l.next(); t.kind != tokEOF; t = l.next() {
		if t.kind != tokComment {
			b.WriteString(text[t.start:t.end])
			b.WriteByte('\n')
		}
	}
	return b.String()
}
