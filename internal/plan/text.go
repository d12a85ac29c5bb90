package plan

import (
	"strings"

	"github.com/assaydb/assay/internal/migration"
)

func ident(s string) string { return migration.QuoteIdent(s) }

func literal(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return " E" + strings.ReplaceAll(q, `\`, `\\`)
	}
	return q
}

// name is the object's own name in SQL, with its schema where it has one.
func (o *Object) name() string {
	switch o.Class {
	case Function, Procedure, Aggregate:
		args := o.Facts["arguments"]
		return ident(o.Schema) + "." + ident(o.Facts["name"]) + "(" + args + ")"
	case Column, Default, Constraint, DomainConstraint, Trigger, Rule, Policy, UserMapping:
		return ident(o.Name)
	case PublishedTable:
		return ident(o.Schema) + "." + ident(o.Name)
	case Cast:
		return o.Name
	}
	if o.Schema == "" {
		return ident(o.Name)
	}
	return ident(o.Schema) + "." + ident(o.Name)
}

// table is the name of the table, view or type that the object belongs to.
func (o *Object) table() string { return ident(o.Schema) + "." + ident(o.Of) }

// owner is the class and name of what the object belongs to, for ALTER.
func (o *Object) ofTable() string {
	switch o.Facts["relation"] {
	case "v":
		return "VIEW " + o.table()
	case "m":
		return "MATERIALIZED VIEW " + o.table()
	case "f":
		return "FOREIGN TABLE " + o.table()
	case "c":
		return "TYPE " + o.table()
	}
	return "TABLE " + o.table()
}

// kind is what SQL calls the class.
func (c Class) kind() string {
	switch c {
	case Enum, Composite, Range:
		return "TYPE"
	case DomainConstraint:
		return "CONSTRAINT"
	case Wrapper:
		return "FOREIGN DATA WRAPPER"
	}
	return strings.ToUpper(string(c))
}

// address names the object for COMMENT ON, OWNER TO and DROP.
func (o *Object) address() string {
	switch o.Class {
	case Column:
		return "COLUMN " + o.table() + "." + ident(o.Name)
	case Constraint, Trigger, Rule, Policy:
		return o.Class.kind() + " " + ident(o.Name) + " ON " + o.table()
	case DomainConstraint:
		return "CONSTRAINT " + ident(o.Name) + " ON DOMAIN " + o.table()
	case Index:
		return "INDEX " + ident(o.Schema) + "." + ident(o.Name)
	case UserMapping:
		user := ident(o.Name)
		if o.Name == "public" {
			user = "PUBLIC"
		}
		return "USER MAPPING FOR " + user + " SERVER " + ident(o.Of)
	}
	return o.Class.kind() + " " + o.name()
}

// supported reports whether the class can be created, altered and dropped.
func (c Class) supported() bool { return rank[c] > 0 }

// rank is the order of classes that do not need each other.
var rank = map[Class]int{
	Schema: 1, Extension: 2, Collation: 3, Enum: 4, Domain: 5, DomainConstraint: 6, Composite: 7, Range: 8, Wrapper: 9, Server: 10, UserMapping: 11,
	Sequence: 12, Table: 13, ForeignTable: 14, Column: 15, Default: 16, Constraint: 17, Index: 18, Statistics: 19, Function: 20, Procedure: 21, Aggregate: 22,
	Cast: 23, View: 24, MaterializedView: 25, Rule: 26, Trigger: 27, Policy: 28, Publication: 29, PublishedTable: 30, PublishedSchema: 31, EventTrigger: 32, DefaultACL: 33,
}

// holdsRows are the classes that a plan never drops and creates again.
func (c Class) holdsRows() bool {
	return c == Table || c == ForeignTable || c == Sequence || c == Schema || c == Column
}

func (c Class) isType() bool { return c == Enum || c == Composite || c == Range || c == Domain }

func (c Class) isRoutine() bool { return c == Function || c == Procedure || c == Aggregate }

func lines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}

// settings writes stored options ("a=1") as SQL wants them: "a='1'".
func settings(list []string) string {
	out := make([]string, len(list))
	for i, l := range list {
		name, value, _ := strings.Cut(l, "=")
		out[i] = name + " = " + literal(value)
	}
	return strings.Join(out, ", ")
}
