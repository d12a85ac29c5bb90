package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var brokenRoutine = &Analyzer{
	Rule: lint.Rule{
		ID: "OB105", Name: "broken-routine", Title: "a function body refers to a missing object", Severity: lint.Error,
		Hazards: []string{"C18", "F16"},
	},
	Run: func(p *Pass) {
		var order []breakKey
		by := map[breakKey][]devdb.BrokenRoutine{}
		for _, b := range p.Broken {
			key, ok := breaker(p.Record, b)
			if !ok || key.object != "" && p.uncalled(b.Function) {
				continue
			}
			if by[key] == nil {
				order = append(order, key)
			}
			by[key] = append(by[key], b)
		}
		for _, key := range order {
			if key.object == "" {
				for _, b := range by[key] {
					if !elsewhere(p, key, by[key], b) {
						reportUnknown(p, key, b)
						break
					}
				}
				continue
			}
			reportBreak(p, key, by[key])
		}
	},
}

// uncalled reports whether a routine is a trigger's, and no trigger fires it:
// nothing else can call it.
func (p *Pass) uncalled(function schema.OID) bool {
	f := p.After.Functions[function]
	return f != nil && f.Returns == "trigger" && !slices.ContainsFunc(schema.Sorted(p.After.Triggers), func(t *schema.Trigger) bool { return t.Function == function })
}

// breakKey is the statement that broke a routine, and what it took away; with
// no object it is the one that made the routine.
type breakKey struct {
	m        *devdb.Recorded
	s        *devdb.Step
	object   string
	function schema.OID
}

// breaker finds the last step that explains why a routine is broken. A routine
// that was broken before the change set has none.
func breaker(r *devdb.Record, b devdb.BrokenRoutine) (key breakKey, ok bool) {
	for m, s := range (&Pass{Record: r}).Steps() {
		for _, c := range s.Changes {
			switch c := c.(type) {
			case *schema.AddFunction:
				if c.Function.OID == b.Function && c.Function.Raw == b.Raw {
					key, ok = breakKey{m, s, "", b.Function}, true
				}
			case *schema.ReplaceFunction:
				if c.After.OID == b.Function && c.After.Raw == b.Raw {
					key, ok = breakKey{m, s, "", b.Function}, true
				}
			case *schema.AddTrigger:
				f := s.After.Functions[b.Function]
				if c.Trigger.Function == b.Function && c.Trigger.Table == b.Table && f != nil && always(f.Body, b) {
					key, ok = breakKey{m, s, "", b.Function}, true
				}
			default:
				f := s.After.Functions[b.Function]
				if name, full, gone := schema.Gone(c); gone && f != nil && f.Raw == b.Raw && explains(c, name, b) {
					key, ok = breakKey{m, s, full, 0}, true
				}
			}
		}
	}
	return key, ok
}

// fired reports whether the step makes a table fire a routine that was there.
func fired(s *devdb.Step, b devdb.BrokenRoutine) bool {
	return s.Before.Functions[b.Function] != nil && slices.ContainsFunc(Changes[*schema.AddTrigger](s), func(c *schema.AddTrigger) bool {
		return c.Trigger.Function == b.Function && c.Trigger.Table == b.Table
	})
}

var (
	branches = regexp.MustCompile(`(?i)\b(?:IF|CASE|WHEN|LOOP|RETURN|EXIT|CONTINUE)\b`)
	catches  = regexp.MustCompile(`(?i)\bEXCEPTION\s+WHEN\b`)
)

// always reports whether a statement that misses a column of the row runs
// whenever the routine does: nothing before it branches, and nothing catches
// its error.
func always(body string, b devdb.BrokenRoutine) bool {
	i := strings.Index(body, b.Statement)
	return b.Statement != "" && i >= 0 && ofTheRow(b.Message) && !branches.MatchString(body[:i]) && !catches.MatchString(body)
}

// missingRelation is a whole message: a column is said to be "of relation" too.
var missingRelation = regexp.MustCompile(`^relation "(?:[^".]+\.)?([^".]+)" does not exist`)

// elsewhere reports whether what a new routine misses may be there where it
// runs: in another schema than the dev database's search path leads to, or in
// the rows of another table that fires it.
func elsewhere(p *Pass, key breakKey, all []devdb.BrokenRoutine, b devdb.BrokenRoutine) bool {
	if m := missingRelation.FindStringSubmatch(b.Message); m != nil {
		for _, r := range p.After.Relations {
			if r.Name == m[1] {
				return true
			}
		}
	}
	if b.Table == 0 || fired(key.s, b) {
		return false
	}
	fires, fails := map[schema.OID]bool{}, map[schema.OID]bool{}
	for _, t := range p.After.Triggers {
		if t.Function == b.Function && t.Parent == 0 {
			fires[t.Table] = true
		}
	}
	for _, o := range all {
		if o.Statement == b.Statement {
			fails[o.Table] = true
		}
	}
	return len(fails) < len(fires)
}

// brokenBy gives the broken routines by the migration that is the cause.
func brokenBy(r *devdb.Record) map[*devdb.Recorded][]devdb.BrokenRoutine {
	out := map[*devdb.Recorded][]devdb.BrokenRoutine{}
	for _, b := range r.Broken {
		if key, ok := breaker(r, b); ok {
			out[key.m] = append(out[key.m], b)
		}
	}
	return out
}

