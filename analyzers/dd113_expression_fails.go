package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var expressionFails = &Analyzer{
	Rule: lint.Rule{
		ID: "DD113", Name: "expression-fails", Title: "the expression of a generated column or index fails for some rows", Severity: lint.Error, Weight: lint.ByRows,
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
				Advice:   "Make the expression return NULL or another value for input that it cannot handle, for example nullif(…, 0) as the divisor.",
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
				Advice:   "Index only the rows that the expression can handle, with a WHERE clause, or make it return NULL for the others.",
			})
			p.reportSize(at, t, c.Index)
		}
	},
}

// reportSize reports a B-tree over values of any length that was seen to refuse a long one.
func (p *Pass) reportSize(at At, t *schema.Relation, i *schema.Index) {
	proof := at.Step.Proof(devdb.DemandSize, tableRef(i.OID))
	if proof == nil || proof.Outcome != devdb.Fails || proof.Counterexample == nil {
		return
	}
	table := qualified(t.Schema, t.Name)
	c := column(t, proof.Column)
	if c == nil {
		return
	}
	f := lint.Finding{
		Severity: lint.Warning, Confidence: lint.Proven,
		Object:   qualified(i.Schema, i.Name),
		Message:  fmt.Sprintf("index %q cannot hold a %q of more than about 2,700 bytes: one such row in %s fails the migration, and later every write of such a value fails", i.Name, c.Name, quote(table)),
		Evidence: []lint.Evidence{{Kind: "counterexample", Text: proof.Counterexample.Say(), SQL: proof.Counterexample.Rows, Code: proof.Counterexample.Code}},
		Advice:   fmt.Sprintf("For equality use a hash index, which accepts any length, or first limit the column with a CHECK:\n\nCREATE INDEX CONCURRENTLY %s ON %s USING hash (%s);", sqlIdent(i.Name), sqlName(t.Schema, t.Name), sqlIdent(c.Name)),
	}
	if i.Unique || len(i.Keys) > 1 {
		f.Advice = "Index a hash of the value, such as md5 of the text, or first limit the column with a CHECK."
	}
	if col := p.Stats.Table(t.Schema, t.Name).Column(c.Name); col != nil {
		if col.Width < shortValues {
			return
		}
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "statistics", Text: fmt.Sprintf("%q is %d bytes long on average (statistics of %s)", c.Name, col.Width, p.Stats.Taken), Object: table})
	}
	p.Report(at, f)
}

// shortValues is an average width in bytes of values that are not texts of any length.
const shortValues = 64

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
