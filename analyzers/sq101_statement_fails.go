package analyzers

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
)

var statementFails = &Analyzer{
	Rule: lint.Rule{
		ID: "SQ101", Name: "statement-fails", Title: "statement fails", Severity: lint.Error,
		Aliases: []string{"squawk:syntax-error", "squawk:ban-duplicate-column-assignments"},
		Hazards: []string{"X28", "X27", "A05", "A11", "A21", "A23", "B06", "B11", "C11", "F01", "F05", "F12", "F19", "P06", "P11"},
	},
	Fix: (*offer).lifted,
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			e := s.Err
			if e == nil || e.Follows != nil {
				continue
			}
			f := lint.Finding{
				Confidence: lint.Proven,
				Message:    "fails: " + withoutOID(e.Message),
				Advice:     cmp.Or(e.Advice, around(s), wayOut(e.Message)),
				Evidence:   append(refusal(e), p.followers(m, s)...),
			}
			if e.Canceled != "" {
				f.Message = "is cancelled by the statement timeout: " + e.Canceled
				f.Advice = "On an empty database it should be fast. If it needs longer, raise `statement-timeout` in assay.yaml."
			}
			if x := s.Stmt.Syntax; x.Tag == "CREATE EXTENSION" && len(x.Objects) == 1 && (e.Code == "0A000" || e.Code == "58P01") {
				f.Severity = lint.Warning
				f.Message = fmt.Sprintf("the dev server does not have extension %q: what needs it was not judged", strings.Trim(x.Objects[0], `"`))
				f.Advice = cmp.Or(e.Advice, "Check its name. To judge what needs it, take a server that has it (--dev-url), or declare its types and functions under `extensions:` in assay.yaml.")
			}
			p.Report(At{Migration: m, Step: s}, f)
		}
	},
}

// around says that a statement runs if what is in its way is dropped before it
// and created again behind it.
func around(s *devdb.Step) string {
	if s == nil || s.Lift == nil {
		return ""
	}
	return fmt.Sprintf("Before the statement, drop %s by name; afterwards, re-create what is still missing with its owner, privileges and comments, in the same transaction.", listPlain(s.Lift.Objects, 4))
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
	text := "the object it should create is missing in "
	if strings.HasPrefix(root.Stmt.Syntax.Tag, "DROP ") {
		text = "the object it should drop is in the way of "
	}
	return []lint.Evidence{{Kind: "error", Text: text + listPlain(places, 8)}}
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
		"Create the index on the parent with ONLY, build each partition's index with CONCURRENTLY, and attach them:\n\nCREATE INDEX … ON ONLY <table> (…);\nCREATE INDEX CONCURRENTLY … ON <partition> (…);\nALTER INDEX … ATTACH PARTITION …;",
	},
	{
		regexp.MustCompile(`cannot detach partitions concurrently when a default partition exists`),
		"Detach it without CONCURRENTLY, in a transaction of its own: it scans nothing, and with a short lock_timeout it blocks others only briefly.",
	},
	{
		regexp.MustCompile(`being attached contains an identity column`),
		"Create the partition without an identity column, it uses its parent's: LIKE … INCLUDING ALL EXCLUDING IDENTITY; or ALTER COLUMN … DROP IDENTITY before.",
	},
	{
		regexp.MustCompile(`unsafe use of new value`),
		"Add the value in a migration of its own, which has committed when this one uses it.",
	},
	{
		regexp.MustCompile(`cannot (drop columns from|change name of|change data type of) view`),
		"CREATE OR REPLACE can only add columns at the end of a view: drop the view and re-create it in the same transaction, with its privileges, comments and dependent objects.",
	},
	{
		regexp.MustCompile(`cannot add NOT VALID foreign key on partitioned table`),
		"Before PostgreSQL 18, add the key NOT VALID to each partition, validate it there, and then add it to the parent, which reuses the valid ones.",
	},
	{
		regexp.MustCompile(`^cannot drop .* because other objects depend on it$`),
		"First drop or change the dependent objects by name, in the same transaction: CASCADE drops all of them silently.",
	},
	{
		regexp.MustCompile(`cannot alter type of a column used by `),
		"Drop the objects that use the column first, and re-create them afterwards, in the same transaction.",
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
