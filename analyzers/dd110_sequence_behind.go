package analyzers

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var sequenceBehind = &Analyzer{
	Rule: lint.Rule{
		ID: "DD110", Name: "sequence-behind", Title: "a sequence generates values that existing rows already have", Severity: lint.Warning, Weight: lint.ByRows, Covers: []string{"DS112"},
		Aliases: []string{"squawk:ban-alter-sequence-values"},
		Hazards: []string{"C21", "F25"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AlterIdentity](p) {
			if c.Before.Identity == "" && c.After.Identity != "" {
				p.startsLow(at, c.Table, c.After, ownedSequence(at.Step.After, c.Table.OID, c.After.Num))
			}
		}
		for at, c := range Each[*schema.AlterDefault](p) {
			if seq := sequenceOfDefault(at.Step.After, c.After.Default); seq != nil && p.old(seq.OID) == nil && !p.fromParent(at.Step, c) {
				p.startsLow(at, c.Table, c.After, seq)
			}
		}
		for at, c := range Each[*schema.AddColumn](p) {
			// An identity that comes with the column fills it; one that takes the
			// place of another and is then given values of its own does not.
			if seq := ownedSequence(at.Step.After, c.Table.OID, c.Column.Num); seq != nil && c.Column.Identity != "" && p.copiesInto(at, c.Table.OID, c.Column) != nil {
				p.startsLow(at, c.Table, c.Column, seq)
			}
		}
		for _, old := range schema.Sorted(p.Before.Relations) {
			p.swappedBehind(old)
		}
		for m, s := range p.Steps() {
			p.restarted(At{Migration: m, Step: s})
		}
	},
}

// swappedBehind reports the identities and serial columns of a table that takes
// the place of another, and its rows with their numbers.
func (p *Pass) swappedBehind(old *schema.Relation) {
	now := p.successor(old)
	if now == nil || !p.IsNew(now.OID) {
		return
	}
	m, s := p.copied(old, now)
	if s == nil {
		return
	}
	for _, c := range now.Columns {
		seq := ownedSequence(p.After, now.OID, c.Num)
		if seq == nil {
			seq = sequenceOfDefault(p.After, c.Default)
		}
		was := columnByName(old, c.Name)
		if seq == nil || was == nil || !p.IsNew(seq.OID) || was.Identity == "" && was.Default == "" {
			continue
		}
		if seq.Sequence != nil && seq.Sequence.Start == 1 && !p.setLater(s, now, seq) && !p.setLater(s, old, seq) {
			p.Report(At{Migration: m, Step: s}, behindFinding(now, c, seq))
		}
	}
}

// startsLow reports a new sequence for a column that was there before.
func (p *Pass) startsLow(at At, t *schema.Relation, c *schema.Column, seq *schema.Relation) {
	if seq == nil || seq.Sequence == nil || seq.Sequence.Start != 1 || p.formerColumn(t.OID, c.Num) == nil || p.setLater(at.Step, t, seq) {
		return
	}
	p.Report(at, behindFinding(t, c, seq))
}

func behindFinding(t *schema.Relation, c *schema.Column, seq *schema.Relation) lint.Finding {
	table := qualified(t.Schema, t.Name)
	col := sqlIdent(c.Name)
	return lint.Finding{
		Object:   table + "." + c.Name,
		Message:  fmt.Sprintf("values of %q of %s start at 1 and collide with existing rows", c.Name, quote(table)),
		Evidence: factOf(table, "sequence %s starts at 1, and nothing in this change sets it", qualified(seq.Schema, seq.Name)),
		Advice: fmt.Sprintf("Start past the highest value, in the same transaction:\n\nSELECT setval(pg_get_serial_sequence('%s', '%s'), (SELECT coalesce(max(%s), 0) + 1 FROM %s), false);",
			sqlName(t.Schema, t.Name), c.Name, col, sqlName(t.Schema, t.Name)),
	}
}

var sets = regexp.MustCompile(`(?i)\bsetval\s*\(|\bRESTART\b|\bSTART\s+WITH\b`)

// setLater reports whether this or a later statement of the change puts the
// sequence, or one it does not name, to a value.
func (p *Pass) setLater(from *devdb.Step, t, seq *schema.Relation) bool {
	seen := false
	for _, s := range p.Steps() {
		seen = seen || s == from
		if !seen || !sets.MatchString(s.Stmt.Text) {
			continue
		}
		text := strings.ToLower(s.Stmt.Text)
		if strings.Contains(text, strings.ToLower(seq.Name)) || strings.Contains(text, strings.ToLower(t.Name)) || s.Stmt.Syntax.Routine != nil {
			return true
		}
	}
	return false
}

