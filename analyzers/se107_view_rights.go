package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var viewRights = &Analyzer{
	Rule: lint.Rule{
		ID: "SE107", Name: "view-bypasses-rls", Title: "a view bypasses row-level security", Severity: lint.Warning,
		Hazards: []string{"R12"},
	},
	Run: func(p *Pass) {
		told := map[schema.OID]bool{}
		report := func(at At, v *schema.Relation) {
			now := p.After.Relations[v.OID]
			if now == nil || told[v.OID] || invoker(now) {
				return
			}
			if table := guarded(p.After, now); table != nil {
				told[v.OID] = true
				p.Report(at, viewFinding(p, now, table))
			}
		}
		for m, s := range p.Steps() {
			at := At{Migration: m, Step: s}
			for _, c := range Changes[*schema.AddView](s) {
				// One that is dropped and re-created is no more open than it was.
				if was := p.Before.RelationNamed(c.View.Schema, c.View.Name); was == nil || !isView(was) || invoker(was) || guarded(p.Before, was) == nil {
					report(at, c.View)
				}
			}
			for _, c := range Changes[*schema.ReplaceView](s) {
				if guarded(p.Before, c.Before) == nil {
					report(at, c.After)
				}
			}
			for _, c := range Changes[*schema.SetOptions](s) {
				if isView(c.After) && invoker(c.Before) && !invoker(c.After) {
					report(at, c.After)
				}
			}
			for _, c := range Changes[*schema.SetRowSecurity](s) {
				if c.Before.RowSecurity || !c.After.RowSecurity {
					continue
				}
				for _, d := range readers(p, s.After, relRef(c.After.OID)) {
					if v := s.After.Relations[d.Ref.OID]; d.Ref.Class == schema.ClassRelation && v != nil {
						report(at, v)
					}
				}
			}
		}
	},
}

// invoker reports whether a view reads with the rights of whoever asks.
func invoker(v *schema.Relation) bool {
	return slices.Contains(v.Options, "security_invoker=true") || slices.Contains(v.Options, "security_invoker=on") || slices.Contains(v.Options, "security_invoker=1")
}

// guarded finds a table with row-level security that a view reads itself or
// through other views, and whose policies do not hold for the view's owner.
func guarded(c *schema.Catalog, v *schema.Relation) *schema.Relation {
	if v == nil {
		return nil
	}
	reads := map[schema.OID][]schema.OID{}
	for e := range c.Depends.All() {
		if e.Object.Class == schema.ClassRelation && e.On.Class == schema.ClassRelation && e.Object.OID != e.On.OID {
			if o := c.Relations[e.Object.OID]; o != nil && isView(o) {
				reads[o.OID] = append(reads[o.OID], e.On.OID)
			}
		}
	}
	seen := map[schema.OID]bool{}
	queue := []schema.OID{v.OID}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		if r := c.Relations[at]; r != nil && r.RowSecurity && !r.ForceRowSecurity && r.Owner == v.Owner {
			return r
		}
		queue = append(queue, reads[at]...)
	}
	return nil
}

func viewFinding(p *Pass, v, table *schema.Relation) lint.Finding {
	f := lint.Finding{
		Object:  v.QualifiedName(),
		Message: fmt.Sprintf("%s %s reads %s as its owner: anyone who can read the view bypasses row-level security", v.Kind, quote(v.QualifiedName()), quote(table.QualifiedName())),
		Evidence: []lint.Evidence{
			catalogEvidence(v.QualifiedName(), "%s → %s, which has row-level security; both are owned by %s", short(v.QualifiedName()), short(table.QualifiedName()), v.Owner),
		},
		Advice: fmt.Sprintf("Make it use the privileges of the querying role:\n\nALTER VIEW %s SET (security_invoker = true);", relSQL(v)),
	}
	switch {
	case v.Kind == schema.MaterializedView:
		f.Message = fmt.Sprintf("materialized view %s stores a copy of %s without its policies: anyone who can read it sees every row", quote(v.QualifiedName()), quote(table.QualifiedName()))
		f.Advice = "Grant it only to roles that may see every row, and give others a function or view with a condition."
	case p.Version.Major() < 15:
		f.Advice = "Before PostgreSQL 15 a view cannot use the privileges of the querying role: put the conditions of the policies into the view, WITH (security_barrier = true), or make a role that is subject to the policies the owner of the view."
	}
	return f
}
