package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
	"github.com/assaydb/assay/internal/stats"
)

var unbatchedWrite = &Analyzer{
	Rule: lint.Rule{
		ID: "TX107", Name: "unbatched-write", Title: "an unbatched data change", Severity: lint.Warning,
		Aliases: []string{"strong_migrations:change_column_null"},
		Hazards: []string{"X10"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			f, ok := p.unbatched(s)
			if !ok {
				f, ok = p.unselective(s)
			}
			if ok {
				p.Report(At{Migration: m, Step: s}, f)
			}
		}
	},
}

func (p *Pass) unbatched(s *devdb.Step) (lint.Finding, bool) {
	doing := doings[s.Tag]
	if doing == "" || s.Err != nil || len(s.Stmt.Syntax.Objects) == 0 {
		return lint.Finding{}, false
	}
	if s.Tag == "INSERT" && !copies(s) {
		return lint.Finding{}, false // it is the foreign keys that were looked up, by index where rows are many
	}
	// With a WHERE it may be a handful of rows: only production knows. But the
	// columns that this change adds are empty in all of them.
	t := p.target(s)
	if t == nil || someRows.MatchString(flat(s.Stmt.Text)) && !p.fillsAll(s, t) || !p.oldRows(t) {
		return lint.Finding{}, false
	}
	for _, w := range p.writesOf(s) {
		if w.Kind == s.Tag && w.Kind != "INSERT" && p.fewTarget(s, &w.Rows) {
			return lint.Finding{}, false
		}
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
			Message: fmt.Sprintf("%s %s in one transaction with a full scan of %s: every written row stays locked, and its old version is kept, until the transaction ends",
				doing, quote(name), quote(x.Object)),
			Evidence: []lint.Evidence{scanEvidence(x)},
			Advice:   "If the table is large, write in batches by key outside the migration, each batch in its own transaction.",
		}, true
	}
	return lint.Finding{}, false
}

// manyWrites are the UPDATE, DELETE and MERGE of a step that may reach many rows
// of a table from before the change: no unique key is given few values.
func (p *Pass) manyWrites(s *devdb.Step) []manyRows {
	var out []manyRows
	for _, w := range p.writesOf(s) {
		if w.Kind == "INSERT" || s.Err != nil {
			continue
		}
		t := sourceRelation(s, w.Target)
		if t == nil || !p.oldRows(t) || p.reference(t) {
			continue
		}
		looped := p.inLoops(s, w)
		if l, ok := inForce(s, t.OID); !looped && (!ok || l.Mode.Strength() < devdb.RowExclusive.Strength()) {
			continue // a branch of a block that was not taken; a loop over no rows says nothing
		}
		if looped || !p.fewTarget(s, &w.Rows) {
			out = append(out, manyRows{w, t, looped})
		}
	}
	return out
}

// manyRows is a data change that may reach many rows.
type manyRows struct {
	migration.Write
	table  *schema.Relation
	looped bool // a loop repeats it
}

var doings = map[string]string{"UPDATE": "updates", "DELETE": "deletes from", "INSERT": "copies into", "MERGE": "merges into"}

// unselective reports a data change whose WHERE, joins and loops leave open how
// many rows it reaches.
func (p *Pass) unselective(s *devdb.Step) (lint.Finding, bool) {
	for _, w := range p.manyWrites(s) {
		plain := s.Tag == w.Kind && len(w.Loops) == 0
		if plain && !w.Rows.Where && w.Kind != "MERGE" {
			continue // unbatched looks at it
		}
		name := qualified(w.table.Schema, w.table.Name)
		f := lint.Finding{
			Object: name,
			Message: fmt.Sprintf("%s %s in one transaction, and no unique key limits how many rows: every written row stays locked, and its old version is kept, until the transaction ends",
				doings[w.Kind], quote(name)),
			Evidence: []lint.Evidence{{Kind: "syntax", Text: clip(s.Stmt.Text), Object: name}},
			Advice:   "If there are many rows, write in batches by key outside the migration, each batch in its own transaction.",
		}
		if rows, of, ok := p.expected(s, w); ok {
			if rows <= p.facts.sizes.Small {
				continue
			}
			f.Message = fmt.Sprintf("%s %s in one transaction, about %s of %s according to the statistics of %s: every written row stays locked, and its old version is kept, until the transaction ends",
				doings[w.Kind], quote(name), stats.Rows(rows), stats.Rows(of), p.Stats.Taken)
		} else if !w.looped {
			switch compared, indexed := p.comparesConstant(s, w); {
			case indexed:
				continue // an index says that rows are looked up by such values
			case compared:
				f.Severity = lint.Info // as many as have the value
			}
		}
		return f, true
	}
	return lint.Finding{}, false
}

// comparesConstant reports whether a column of the target is compared with given
// values, and whether an index begins with one that is.
func (p *Pass) comparesConstant(s *devdb.Step, w manyRows) (compared, indexed bool) {
	for _, e := range w.Rows.Equals() {
		c := columnByName(w.table, e.Column.Name)
		if c == nil || len(e.To) > 0 || e.In != nil || !slices.Contains(p.sourcesOf(s, &w.Rows, e.Column), 0) {
			continue
		}
		compared = true
		for _, x := range s.Before.Indexes {
			indexed = indexed || x.Table == w.table.OID && x.Valid && x.Predicate == "" && len(x.Keys) > 0 && x.Keys[0].Column == c.Num
		}
	}
	return compared, indexed
}

// expected is how many rows production's statistics say that a change reaches at
// most, and how many there are.
func (p *Pass) expected(s *devdb.Step, w manyRows) (rows, of int64, ok bool) {
	x := p.extent(w.table)
	if x == nil {
		return 0, 0, false
	}
	rel := w.table
	if old := p.Before.Relations[rel.OID]; old != nil {
		rel = old
	}
	t := p.Stats.Table(rel.Schema, rel.Name)
	share := 1.0
	for _, c := range w.Rows.Null {
		if col := t.Column(c.Name); col != nil && slices.Contains(p.sourcesOf(s, &w.Rows, c), 0) {
			share *= col.Nulls
		}
	}
	for _, e := range w.Rows.Equals() {
		col := t.Column(e.Column.Name)
		if col == nil || len(e.To) > 0 || e.In != nil || !slices.Contains(p.sourcesOf(s, &w.Rows, e.Column), 0) {
			continue
		}
		distinct := col.Distinct
		if distinct < 0 {
			distinct *= -float64(x.rows)
		}
		if distinct >= 1 {
			share *= min(float64(e.Values)*(1-col.Nulls)/distinct, 1)
		}
	}
	return int64(share * float64(x.rows)), x.rows, true
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
