package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var renameColumn = &Analyzer{
	Rule: lint.Rule{
		ID: "BC102", Name: "rename-column", Title: "renaming a column that deployed code still uses", Severity: lint.Error,
		Aliases: []string{"atlas:BC102", "squawk:renaming-column", "strong_migrations:rename_column"}, Hazards: []string{"C19"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.RenameColumn](p) {
			old := p.Before.Relations[c.Table.OID]
			if old == nil || columnByName(old, c.Before.Name) == nil || p.fromParent(at.Step, c) || p.columnShimmed(c) {
				continue
			}
			if now := column(p.After.Relations[c.Table.OID], c.Before.Num); now == nil && p.After.Relations[c.Table.OID] != nil {
				continue // dropped later in the change, which is told
			}
			table := qualified(c.Table.Schema, c.Table.Name)
			f := lint.Finding{
				Object:   table + "." + c.Before.Name,
				Message:  fmt.Sprintf("renames column %q of %s to %q: code that still uses %q will fail", c.Before.Name, quote(table), c.After.Name, c.Before.Name),
				Evidence: []lint.Evidence{{Kind: "catalog", Text: fmt.Sprintf("%s.%s is now %s", table, c.Before.Name, c.After.Name), Object: table}},
				Advice: fmt.Sprintf("Add %s as a new column, write both columns from the application, backfill it in batches, and drop %s in a later release:\n\nALTER TABLE %s ADD COLUMN %s %s;",
					c.After.Name, c.Before.Name, sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.After.Name), c.After.Type),
			}
			if !c.Table.IsTable() {
				f.Advice = fmt.Sprintf("Provide both names in %s until no deployed code uses the old one.", short(table))
			}
			p.Report(at, p.unlessUsed(at, f, old.Name, c.Before.Name))
		}
		for at, c := range Each[*schema.AlterType](p) {
			if p.Before.Types[c.After.OID] != nil {
				p.attributeRenamed(at, c)
			}
		}
	},
}

// attributeRenamed tells of attributes of a composite type.
func (p *Pass) attributeRenamed(at At, c *schema.AlterType) {
	name := qualified(c.After.Schema, c.After.Name)
	for _, b := range c.Before.Attributes {
		for _, a := range c.After.Attributes {
			if a.Num == b.Num && a.Name != b.Name {
				p.Report(at, lint.Finding{
					Object:   name + "." + b.Name,
					Message:  fmt.Sprintf("renames attribute %q of type %s to %q: code that still uses %q will fail", b.Name, quote(name), a.Name, b.Name),
					Evidence: []lint.Evidence{{Kind: "catalog", Text: fmt.Sprintf("%s.%s is now %s", name, b.Name, a.Name), Object: name}},
					Advice:   "First release code that does not use the old name; until then keep it.",
				})
			}
		}
	}
}

// columnShimmed reports whether the old column name still works after the
// whole change: re-added to the table, or the table renamed and a view with
// the table's old name has the column.
func (p *Pass) columnShimmed(c *schema.RenameColumn) bool {
	now := p.After.Relations[c.Table.OID]
	if columnByName(now, c.Before.Name) != nil {
		return true
	}
	old := p.Before.Relations[c.Table.OID]
	if now == nil {
		return true // the table is gone, which is told
	}
	for _, r := range p.After.Relations {
		if r.OID != old.OID && r.Schema == old.Schema && r.Name == old.Name {
			return columnByName(r, c.Before.Name) != nil
		}
	}
	return false
}
