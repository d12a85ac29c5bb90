package devdb

// Rehearsal is what came of running migrations over rows, in one run of their tool.
type Rehearsal struct {
	// States are those that other sessions saw: before the first migration, and
	// after each that was run. The last one is after Err, if there is one.
	States []State
	Err    *StatementError // of the migration that was refused; those after it were not run
}

// Last is the state that the run ended in.
func (r *Rehearsal) Last() *State { return &r.States[len(r.States)-1] }

// State is what a database holds, as another session sees it.
type State struct {
	After    string       // path of the migration that was run last; empty before the first
	Tables   []TableState // those with rows, by name
	Settings []string     // of the tool's session, other than at its start: "lock_timeout = 2s", sorted
}

// Table gives the rows of a table, nil if it has none.
func (s *State) Table(name string) *TableState {
	for i := range s.Tables {
		if s.Tables[i].Name == name {
			return &s.Tables[i]
		}
	}
	return nil
}

// TableState is the rows of a table.
type TableState struct {
	Name    string // schema-qualified
	Columns []string
	Rows    [][]*string // nil is NULL
	Cut     bool        // there are more rows than these
}

// Column gives the number of a column, -1 if there is none of the name.
func (t *TableState) Column(name string) int {
	for i, c := range t.Columns {
		if c == name {
			return i
		}
	}
	return -1
}
