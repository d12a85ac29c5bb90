package analyzers

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

var transactionControl = &Analyzer{
	Rule: lint.Rule{
		ID: "TX102", Name: "transaction-control", Title: "BEGIN or COMMIT ends, nests or leaves open a transaction", Severity: lint.Warning,
		Aliases: []string{"atlas:TX201", "squawk:transaction-nesting", "squawk:ban-uncommitted-transaction"}, Hazards: []string{"X13"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			if m.TxMode == migration.TxFile || m.TxMode == migration.TxAll {
				p.insideTools(m)
			} else if m.Err == nil {
				p.unbalanced(m)
			}
			for _, s := range m.Steps {
				if word := p.endsWithin(s); word != "" {
					p.Report(At{Migration: m, Step: s}, endsFinding(m, s, word))
				}
			}
		}
	},
}

var (
	comments = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/|'[^']*'`)
	ends     = regexp.MustCompile(`(?i)(?:^|;|>>|\b(?:BEGIN|THEN|ELSE|LOOP))\s*(COMMIT|ROLLBACK)(?:\s+AND(?:\s+NO)?\s+CHAIN)?\s*;`)
)

// endsWithin is the COMMIT or ROLLBACK in a block or procedure that runs inside
// a transaction, where the server refuses it; empty if there is none. On the dev
// database, which has no rows, it may not be reached.
func (p *Pass) endsWithin(s *devdb.Step) string {
	if !s.InTx || s.Err != nil {
		return ""
	}
	body := ""
	switch x := s.Stmt.Syntax; {
	case s.Tag == "DO" && x.Routine != nil:
		body = x.Routine.Body
	case s.Tag == "CALL" && len(x.Objects) == 1:
		_, name := splitName(x.Objects[0])
		for _, f := range schema.Sorted(s.Before.Functions) {
			if f.Kind == "procedure" && f.Name == name && f.Language == "plpgsql" {
				body = f.Body
			}
		}
	}
	if m := ends.FindStringSubmatch(comments.ReplaceAllString(body, "''")); m != nil {
		return strings.ToUpper(m[1])
	}
	return ""
}

func endsFinding(m *devdb.Recorded, s *devdb.Step, word string) lint.Finding {
	what := "the block"
	if s.Tag == "CALL" {
		what = "the procedure"
	}
	var ev []lint.Evidence
	if m.TxReason != "" {
		ev = []lint.Evidence{{Kind: "setting", Text: m.TxReason}}
	}
	f := lint.Finding{
		Severity: lint.Error, Confidence: lint.Inferred,
		Message:  fmt.Sprintf("%s in %s fails when it is reached, with \"invalid transaction termination\": it runs inside a transaction", word, what),
		Evidence: append(ev, lint.Evidence{Kind: "syntax", Text: "PL/pgSQL can end a transaction only if it was not started inside one; in the test run no row reached this statement"}),
		Advice:   "Run it outside a transaction, in a migration of its own.",
	}
	if m.TxOptOut != "" {
		f.Advice = "Run it outside a transaction, in a migration of its own: " + m.TxOptOut
	}
	return f
}

// insideTools tells the first statement that meddles with the transaction the
// tool opened; a COMMIT or ROLLBACK, which end it, before a BEGIN, which does nothing.
func (p *Pass) insideTools(m *devdb.Recorded) {
	var begin, end *devdb.Step
	after := 0
	for _, s := range m.Steps {
		switch s.Stmt.Syntax.Transaction {
		case "BEGIN":
			if begin == nil {
				begin = s
			}
		case "COMMIT", "ROLLBACK":
			if end == nil {
				end, after = s, 0
			}
		default:
			after++
		}
	}
	evidence := []lint.Evidence{{Kind: "setting", Text: m.TxReason}}
	advice := "Remove BEGIN and COMMIT from the file: the tool writes them."
	if m.TxOptOut != "" {
		advice += "\n\nIf the file must have transactions of its own: " + m.TxOptOut
	}
	switch {
	case end != nil:
		f := lint.Finding{Evidence: evidence, Advice: advice}
		word := end.Stmt.Syntax.Transaction
		f.Message = fmt.Sprintf("%s ends the tool's transaction: the migration is not recorded in the same transaction", word)
		if word == "ROLLBACK" {
			f.Severity = lint.Error
			f.Message = "ROLLBACK undoes the migration, and the tool still records it as applied"
		}
		if after > 0 {
			f.Severity = lint.Error
			f.Message += fmt.Sprintf("; %s after it run outside a transaction and are not rolled back if a later one fails", plural(after, "statement"))
			if word == "ROLLBACK" {
				f.Message = fmt.Sprintf("ROLLBACK undoes everything before it; %s after it run outside a transaction", plural(after, "statement"))
			}
		}
		p.Report(At{Migration: m, Step: end}, f)
	case begin != nil:
		p.Report(At{Migration: m, Step: begin}, lint.Finding{
			Message: "BEGIN inside the tool's transaction has no effect except a warning", Evidence: evidence, Advice: advice,
		})
	}
}

// unbalanced tells a transaction of the file's own that is not closed, and a
// COMMIT that closes none.
func (p *Pass) unbalanced(m *devdb.Recorded) {
	var open *devdb.Step
	for _, s := range m.Steps {
		switch s.Stmt.Syntax.Transaction {
		case "BEGIN":
			if open != nil {
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Message:  fmt.Sprintf("BEGIN inside the transaction of line %d has no effect: the next COMMIT ends the outer transaction", open.Stmt.Pos.Line),
					Evidence: syntaxEvidence("PostgreSQL has no nested transactions"),
					Advice:   "Remove the inner BEGIN and its COMMIT, or use a SAVEPOINT.",
				})
				continue
			}
			open = s
		case "COMMIT", "ROLLBACK", "PREPARE":
			if open == nil {
				p.Report(At{Migration: m, Step: s}, strayEnd(m, s))
			}
			open = nil
		}
	}
	if open != nil {
		p.Report(At{Migration: m, Step: open}, lint.Finding{
			Severity: lint.Error, Message: "BEGIN without COMMIT: everything after it is rolled back when the connection closes, and its locks are held until then",
			Evidence: syntaxEvidence("no COMMIT in the file"), Advice: "End the file with COMMIT;",
		})
	}
}

func strayEnd(m *devdb.Recorded, s *devdb.Step) lint.Finding {
	word := s.Stmt.Syntax.Transaction
	f := lint.Finding{
		Message:  fmt.Sprintf("%s without a BEGIN: every statement before it ran on its own and is not rolled back if a later one fails", word),
		Evidence: syntaxEvidence("no BEGIN before it in the file"), Advice: "Begin the file with BEGIN;",
	}
	if m.TxMode == migration.TxImplicit {
		f.Message = fmt.Sprintf("%s without a BEGIN splits the file: statements before it are not rolled back if a later one fails", word)
		f.Advice = "Put the whole file between BEGIN; and COMMIT;, or remove the COMMIT."
	}
	return f
}

// syntaxEvidence is a fact read from the text.
func syntaxEvidence(text string) []lint.Evidence {
	return []lint.Evidence{{Kind: "syntax", Text: text}}
}
