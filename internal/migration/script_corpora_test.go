package migration

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// corpora calls f with every SQL file of real histories.
func corpora(t *testing.T, f func(fsys fs.FS, path, src string)) {
	dir := os.Getenv("ASSAY_CORPORA")
	if dir == "" {
		t.Skip("ASSAY_CORPORA is not set: no real migration directories to read")
	}
	fsys := os.DirFS(dir)
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(p) != ".sql" {
			return err
		}
		src, err := readSource(fsys, p)
		if err != nil {
			return err
		}
		f(fsys, p, src)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSplitLikeTheParser compares with the parser of PostgreSQL 16 wherever it takes the file.
func TestSplitLikeTheParser(t *testing.T) {
	files, statements, refused := 0, 0, 0
	corpora(t, func(fsys fs.FS, p, src string) {
		s, err := readScript(fsys, p, src, scriptOptions{psql: strings.HasPrefix(p, "cas-cif"), base: "cas-cif/schema"})
		if err != nil {
			t.Errorf("%s: %v", p, err)
			return
		}
		files++
		statements += len(s.statements)
		want, err := pg_query.SplitWithParser(strings.TrimPrefix(src, bom), true)
		if err != nil {
			refused++
			return
		}
		got := len(s.statements)
		if got != len(want) {
			t.Errorf("%s: %d statements, the parser says %d", p, got, len(want))
		}
		for _, st := range s.statements {
			if st.Text != src[st.Pos.Offset:st.End.Offset] {
				t.Errorf("%s:%d: the text is not what lies there", p, st.Pos.Line)
			}
		}
	})
	t.Logf("%d files, %d statements; the parser refuses %d files", files, statements, refused)
}

var tagOfNode = map[string]string{
	"InsertStmt": "INSERT", "UpdateStmt": "UPDATE", "DeleteStmt": "DELETE", "SelectStmt": "SELECT", "IndexStmt": "CREATE INDEX",
	"CreateStmt": "CREATE TABLE", "CreateTrigStmt": "CREATE TRIGGER", "DoStmt": "DO", "VariableSetStmt": "SET RESET",
	"TruncateStmt": "TRUNCATE TABLE", "LockStmt": "LOCK TABLE", "CreateEnumStmt": "CREATE TYPE", "ViewStmt": "CREATE VIEW",
	"CreateExtensionStmt": "CREATE EXTENSION", "CreateSeqStmt": "CREATE SEQUENCE", "CreatePolicyStmt": "CREATE POLICY",
	"CreateFunctionStmt": "CREATE FUNCTION CREATE PROCEDURE", "CreateSchemaStmt": "CREATE SCHEMA", "AlterEnumStmt": "ALTER TYPE",
	"CreateTableAsStmt": "CREATE TABLE AS CREATE MATERIALIZED VIEW",
}

// TestFactsLikeTheParser compares what tokens say with what the parser says.
func TestFactsLikeTheParser(t *testing.T) {
	checked := 0
	corpora(t, func(fsys fs.FS, p, src string) {
		s, err := readScript(fsys, p, src, scriptOptions{psql: strings.HasPrefix(p, "cas-cif"), base: "cas-cif/schema"})
		if err != nil {
			return
		}
		for _, st := range s.statements {
			if st.Kind != SQL || len(st.Text) > wholeUpTo {
				continue
			}
			tree, err := pg_query.Parse(st.Text)
			if err != nil || len(tree.Stmts) != 1 {
				continue
			}
			checked++
			if d := differ(tree.Stmts[0].Stmt, st.Syntax); d != "" {
				t.Errorf("%s:%d: %s\n%.200s", p, st.Pos.Line, d, st.Text)
			}
		}
	})
	t.Logf("%d statements compared", checked)
}

func differ(n *pg_query.Node, s *Syntax) string {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", n.Node), "*pg_query.Node_")
	if want := tagOfNode[kind]; want != "" && !strings.Contains(want, s.Tag) {
		return kind + " is not " + s.Tag
	}
	names := func(rs ...*pg_query.RangeVar) string {
		var got []string
		for _, o := range s.Objects {
			parts := strings.Split(o, ".")
			got = append(got, lowerName(parts[len(parts)-1]))
		}
		var want []string
		for _, r := range rs {
			want = append(want, r.Relname)
		}
		if g, w := strings.Join(got, " "), strings.Join(want, " "); g != w {
			return kind + ": objects " + g + ", want " + w
		}
		return ""
	}
	switch x := n.Node.(type) {
	case *pg_query.Node_AlterTableStmt:
		if len(x.AlterTableStmt.Cmds) != len(s.Actions) {
			return "other number of actions"
		}
		for i, c := range x.AlterTableStmt.Cmds {
			if d := differAction(c.GetAlterTableCmd(), s.Actions[i]); d != "" {
				return d
			}
		}
		return names(x.AlterTableStmt.Relation)
	case *pg_query.Node_IndexStmt:
		i := x.IndexStmt
		if i.Concurrent != s.Concurrently || i.IfNotExists != s.IfNotExists || i.Unique != s.Has("UNIQUE") || i.Idxname != lowerName(s.Name) || i.AccessMethod != s.Method {
			return "index"
		}
		return names(i.Relation)
	case *pg_query.Node_CreateStmt:
		if d := differTable(x.CreateStmt, s); d != "" {
			return d
		}
		if s.Has("PARTITION OF") {
			return ""
		}
		return names(x.CreateStmt.Relation)
	case *pg_query.Node_UpdateStmt:
		if (x.UpdateStmt.WhereClause != nil) != s.HasWhere {
			return "where"
		}
		if s.Parsed {
			return ""
		}
		return names(x.UpdateStmt.Relation)
	case *pg_query.Node_DeleteStmt:
		if (x.DeleteStmt.WhereClause != nil) != s.HasWhere {
			return "where"
		}
		return names(x.DeleteStmt.Relation)
	case *pg_query.Node_InsertStmt:
		if s.Parsed {
			return ""
		}
		return names(x.InsertStmt.Relation)
	case *pg_query.Node_DropStmt:
		d := x.DropStmt
		if (d.Behavior == pg_query.DropBehavior_DROP_CASCADE) != s.Cascade || d.MissingOk != s.IfExists || d.Concurrent != s.Concurrently || len(d.Objects) != len(s.Objects) {
			return "drop"
		}
	case *pg_query.Node_CreateFunctionStmt:
		return differRoutine(x.CreateFunctionStmt, s)
	case *pg_query.Node_CreateTrigStmt:
		if x.CreateTrigStmt.Trigname != lowerName(s.Name) {
			return "trigger " + s.Name
		}
		return names(x.CreateTrigStmt.Relation)
	case *pg_query.Node_VariableSetStmt:
		v := x.VariableSetStmt
		if s.Set != nil && (v.Name != s.Set.Name || v.IsLocal != s.Set.Local) {
			return "set " + s.Set.Name
		}
	case *pg_query.Node_TransactionStmt:
		if s.Transaction == "" {
			return "transaction"
		}
	case *pg_query.Node_TruncateStmt:
		if len(x.TruncateStmt.Relations) != len(s.Objects) || (x.TruncateStmt.Behavior == pg_query.DropBehavior_DROP_CASCADE) != s.Cascade {
			return "truncate"
		}
	}
	return ""
}

func differAction(c *pg_query.AlterTableCmd, a Action) string {
	want := map[pg_query.AlterTableType]string{
		pg_query.AlterTableType_AT_AddColumn: "ADD COLUMN", pg_query.AlterTableType_AT_DropColumn: "DROP COLUMN",
		pg_query.AlterTableType_AT_AddConstraint: "ADD CONSTRAINT", pg_query.AlterTableType_AT_DropConstraint: "DROP CONSTRAINT",
		pg_query.AlterTableType_AT_SetNotNull: "SET NOT NULL", pg_query.AlterTableType_AT_DropNotNull: "DROP NOT NULL",
		pg_query.AlterTableType_AT_AlterColumnType: "ALTER COLUMN TYPE", pg_query.AlterTableType_AT_ValidateConstraint: "VALIDATE CONSTRAINT",
		pg_query.AlterTableType_AT_ChangeOwner: "OWNER TO", pg_query.AlterTableType_AT_AttachPartition: "ATTACH PARTITION",
		pg_query.AlterTableType_AT_EnableRowSecurity: "ENABLE ROW LEVEL SECURITY", pg_query.AlterTableType_AT_AddIdentity: "ADD IDENTITY",
	}[c.Subtype]
	if c.Subtype == pg_query.AlterTableType_AT_ColumnDefault {
		want = "SET DEFAULT"
		if c.Def == nil {
			want = "DROP DEFAULT"
		}
	}
	name := c.Name
	switch {
	case c.GetDef().GetColumnDef() != nil && want == "ADD COLUMN":
		name = c.Def.GetColumnDef().Colname
		if d := differColumn(c.Def.GetColumnDef(), a.Column); d != "" {
			return d
		}
	case c.GetDef().GetConstraint() != nil && want == "ADD CONSTRAINT":
		name = c.Def.GetConstraint().Conname
		if d := differConstraint(c.Def.GetConstraint(), a.Constraint); d != "" {
			return d
		}
	case want == "ALTER COLUMN TYPE" && (c.Def.GetColumnDef().RawDefault != nil) != a.Using:
		return "using"
	}
	switch {
	case want != "" && want != strings.Replace(a.Kind, "ATTRIBUTE", "COLUMN", 1):
		return a.Kind + " is not " + want
	case want != "" && name != "" && name != lowerName(a.Name):
		return a.Kind + ": " + a.Name + " is not " + name
	case a.Cascade != (c.Behavior == pg_query.DropBehavior_DROP_CASCADE):
		return a.Kind + ": cascade"
	case c.Subtype != pg_query.AlterTableType_AT_AddColumn && c.MissingOk != a.IfExists, c.Subtype == pg_query.AlterTableType_AT_AddColumn && c.MissingOk != a.IfNotExists:
		return a.Kind + ": if exists"
	}
	return ""
}

func differColumn(d *pg_query.ColumnDef, c *Column) string {
	notNull, hasDefault, others := false, false, 0
	for _, n := range d.Constraints {
		switch k := n.GetConstraint(); k.Contype {
		case pg_query.ConstrType_CONSTR_NOTNULL, pg_query.ConstrType_CONSTR_PRIMARY, pg_query.ConstrType_CONSTR_IDENTITY:
			notNull = true
		case pg_query.ConstrType_CONSTR_DEFAULT:
			hasDefault = true
		}
		switch n.GetConstraint().Contype {
		case pg_query.ConstrType_CONSTR_CHECK, pg_query.ConstrType_CONSTR_PRIMARY, pg_query.ConstrType_CONSTR_UNIQUE, pg_query.ConstrType_CONSTR_FOREIGN:
			others++
		}
	}
	got := 0
	for _, k := range c.Constraints {
		if k.Kind != "NOT NULL" {
			got++
		}
	}
	if d.Colname != lowerName(c.Name) || notNull != c.NotNull || hasDefault != c.HasDefault || others != got || c.Type == "" {
		return "column " + c.Name + " " + c.Type
	}
	return ""
}

func differConstraint(d *pg_query.Constraint, c *Constraint) string {
	kind := map[pg_query.ConstrType]string{
		pg_query.ConstrType_CONSTR_CHECK: "CHECK", pg_query.ConstrType_CONSTR_UNIQUE: "UNIQUE", pg_query.ConstrType_CONSTR_PRIMARY: "PRIMARY KEY",
		pg_query.ConstrType_CONSTR_FOREIGN: "FOREIGN KEY", pg_query.ConstrType_CONSTR_EXCLUSION: "EXCLUDE",
	}[d.Contype]
	table := strings.Split(c.References, ".")
	switch {
	case kind != c.Kind, d.Conname != lowerName(c.Name), d.SkipValidation != c.NotValid, d.Indexname != lowerName(c.UsingIndex):
		return "constraint " + c.Kind + " " + c.Name
	case d.GetPktable().GetRelname() != lowerName(table[len(table)-1]):
		return "references " + c.References
	case c.Kind == "FOREIGN KEY" && (d.FkDelAction == "c") != (c.OnDelete == "CASCADE"):
		return "on delete"
	}
	return ""
}

func differTable(x *pg_query.CreateStmt, s *Syntax) string {
	columns, constraints := 0, 0
	for _, e := range x.TableElts {
		switch {
		case e.GetColumnDef() != nil:
			if d := differColumn(e.GetColumnDef(), &s.Columns[columns]); d != "" {
				return d
			}
			columns++
		case e.GetConstraint() != nil:
			if d := differConstraint(e.GetConstraint(), &s.Constraints[constraints]); d != "" {
				return d
			}
			constraints++
		}
	}
	if columns != len(s.Columns) || constraints != len(s.Constraints) || x.IfNotExists != s.IfNotExists {
		return "table elements"
	}
	return ""
}

func differRoutine(x *pg_query.CreateFunctionStmt, s *Syntax) string {
	if (x.SqlBody != nil) != s.Routine.Atomic || s.OrReplace != x.Replace {
		return "function"
	}
	for _, o := range x.Options {
		same := true
		switch e := o.GetDefElem(); e.Defname {
		case "as":
			same = s.Routine.Body == e.Arg.GetList().Items[0].GetString_().Sval
		case "language":
			same = s.Language == e.Arg.GetString_().Sval
		case "security":
			same = s.Routine.SecurityDefiner == e.Arg.GetBoolean().GetBoolval()
		case "volatility":
			same = strings.EqualFold(e.Arg.GetString_().Sval, s.Routine.Volatility)
		}
		if !same {
			return o.GetDefElem().Defname
		}
	}
	return ""
}
