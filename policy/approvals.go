package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

var (
	inputRef      = ast.MustParseRef("input")
	paramsRef     = ast.MustParseRef("input.params")
	contextRef    = ast.MustParseRef("input.context")
	approvalsRef  = ast.MustParseRef("input.context.approvals")
	approvedByRef = ast.MustParseRef("data.assay.approved_by")
)

// Approvers says whether some rule reads who approved, so that nobody is asked
// in vain, and which teams the approvers may be of: those that own something,
// and those that rules name in assay.approved_by("team").
func (p *Policies) Approvers() (teams []string, asked bool) {
	names := map[string]bool{}
	for _, o := range p.opts.Owners {
		for _, t := range append(o.Teams, o.Team) {
			if t != "" {
				names[t] = true
			}
		}
	}
	visit := ast.NewGenericVisitor(func(x any) bool {
		var call []*ast.Term
		switch x := x.(type) {
		case ast.Ref:
			whole := x.Equal(inputRef) || x.Equal(contextRef)
			part := x.HasPrefix(contextRef) && len(x) > 2 && !x[2].IsGround() || x.HasPrefix(inputRef) && len(x) > 1 && !x[1].IsGround()
			asked = asked || whole || part || x.HasPrefix(approvalsRef) || x.HasPrefix(approvedByRef)
		case *ast.Expr:
			call, _ = x.Terms.([]*ast.Term)
		case ast.Call:
			call = x
		}
		if len(call) > 1 {
			ref, _ := call[0].Value.(ast.Ref)
			team, constant := call[1].Value.(ast.String)
			if constant && ref.Equal(approvedByRef) {
				names[string(team)] = true
			}
		}
		return false
	})
	for name, m := range p.compiler.Modules {
		if !strings.HasPrefix(name, helpers) {
			visit.Walk(m)
		}
	}
	return slices.Sorted(maps.Keys(names)), asked
}
