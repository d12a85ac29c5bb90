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

var unboundedWrite = &Analyzer{
	Rule: lint.Rule{
		ID: "DS110", Name: "write-without-where", Title: "UPDATE or DELETE without WHERE", Severity: lint.Error, Covers: []string{"TX107"},
		Hazards: []string{"X11"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			x := s.Stmt.Syntax
			if s.Err != nil || s.Tag != "UPDATE" && s.Tag != "DELETE" || s.Tag != x.Tag || len(x.Objects) != 1 {
				continue
			}
			t := p.target(s)
			if t != nil && p.IsNew(t.OID) {
				t = p.oldPart(s, t.OID)
			}
			if t == nil || p.IsNew(t.OID) || s.Tag == "UPDATE" && p.fillsNew(s, t) {
				continue
			}
			proof := s.Proof(devdb.DemandKeep, tableRef(t.OID))
			f := unboundedFinding(s, t)
			if x.HasWhere || narrowed(s) {
				// That other tables choose no rows is only believed when it was seen.
				if proof == nil || proof.Outcome != devdb.Changes {
					continue
				}
				unjoinedFinding(&f, s, t)
			} else if s.Tag == "UPDATE" && proof != nil && proof.Outcome == devdb.Passes {
				continue // only what is missing is filled in
			}
			p.reportLoss(At{Migration: m, Step: s}, f, func(places string) string {
				return fmt.Sprintf("DELETE without WHERE: removes every row of %s; the data is in %s", quote(qualified(t.Schema, t.Name)), places)
			}, tableRef(t.OID))
		}
	},
}

// unjoinedFinding says that a WHERE is about other tables alone.
func unjoinedFinding(f *lint.Finding, s *devdb.Step, t *schema.Relation) {
	name := quote(qualified(t.Schema, t.Name))
	f.Severity = lint.Error
	f.Message = fmt.Sprintf("DELETE without a join condition: removes every row of %s if the other tables have a matching row", name)
	if s.Tag == "UPDATE" {
		f.Message = fmt.Sprintf("UPDATE without a join condition: changes every row of %s if the other tables have a matching row, and the old values are lost", name)
	}
	f.Advice = fmt.Sprintf("Add a join condition on columns of both tables that matches the rows of %s.", name)
}

// target is the table that an UPDATE or DELETE names.
func (p *Pass) target(s *devdb.Step) *schema.Relation {
	for _, l := range append(s.Locks[:len(s.Locks):len(s.Locks)], s.Held...) {
		if t := rel(s, l.Relation); t != nil && l.Mode.Strength() >= devdb.RowExclusive.Strength() && names(s.Stmt.Syntax.Objects[0], t) {
			return t
		}
	}
	return nil
}

// oldPart is a table of before the change that is now a part of one that the
// change makes; nil if there is none.
func (p *Pass) oldPart(s *devdb.Step, parent schema.OID) *schema.Relation {
	for _, t := range schema.Sorted(s.Before.Relations) {
		if t.PartitionOf != parent && !slices.Contains(t.Inherits, parent) {
			continue
		}
		if !p.IsNew(t.OID) {
			return t
		}
		if below := p.oldPart(s, t.OID); below != nil {
			return below
		}
	}
	return nil
}

var (
	setForm  = regexp.MustCompile(`(?is)\bSET\s+(.*)$`)
	setNames = regexp.MustCompile(`(?is)(?:^|,)\s*("[^"]+"|\w+)\s*=`)
	limits   = regexp.MustCompile(`(?is)\b(LIMIT|JOIN|USING|FROM)\b`)
)

// fillsNew reports whether an UPDATE sets only columns that the change adds: a
// back-fill has to reach every row.
func (p *Pass) fillsNew(s *devdb.Step, t *schema.Relation) bool {
	m := setForm.FindStringSubmatch(s.Stmt.Text)
	if m == nil {
		return false
	}
	found := setNames.FindAllStringSubmatch(flat(m[1]), -1)
	for _, n := range found {
		name := n[1]
		if strings.HasPrefix(name, `"`) {
			name = strings.Trim(name, `"`)
		} else {
			name = strings.ToLower(name)
		}
		c := columnByName(t, name)
		if c == nil || p.oldColumn(t.OID, c.Num) != nil {
			return false
		}
	}
	return len(found) > 0
}

// flat takes out what is in parentheses and in quotes.
func flat(s string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for _, r := range s {
		switch {
		case r == '\'':
			quoted = !quoted
		case quoted:
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// narrowed reports whether other tables in the statement choose the rows.
func narrowed(s *devdb.Step) bool {
	text := flat(s.Stmt.Text)
	if s.Tag == "DELETE" {
		text = strings.Replace(strings.ToUpper(text), "FROM", "", 1)
	}
	return limits.MatchString(text)
}

func unboundedFinding(s *devdb.Step, t *schema.Relation) lint.Finding {
	name := qualified(t.Schema, t.Name)
	f := lint.Finding{
		Object:   name,
		Message:  fmt.Sprintf("DELETE without WHERE: removes every row of %s", quote(name)),
		Evidence: []lint.Evidence{{Kind: "syntax", Text: clip(s.Stmt.Text), Object: name}},
		Advice:   fmt.Sprintf("Add a WHERE clause and delete in batches outside the migration:\n\nDELETE FROM %s WHERE …;", sqlName(t.Schema, t.Name)),
	}
	if s.Tag == "UPDATE" {
		f.Severity = lint.Warning
		f.Message = fmt.Sprintf("UPDATE without WHERE: changes every row of %s, and the old values are lost", quote(name))
		f.Advice = fmt.Sprintf("Add a WHERE clause and update in batches outside the migration:\n\nUPDATE %s SET … WHERE …;", sqlName(t.Schema, t.Name))
	}
	if l, ok := inForce(s, t.OID); ok {
		f.Evidence = append(f.Evidence, lockEvidence(l))
	}
	return f
}
