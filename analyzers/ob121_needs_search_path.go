package analyzers

import (
	"fmt"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var needsSearchPath = &Analyzer{
	Rule: lint.Rule{
		ID: "OB121", Name: "needs-search-path", Title: "a function used by an index or stored value needs a search_path", Severity: lint.Warning,
		Hazards: []string{"A21"},
	},
	Run: func(p *Pass) {
		stored := p.After.StoredCalls()
		reported := map[schema.Ref]bool{} // one finding says it of an object
		for _, b := range p.directFirst() {
			if slices.ContainsFunc(p.Broken, func(o devdb.BrokenRoutine) bool { return o.Function == b.Function }) {
				continue // it fails whatever the search_path is
			}
			for _, ref := range stored[b.Function] {
				if at, ok := p.broughtTogether(b.Function, ref); ok && !reported[ref] {
					reported[ref] = true
					p.reportNeedsPath(at, b, ref)
				}
			}
		}
	},
}

// directFirst are the routines that need a search_path, those that an object calls
// itself before those that these call.
func (p *Pass) directFirst() []devdb.BrokenRoutine {
	direct := map[schema.OID]bool{}
	for e := range p.After.Depends.All() {
		direct[e.On.OID] = direct[e.On.OID] || e.On.Class == schema.ClassFunction
	}
	return slices.SortedStableFunc(slices.Values(p.NeedPath), func(a, b devdb.BrokenRoutine) int {
		switch {
		case direct[a.Function] && !direct[b.Function]:
			return -1
		case direct[b.Function] && !direct[a.Function]:
			return 1
		}
		return 0
	})
}

// broughtTogether is the last statement that makes the object or the routine that computes it.
func (p *Pass) broughtTogether(function schema.OID, object schema.Ref) (at At, ok bool) {
	for m, s := range p.Steps() {
		for _, c := range s.Changes {
			made := false
			switch c := c.(type) {
			case *schema.AddFunction:
				made = c.Function.OID == function
			case *schema.ReplaceFunction:
				made = c.After.OID == function
			}
			if made || !s.Before.Has(object) && s.After.Has(object) {
				at, ok = At{Migration: m, Step: s}, true
			}
		}
	}
	return at, ok
}

func (p *Pass) reportNeedsPath(at At, b devdb.BrokenRoutine, ref schema.Ref) {
	fn := p.After.Functions[b.Function]
	what, then := "CHECK", "restoring a dump fails there"
	owner := p.After.Name(ref)
	t := p.After.Relations[ref.OID]
	severity := p.rule.Severity
	switch {
	case p.After.Indexes[ref.OID] != nil && ref.Class == schema.ClassRelation:
		what, then = "index", "autovacuum, ANALYZE and restoring a dump fail there"
		if p.Version.Major() >= 17 {
			severity, then = lint.Error, "building it fails if the table has any rows, and so do ANALYZE and restoring a dump"
		}
	case ref.Class == schema.ClassRelation && ref.Sub != 0:
		what = "generated column"
	case t != nil:
		what = "materialized view"
		if p.Version.Major() >= 17 {
			severity, then = lint.Error, "REFRESH and restoring a dump fail"
		}
	default:
		owner = p.After.Constraints[ref.OID].Name
	}
	p.Report(at, lint.Finding{
		Severity: severity, Object: p.After.Name(ref),
		Message:  fmt.Sprintf("%s %s calls %s, which does not run with an empty search_path: %s", what, quote(owner), quote(fn.QualifiedName()), then),
		Evidence: []lint.Evidence{saidEvidence(fn.QualifiedName(), b)},
		Advice: fmt.Sprintf("Schema-qualify each name in the body, or set a search_path on the function:\n\nALTER FUNCTION %s(%s) SET search_path = pg_catalog, %s, pg_temp;",
			sqlName(fn.Schema, fn.Name), fn.Identity, sqlIdent(fn.Schema)),
	})
}
