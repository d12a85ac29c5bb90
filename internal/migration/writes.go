package migration

import (
	"slices"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// Write is one data change in a statement: an UPDATE, DELETE or MERGE, an INSERT
// or CREATE TABLE AS that takes its rows from a query; at the top, in WITH, or in
// the body of a DO block.
type Write struct {
	Kind   string // "UPDATE", "DELETE", "MERGE", "INSERT"
	Target Source
	Rows   Rows     // of an INSERT those of the query, else the target's, which comes first, and what it is joined with
	Sets   []string // the columns that an UPDATE assigns
	Loops  []Loop   // those that it stands in, the outermost first
}

// Loop is a loop of PL/pgSQL.
type Loop struct {
	Rows  *Rows // FOR … IN query
	Times int   // FOR i IN 1..10; 0 if that is not known
}

// Rows is what a text says of the rows that it works on: where they come from,
// and conditions that hold for every one of them. Names are as the server folds them.
type Rows struct {
	From  []Source
	Equal []Equal      // see Equals, which has more
	Null  []ColumnName // IS NULL
	Limit int          // at most so many; 0 if there is no limit, or one that is not a constant
	Where bool         // there is a condition

	spans []keySpan
}

// Source is a relation, or a query in its place.
type Source struct {
	Schema, Name, Alias string
	Rows                *Rows // a sub-query or a WITH query
	Given               bool  // VALUES, a function: its rows do not depend on those of tables
}

// ColumnName is a column as written: Of is the alias or table before the dot.
type ColumnName struct{ Of, Name string }

// Equal says that a column has one of a few values.
type Equal struct {
	Column ColumnName
	Values int          // how many; 1 if To or In is set
	To     []ColumnName // the value depends on these columns
	In     *Rows        // it is one of this query's
}

// Writes reads the data changes of a statement. committed reports that a body
// commits as it goes, so that its changes are in several transactions. A text
// that the parser does not know has none.
func Writes(st *Statement) (writes []Write, committed bool) {
	if len(st.Text) > wholeUpTo || st.Kind != SQL {
		return nil, false
	}
	if r := st.Syntax.Routine; r != nil && st.Syntax.Tag == "DO" && st.Syntax.Language == "plpgsql" {
		_, tree, _, err := readPLpgSQL(st.Text, r)
		if err != nil {
			return nil, false
		}
		b := &bodyReader{}
		b.walk(tree, nil)
		return b.writes, b.commits
	}
	return writesOf(st.Text), false
}

// BodyWrites is Writes for the body of a PL/pgSQL or SQL function.
func BodyWrites(language, body string) (writes []Write, committed bool) {
	switch {
	case len(body) > wholeUpTo:
	case language == "sql":
		return writesOf(body), false
	case language == "plpgsql":
		text := "DO $assay_body$" + body + "$assay_body$"
		syntax := syntaxOf(text, func(int) Position { return Position{} })
		return Writes(&Statement{Kind: SQL, Text: text, Syntax: &syntax})
	}
	return nil, false
}

// bodyReader finds the data changes of a PL/pgSQL tree.
type bodyReader struct {
	writes  []Write
	commits bool
}

func (b *bodyReader) walk(v any, loops []Loop) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			b.walk(e, loops)
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			node, _ := v[k].(map[string]any)
			switch k {
			case "PLpgSQL_stmt_commit", "PLpgSQL_stmt_rollback":
				b.commits = true
			case "PLpgSQL_stmt_execsql":
				b.add(exprOf(node["sqlstmt"]), loops)
			case "PLpgSQL_stmt_dynexecute":
				b.add(constantText(exprOf(node["query"])), loops)
			case "PLpgSQL_stmt_fors":
				b.walk(node["body"], append(slices.Clone(loops), Loop{Rows: queryRows(exprOf(node["query"]))}))
			case "PLpgSQL_stmt_fori":
				b.walk(node["body"], append(slices.Clone(loops), Loop{Times: times(exprOf(node["lower"]), exprOf(node["upper"]))}))
			case "PLpgSQL_stmt_loop", "PLpgSQL_stmt_while", "PLpgSQL_stmt_forc", "PLpgSQL_stmt_dynfors":
				b.walk(node["body"], append(slices.Clone(loops), Loop{}))
			default:
				b.walk(v[k], loops)
			}
		}
	}
}

