package analyzers

import (
	"cmp"
	"fmt"
	"regexp"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

var statementFails = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ101", Name: "statement-fails", Title: "a statement that the server refuses", Severity: lint.Error,
		Aliases: []string{"squawk:syntax-error", "squawk:ban-duplicate-column-assignments"},
		Hazards: []string{"X28", "X27", "A05", "A11", "A21", "A23", "B06", "B11", "C11", "F01", "F05", "F12", "F19", "P06", "P11"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			e := s.Err
			if e == nil || e.Follows != nil {
				continue
			}
			f := lint.Finding{
				Confidence: lint.Proven,
				Message:    "fails: " + withoutOID(e.Message),
				Advice:     cmp.Or(e.Advice, wayOut(e.Message)),
				Evidence:   append(refusal(e), p.followers(m, s)...),
			}
			if e.Canceled != "" {
				f.Message = "ends after too long a time: " + e.Canceled
				f.Advice = "On an empty database it should be quick. If it needs longer, raise `statement-timeout` in assay.yaml."
			}
			p.Report(At{Migration: m, Step: s}, f)
		}
	},
}

// followers names the statements that are refused only for this one.
func (p *Pass) followers(of *devdb.Recorded, root *devdb.Step) []lint.Evidence {
	var places []string
	for m, s := range p.Steps() {
		if s.Err == nil || s.Err.Follows != root {
			continue
		}
		place := fmt.Sprintf("line %d", s.Stmt.Pos.Line)
		if m != of {
			place = fmt.Sprintf("%s:%d", m.Path, s.Stmt.Pos.Line)
		}
		places = append(places, place)
	}
	if len(places) == 0 {
		return nil
	}
	return []lint.Evidence{{Kind: "error", Text: "what it was to make is missing in " + listPlain(places, 8)}}
}

// refusal is what the server said: the error, and what it told beside it.
func refusal(e *devdb.StatementError) []lint.Evidence {
	out := []lint.Evidence{{Kind: "error", Text: fmt.Sprintf("%s %s", e.Code, withoutOID(e.Message)), Code: e.Code}}
	for _, x := range []string{e.Detail, e.Hint, e.Where} {
		if x != "" {
			out = append(out, lint.Evidence{Kind: "error", Text: x})
		}
	}
	return out
}

var systemTrigger = regexp.MustCompile(`(RI_ConstraintTrigger_[ac]_)\d+`)

// withoutOID is a message of the server without the number in the name of a
// foreign key's trigger, which differs from run to run.
func withoutOID(message string) string { return systemTrigger.ReplaceAllString(message, "${1}…") }

// waysOut are refusals whose message tells what is wrong, but not what to write instead.
var waysOut = []struct {
	message *regexp.Regexp
	advice  string
}{
	{
		regexp.MustCompile(`cannot create index on partitioned table "[^"]+" concurrently`),
		"Make the parent's index alone, build each partition's with CONCURRENTLY, and attach them:\n\nCREATE INDEX … ON ONLY <table> (…);\nCREATE INDEX CONCURRENTLY … ON <partition> (…);\nALTER INDEX … ATTACH PARTITION …;",
	},
	{
		regexp.MustCompile(`cannot detach partitions concurrently when a default partition exists`),
		"Detach it without CONCURRENTLY, in a transaction of its own: it reads nothing, and with a lock_timeout others wait for it only for a moment.",
	},
	{
		regexp.MustCompile(`being attached contains an identity column`),
		"Make the partition without one, it uses its parent's: LIKE … INCLUDING ALL EXCLUDING IDENTITY; or ALTER COLUMN … DROP IDENTITY before.",
	},
	{
		regexp.MustCompile(`unsafe use of new value`),
		"Add the value in a migration of its own, which has committed when this one uses it.",
	},
	{
		regexp.MustCompile(`cannot (drop columns from|change name of|change data type of) view`),
		"CREATE OR REPLACE can only add columns at a view's end: drop the view and make it anew in the same transaction, with its privileges and comments and what is built on it.",
	},
	{
		regexp.MustCompile(`cannot add NOT VALID foreign key on partitioned table`),
		"Before PostgreSQL 18, add the key NOT VALID to each partition, validate it there, and last add it to the parent, which takes over those that are valid.",
	},
	{
		regexp.MustCompile(`^cannot drop .* because other objects depend on it$`),
		"Drop or change what depends on it first, by name, in the same transaction: CASCADE takes all of it without a word.",
	},
	{
		regexp.MustCompile(`cannot alter type of a column used by `),
		"Drop what uses the column before, and make it anew after, in the same transaction.",
	},
}

// wayOut is what to write instead of a statement that was refused so; empty if
// the message is all there is to say.
func wayOut(message string) string {
	for _, w := range waysOut {
		if w.message.MatchString(message) {
			return w.advice
		}
	}
	return ""
}
