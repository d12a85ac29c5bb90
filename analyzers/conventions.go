package analyzers

import (
	"fmt"
	"iter"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// convention is a check that is off unless the conventions pack is switched on.
func convention(id, name, title string, hazards, aliases []string, run func(*Pass)) *Analyzer {
	return &Analyzer{Rule: lint.Rule{ID: id, Name: name, Title: title, Severity: lint.Warning, Optional: true, Hazards: hazards, Aliases: aliases}, Run: run}
}

// newTables yields the tables that the change set makes for good: no temporary
// ones, no partitions, which follow their parent.
func (p *Pass) newTables() iter.Seq2[At, *schema.Relation] {
	return func(yield func(At, *schema.Relation) bool) {
		for at, c := range Each[*schema.AddTable](p) {
			if c.Table.Persistence == "temporary" || c.Table.PartitionOf != 0 || p.After.Relations[c.Table.OID] == nil {
				continue
			}
			if !yield(at, c.Table) {
				return
			}
		}
	}
}

// newColumns yields the columns of new tables, new columns and those that get
// another type, at the place where they are written.
func (p *Pass) newColumns() iter.Seq2[At, columnOf] {
	return func(yield func(At, columnOf) bool) {
		for at, t := range p.newTables() {
			for _, c := range t.Columns {
				if !c.Inherited && !yield(at.column(c.Name), columnOf{t, c}) {
					return
				}
			}
		}
		for at, c := range Each[*schema.AddColumn](p) {
			if !c.Column.Inherited && !yield(at.column(c.Column.Name), columnOf{c.Table, c.Column}) {
				return
			}
		}
		for at, c := range Each[*schema.AlterColumnType](p) {
			if !c.After.Inherited && !yield(at, columnOf{c.Table, c.After}) {
				return
			}
		}
	}
}

type columnOf struct {
	table  *schema.Relation
	column *schema.Column
}

func (c columnOf) name() string { return c.table.QualifiedName() + "." + c.column.Name }

// column narrows a place to where a column is written, if that is known.
func (at At) column(name string) At {
	x := at.Step.Stmt.Syntax
	for i := range x.Columns {
		if _, n := splitName(x.Columns[i].Name); n == name && x.Columns[i].Pos.Line > 0 {
			at.Pos, at.End = x.Columns[i].Pos, x.Columns[i].End
		}
	}
	for i := range x.Actions {
		if a := &x.Actions[i]; a.Column != nil && a.Pos.Line > 0 {
			if _, n := splitName(a.Column.Name); n == name {
				at.Pos, at.End = a.Pos, a.End
			}
		}
	}
	return at
}

// columnTypes is a convention about the types of columns: tell gives what is
// wrong with one, empty if nothing, and what to write instead.
func columnTypes(id, name, title string, hazards, aliases []string, tell func(columnOf) (wrong, instead string)) *Analyzer {
	return convention(id, name, title, hazards, aliases, func(p *Pass) {
		for at, c := range p.newColumns() {
			wrong, instead := tell(c)
			if wrong == "" {
				continue
			}
			p.Report(at, lint.Finding{
				Object: c.name(), Message: fmt.Sprintf("column %q %s", c.column.Name, wrong),
				Evidence: []lint.Evidence{catalogEvidence(c.name(), "type %s", c.column.Type)}, Advice: instead,
			})
		}
	})
}

// primaryKey are the attnums of a table's primary key.
func primaryKey(c *schema.Catalog, table schema.OID) []int16 {
	for _, i := range indexesOf(c, table) {
		if i.Primary {
			var out []int16
			for _, k := range i.Keys {
				out = append(out, k.Column)
			}
			return out
		}
	}
	return nil
}
