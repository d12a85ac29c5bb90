package analyzers

import (
	"fmt"
	"math"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var intSequence = &Analyzer{
	Rule: lint.Rule{
		ID: "DD111", Name: "int-sequence", Title: "a bigint column whose sequence still ends at 2147483647", Severity: lint.Warning, Weight: lint.ByRows,
		Hazards: []string{"F24"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AlterColumnType](p) {
			if c.After.Type != "bigint" || p.fromParent(at.Step, c) || c.Table.IsTable() && column(p.After.Relations[c.Table.OID], c.After.Num) == nil {
				continue
			}
			seq := sequenceOfDefault(p.After, c.After.Default)
			if seq == nil || seq.Sequence == nil || seq.Sequence.Max > math.MaxInt32 {
				continue
			}
			table, name := qualified(c.Table.Schema, c.Table.Name), qualified(seq.Schema, seq.Name)
			p.Report(at, lint.Finding{
				Object:   table + "." + c.After.Name,
				Message:  fmt.Sprintf("%q of %s is bigint now, but its sequence %s still ends at %d", c.After.Name, quote(table), quote(name), seq.Sequence.Max),
				Evidence: factOf(name, "%s is a sequence of %s up to %d", name, seq.Sequence.Type, seq.Sequence.Max),
				Advice:   fmt.Sprintf("Widen the sequence as well:\n\nALTER SEQUENCE %s AS bigint;", sqlName(seq.Schema, seq.Name)),
			})
		}
	},
}
