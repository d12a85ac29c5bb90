package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// The conventions about data in migrations, and the order of columns.
var (
	dataInMigration = convention("CV126", "data-in-migration", "a data change together with schema changes", []string{"X12"}, nil, func(p *Pass) {
		for _, m := range p.New {
			ddl := false
			for _, s := range m.Steps {
				ddl = ddl || len(s.Changes) > 0
			}
			for _, s := range m.Steps {
				if !ddl || s.Err != nil || !writesData(s.Tag) || len(s.Stmt.Syntax.Objects) == 0 {
					continue
				}
				if t := p.target(s); t != nil && p.oldRows(t) {
					p.Report(At{Migration: m, Step: s}, lint.Finding{
						Object: t.QualifiedName(), Message: fmt.Sprintf("changes rows of %q in a migration that changes the schema: neither can be rolled back or run again without the other", t.Name),
						Evidence: syntaxEvidence(s.Tag + " together with schema changes"), Advice: "Move data changes to a migration or job of their own.",
					})
				}
			}
		}
	})
	randomData = convention("CV127", "data-by-chance", "rows that differ between environments", []string{"X30"}, nil, func(p *Pass) {
		for m, s := range p.Steps() {
			if s.Err != nil || !writesData(s.Tag) {
				continue
			}
			if f := chance.FindString(s.Stmt.Text); f != "" {
				name := strings.TrimSpace(strings.TrimSuffix(f, "("))
				p.Report(At{Migration: m, Step: s}, lint.Finding{
					Confidence: lint.Inferred, Message: fmt.Sprintf("%s returns different values in every database that runs the migration", name),
					Evidence: syntaxEvidence(name + " in " + s.Tag), Advice: "Write literal values, or generate them where they are needed.",
				})
			}
		}
	})
	columnOrder = convention("CV129", "column-order", "a column order that wastes space", []string{"S10"}, []string{"atlas:PG110"}, func(p *Pass) {
		for at, t := range p.newTables() {
			is, best := rowBytes(widths(t), false), rowBytes(widths(t), true)
			if is-best < 8 {
				continue
			}
			p.Report(at, lint.Finding{
				Object: t.QualifiedName(), Severity: lint.Info, Message: fmt.Sprintf("each row of %q has %d bytes of padding that another column order would avoid", t.Name, is-best),
				Evidence: []lint.Evidence{catalogEvidence(t.QualifiedName(), "%d bytes as written, %d with the widest fixed columns first", is, best)},
				Advice:   "Put columns of 8 bytes first (bigint, timestamptz), then 4, 2 and 1, then those of variable length.",
			})
		}
	})
)

var chance = regexp.MustCompile(`(?i)\b(?:random|gen_random_uuid|uuid_generate_v4|uuidv4|uuidv7|gen_random_bytes|clock_timestamp|now|statement_timestamp)\s*\(|\bcurrent_(?:timestamp|date|time)\b`)

func writesData(tag string) bool {
	return tag == "INSERT" || tag == "UPDATE" || tag == "DELETE" || tag == "MERGE"
}

// widths are the alignments of a table's fixed columns, 0 for those of variable length.
func widths(t *schema.Relation) []int {
	var out []int
	for _, c := range t.Columns {
		switch {
		case slices.Contains([]string{"bigint", "double precision", "timestamp with time zone", "timestamp without time zone", "time without time zone"}, c.Type):
			out = append(out, 8)
		case slices.Contains([]string{"integer", "real", "date", "oid"}, c.Type):
			out = append(out, 4)
		case c.Type == "smallint":
			out = append(out, 2)
		case c.Type == "boolean":
			out = append(out, 1)
		default:
			out = append(out, 0)
		}
	}
	return out
}

// rowBytes is the size of the fixed columns with padding, in their order or in the best one.
func rowBytes(widths []int, best bool) int {
	w := slices.Clone(widths)
	if best {
		slices.SortStableFunc(w, func(a, b int) int { return b - a })
	}
	size := 0
	for _, n := range w {
		if n == 0 { // its length is not known; it begins anywhere
			continue
		}
		size = (size+n-1)/n*n + n
	}
	return size
}
