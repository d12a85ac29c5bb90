package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// notValid adds a constraint without reading the existing rows, and
// checks them in a migration of its own. Other actions of the statement stay.
func (o *offer) notValid() *lint.Fix {
	at := o.action(func(a migration.Action) bool {
		return a.Kind == "ADD CONSTRAINT" && a.Constraint != nil && !a.Constraint.NotValid && (a.Constraint.Kind == "CHECK" || a.Constraint.Kind == "FOREIGN KEY")
	})
	if at < 0 {
		return nil
	}
	a := o.step.Stmt.Syntax.Actions[at]
	kind := schema.Check
	if a.Constraint.Kind == "FOREIGN KEY" {
		kind = schema.ForeignKey
	}
	k := changedConstraint(o.step, unqualified(a.Name), kind)
	if k == nil {
		return nil
	}
	t := rel(o.step, k.Table)
	if t == nil || t.Kind == schema.PartitionedTable && (k.Kind == schema.ForeignKey && o.record.Version.Major() < 18) {
		return nil
	}
	validate := fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;", sqlName(t.Schema, t.Name), sqlIdent(k.Name))
	return &lint.Fix{
		Title: "add the constraint NOT VALID and validate it in a later migration",
		Edits: []lint.Edit{{Pos: a.End, End: a.End, Text: " NOT VALID"}},
		Files: o.file("validate_"+k.Name, validate, "", false),
	}
}

// provenFirst is notValid, and for SET NOT NULL a CHECK that proves it.
func (o *offer) provenFirst() *lint.Fix {
	if fix := o.notValid(); fix != nil {
		return fix
	}
	at := o.action(func(a migration.Action) bool { return a.Kind == "SET NOT NULL" })
	if at < 0 {
		return nil
	}
	written := o.step.Stmt.Syntax.Actions[at].Name
	for _, c := range Changes[*schema.SetNotNull](o.step) {
		if c.Column.Name == unqualified(written) && c.Table.Kind == schema.Table && c.Table.PartitionOf == 0 {
			return o.setNotNull(at, c)
		}
	}
	return nil
}

