package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var explicitIDs = &Analyzer{
	Rule: lint.Rule{
		ID: "DD112", Name: "explicit-ids", Title: "inserting explicit ids that the sequence will generate again", Severity: lint.Warning, Weight: lint.ByRows,
		Hazards: []string{"F26"},
	},
	Run: func(p *Pass) {
		told := map[schema.OID]bool{}
		for m, s := range p.Steps() {
			t := inserted(s)
			if t == nil || told[t.OID] || p.After.Relations[t.OID] == nil {
				continue
			}
			for _, c := range t.Columns {
				seq := ownedSequence(s.After, t.OID, c.Num)
				if seq == nil {
					seq = sequenceOfDefault(s.After, c.Default)
				}
				if seq == nil || seq.Sequence == nil || p.setLater(s, t, seq) {
					continue
				}
				top, ok := explicit(s, t, c.Name)
				if !ok || top < seq.Sequence.Start || seq.Sequence.Increment < 0 {
					continue
				}
				told[t.OID] = true
				p.Report(At{Migration: m, Step: s}, explicitFinding(t, c, seq, top))
			}
		}
	},
}

func explicitFinding(t *schema.Relation, c *schema.Column, seq *schema.Relation, top int64) lint.Finding {
	table, col := qualified(t.Schema, t.Name), sqlIdent(c.Name)
	return lint.Finding{
		Object:   table + "." + c.Name,
		Message:  fmt.Sprintf("inserts explicit values of %s with %q up to %d, and the sequence is not advanced: it will generate the same values", quote(table), c.Name, top),
		Evidence: factOf(table, "%s.%s takes its values from %s, and nothing in this change advances that sequence", table, c.Name, qualified(seq.Schema, seq.Name)),
		Advice: fmt.Sprintf("Omit %s from the column list, or set its sequence past the highest value afterwards:\n\nSELECT setval('%s', (SELECT max(%s) FROM %s));",
			col, sqlName(seq.Schema, seq.Name), col, sqlName(t.Schema, t.Name)),
	}
}

// inserted is the one table that an INSERT or COPY put rows into.
func inserted(s *devdb.Step) *schema.Relation {
	if s.Err != nil || s.Tag != "INSERT" && s.Tag != "COPY" || len(s.Stmt.Syntax.Objects) != 1 {
		return nil
	}
	for _, r := range s.Rows {
		if t := rel(s, r.Relation); r.Inserted > 0 && t != nil && names(s.Stmt.Syntax.Objects[0], t) {
			return t
		}
	}
	return nil
}

var insertForm = regexp.MustCompile(`(?is)^\s*(?:INSERT\s+INTO|COPY)\s+(?:"[^"]*"|[\w.])+(?:\s+AS\s+\w+)?\s*(?:\(([^()]*)\))?\s*(?:OVERRIDING\s+\w+\s+VALUE\s*)?(VALUES\b(.*)|FROM\b.*)$`)

// explicit is the highest value that the statement writes into the column by
// hand; false if it writes none, or not as a plain number.
func explicit(s *devdb.Step, t *schema.Relation, col string) (int64, bool) {
	m := insertForm.FindStringSubmatch(s.Stmt.Text)
	if m == nil {
		return 0, false
	}
	var cols []string
	for _, c := range strings.Split(m[1], ",") {
		if c = strings.TrimSpace(c); strings.HasPrefix(c, `"`) {
			cols = append(cols, strings.Trim(c, `"`))
		} else if c != "" {
			cols = append(cols, strings.ToLower(c))
		}
	}
	if len(cols) == 0 {
		for _, c := range t.Columns {
			cols = append(cols, c.Name)
		}
	}
	i := slices.Index(cols, col)
	if i < 0 {
		return 0, false
	}
	rows := tuples(m[3])
	if len(s.Stmt.Data) > 0 {
		rows = nil
		for _, line := range strings.Split(string(s.Stmt.Data), "\n") {
			rows = append(rows, strings.Split(line, "\t"))
		}
	}
	var top int64
	found := false
	for _, r := range rows {
		if i >= len(r) {
			continue
		}
		if n, err := strconv.ParseInt(strings.Trim(strings.TrimSpace(r[i]), "'"), 10, 64); err == nil {
			top, found = max(top, n), true
		}
	}
	return top, found
}

// tuples splits what follows VALUES into rows and their expressions. It ends
// at the first thing that is no row.
func tuples(text string) [][]string {
	var out [][]string
	var row []string
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			for i++; i < len(text) && text[i] != '\''; i++ {
			}
		case c == '(' || c == '[':
			if depth++; depth == 1 {
				row, start = nil, i+1
			}
		case c == ')' || c == ']':
			if depth--; depth == 0 {
				out = append(out, append(row, text[start:i]))
			}
			if depth < 0 {
				return out
			}
		case c == ',' && depth == 1:
			row, start = append(row, text[start:i]), i+1
		case depth == 0 && c != ',' && c > ' ':
			return out // ON CONFLICT, RETURNING
		}
	}
	return out
}
