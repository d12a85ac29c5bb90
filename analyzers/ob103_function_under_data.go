package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var functionUnderData = &Analyzer{
	Rule: lint.Rule{
		ID: "OB103", Name: "function-under-stored-data", Title: "replacing a function whose results are stored", Severity: lint.Warning,
		Aliases: []string{"squawk:ban-replace-view-function"},
		Hazards: []string{"F15"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.ReplaceFunction](p) {
			if p.Before.Functions[c.After.OID] == nil || c.Before.Body == c.After.Body && c.Before.Strict == c.After.Strict {
				continue
			}
			name := c.After.QualifiedName()
			f := lint.Finding{Object: name}
			var uses, mend []string
			for _, d := range at.Step.Before.Dependents(functionRef(c.After.OID)) {
				use, sql := storedUse(p, at.Step.Before, d.Ref)
				if use == "" || len(d.Via) > 2 {
					continue
				}
				uses = append(uses, use)
				if sql != "" {
					mend = append(mend, sql)
				}
				f.Evidence = append(f.Evidence, chainEvidence(at.Step.Before, d))
			}
			if len(uses) == 0 {
				continue
			}
			f.Message = fmt.Sprintf("replacing %s does not recompute its stored results: %s", quote(name), listPlain(uses, 4))
			f.Advice = "If any stored result changes, recompute it, or give the new function another name and migrate its users one by one"
			if len(mend) == 0 {
				f.Advice += "."
			} else {
				f.Advice += ":\n\n" + sqlList(mend)
			}
			p.Report(at, f)
		}
	},
}

// storedUse tells what keeps a function's results, and how to make it anew;
// empty for what computes them each time.
func storedUse(p *Pass, c *schema.Catalog, ref schema.Ref) (use, sql string) {
	if i := c.Indexes[ref.OID]; ref.Class == schema.ClassRelation && i != nil && !p.IsNew(i.OID) {
		return "index " + quote(i.QualifiedName()), "REINDEX INDEX CONCURRENTLY " + sqlName(i.Schema, i.Name) + ";"
	}
	if k := c.Constraints[ref.OID]; ref.Class == schema.ClassConstraint && k != nil && k.Kind == schema.Check && !p.NewTable(k.Table) {
		return "rows accepted by CHECK " + quote(c.Name(ref)), ""
	}
	r := c.Relations[ref.OID]
	if ref.Class != schema.ClassRelation || r == nil || p.IsNew(r.OID) {
		return "", ""
	}
	if col := column(r, ref.Sub); col != nil && col.Generated == "stored" {
		return "generated column " + quote(c.Name(ref)), fmt.Sprintf("UPDATE %s SET %s = DEFAULT; -- in batches", relSQL(r), sqlIdent(col.Name))
	}
	if ref.Sub == 0 && r.Kind == schema.PartitionedTable {
		return "the partitions of " + quote(r.QualifiedName()), ""
	}
	return "", ""
}
