// Package plan writes the SQL that leads from one database schema to another.
// It talks to no server: the states are given, and what a server says of the
// statements comes through Trial.
package plan

import (
	"context"
	"maps"
	"slices"
)

// Class is a kind of object, as SQL names it: "table", "materialized view".
type Class string

// The classes that a plan can create, alter and drop. An object of any other
// class is compared, and a difference is a CannotPlan.
const (
	Schema           Class = "schema"
	Extension        Class = "extension"
	Collation        Class = "collation"
	Enum             Class = "enum type"
	Composite        Class = "composite type"
	Range            Class = "range type"
	Domain           Class = "domain"
	DomainConstraint Class = "domain constraint"
	Sequence         Class = "sequence"
	Table            Class = "table"
	ForeignTable     Class = "foreign table"
	Column           Class = "column" // of a table, view or composite type
	Default          Class = "default"
	Constraint       Class = "constraint"
	Index            Class = "index"
	Statistics       Class = "statistics"
	View             Class = "view"
	MaterializedView Class = "materialized view"
	Function         Class = "function"
	Procedure        Class = "procedure"
	Aggregate        Class = "aggregate"
	Trigger          Class = "trigger"
	Rule             Class = "rule"
	Policy           Class = "policy"
	EventTrigger     Class = "event trigger"
	Publication      Class = "publication"
	PublishedTable   Class = "published table"
	PublishedSchema  Class = "published schema"
	Wrapper          Class = "foreign-data wrapper"
	Server           Class = "server"
	UserMapping      Class = "user mapping"
	DefaultACL       Class = "default privileges"
	Cast             Class = "cast"
)

// Key names an object as SQL does. Name of a routine has its argument types:
// "f(integer, text)". Of is the name of the table, view, type, publication or
// server that the object belongs to, empty for objects of their own.
type Key struct {
	Class            Class
	Schema, Name, Of string
}

// Grant is one privilege of an object's access control list.
type Grant struct {
	Grantee   string // empty: PUBLIC
	Grantor   string
	Privilege string // SELECT, …
	Option    bool   // WITH GRANT OPTION
}

// Object is one object of a state.
type Object struct {
	Key
	// Parts are what is compared, by name: "definition", "type", "not null", "options".
	// Every part is text that the server wrote with an empty search_path.
	Parts map[string]string
	// Facts are what a plan needs to know and what is not compared.
	Facts   map[string]string
	Owner   string // empty where the class has none
	Comment string
	ACL     []Grant // nil where the class has none; the built-in default is written out
	// Needs are the objects that this one depends on (pg_depend), columns for themselves.
	Needs []Key
	// Inherited objects are made and dropped with the one of the parent table.
	Inherited bool
}

// State is all objects of a database but the system's own and members of extensions.
type State struct {
	Major   int    // of the server
	Role    string // that read it: what a statement creates belongs to this role
	Objects map[Key]*Object
	// Unread are the parts of the catalog that the role may not read, in words.
	Unread []string
}

// Keys are the keys of the state's objects, sorted.
func (s *State) Keys() []Key {
	return slices.SortedFunc(maps.Keys(s.Objects), Compare)
}

// Act is what a statement does to its object.
type Act string

// The acts. Lift and PutBack are a drop and a create of an object that is in
// both states and was in the way of another change.
const (
	Create  Act = "create"
	Alter   Act = "alter"
	Rename  Act = "rename"
	Drop    Act = "drop"
	Lift    Act = "lift"
	PutBack Act = "put back"
	Set     Act = "set" // of the session
)

// Statement is one statement of a plan, without its semicolon.
type Statement struct {
	SQL    string
	Why    string // empty if the change of the object itself is the reason
	Object Key
	Act    Act
	// Alone must be committed before the next statement runs.
	Alone bool
}

// Lifted is an object that is dropped and re-created, and what is because of it.
type Lifted struct {
	Object     Key
	Dependents []Lifted
}

// Plan is the statements that lead from one state to another, in order.
type Plan struct {
	Statements []Statement
	Lifted     []Lifted // by what is changed
	Replaced   []Key    // tables and columns that are dropped and created again: generated columns alone
	Renamed    []Renaming
}

// Renaming is an object that gets another name; by a hint, or because it is the
// same but for its name.
type Renaming struct {
	From, To Key
	Hinted   bool
}

// Hint is a line of the schema files that says what an object was called.
type Hint struct {
	Object Key    // as the wanted state names it
	Was    string // its name before, with the schema if that changed too
	Label  string // the label of an enum type that had the name Was; empty for the object itself
	Place  string // file:line
}

// Options says how to plan. The zero value is a careful plan.
type Options struct {
	Hints []Hint
	// RenamesOff takes every unhinted pair that looks like a rename as a drop and an add.
	RenamesOff bool
	// Written is the user's own statement that creates an object, which is taken
	// over the server's text for one that is new.
	Written map[Key]string
}

// Trial is a copy of the database that the first state was read from.
type Trial interface {
	// Run runs statements on the copy, reads the state that they lead to and
	// leaves the copy as it was. A statement that fails is a *Refused.
	Run(ctx context.Context, statements []Statement) (*State, error)
}

// New plans the way from have to want. Without a trial the plan is not tried.
// The error is a CannotPlan, LooksLikeRename or HintPointsNowhere where the
// states are the reason.
func New(ctx context.Context, have, want *State, try Trial, o Options) (*Plan, error) {
	return newPlan(ctx, have, want, try, o)
}
