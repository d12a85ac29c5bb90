package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var renameTable = &Analyzer{
	Rule: lint.Rule{
		ID: "BC101", Name: "rename-table", Title: "renaming or moving a relation that deployed code still uses", Severity: lint.Error,
		Aliases: []string{"atlas:BC101", "squawk:renaming-table", "strong_migrations:rename_table", "squawk:renaming-object", "squawk:ban-set-schema"}, Hazards: []string{"D05", "D06"},
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
	if old == nil || old.Schema != before.Schema || old.Name != before.Name || p.relationNamed(before.Schema, before.Name) || p.After.Relations[before.OID] == nil {
		return // its name of before the change is told once; dropped later, the drop is told
	}
	if now := p.After.Relations[before.OID]; now != nil {
		after = now
	}
	from, to := qualified(before.Schema, before.Name), qualified(after.Schema, after.Name)
	f := lint.Finding{
		Object:   from,
		Message:  fmt.Sprintf("renames %s %s to %s: code that still uses %s will fail", before.Kind, quote(from), quote(to), quote(from)),
		Evidence: []lint.Evidence{{Kind: "catalog", Text: fmt.Sprintf("%s is now %s", from, to), Object: from}},
		Advice: fmt.Sprintf("Keep the old name working until no deployed code uses it, with a view created in the same transaction:\n\nCREATE VIEW %s AS SELECT * FROM %s;",
			sqlName(before.Schema, before.Name), sqlName(after.Schema, after.Name)),
	}
	switch {
	case before.Kind == schema.Sequence:
		f.Severity = lint.Warning
		f.Message = fmt.Sprintf("renames sequence %s to %s: code that calls nextval on the old name will fail; column defaults keep working", quote(from), quote(to))
		f.Advice = "First release code that does not use the sequence by name, or keep its name: nothing in the database requires the change."
	case before.PartitionOf != 0:
		f.Severity = lint.Info // code seldom names a partition
		f.Advice = "Make sure that no job uses the partition by name."
	}
	p.Report(at, p.unlessUsed(at, f, before.Name))
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
