package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var expressionFails = &Analyzer{
	Rule: lint.Rule{
		ID: "DD113", Name: "expression-fails", Title: "a generated column or an index whose expression fails for some rows", Severity: lint.Error, Weight: lint.ByRows,
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddColumn](p) {
			if c.Column.Generated != "stored" || p.IsNew(c.Table.OID) {
				continue
			}
			table := qualified(c.Table.Schema, c.Table.Name)
			p.reportExpression(at, columnRef(c.Table.OID, c.Column.Num), lint.Finding{
				Object:   table + "." + c.Column.Name,
				Message:  fmt.Sprintf("generated column %q of %s cannot be computed for some rows, and the migration fails", c.Column.Name, quote(table)),
				Evidence: factOf(table, "%s is %s", c.Column.Name, clip(c.Column.Default)),
				Advice:   "Let the expression give NULL, or another value, for what it cannot take, such as nullif(…, 0) below a division.",
			})
		}
		for at, c := range Each[*schema.AddIndex](p) {
			t := rel(at.Step, c.Index.Table)
			if t == nil || p.IsNew(t.OID) {
				continue
			}
			table := qualified(t.Schema, t.Name)
			p.reportExpression(at, tableRef(c.Index.OID), lint.Finding{
				Object:   qualified(c.Index.Schema, c.Index.Name),
				Message:  fmt.Sprintf("the expression of index %q fails for some rows of %s, and so does every later write of such a row", c.Index.Name, quote(table)),
				Evidence: factOf(table, "%s", clip(c.Index.Definition)),
				Advice:   "Index only the rows that the expression can take, with a WHERE, or let it give NULL for the others.",
			})
		}
	},
}

// reportExpression reports an expression that was seen to fail: what a parser
// would guess about it is not told.
func (p *Pass) reportExpression(at At, target schema.Ref, f lint.Finding) {
	proof := at.Step.Proof(devdb.DemandGenerated, target)
	if proof == nil || proof.Outcome != devdb.Fails || proof.Counterexample == nil {
		return
	}
	f.Confidence = lint.Proven
	f.Evidence = append([]lint.Evidence{counterexample(proof.Counterexample)}, f.Evidence...)
	p.Report(at, f)
}
