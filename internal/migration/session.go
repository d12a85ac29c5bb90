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

// Records is an example of what the format's tool runs after each file, on its
// session and in its transaction, to record it: with the settings that the file
// has left. Empty if nothing that a file leaves can be in its way.
func (f Format) Records() string {
	if d := formats[f]; d != nil {
		return d.sending.records
	}
	return ""
}

// Ledger is the table of Records, as the tool names it.
func (f Format) Ledger() string {
	if d := formats[f]; d != nil {
		return d.sending.ledger
	}
	return ""
}

// Follows is the tool, with the version, whose source or behaviour the format follows.
func (f Format) Follows() string {
	if d := formats[f]; d != nil {
		return d.follows
	}
	return ""
}