// ownedSequence is the sequence that belongs to a column, nil if there is none.
func ownedSequence(c *schema.Catalog, table schema.OID, num int16) *schema.Relation {
	for _, r := range c.Relations {
		if r.Kind == schema.Sequence && r.OwnedBy == columnRef(table, num) {
			return r
		}
	}
	return nil
}

var nextval = regexp.MustCompile(`nextval\('([^']+)'`)

// sequenceOfDefault is the sequence that a default takes its values from.
func sequenceOfDefault(c *schema.Catalog, expr string) *schema.Relation {
	m := nextval.FindStringSubmatch(expr)
	if m == nil {
		return nil
	}
	for _, r := range schema.Sorted(c.Relations) {
		if r.Kind == schema.Sequence && names(m[1], r) {
			return r
		}
	}
	return nil
}

var restart = regexp.MustCompile(`(?is)\bRESTART\b(?:\s+(?:WITH\s+)?(-?\d+))?`)

var restartOf = regexp.MustCompile(`(?is)\bALTER\s+(?:COLUMN\s+)?("[^"]+"|\w+)\s+(?:SET\s+GENERATED\s+\w+(?:\s+DEFAULT)?\s+)?(?:SET\s+)?RESTART\b`)

// identityRestarted is the column of an ALTER TABLE … ALTER COLUMN … RESTART.
func identityRestarted(s *devdb.Step) string {
	m := restartOf.FindStringSubmatch(s.Stmt.Text)
	if m == nil || s.Stmt.Syntax.Tag != "ALTER TABLE" {
		return ""
	}
	if strings.HasPrefix(m[1], `"`) {
		return strings.Trim(m[1], `"`)
	}
	return strings.ToLower(m[1])
}

func (p *Pass) restartedIdentity(at At, t *schema.Relation, c *schema.Column, from string) {
	if p.writtenBefore(at, t.OID) {
		return
	}
	table, col := t.QualifiedName(), sqlIdent(c.Name)
	p.Report(at, lint.Finding{
		Object:   table + "." + c.Name,
		Message:  fmt.Sprintf("values of %q of %s continue from %s: if the sequence was past that value, inserts collide with existing rows", c.Name, quote(table), cmp.Or(from, "their start")),
		Evidence: []lint.Evidence{{Kind: "syntax", Text: clip(at.Step.Stmt.Text), Object: table}},
		Advice: fmt.Sprintf("Set it past the highest value instead of to a fixed one:\n\nSELECT setval(pg_get_serial_sequence('%s', '%s'), (SELECT coalesce(max(%s), 0) + 1 FROM %s), false);",
			relSQL(t), c.Name, col, relSQL(t)),
	})
}

// restarted reports a sequence of before the change that is put back.
func (p *Pass) restarted(at At) {
	s := at.Step
	if s.Err != nil || s.Stmt.Syntax.Tag != "ALTER SEQUENCE" && s.Stmt.Syntax.Tag != "ALTER TABLE" {
		return
	}
	m := restart.FindStringSubmatch(s.Stmt.Text)
	if m == nil || len(s.Stmt.Syntax.Objects) == 0 {
		return
	}
	var t *schema.Relation
	for _, r := range schema.Sorted(p.Before.Relations) {
		if names(s.Stmt.Syntax.Objects[0], r) && s.After.Relations[r.OID] != nil {
			t = r
			break
		}
	}
	if c := columnByName(t, identityRestarted(s)); c != nil {
		p.restartedIdentity(at, t, c, m[1])
		return
	}
	if t == nil || t.Kind == schema.Sequence && t.OwnedBy.OID != 0 && p.writtenBefore(at, t.OwnedBy.OID) || p.writtenBefore(at, t.OID) {
		return
	}
	name, from := qualified(t.Schema, t.Name), "its start"
	if m[1] != "" {
		from = m[1]
	}
	p.Report(at, lint.Finding{
		Object:   name,
		Message:  fmt.Sprintf("%s generates values from %s on: if it was past that value, inserts collide with existing rows", quote(name), from),
		Evidence: []lint.Evidence{{Kind: "syntax", Text: clip(s.Stmt.Text), Object: name}},
		Advice:   fmt.Sprintf("Set it past the highest value instead of to a fixed one:\n\nSELECT setval('%s', (SELECT coalesce(max(…), 0) + 1 FROM …), false);", sqlName(t.Schema, t.Name)),
	})
}
