package analyzers

import (
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
	at := m.PlaceOf(begin(m.Migration, s.Stmt))
	edit := func(text string) lint.Edit { return lint.Edit{Pos: at, End: at, Text: text + "\n"} }
	switch {
	case s.InTx, m.TxMode == migration.TxImplicit && len(m.Statements) == 1:
		return []lint.Edit{edit("SET LOCAL lock_timeout = '2s';")}
	case m.Format.Session() == migration.SessionFile:
		return []lint.Edit{edit("SET lock_timeout = '2s';")}
	}
	end := m.PlaceOf(s.Stmt.End.Offset)
	return []lint.Edit{edit("SET lock_timeout = '2s';"), {Pos: end, End: end, Text: ";\nRESET lock_timeout"}}
}
