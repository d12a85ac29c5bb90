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
	authorRef     = ast.MustParseRef("input.context.author_teams")
	countedRef    = ast.MustParseRef("data.assay.approvals")
	approvedByRef = ast.MustParseRef("data.assay.approved_by")
	authorInRef   = ast.MustParseRef("data.assay.author_in")
)

// Asks is what rules want to know of people, so that nobody is asked in vain.
type Asks struct {
	// Teams are those that own something, and those that rules name in
	// assay.approved_by("team") and assay.author_in("team"), sorted.
	Teams     []string
	Approvals bool // some rule reads who approved
	Author    bool // some rule reads the author's teams
}

// Asks says what the rules want to know of people.
func (p *Policies) Asks() Asks {
	var out Asks
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
			out.Approvals = out.Approvals || whole || part || x.HasPrefix(approvalsRef) || x.HasPrefix(approvedByRef) || x.HasPrefix(countedRef)
			out.Author = out.Author || whole || part || x.HasPrefix(authorRef) || x.HasPrefix(authorInRef)
		case *ast.Expr:
			call, _ = x.Terms.([]*ast.Term)
		case ast.Call:
			call = x
		}
		if len(call) > 1 {
			ref, _ := call[0].Value.(ast.Ref)
			team, constant := call[1].Value.(ast.String)
			if constant && (ref.Equal(approvedByRef) || ref.Equal(authorInRef)) {
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
	out.Teams = slices.Sorted(maps.Keys(names))
	return out
}
