package migration

import (
	"slices"
	"strconv"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// conditions adds what a condition says of every row that meets it.
func (r *rowReader) conditions(rows *Rows, n *pg_query.Node) {
	switch x := n.GetNode().(type) {
	case *pg_query.Node_BoolExpr:
		switch x.BoolExpr.Boolop {
		case pg_query.BoolExprType_AND_EXPR:
			for _, a := range x.BoolExpr.Args {
				r.conditions(rows, a)
			}
		case pg_query.BoolExprType_OR_EXPR:
			r.either(rows, x.BoolExpr.Args)
		}
	case *pg_query.Node_NullTest:
		if c, ok := columnOf(x.NullTest.Arg); ok && x.NullTest.Nulltesttype == pg_query.NullTestType_IS_NULL {
			rows.Null = append(rows.Null, c)
		}
	case *pg_query.Node_SubLink:
		r.subLink(rows, x.SubLink)
	case *pg_query.Node_AExpr:
		r.comparison(rows, x.AExpr)
	}
}

// either reads a column that equals one of several constants, OR after OR.
func (r *rowReader) either(rows *Rows, arms []*pg_query.Node) {
	var all Equal
	for i, a := range arms {
		arm := &Rows{}
		r.conditions(arm, a)
		if len(arm.Equal) == 0 || len(arm.Equal[0].To) > 0 || arm.Equal[0].In != nil || i > 0 && arm.Equal[0].Column != all.Column {
			return
		}
		all.Column = arm.Equal[0].Column
		all.Values += arm.Equal[0].Values
	}
	rows.Equal = append(rows.Equal, all)
}

// subLink reads IN (SELECT …) and EXISTS (SELECT …): each row has its row there.
func (r *rowReader) subLink(rows *Rows, l *pg_query.SubLink) {
	switch l.SubLinkType {
	case pg_query.SubLinkType_ANY_SUBLINK:
		sub := r.query(l.Subselect)
		for _, c := range columnsOf(l.Testexpr) {
			rows.Equal = append(rows.Equal, Equal{Column: c, Values: 1, In: &sub})
		}
	case pg_query.SubLinkType_EXISTS_SUBLINK:
		sub := r.query(l.Subselect)
		rows.From = append(rows.From, sub.From...)
		rows.Equal = append(rows.Equal, sub.Equal...)
	}
}

func (r *rowReader) comparison(rows *Rows, x *pg_query.A_Expr) {
	op := ""
	if len(x.Name) > 0 {
		op = x.Name[len(x.Name)-1].GetString_().GetSval()
	}
	left, right := x.Lexpr, x.Rexpr
	switch x.Kind {
	case pg_query.A_Expr_Kind_AEXPR_IN:
		if op != "=" {
			return
		}
		items := right.GetList().GetItems()
		for _, c := range columnsOf(left) {
			rows.Equal = append(rows.Equal, Equal{Column: c, Values: len(items), To: refsIn(right)})
		}
	case pg_query.A_Expr_Kind_AEXPR_OP_ANY:
		if c, ok := columnOf(left); ok && op == "=" {
			e := Equal{Column: c, Values: 1, To: refsIn(right)}
			if sub := right.GetSubLink(); sub != nil && sub.SubLinkType == pg_query.SubLinkType_ARRAY_SUBLINK {
				in := r.query(sub.Subselect)
				e.In, e.To = &in, nil
			}
			rows.Equal = append(rows.Equal, e)
		}
	case pg_query.A_Expr_Kind_AEXPR_BETWEEN:
		if c, ok := columnOf(left); ok {
			items := right.GetList().GetItems()
			if len(items) == 2 {
				rows.end(c, items[0], ">=")
				rows.end(c, items[1], "<=")
			}
		}
	case pg_query.A_Expr_Kind_AEXPR_OP:
		r.operator(rows, op, left, right)
	}
}

func (r *rowReader) operator(rows *Rows, op string, left, right *pg_query.Node) {
	turned := map[string]string{"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
	if turned[op] == "" {
		return
	}
	if op == "=" {
		for i, c := range columnsOf(left) {
			rows.Equal = append(rows.Equal, Equal{Column: c, Values: 1, To: refsIn(partOf(right, i))})
		}
		for i, c := range columnsOf(right) {
			rows.Equal = append(rows.Equal, Equal{Column: c, Values: 1, To: refsIn(partOf(left, i))})
		}
		return
	}
	if c, ok := columnOf(left); ok {
		rows.end(c, right, op)
	} else if c, ok := columnOf(right); ok {
		rows.end(c, left, turned[op])
	}
}

// keySpan is the range that constants leave to an integer column: keys count from
// one, so an upper end alone bounds them.
type keySpan struct {
	column    ColumnName
	low, high int
	bounded   bool // high is known
}

// end notes one end of a range.
func (rows *Rows) end(c ColumnName, end *pg_query.Node, op string) {
	n, ok := integerOf(end)
	if !ok {
		return
	}
	i := slices.IndexFunc(rows.spans, func(s keySpan) bool { return s.column == c })
	if i < 0 {
		i = len(rows.spans)
		rows.spans = append(rows.spans, keySpan{column: c, low: 1})
	}
	s := &rows.spans[i]
	switch op {
	case "<":
		n--
		fallthrough
	case "<=":
		if !s.bounded || n < s.high {
			s.high, s.bounded = n, true
		}
	case ">":
		n++
		fallthrough
	case ">=":
		s.low = max(s.low, n)
	}
}

// Equals are the columns that have one of a few values: those that equal
// something, and integers between two constants.
func (rows *Rows) Equals() []Equal {
	out := slices.Clone(rows.Equal)
	for _, s := range rows.spans {
		if s.bounded {
			out = append(out, Equal{Column: s.column, Values: max(s.high-s.low+1, 1)})
		}
	}
	return out
}

func integerOf(n *pg_query.Node) (int, bool) {
	c := n.GetAConst()
	switch {
	case c.GetIval() != nil:
		return int(c.GetIval().GetIval()), true
	case c.GetFval() != nil:
		v, err := strconv.Atoi(c.GetFval().GetFval())
		return v, err == nil
	}
	return 0, false
}

// partOf is the i-th of a row of expressions, or the expression itself.
func partOf(n *pg_query.Node, i int) *pg_query.Node {
	if args := n.GetRowExpr().GetArgs(); i < len(args) {
		return args[i]
	}
	return n
}

// columnsOf are the columns that an expression is, one or a row of them.
func columnsOf(n *pg_query.Node) []ColumnName {
	if c, ok := columnOf(n); ok {
		return []ColumnName{c}
	}
	var out []ColumnName
	for _, a := range n.GetRowExpr().GetArgs() {
		c, ok := columnOf(a)
		if !ok {
			return nil
		}
		out = append(out, c)
	}
	return out
}

// columnOf reads an expression that is a column, or a cast of one.
func columnOf(n *pg_query.Node) (ColumnName, bool) {
	if t := n.GetTypeCast(); t != nil {
		n = t.Arg
	}
	fields := n.GetColumnRef().GetFields()
	var names []string
	for _, f := range fields {
		if f.GetString_() == nil {
			return ColumnName{}, false
		}
		names = append(names, f.GetString_().Sval)
	}
	switch k := len(names); {
	case k == 0:
		return ColumnName{}, false
	case k == 1:
		return ColumnName{Name: names[0]}, true
	default:
		return ColumnName{Of: names[k-2], Name: names[k-1]}, true
	}
}

// refsIn are the columns that an expression is made of. In a sub-query only
// those with a table before the dot may be of the statement around it.
func refsIn(n *pg_query.Node) []ColumnName {
	var out []ColumnName
	var walk func(n *pg_query.Node, inside bool)
	walk = func(n *pg_query.Node, inside bool) {
		if c, ok := columnOf(n); ok {
			if n.GetTypeCast() == nil && (!inside || c.Of != "") && !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
		inside = inside || n.GetSelectStmt() != nil
		for _, child := range children(n) {
			walk(child, inside)
		}
	}
	walk(n, false)
	return out
}

// children are the nodes directly below one.
func children(n *pg_query.Node) []*pg_query.Node {
	var out []*pg_query.Node
	var walk func(m protoreflect.Message)
	walk = func(m protoreflect.Message) {
		m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			if f.Kind() != protoreflect.MessageKind {
				return true
			}
			each := func(m protoreflect.Message) {
				if child, ok := m.Interface().(*pg_query.Node); ok {
					out = append(out, child)
				} else {
					walk(m)
				}
			}
			if f.IsList() {
				for i := range v.List().Len() {
					each(v.List().Get(i).Message())
				}
			} else {
				each(v.Message())
			}
			return true
		})
	}
	if n != nil {
		walk(n.ProtoReflect())
	}
	return out
}
