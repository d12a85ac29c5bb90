package analyzers

import (
	"cmp"
	"fmt"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dropSequence = &Analyzer{
	Rule: lint.Rule{
		ID: "DS112", Name: "drop-sequence", Title: "dropping a sequence and its current value", Severity: lint.Warning,
		Aliases: []string{"squawk:ban-drop-sequence"},
		Hazards: []string{"F25"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropSequence](p) {
			old := p.old(c.Sequence.OID)
			if old == nil || fellWithAnother(at.Step, c.Sequence.OID) && !p.ownedByNew(at.Step, c.Sequence) || old.OwnedBy.OID != 0 && p.columnsGone(old.OwnedBy.OID, []int16{old.OwnedBy.Sub}) {
				continue
			}
			name := qualified(old.Schema, old.Name)
			f := lint.Finding{
				Object:   name,
				Message:  fmt.Sprintf("drops sequence %s: its current value is lost, and code that calls nextval on it will fail", quote(name)),
				Evidence: []lint.Evidence{{Kind: "dropped", Text: "sequence " + name, Object: name}},
				Advice:   "First release code that does not call it; record its last value if anything must continue from there.",
			}
			if p.relationNamed(old.Schema, old.Name) {
				if p.setLater(at.Step, cmp.Or(p.Before.Relations[old.OwnedBy.OID], old), old) {
					continue
				}
				if made, c, ok := p.madeIdentity(old); ok {
					at, f.Object = made, c.Table.QualifiedName()+"."+c.After.Name
				}
				f.Message = fmt.Sprintf("drops sequence %s and creates a new one of that name: it starts over and generates values that rows already have", quote(name))
				f.Advice = fmt.Sprintf("Change the existing sequence:\n\nALTER SEQUENCE %s …;", sqlName(old.Schema, old.Name))
			}
			p.Report(at, f)
		}
	},
}

// ownedByNew reports whether a sequence belongs to a column of a table that the
// change makes, and was dropped with it.
func (p *Pass) ownedByNew(s *devdb.Step, seq *schema.Relation) bool {
	owner := s.Before.Relations[seq.OwnedBy.OID]
	return owner != nil && p.IsNew(owner.OID) && !droppedSchema(s, seq.Schema)
}

// madeIdentity is the statement that makes the column of a dropped sequence an
// identity, whose own sequence then has the name.
func (p *Pass) madeIdentity(old *schema.Relation) (made At, change *schema.AlterIdentity, ok bool) {
	for at, c := range Each[*schema.AlterIdentity](p) {
		if c.Table.OID == old.OwnedBy.OID && c.After.Num == old.OwnedBy.Sub && c.Before.Identity == "" && c.After.Identity != "" {
			made, change, ok = at, c, true
		}
	}
	return made, change, ok
}