func (o *offer) setNotNull(at int, c *schema.SetNotNull) *lint.Fix {
	t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.Column.Name)
	if o.record.Version.Major() >= 18 {
		name := c.Table.Name + "_" + c.Column.Name + "_not_null"
		if k := changedConstraint(o.step, "", schema.NotNull); k != nil {
			name = k.Name
		}
		return &lint.Fix{
			Title: "add NOT NULL as NOT VALID and validate it in a later migration",
			Edits: []lint.Edit{o.actionEdit(at, fmt.Sprintf("ADD CONSTRAINT %s NOT NULL %s NOT VALID", sqlIdent(name), col))},
			Files: o.file("validate_"+c.Column.Name, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;", t, sqlIdent(name)), "", false),
		}
	}
	name := sqlIdent(c.Table.Name + "_" + c.Column.Name + "_is_set")
	fix := &lint.Fix{
		Title: "add and validate a CHECK that no value is NULL, then SET NOT NULL in a later migration",
		Edits: []lint.Edit{o.actionEdit(at, fmt.Sprintf("ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID", name, col))},
	}
	down := ""
	if o.hasDown() {
		down = fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL;\nALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID;", t, col, t, name, col)
		fix.Edits = append(fix.Edits, o.undoCheck(c, t, name))
	}
	up := o.guarded(fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;\nALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\nALTER TABLE %s DROP CONSTRAINT %s;", t, name, t, col, t, name))
	fix.Files = o.file("set_"+c.Column.Name+"_not_null", up, down, false)
	return fix
}

// undoCheck makes the down part drop the CHECK where it dropped NOT NULL.
func (o *offer) undoCheck(c *schema.SetNotNull, table, check string) lint.Edit {
	drop := "DROP CONSTRAINT " + check
	down := o.m.Migration.Down
	for _, st := range down.Statements {
		x := st.Syntax
		if !standsIn(down, st) || len(x.Objects) != 1 || !isNamed(x.Objects[0], c.Table.Schema, c.Table.Name) {
			continue
		}
		for _, a := range x.Actions {
			if a.Kind == "DROP NOT NULL" && unqualified(a.Name) == c.Column.Name && a.End.Offset > a.Pos.Offset {
				return lint.Edit{Pos: a.Pos, End: a.End, Text: drop}
			}
		}
	}
	first := down.Statements[0]
	at := down.PlaceOf(begin(down, first))
	return lint.Edit{Pos: at, End: at, Text: fmt.Sprintf("ALTER TABLE %s %s;\n", table, drop)}
}

// split moves the long work, and what comes after it, into a migration of its
// own, if what stays behind only adds and nothing after it is about that.
func (o *offer) split() *lint.Fix {
	// A down part undoes the whole file: it cannot be told apart.
	if o.ownTransaction() || o.step.Index == 0 || o.hasDown() || !o.apart() {
		return nil
	}
	last := o.m.Statements[len(o.m.Statements)-1]
	for _, st := range o.m.Statements[o.step.Index:] {
		if !o.editable(st) || st.Batch != 0 {
			return nil
		}
	}
	src := o.m.Source[begin(o.m.Migration, o.step.Stmt):last.End.Offset]
	up := src + ";"
	if !strings.Contains(strings.ToLower(src), "lock_timeout") {
		up = o.guarded(up)
	}
	return &lint.Fix{
		Title: "give the long work a migration of its own",
		Edits: []lint.Edit{o.remove(o.m.Migration, o.step.Stmt, last)},
		Files: o.file(strings.TrimSpace(o.m.Name+" part 2"), up, "", false),
	}
}

// apart reports whether the statement and those after it have nothing to do
// with what those before it made: running code must not meet one half.
func (o *offer) apart() bool {
	made := map[schema.Ref]bool{}  // columns and whole relations
	about := map[schema.OID]bool{} // relations with such columns
	for _, s := range o.m.Steps[:o.step.Index] {
		for _, c := range s.Changes {
			switch c := c.(type) {
			case *schema.AddColumn:
				made[schema.Ref{Class: schema.ClassRelation, OID: c.Table.OID, Sub: c.Column.Num}], about[c.Table.OID] = true, true
			case *schema.AddTable:
				about[c.Table.OID] = true
			case *schema.AddConstraint, *schema.AddIndex, *schema.AddSequence, *schema.SetComment, *schema.AddGrant, *schema.AddFunction, *schema.AddType, *schema.AddEnumValue, *schema.AlterDefault:
			default:
				return false
			}
		}
		if len(s.Rows) > 0 || writesRows(s) {
			return false
		}
	}
	for _, s := range o.m.Steps[o.step.Index:] {
		if len(about) > 0 && writesRows(s) {
			return false
		}
		for _, c := range s.Changes {
			switch c := c.(type) {
			case *schema.AddConstraint:
				if madeColumns(made, c.Constraint.Table, c.Constraint.Columns) {
					return false
				}
			case *schema.AddIndex:
				var columns []int16
				for _, k := range c.Index.Keys {
					columns = append(columns, k.Column)
				}
				if madeColumns(made, c.Index.Table, columns) && c.Index.Unique {
					return false
				}
			case *schema.SetNotNull:
				if madeColumns(made, c.Table.OID, []int16{c.Column.Num}) {
					return false
				}
			}
		}
	}
	return true
}

// writesRows reports whether a statement writes rows, or runs code that may. The
// rows and locks do not say: the tables are empty, and locked before it.
func writesRows(s *devdb.Step) bool {
	switch s.Tag {
	case "DO", "SELECT", "CALL", "COPY", "TRUNCATE", "TRUNCATE TABLE", "EXECUTE":
		return true
	}
	return writesData(s.Tag)
}

func madeColumns(made map[schema.Ref]bool, table schema.OID, columns []int16) bool {
	for _, n := range columns {
		if made[schema.Ref{Class: schema.ClassRelation, OID: table, Sub: n}] {
			return true
		}
	}
	return false
}
