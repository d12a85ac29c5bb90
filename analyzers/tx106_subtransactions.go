package analyzers

import (
	"fmt"
	"regexp"

	"github.com/assaydb/assay/internal/lint"
)

var subtransactions = &Analyzer{
	Rule: lint.Rule{
		ID: "TX106", Name: "many-subtransactions", Title: "a subtransaction in every iteration of a loop", Severity: lint.Warning,
		Hazards: []string{"X19", "X32"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			r := s.Stmt.Syntax.Routine
			if s.Err != nil || s.Stmt.Syntax.Tag != "DO" || r == nil {
				continue
			}
			body := sqlComments.ReplaceAllString(r.Body, " ")
			if !catchesInLoop(body) {
				continue
			}
			f := lint.Finding{
				Message:  "each iteration of the loop is a subtransaction: more than 64 in one transaction slow down every session on the server, and replicas most",
				Evidence: syntaxEvidence("EXCEPTION inside a LOOP of one transaction"),
				Advice:   "Do the work in one statement, without the handler: INSERT … ON CONFLICT DO NOTHING, or a WHERE clause that excludes rows that would fail.",
			}
			if retries.MatchString(body) {
				f.Message = fmt.Sprintf("retries inside one transaction: it keeps its locks between the attempts, and each attempt queues %s behind it", waiters("ACCESS EXCLUSIVE"))
				f.Advice = "Let the whole transaction fail on lock_timeout, and run the migration again."
			}
			p.Report(At{Migration: m, Step: s}, f)
		}
	},
}

var (
	sqlComments = regexp.MustCompile(`(?s)--[^\n]*|/\*.*?\*/`)
	plWords     = regexp.MustCompile(`(?i)'(?:[^']|'')*'|\bEND\s+(?:LOOP|IF|CASE)\b|\b(?:LOOP|BEGIN|EXCEPTION|END|CASE|IF)\b`)
	retries     = regexp.MustCompile(`(?i)lock_not_available|55P03`)
	raises      = regexp.MustCompile(`(?i)\bRAISE\s+EXCEPTION\b`)
)

// catchesInLoop reports whether a PL/pgSQL body has a block with a handler inside a loop.
func catchesInLoop(body string) bool {
	body = raises.ReplaceAllString(body, "RAISE")
	loops := 0
	for _, w := range plWords.FindAllString(body, -1) {
		switch {
		case w[0] == '\'':
		case len(w) == 4 && (w[0] == 'L' || w[0] == 'l'):
			loops++
		case len(w) > 4 && (w[len(w)-1] == 'P' || w[len(w)-1] == 'p') && (w[0] == 'E' || w[0] == 'e'):
			loops--
		case len(w) == len("EXCEPTION"):
			if loops > 0 {
				return true
			}
		}
	}
	return false
}
