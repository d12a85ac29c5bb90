package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
)

var partialApply = &Analyzer{
	Rule: lint.Rule{
		ID: "TX103", Name: "partial-apply", Title: "several statements outside a transaction, one of which cannot be run twice", Severity: lint.Warning,
		Aliases: []string{"atlas:TX101", "squawk:prefer-robust-stmts"}, Hazards: []string{"X15", "X16"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			// No tool runs a plain file a second time by itself.
			if m.TxMode == migration.TxNone && m.Err == nil && m.Format != migration.Plain {
				p.partial(m)
			}
		}
	},
}

// partial tells the first statement that a second run of the file stops at
// after a later one has failed.
func (p *Pass) partial(m *devdb.Recorded) {
	var stops *devdb.Step
	cleared := map[string]bool{} // names that DROP … IF EXISTS has made free
	for _, s := range m.Steps {
		x := s.Stmt.Syntax
		for _, n := range clears(x) {
			cleared[n] = n != ""
		}
		if !effective(s) {
			continue
		}
		if stops != nil && stops.TxID != s.TxID {
			p.Report(At{Migration: m, Step: stops}, lint.Finding{
				Message:  fmt.Sprintf("this statement is not rolled back if line %d fails, and a second run of the file then %s", s.Stmt.Pos.Line, secondRun(stops)),
				Evidence: []lint.Evidence{{Kind: "setting", Text: m.TxReason}},
				Advice:   "Give each statement that runs outside a transaction a file of its own, or make it idempotent: IF NOT EXISTS, IF EXISTS, or a DROP … IF EXISTS before it.",
			})
			return
		}
		if stops == nil && !repeatable(s) && !allCleared(x, cleared) {
			stops = s
		}
	}
}

// secondRun is what a statement that is not repeatable does the second time.
func secondRun(s *devdb.Step) string {
	if x := s.Stmt.Syntax; x.Tag == "CREATE INDEX" && x.Name == "" {
		return "builds a second index under another name"
	}
	return "stops here"
}

// clears are the names that a statement makes free if they are taken: DROP … IF
// EXISTS, and ALTER TABLE with it, where the name is the table's.
func clears(x *migration.Syntax) []string {
	var out []string
	if strings.HasPrefix(x.Tag, "DROP ") && x.IfExists {
		for _, n := range append([]string{x.Name}, x.Objects...) {
			_, bare := splitName(n) // an index is dropped with its schema and made without
			out = append(out, bare)
		}
	}
	for _, a := range x.Actions {
		if strings.HasPrefix(a.Kind, "DROP ") && a.IfExists {
			out = append(out, partName(x, a.Name))
		}
	}
	return out
}

// allCleared reports whether an earlier statement has made every name free that
// the statement takes.
func allCleared(x *migration.Syntax, cleared map[string]bool) bool {
	if len(x.Actions) == 0 {
		name := x.Name
		if name == "" && len(x.Objects) > 0 && x.Tag != "CREATE INDEX" {
			name = x.Objects[0]
		}
		_, bare := splitName(name)
		return cleared[bare]
	}
	for _, a := range x.Actions {
		if !repeatableAction(a) && (!strings.HasPrefix(a.Kind, "ADD ") || !cleared[partName(x, partOf(a))]) {
			return false
		}
	}
	return true
}

func partOf(a migration.Action) string {
	if a.Name == "" && a.Constraint != nil {
		return a.Constraint.Name
	}
	return a.Name
}

// partName is the name of a column or constraint with that of its table.
func partName(x *migration.Syntax, name string) string {
	if len(x.Objects) == 0 || name == "" {
		return ""
	}
	_, table := splitName(x.Objects[0])
	_, part := splitName(name)
	return table + "." + part
}

// effective reports whether a statement leaves something behind.
func effective(s *devdb.Step) bool {
	return len(s.Changes) > 0 || len(s.Rows) > 0 || s.Stmt.Syntax.Concurrently
}

// repeatable reports whether a statement that has run can run again.
func repeatable(s *devdb.Step) bool {
	x := s.Stmt.Syntax
	for _, a := range x.Actions {
		if !repeatableAction(a) {
			return false
		}
	}
	if len(x.Actions) > 0 || x.IfExists || x.IfNotExists || x.OrReplace {
		return true
	}
	switch strings.SplitN(x.Tag, " ", 2)[0] {
	case "CREATE", "DROP", "ALTER", "INSERT", "COPY", "DO", "CALL":
		return false
	}
	return true
}

// repeatableAction reports whether an ALTER subcommand that has run can run again.
func repeatableAction(a migration.Action) bool {
	switch a.Kind {
	case "SET NOT NULL", "DROP NOT NULL", "SET DEFAULT", "DROP DEFAULT", "VALIDATE CONSTRAINT", "SET OPTIONS", "RESET OPTIONS", "ALTER COLUMN TYPE",
		"OWNER TO", "ENABLE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY":
		return true
	}
	return a.IfExists || a.IfNotExists
}
