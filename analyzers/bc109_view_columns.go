package analyzers

import (
	"fmt"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var viewColumns = &Analyzer{
	Rule: lint.Rule{
		ID: "BC109", Name: "view-columns", Title: "re-creating a view without columns that deployed code reads", Severity: lint.Warning,
		Hazards: []string{"F02", "F03"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddView](p) {
			old := p.oldNamed(c.View)
			now := p.After.Relations[c.View.OID]
			if old == nil || old.OID == c.View.OID || now == nil || p.relationKept(old) {
				continue
			}
			var lost []string
			var ev []lint.Evidence
			for _, col := range old.Columns {
				n := columnByName(now, col.Name)
				switch {
				case n == nil:
					lost = append(lost, fmt.Sprintf("has no %q", col.Name))
				case n.TypeOID != col.TypeOID && p.Before.Types[col.TypeOID] == nil && kindOfType(n.Type) != kindOfType(col.Type):
					lost = append(lost, fmt.Sprintf("has %q as %s, not %s", col.Name, n.Type, col.Type))
				default:
					continue
				}
				ev = append(ev, lint.Evidence{Kind: "catalog", Text: "before: " + col.Name + " " + col.Type, Object: qualified(old.Schema, old.Name)})
			}
			if len(lost) == 0 {
				continue
			}
			name := qualified(now.Schema, now.Name)
			p.Report(at, lint.Finding{
				Object:   name,
				Message:  fmt.Sprintf("%s %s %s any more: code that reads the old columns will fail", now.Kind, quote(name), listPlain(lost, 3)),
				Evidence: ev,
				Advice:   "Keep the old columns until no deployed code reads them, and add new ones at the end; CREATE OR REPLACE VIEW enforces this.",
			})
		}
	},
}

// oldNamed is the relation of before the change with the name of a new view.
func (p *Pass) oldNamed(v *schema.Relation) *schema.Relation {
	for _, r := range p.Before.Relations {
		if r.Schema == v.Schema && r.Name == v.Name && (r.Kind == schema.View || r.Kind == schema.MaterializedView) {
			return r
		}
	}
	return nil
}

// relationKept reports whether the relation is there after the change under its name.
func (p *Pass) relationKept(old *schema.Relation) bool {
	r := p.After.Relations[old.OID]
	return r != nil && r.Schema == old.Schema && r.Name == old.Name
}

// kindOfType puts the types into one class that most code reads alike.
func kindOfType(name string) string {
	t := parseType(name)
	switch {
	case intDigits[t.base] > 0, t.base == "numeric", t.isFloat():
		return "number"
	case t.isText():
		return "text"
	case t.isStamp():
		return "timestamp"
	case t.base == "json", t.base == "jsonb":
		return "json"
	}
	return t.base
}
