package analyzers

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var unbatchedWrite = &Analyzer{
	Rule: lint.Rule{
		ID: "TX107", Name: "unbatched-write", Title: "a data change over a whole table in one statement", Severity: lint.Warning,
		Aliases: []string{"strong_migrations:change_column_null"},
		Hazards: []string{"X10"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			if f, ok := p.unbatched(m, s); ok {
				p.Report(At{Migration: m, Step: s}, f)
			}
		}
	},
}

func (p *Pass) unbatched(m *devdb.Recorded, s *devdb.Step) (lint.Finding, bool) {
	doing := map[string]string{"UPDATE": "updates", "DELETE": "deletes from", "INSERT": "copies into", "MERGE": "merges into"}[s.Tag]
	if doing == "" || s.Err != nil || len(s.Stmt.Syntax.Objects) == 0 {
		return lint.Finding{}, false
	}
	if s.Tag == "INSERT" && !copies(s) {
		return lint.Finding{}, false // it is the foreign keys that were looked up, by index where rows are many
	}
	// With a WHERE it may be a handful of rows: only production knows. But the
	// columns that this change adds are empty in all of them.
	t := p.target(s)
	if t == nil || someRows.MatchString(flat(s.Stmt.Text)) && !p.fillsAll(s, t) || !p.oldRows(t) || p.toldByDestruction(s, t) {
		return lint.Finding{}, false
	}
	joins := s.Tag == "INSERT" || s.Tag == "MERGE" || p.fillsAll(s, t)
	for _, x := range s.Scans {
		from := rel(s, x.Relation)
		if from == nil || !p.oldRows(from) || lookedUp(s, x.Relation) || !joins && x.Relation != t.OID {
			continue
		}
		name := qualified(t.Schema, t.Name)
		return lint.Finding{
			Object: name,
			Message: fmt.Sprintf("%s %s in one transaction by reading all of %s: every row it writes stays locked, and its old version is kept, until the end",
				doing, quote(name), quote(x.Object)),
			Evidence: []lint.Evidence{scanEvidence(x)},
			Advice:   "If the table is large, write in batches by key outside the migration, each in a transaction of its own.",
		}, true
	}
	return lint.Finding{}, false
}

// fillsAll reports whether an UPDATE that only fills columns which this change
// adds reaches about every row: its WHERE joins, or looks for what is not
// filled yet, and compares with no value.
func (p *Pass) fillsAll(s *devdb.Step, t *schema.Relation) bool {
	if s.Tag != "UPDATE" || !p.fillsNew(s, t) {
		return false
	}
	found := whereForm.FindAllStringIndex(s.Stmt.Text, -1)
	if len(found) == 0 {
		return false
	}
	where := s.Stmt.Text[found[len(found)-1][1]:]
	return !comparesValue.MatchString(where) && strings.Count(where, "(") == strings.Count(where, ")")
}

// copies reports whether an INSERT takes its rows from a query, not from VALUES.
func copies(s *devdb.Step) bool {
	text := flat(s.Stmt.Text)
	return !givenRows.MatchString(text) || selects.MatchString(text)
}

var (
	givenRows = regexp.MustCompile(`(?i)\bVALUES\b`)
	selects   = regexp.MustCompile(`(?i)\bSELECT\b`)
)

var (
	whereForm     = regexp.MustCompile(`(?i)\bWHERE\b`)
	comparesValue = regexp.MustCompile(`(?i)'|\$\d|(^|[^\w"])\d|\b(TRUE|FALSE|IN|EXISTS|ANY|ALL|SELECT|LIKE|ILIKE|RETURNING|CURRENT)\b`)
)

var someRows = regexp.MustCompile(`(?i)\b(WHERE|LIMIT|FETCH)\b`)

// oldRows reports whether a table may hold rows from before the change set.
func (p *Pass) oldRows(t *schema.Relation) bool {
	return !p.IsNew(t.OID) && t.Persistence != "temporary" && isTable(string(t.Kind))
}

// toldByDestruction leaves an UPDATE or DELETE of every row, which loses values, to DS110.
func (p *Pass) toldByDestruction(s *devdb.Step, t *schema.Relation) bool {
	if s.Tag != "UPDATE" && s.Tag != "DELETE" || s.Stmt.Syntax.HasWhere || narrowed(s) {
		return false
	}
	if proof := s.Proof(devdb.DemandKeep, tableRef(t.OID)); s.Tag == "UPDATE" && proof != nil && proof.Outcome == devdb.Passes {
		return false
	}
	return s.Tag == "DELETE" || !p.fillsNew(s, t)
}
