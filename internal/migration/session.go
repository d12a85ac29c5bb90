package migration

// Session says how long the settings of a tool's database session last.
type Session string

// The sessions that tools keep.
const (
	// SessionFile: each file begins with the settings of a new session. psql is
	// run for each, or the tool sends RESET ALL before each.
	SessionFile Session = "file"
	// SessionRun: all files of a run share one session, and what one sets the
	// next one has.
	SessionRun Session = "run"
	// SessionRestored is SessionRun, but the tool puts role and search_path back
	// after each file.
	SessionRestored Session = "restored"
)

// Session is how long the settings of the format's tool last.
func (f Format) Session() Session {
	switch f {
	case Plain, Sqitch, Supabase:
		return SessionFile
	case Flyway:
		return SessionRestored
	}
	return SessionRun
}
