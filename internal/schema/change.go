package schema

// Change is one difference between two catalogs. The set of types is closed
// and flat; a check names the one it is about. What all have in common is in
// their head.
type Change interface{ Head() Head }

// Changes of schemas and extensions.
type (
	AddSchema         struct{ Schema *Schema }
	DropSchema        struct{ Schema *Schema }
	RenameSchema      struct{ Before, After *Schema }
	AddExtension      struct{ Extension *Extension }
	DropExtension     struct{ Extension *Extension }
	AlterExtension    struct{ Before, After *Extension } // version or schema
	AddPublication    struct{ Publication *Publication }
	DropPublication   struct{ Publication *Publication }
	AlterPublication  struct{ Before, After *Publication }
	AddEventTrigger   struct{ EventTrigger *EventTrigger }
	DropEventTrigger  struct{ EventTrigger *EventTrigger }
	AlterEventTrigger struct{ Before, After *EventTrigger }
)

// Changes of relations as a whole. Table here is any kind of relation but view,
// materialized view and sequence, which have their own.
type (
	AddTable           struct{ Table *Relation }
	DropTable          struct{ Table *Relation }
	RenameTable        struct{ Before, After *Relation } // another name, any kind of relation
	MoveTable          struct{ Before, After *Relation } // another schema, any kind of relation (SET SCHEMA, not RenameSchema)
	SetPersistence     struct{ Before, After *Relation } // SET LOGGED, SET UNLOGGED
	SetTablespace      struct{ Before, After *Relation }
	SetAccessMethod    struct{ Before, After *Relation }
	SetOptions         struct{ Before, After *Relation } // storage parameters, view options
	SetRowSecurity     struct{ Before, After *Relation } // ENABLE, DISABLE, FORCE, NO FORCE
	SetReplicaIdentity struct{ Before, After *Relation }
	SetInheritance     struct{ Before, After *Relation } // INHERIT, NO INHERIT, OF, NOT OF
	AttachPartition    struct{ Parent, Partition *Relation }
	DetachPartition    struct{ Parent, Partition *Relation }
	AddView            struct{ View *Relation } // view or materialized view
	DropView           struct{ View *Relation }
	ReplaceView        struct{ Before, After *Relation } // other definition or columns
	AddSequence        struct{ Sequence *Relation }
	DropSequence       struct{ Sequence *Relation }
	AlterSequence      struct{ Before, After *Relation }
)

// Changes of columns. Table is the relation after the change (before it for DropColumn).
type (
	AddColumn struct {
		Table  *Relation
		Column *Column
	}
	DropColumn struct {
		Table  *Relation
		Column *Column
	}
	RenameColumn struct {
		Table         *Relation
		Before, After *Column
	}
	AlterColumnType struct {
		Table         *Relation
		Before, After *Column
	} // type, modifier or collation
	SetNotNull struct {
		Table  *Relation
		Column *Column
	}
	DropNotNull struct {
		Table  *Relation
		Column *Column
	}
	AlterDefault struct {
		Table         *Relation
		Before, After *Column
	} // set, changed or dropped
	AlterIdentity struct {
		Table         *Relation
		Before, After *Column
	}
	AlterGenerated struct {
		Table         *Relation
		Before, After *Column
	} // SET EXPRESSION, DROP EXPRESSION
	AlterColumnStorage struct {
		Table         *Relation
		Before, After *Column
	} // storage or compression
)

// Changes of indexes, constraints and statistics objects.
type (
	AddIndex           struct{ Index *Index }
	DropIndex          struct{ Index *Index }
	RenameIndex        struct{ Before, After *Index }
	AlterIndex         struct{ Before, After *Index } // validity, parent, options
	AddConstraint      struct{ Constraint *Constraint }
	DropConstraint     struct{ Constraint *Constraint }
	RenameConstraint   struct{ Before, After *Constraint }
	ValidateConstraint struct{ Before, After *Constraint }
	AlterConstraint    struct{ Before, After *Constraint } // deferrability, enforcement
	AddStatistics      struct{ Statistics *Statistics }
	DropStatistics     struct{ Statistics *Statistics }
	AlterStatistics    struct{ Before, After *Statistics } // name, schema, target
)

// Changes of types and functions.
type (
	AddType      struct{ Type *Type }
	DropType     struct{ Type *Type }
	RenameType   struct{ Before, After *Type } // name or schema
	AlterType    struct{ Before, After *Type } // domain default or NOT NULL, composite attributes
	AddEnumValue struct {
		Type  *Type
		Value string
		Last  bool
	} // Type after; Last: at the end of the order
	RenameEnumValue struct {
		Type          *Type
		Before, After string
	}
	AddFunction     struct{ Function *Function }
	DropFunction    struct{ Function *Function }
	RenameFunction  struct{ Before, After *Function } // name or schema
	ReplaceFunction struct{ Before, After *Function } // body or attributes
)

// Changes of what belongs to a table.
type (
	AddTrigger   struct{ Trigger *Trigger }
	DropTrigger  struct{ Trigger *Trigger }
	AlterTrigger struct{ Before, After *Trigger } // name, definition, enabled
	AddRule      struct{ Rule *Rule }
	DropRule     struct{ Rule *Rule }
	AlterRule    struct{ Before, After *Rule }
	AddPolicy    struct{ Policy *Policy }
	DropPolicy   struct{ Policy *Policy }
	AlterPolicy  struct{ Before, After *Policy }
)

// Changes of objects that the catalog holds by their text alone: collations,
// operators, casts, text search, foreign servers, roles and so on.
type (
	AddObject   struct{ Object *Object }
	DropObject  struct{ Object *Object }
	AlterObject struct{ Before, After *Object } // name, definition or comment
)

// Unmodelled is a change of something that the catalog does not hold at all,
// as the server's events name it: that it changed is known, not how.
type Unmodelled struct {
	Object     Ref
	Kind, Name string
	Tag        string // command tag
}

// SetAttributes is a change of what has no type of change of its own, such as
// a column's statistics target, an index that CLUSTER goes by or the options of
// a foreign table.
type SetAttributes struct {
	Object        Ref
	Kind, Name    string // of a column: "column", "public.orders.total"
	Table         OID    // that the object is, or belongs to; 0 if there is none
	Column        string // of a column
	Before, After []Attribute
}

// Changes that any object can have. Name is the object as a person writes it,
// schema-qualified ("public.orders", "public.f(integer)"); Kind its kind in words.
type (
	AddGrant struct {
		Object     Ref
		Kind, Name string
		Column     string
		Grant      Grant
	}
	DropGrant struct {
		Object     Ref
		Kind, Name string
		Column     string
		Grant      Grant
	}
	SetOwner struct {
		Object                    Ref
		Kind, Name, Before, After string
	}
	SetComment struct {
		Object        Ref
		Kind, Name    string // of a column: "column", "public.orders.total"
		Column        string
		Before, After string
	}
)
