package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dropTable = &Analyzer{
	Rule: lint.Rule{
		ID: "DS101", Name: "drop-table", Title: "dropping a table and its rows", Severity: lint.Error,
		Aliases: []string{"atlas:DS102", "squawk:ban-drop-table"}, Hazards: []string{"D01"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropTable](p) {
			if p.IsNew(c.Table.OID) || c.Table.Kind == schema.ForeignTable || fellWithAnother(at.Step, c.Table.OID) && !p.fellWithNew(at.Step, c.Table.OID) || p.replacement(c.Table.OID) != nil {
				continue
			}
			name := qualified(c.Table.Schema, c.Table.Name)
			f := lint.Finding{
				Object:   name,
				Message:  fmt.Sprintf("drops table %s: all its rows are lost, and code that still uses it will fail", quote(name)),
				Evidence: []lint.Evidence{{Kind: "dropped", Text: fmt.Sprintf("%s with %s", name, plural(len(c.Table.Columns), "column")), Object: name}},
				Advice: fmt.Sprintf("First rename it, which can be undone, and drop it in a later release when nothing has failed without it:\n\nALTER TABLE %s RENAME TO %s;",
					sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.Table.Name+"_to_drop")),
			}
			if parent := at.Step.After.Relations[c.Table.PartitionOf]; parent != nil {
				f.Advice = fmt.Sprintf("First detach it, which can be undone, and drop it in a later release when nothing has failed without its rows:\n\nALTER TABLE %s DETACH PARTITION %s%s;",
					relSQL(parent), relSQL(c.Table), p.detachConcurrently(parent.OID))
			}
			for _, l := range at.Step.Locks {
				if l.Mode.BlocksWrites() && l.Relation != c.Table.OID && isTable(l.Kind) && !p.IsNew(l.Relation) && at.Step.After.Relations[l.Relation] != nil {
					f.Evidence = append(f.Evidence, lockEvidence(l))
				}
			}
			f = withLoss(at, f, func(places string) string {
				return fmt.Sprintf("drops table %s: its data is in %s afterwards, and code that still uses it will fail", quote(name), places)
			}, tableRef(c.Table.OID))
			p.Report(at, p.unlessUsed(at, f, p.old(c.Table.OID).Name))
		}
	},
}

// fellWithAnother reports whether the relation was not named by the statement:
// it went with its schema, its parent or by CASCADE, which is told by itself.
func fellWithAnother(s *devdb.Step, oid schema.OID) bool {
	return fell(s, schema.Ref{Class: schema.ClassRelation, OID: oid})
}

// fellWithNew reports whether the relation was dropped as a part of tables that
// the change makes: an old table that was attached to a new one goes with it,
// and nothing else reports it. What goes by CASCADE or with its own schema does
// not count.
func (p *Pass) fellWithNew(s *devdb.Step, oid schema.OID) bool {
	if t := s.Before.Relations[oid]; t == nil || t.PartitionOf == 0 || droppedSchema(s, t.Schema) {
		return false
	}
	for t := s.Before.Relations[oid]; t != nil && t.PartitionOf != 0; {
		t = s.Before.Relations[t.PartitionOf]
		if t == nil || !p.IsNew(t.OID) || s.After.Relations[t.OID] != nil {
			return false
		}
	}
	return true
}

// droppedSchema reports whether the step drops the schema of that name.
func droppedSchema(s *devdb.Step, name string) bool {
	return slices.ContainsFunc(Changes[*schema.DropSchema](s), func(c *schema.DropSchema) bool { return c.Schema.Name == name })
}

// fell reports whether the statement dropped the object without naming it.
func fell(s *devdb.Step, ref schema.Ref) bool {
	for _, d := range s.Dropped {
		if d.Ref == ref {
			return !d.Original
		}
	}
	return false
}

// replacement is the table that has a dropped table's name after the whole
// change; nil if there is none, or only a view.
func (p *Pass) replacement(oid schema.OID) *schema.Relation {
	old := p.old(oid)
	if old == nil || p.After.Relations[oid] != nil {
		return nil
	}
	for _, r := range p.After.Relations {
		if r.Schema == old.Schema && r.Name == old.Name && r.IsTable() {
			return r
		}
	}
	return nil
}
