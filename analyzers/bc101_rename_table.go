package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var renameTable = &Analyzer{
	Rule: lint.Rule{
		ID: "BC101", Name: "rename-table", Title: "renaming or moving a relation that running code still uses", Severity: lint.Error,
		Aliases: []string{"atlas:BC101", "squawk:renaming-table"}, Hazards: []string{"D05", "D06"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.RenameTable](p) {
			p.renamed(at, c.Before, c.After)
		}
		for at, c := range Each[*schema.MoveTable](p) {
			p.renamed(at, c.Before, c.After)
		}
	},
}

func (p *Pass) renamed(at At, before, after *schema.Relation) {
	old := p.Before.Relations[before.OID]
	if old == nil || p.relationNamed(before.Schema, before.Name) {
		return
	}
	from, to := qualified(before.Schema, before.Name), qualified(after.Schema, after.Name)
	p.Report(at, lint.Finding{
		Object:   from,
		Message:  fmt.Sprintf("%s %s becomes %s: code that still says %s fails", before.Kind, quote(from), quote(to), quote(from)),
		Evidence: []lint.Evidence{{Kind: "catalog", Text: fmt.Sprintf("%s is now %s", from, to), Object: from}},
		Advice: fmt.Sprintf("Keep the old name working until no running code uses it, with a view in the same transaction:\n\nCREATE VIEW %s AS SELECT * FROM %s;",
			sqlName(before.Schema, before.Name), sqlName(after.Schema, after.Name)),
	})
}

// relationNamed reports whether a relation of that name exists after the whole change.
func (p *Pass) relationNamed(schemaName, name string) bool {
	for _, r := range p.After.Relations {
		if r.Schema == schemaName && r.Name == name {
			return true
		}
	}
	return false
}
