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
		ID: "TX103", Name: "partial-apply", Title: "several statements outside a transaction, of which one cannot be run again", Severity: lint.Warning,
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
		if strings.HasPrefix(x.Tag, "DROP ") && x.IfExists {
			for _, n := range x.Objects {
				cleared[n] = true
			}
			cleared[x.Name] = true
		}
		if !effective(s) {
			continue
		}
		if stops != nil && stops.TxID != s.TxID {
			p.Report(At{Migration: m, Step: stops}, lint.Finding{
				Message:  fmt.Sprintf("this statement stays if line %d fails, and a second run of the file then stops here", s.Stmt.Pos.Line),
				Evidence: []lint.Evidence{{Kind: "setting", Text: m.TxReason}},
				Advice:   "Give each statement that runs outside a transaction a file of its own, or write it so that it can run twice: IF NOT EXISTS, IF EXISTS, or a DROP … IF EXISTS before it.",
			})
			return
		}
		if stops == nil && !repeatable(s) && !cleared[created(*x)] {
			stops = s
		}
	}
}

// created is the name of what a CREATE makes.
func created(x migration.Syntax) string {
	if x.Name != "" {
		return x.Name
	}
	if len(x.Objects) > 0 {
		return x.Objects[0]
	}
	return ""
}

// effective reports whether a statement leaves something behind.
func effective(s *devdb.Step) bool {
	return len(s.Changes) > 0 || len(s.Rows) > 0 || s.Stmt.Syntax.Concurrently
}

// repeatable reports whether a statement that has run can run again.
func repeatable(s *devdb.Step) bool {
	x := s.Stmt.Syntax
	if x.IfExists || x.IfNotExists || x.OrReplace {
		return true
	}
	for _, a := range x.Actions {
		switch a.Kind {
		case "SET NOT NULL", "DROP NOT NULL", "SET DEFAULT", "DROP DEFAULT", "VALIDATE CONSTRAINT", "SET OPTIONS", "RESET OPTIONS", "ALTER COLUMN TYPE",
			"OWNER TO", "ENABLE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY":
		default:
			return false
		}
	}
	if len(x.Actions) > 0 {
		return true
	}
	switch strings.SplitN(x.Tag, " ", 2)[0] {
	case "CREATE", "DROP", "ALTER", "INSERT", "COPY", "DO", "CALL":
		return false
	}
	return true
}