// explains reports whether what went by that name is what the server misses.
func explains(c schema.Change, name string, b devdb.BrokenRoutine) bool {
	if _, retyped := c.(*schema.AlterColumnType); retyped {
		return b.Code == "42883" && hasWord(b.Statement, name)
	}
	if d, ok := c.(*schema.DropColumn); ok && b.Table != 0 && d.Table.OID != b.Table && ofTheRow(b.Message) {
		return false // a column of that name, but not of the row that fired it
	}
	return hasWord(b.Message, name)
}

// ofTheRow reports whether the server misses a column of NEW or OLD.
func ofTheRow(message string) bool {
	return strings.Contains(message, "not found in data type") || strings.Contains(message, `record "new"`) || strings.Contains(message, `record "old"`)
}

// hasWord reports whether a text has the name as a whole word, in any case.
func hasWord(text, name string) bool {
	text, name = strings.ToLower(text), strings.ToLower(name)
	for at := 0; name != ""; at += len(name) {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		at += i
		if !wordAt(text, at-1) && !wordAt(text, at+len(name)) {
			return true
		}
	}
	return false
}

func wordAt(text string, i int) bool {
	return i >= 0 && i < len(text) && (text[i] == '_' || text[i] >= '0' && text[i] <= '9' || text[i] >= 'a' && text[i] <= 'z')
}

func reportBreak(p *Pass, key breakKey, broken []devdb.BrokenRoutine) {
	f := lint.Finding{Object: key.object}
	var names, table []string
	for _, b := range broken {
		fn := p.functionName(key.s, b.Function)
		via := []string{key.object, fn}
		if b.Table != 0 {
			via = append(via, relName(key.s, b.Table))
			table = append(table, fmt.Sprintf("every write to %s that fires it will fail", quote(relName(key.s, b.Table))))
		}
		if !slices.Contains(names, fn) {
			names = append(names, fn)
		}
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "catalog", Text: short(fn) + " uses it", Object: fn, Chain: chain(via)}, saidEvidence(fn, b))
	}
	what := "no longer there"
	if c, ok := Has[*schema.AlterColumnType](key.s); ok && strings.HasSuffix(key.object, "."+c.Before.Name) {
		what = "now " + c.After.Type
	}
	f.Message = fmt.Sprintf("%s %s, which is %s: PostgreSQL does not check function bodies, so the next call will fail", uses(names), quote(key.object), what)
	if len(table) > 0 {
		f.Message = fmt.Sprintf("%s %s, which is %s: %s", uses(names), quote(key.object), what, table[0])
	}
	f.Advice = fmt.Sprintf("Replace %s in this change, in the same transaction if the application calls it: use CREATE OR REPLACE with a body that fits the new schema.", list(names, 4))
	p.Report(At{Migration: key.m, Step: key.s}, f)
}

func uses(names []string) string {
	if len(names) == 1 {
		return list(names, 1) + " still uses"
	}
	return list(names, 4) + " still use"
}

func saidEvidence(fn string, b devdb.BrokenRoutine) lint.Evidence {
	statement := strings.Join(strings.Fields(b.Statement), " ")
	if r := []rune(statement); len(r) > 120 {
		statement = string(r[:120]) + " …"
	}
	text := short(fn)
	if b.Line > 0 {
		text += fmt.Sprintf(", line %d", b.Line)
	}
	if statement != "" {
		text += ": " + statement
	}
	return lint.Evidence{Kind: "error", Text: text + ": " + b.Message, Object: fn, Code: b.Code}
}

// functionName is a function's name after the step, or as it was in the end.
func (p *Pass) functionName(s *devdb.Step, oid schema.OID) string {
	for _, c := range []*schema.Catalog{s.After, p.After} {
		if f := c.Functions[oid]; f != nil {
			return f.QualifiedName()
		}
	}
	return ""
}

// reportUnknown tells a routine that is new, or replaced, and names what the
// schema does not have.
func reportUnknown(p *Pass, key breakKey, b devdb.BrokenRoutine) {
	fn := p.functionName(key.s, b.Function)
	f := lint.Finding{
		Severity: lint.Warning, Object: fn,
		Message:  fmt.Sprintf("%s cannot run: %s", quote(fn), b.Message),
		Evidence: []lint.Evidence{saidEvidence(fn, b)},
		Advice:   "PostgreSQL does not check the body when the function is created. Fix the name, or create the object in an earlier statement.",
	}
	if b.Table != 0 {
		f.Message = fmt.Sprintf("%s cannot run for %s: %s", quote(fn), quote(relName(key.s, b.Table)), b.Message)
	}
	if fired(key.s, b) {
		f.Severity = lint.Error
		f.Message += "; every write that fires it will fail"
		f.Advice = "PostgreSQL does not check the body when the trigger is created. Add the column to the table first, or use a trigger function that fits its rows."
	}
	if u := p.provenUse(b); u != nil {
		f.Severity, f.Confidence = lint.Error, lint.Proven
		f.Message += fmt.Sprintf("; every %s of %s fails", p.verbs(u), quote(p.used(u)))
		f.Evidence = append(f.Evidence, useEvidence(u)...)
	}
	at := At{Migration: key.m, Step: key.s}
	if r := key.s.Stmt.Syntax.Routine; r != nil && key.s.Stmt.Syntax.Tag != "DO" && b.Line > 0 {
		at.Pos = r.Pos
		at.Pos.Line += b.Line - 1
		at.Pos.Column = 1
		at.End = at.Pos
	}
	p.Report(at, f)
}
