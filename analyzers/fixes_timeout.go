package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

// lockTimeout limits the wait of every statement of the change that needs it,
// and leaves nothing set for the files after it.
func (o *offer) lockTimeout() *lint.Fix {
	fix := &lint.Fix{Title: "wait for locks 2 seconds at most"}
	p := &Pass{Record: o.record, facts: newFacts(o.record, Sizes{})}
	for _, m := range o.record.New {
		set := map[int]bool{} // transactions that have it
		for _, s := range m.Steps {
			if !p.unguarded(m, s) || s.InTx && set[s.TxID] {
				continue
			}
			edits := limited(m, s)
			if edits == nil {
				if s == o.step {
					return nil
				}
				continue
			}
			fix.Edits = append(fix.Edits, edits...)
			set[s.TxID] = s.InTx
			if m.Format.Session() == migration.SessionFile && !s.InTx {
				break // it lasts for the file
			}
		}
	}
	return fix
}

// limited sets lock_timeout for a statement: for its transaction where it runs
// in one or its file is sent as one query, else around it.
func limited(m *devdb.Recorded, s *devdb.Step) []lint.Edit {
	if s.Stmt.Batch != 0 || !standsIn(m.Migration, s.Stmt) {
		return nil
	}
	set, reset := setFor(m, s, "lock_timeout", "2s")
	at, end := m.PlaceOf(begin(m.Migration, s.Stmt)), m.PlaceOf(s.Stmt.End.Offset)
	edits := []lint.Edit{{Pos: at, End: at, Text: set + "\n"}}
	if reset != "" {
		edits = append(edits, lint.Edit{Pos: end, End: end, Text: ";\n" + strings.TrimSuffix(reset, ";")})
	}
	return edits
}

// setFor sets a parameter for a statement alone, or at most for its file: what
// goes before it, and what goes after it where the tool's session goes on.
func setFor(m *devdb.Recorded, s *devdb.Step, name, value string) (set, reset string) {
	switch {
	case s.InTx, m.TxMode == migration.TxImplicit && len(m.Statements) == 1:
		return fmt.Sprintf("SET LOCAL %s = '%s';", name, value), ""
	case m.Format.Session() == migration.SessionFile:
		return fmt.Sprintf("SET %s = '%s';", name, value), ""
	}
	return fmt.Sprintf("SET %s = '%s';", name, value), "RESET " + name + ";"
}
