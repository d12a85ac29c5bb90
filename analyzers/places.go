package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// of narrows a place to the subcommand that makes the change, where a statement
// has several and this one is written on a line of its own.
func (at At) of(c schema.Change) At {
	a := actionOf(at.Step, c)
	if a == nil || len(at.Step.Stmt.Syntax.Actions) < 2 || a.Pos.Line <= at.Step.Stmt.Pos.Line || a.Pos.Path != at.Step.Stmt.Pos.Path {
		return at
	}
	at.Pos, at.End = a.Pos, a.End
	return at
}

// actionOf is the subcommand that says what the change does; nil if none does,
// as of what runs in a function or follows from something else.
func actionOf(s *devdb.Step, c schema.Change) *migration.Action {
	kinds, name, table := actionKinds(s, c)
	x := s.Stmt.Syntax
	if r := rel(s, table); r == nil || !slices.ContainsFunc(x.Objects, func(n string) bool { return names(n, r) }) {
		return nil
	}
	for i := range x.Actions {
		if _, n := splitName(x.Actions[i].Name); n == name && name != "" && slices.Contains(kinds, x.Actions[i].Kind) {
			return &x.Actions[i]
		}
	}
	return nil
}

// otherActions is the ALTER TABLE without the subcommand that makes a change,
// as a line of SQL; empty if there is no other. An advice that takes the place
// of the statement keeps them.
func otherActions(s *devdb.Step, c schema.Change) string {
	a, x := actionOf(s, c), s.Stmt.Syntax
	if a == nil || len(x.Actions) < 2 || x.Tag != "ALTER TABLE" {
		return ""
	}
	var out []string
	for i := range x.Actions {
		if &x.Actions[i] != a {
			out = append(out, actionText(s, &x.Actions[i]))
		}
	}
	return fmt.Sprintf("ALTER TABLE %s %s;\n", x.Objects[0], strings.Join(out, ", "))
}

// newColumns adds the columns that the step makes and a constraint is on, without
// the constraint, as lines of SQL.
func newColumns(s *devdb.Step, t *schema.Relation, columns []int16) string {
	out := ""
	for _, c := range Changes[*schema.AddColumn](s) {
		if c.Table.OID != t.OID || !slices.Contains(columns, c.Column.Num) {
			continue
		}
		of := ""
		switch {
		case c.Column.Generated != "":
			of = " GENERATED ALWAYS AS (" + c.Column.Default + ") " + strings.ToUpper(c.Column.Generated)
		case c.Column.Default != "" && c.Column.Identity == "":
			of = " DEFAULT " + c.Column.Default
		}
		out += fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s%s;\n", relSQL(t), sqlIdent(c.Column.Name), c.Column.Type, of)
	}
	return out
}

// actionText is a subcommand as it is written.
func actionText(s *devdb.Step, a *migration.Action) string {
	from, to := a.Pos.Offset-s.Stmt.Pos.Offset, a.End.Offset-s.Stmt.Pos.Offset
	if from < 0 || to > len(s.Stmt.Text) || from > to {
		return ""
	}
	return strings.Join(strings.Fields(s.Stmt.Text[from:to]), " ")
}

// actionKinds are the subcommands that can make a change, and the name and
// table that they say.
func actionKinds(s *devdb.Step, c schema.Change) (kinds []string, name string, table schema.OID) {
	switch c := c.(type) {
	case *schema.AddColumn:
		return []string{"ADD COLUMN"}, c.Column.Name, c.Table.OID
	case *schema.DropColumn:
		return []string{"DROP COLUMN"}, c.Column.Name, c.Table.OID
	case *schema.AlterColumnType:
		return []string{"ALTER COLUMN TYPE"}, c.After.Name, c.Table.OID
	case *schema.SetNotNull:
		return []string{"SET NOT NULL"}, c.Column.Name, c.Table.OID
	case *schema.AlterDefault:
		return []string{"SET DEFAULT", "DROP DEFAULT"}, c.After.Name, c.Table.OID
	case *schema.AlterIdentity:
		return []string{"ADD IDENTITY", "SET IDENTITY", "DROP IDENTITY"}, c.After.Name, c.Table.OID
	case *schema.AlterGenerated:
		return []string{"SET EXPRESSION", "DROP EXPRESSION"}, c.After.Name, c.Table.OID
	case *schema.AddConstraint:
		return []string{"ADD CONSTRAINT"}, c.Constraint.Name, c.Constraint.Table
	case *schema.DropConstraint:
		return []string{"DROP CONSTRAINT"}, c.Constraint.Name, c.Constraint.Table
	case *schema.ValidateConstraint:
		return []string{"VALIDATE CONSTRAINT"}, c.After.Name, c.After.Table
	case *schema.AddIndex:
		if k := s.After.Constraints[c.Index.Constraint]; k != nil {
			return []string{"ADD CONSTRAINT"}, k.Name, k.Table
		}
	}
	return nil, "", 0
}