func (b *bodyReader) add(sql string, loops []Loop) {
	for _, w := range writesOf(sql) {
		w.Loops = loops
		b.writes = append(b.writes, w)
	}
}

func exprOf(v any) string {
	m, _ := v.(map[string]any)
	x, _ := m["PLpgSQL_expr"].(map[string]any)
	s, _ := x["query"].(string)
	return s
}

// constantText is the text that EXECUTE runs where that is one string constant.
func constantText(expr string) string {
	tree, err := pg_query.Parse("SELECT " + expr)
	if err != nil || len(tree.Stmts) != 1 {
		return ""
	}
	targets := tree.Stmts[0].Stmt.GetSelectStmt().GetTargetList()
	if len(targets) != 1 {
		return ""
	}
	return targets[0].GetResTarget().GetVal().GetAConst().GetSval().GetSval()
}

func queryRows(query string) *Rows {
	tree, err := pg_query.Parse(query)
	if err != nil || len(tree.Stmts) != 1 {
		return nil
	}
	r := &rowReader{}
	rows := r.query(tree.Stmts[0].Stmt)
	return &rows
}

func times(lower, upper string) int {
	from, err1 := strconv.Atoi(strings.TrimSpace(lower))
	to, err2 := strconv.Atoi(strings.TrimSpace(upper))
	if err1 != nil || err2 != nil {
		return 0
	}
	return max(to-from+1, 1)
}

func writesOf(sql string) []Write {
	tree, err := pg_query.Parse(sql)
	if err != nil {
		return nil
	}
	r := &rowReader{}
	for _, s := range tree.Stmts {
		r.statement(s.Stmt)
	}
	return r.writes
}

// rowReader turns parse trees into Rows, and notes the data changes it meets.
type rowReader struct {
	ctes   []Source
	writes []Write
}

func (r *rowReader) statement(n *pg_query.Node) {
	switch s := n.GetNode().(type) {
	case *pg_query.Node_CreateTableAsStmt:
		r.writes = append(r.writes, Write{Kind: "INSERT", Target: rangeVar(s.CreateTableAsStmt.GetInto().GetRel()), Rows: r.query(s.CreateTableAsStmt.Query)})
	case *pg_query.Node_SelectStmt:
		rows := r.query(n)
		if into := s.SelectStmt.GetIntoClause(); into != nil {
			r.writes = append(r.writes, Write{Kind: "INSERT", Target: rangeVar(into.GetRel()), Rows: rows})
		}
	default:
		r.query(n)
	}
}

// query reads SELECT, or a data change, whose rows are those that RETURNING gives.
func (r *rowReader) query(n *pg_query.Node) Rows {
	depth := len(r.ctes)
	defer func() { r.ctes = r.ctes[:depth] }()
	switch s := n.GetNode().(type) {
	case *pg_query.Node_SelectStmt:
		return r.selects(s.SelectStmt)
	case *pg_query.Node_UpdateStmt:
		r.with(s.UpdateStmt.WithClause)
		w := Write{Kind: "UPDATE", Target: rangeVar(s.UpdateStmt.Relation)}
		for _, t := range s.UpdateStmt.TargetList {
			w.Sets = append(w.Sets, t.GetResTarget().GetName())
		}
		return r.change(w, s.UpdateStmt.FromClause, s.UpdateStmt.WhereClause)
	case *pg_query.Node_DeleteStmt:
		r.with(s.DeleteStmt.WithClause)
		return r.change(Write{Kind: "DELETE", Target: rangeVar(s.DeleteStmt.Relation)}, s.DeleteStmt.UsingClause, s.DeleteStmt.WhereClause)
	case *pg_query.Node_MergeStmt:
		r.with(s.MergeStmt.WithClause)
		return r.change(Write{Kind: "MERGE", Target: rangeVar(s.MergeStmt.Relation)}, []*pg_query.Node{s.MergeStmt.SourceRelation}, s.MergeStmt.JoinCondition)
	case *pg_query.Node_InsertStmt:
		r.with(s.InsertStmt.WithClause)
		q := s.InsertStmt.SelectStmt
		if q == nil || len(q.GetSelectStmt().GetValuesLists()) > 0 {
			return Rows{Limit: max(len(q.GetSelectStmt().GetValuesLists()), 1)}
		}
		rows := r.query(q)
		r.writes = append(r.writes, Write{Kind: "INSERT", Target: rangeVar(s.InsertStmt.Relation), Rows: rows})
		return rows
	}
	return Rows{}
}

