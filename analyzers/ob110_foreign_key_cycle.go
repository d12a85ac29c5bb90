package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var foreignKeyCycle = &Analyzer{
	Rule: lint.Rule{
		ID: "OB110", Name: "foreign-key-cycle", Title: "circular foreign keys", Severity: lint.Warning,
		Hazards: []string{"B10"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddConstraint](p) {
			k := p.After.Constraints[c.Constraint.OID]
			if k == nil || !demands(p.After, k) || k.RefTable == k.Table {
				continue
			}
			cycle := wayBack(p.After, k)
			if cycle == nil {
				continue
			}
			var names []string
			f := lint.Finding{Object: relName(at.Step, k.Table)}
			for _, x := range cycle {
				names = append(names, p.After.Relations[x.Table].QualifiedName())
				f.Evidence = append(f.Evidence, catalogEvidence(f.Object, "%s on %s: %s, and its columns are NOT NULL", x.Name, short(names[len(names)-1]), x.Definition))
			}
			names = append(names, names[0])
			f.Message = fmt.Sprintf("circular NOT NULL foreign keys %s: no first row can be inserted", chainText(names))
			f.Advice = fmt.Sprintf("Make one of the columns nullable, or defer the check of one key to the end of the transaction:\n\nALTER TABLE %s ALTER CONSTRAINT %s DEFERRABLE INITIALLY DEFERRED;", relSQL(p.After.Relations[k.Table]), sqlIdent(k.Name))
			p.Report(at, f)
		}
	},
}

// demands reports whether a foreign key needs the other row to be there at once.
func demands(c *schema.Catalog, k *schema.Constraint) bool {
	if k.Kind != schema.ForeignKey || k.Deferrable || !k.Enforced {
		return false
	}
	for _, n := range k.Columns {
		if col := column(c.Relations[k.Table], n); col == nil || !col.NotNull {
			return false
		}
	}
	return c.Relations[k.RefTable] != nil
}

// wayBack finds the shortest chain of demanding keys from k's table back to it, k first.
func wayBack(c *schema.Catalog, k *schema.Constraint) []*schema.Constraint {
	queue := [][]*schema.Constraint{{k}}
	seen := map[schema.OID]bool{}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		at := path[len(path)-1].RefTable
		if at == k.Table {
			return path
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		for _, next := range foreignKeys(c, at) {
			if demands(c, next) {
				queue = append(queue, append(path[:len(path):len(path)], next))
			}
		}
	}
	return nil
}