func (r *rowReader) change(w Write, from []*pg_query.Node, where *pg_query.Node) Rows {
	w.Rows = Rows{From: []Source{w.Target}, Where: where != nil}
	for _, f := range from {
		r.from(&w.Rows, f)
	}
	r.conditions(&w.Rows, where)
	r.writes = append(r.writes, w)
	return w.Rows
}

func (r *rowReader) with(c *pg_query.WithClause) {
	for _, n := range c.GetCtes() {
		x := n.GetCommonTableExpr()
		rows := r.query(x.GetCtequery())
		r.ctes = append(r.ctes, Source{Name: x.GetCtename(), Rows: &rows})
	}
}

func (r *rowReader) selects(s *pg_query.SelectStmt) Rows {
	r.with(s.WithClause)
	rows := Rows{}
	switch {
	case len(s.ValuesLists) > 0:
		rows.Limit = len(s.ValuesLists)
	case s.Op != pg_query.SetOperation_SETOP_NONE && s.Op != pg_query.SetOperation_SET_OPERATION_UNDEFINED:
		left, right := r.selects(s.Larg), r.selects(s.Rarg)
		rows.From = []Source{{Rows: &left}, {Rows: &right}}
	default:
		for _, f := range s.FromClause {
			r.from(&rows, f)
		}
		r.conditions(&rows, s.WhereClause)
		if len(s.FromClause) == 0 || aggregates(s) {
			rows.Limit = 1
		}
	}
	if n := int(s.LimitCount.GetAConst().GetIval().GetIval()); n > 0 && s.LimitOption != pg_query.LimitOption_LIMIT_OPTION_WITH_TIES {
		rows.Limit = n
	}
	return rows
}

// aggregates reports whether a query gives one row whatever it reads.
func aggregates(s *pg_query.SelectStmt) bool {
	if len(s.GroupClause) > 0 || len(s.TargetList) == 0 {
		return false
	}
	for _, t := range s.TargetList {
		name := t.GetResTarget().GetVal().GetFuncCall().GetFuncname()
		if len(name) == 0 || t.GetResTarget().GetVal().GetFuncCall().GetOver() != nil {
			return false
		}
		switch name[len(name)-1].GetString_().GetSval() {
		case "count", "sum", "min", "max", "avg", "bool_or", "bool_and", "array_agg", "string_agg", "json_agg", "jsonb_agg":
		default:
			return false
		}
	}
	return true
}

// from adds a source, and the conditions of the joins that every row meets.
func (r *rowReader) from(rows *Rows, n *pg_query.Node) {
	switch f := n.GetNode().(type) {
	case *pg_query.Node_RangeVar:
		s := rangeVar(f.RangeVar)
		for _, c := range slices.Backward(r.ctes) {
			if s.Schema == "" && c.Name == s.Name {
				s.Rows = c.Rows
				break
			}
		}
		rows.From = append(rows.From, s)
	case *pg_query.Node_RangeSubselect:
		sub := r.query(f.RangeSubselect.Subquery)
		rows.From = append(rows.From, Source{Alias: f.RangeSubselect.GetAlias().GetAliasname(), Rows: &sub})
	case *pg_query.Node_RangeFunction:
		rows.From = append(rows.From, Source{Alias: f.RangeFunction.GetAlias().GetAliasname(), Given: true})
	case *pg_query.Node_JoinExpr:
		r.from(rows, f.JoinExpr.Larg)
		r.from(rows, f.JoinExpr.Rarg)
		if f.JoinExpr.Jointype == pg_query.JoinType_JOIN_INNER {
			r.conditions(rows, f.JoinExpr.Quals)
		}
	}
}

func rangeVar(v *pg_query.RangeVar) Source {
	return Source{Schema: v.GetSchemaname(), Name: v.GetRelname(), Alias: v.GetAlias().GetAliasname()}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
