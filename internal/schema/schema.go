// Package schema holds a database's catalog as pure data, and the typed
// changes between two of them. Objects are compared by OID and attnum, so that
// a rename is a rename. Catalogs are immutable once made: a later catalog
// shares every object that did not change with the earlier one.
package schema

// OID identifies an object within one run. It never reaches any output.
type OID uint32

// Class is the kind of object an OID belongs to (OIDs are unique per system catalog only).
type Class string

// Classes, named by their system catalog's contents.
const (
	ClassSchema       Class = "schema"
	ClassRelation     Class = "relation" // table, view, materialized view, sequence, index, foreign table, composite type
	ClassConstraint   Class = "constraint"
	ClassType         Class = "type"
	ClassFunction     Class = "function"
	ClassTrigger      Class = "trigger"
	ClassRule         Class = "rule"
	ClassPolicy       Class = "policy"
	ClassExtension    Class = "extension"
	ClassPublication  Class = "publication"
	ClassStatistics   Class = "statistics"
	ClassEventTrigger Class = "event trigger"
	ClassDefault      Class = "default" // pg_attrdef
	ClassOther        Class = "other"
)

// Ref names an object, or with Sub a column of a relation.
type Ref struct {
	Class Class
	OID   OID
	Sub   int16
}

// Catalog is everything user-made in one database. System schemas, the
// recorder's own objects and objects that belong to an extension are left out
// (the latter are counted by their Extension).
type Catalog struct {
	Schemas       map[OID]*Schema
	Relations     map[OID]*Relation // tables, partitioned and foreign tables, views, materialized views, sequences
	Indexes       map[OID]*Index
	Constraints   map[OID]*Constraint
	Types         map[OID]*Type // enums, domains, composite and range types
	Functions     map[OID]*Function
	Triggers      map[OID]*Trigger // not the internal ones of constraints
	Rules         map[OID]*Rule    // not the _RETURN rule of views
	Policies      map[OID]*Policy
	Extensions    map[OID]*Extension
	Publications  map[OID]*Publication
	Statistics    map[OID]*Statistics
	EventTriggers map[OID]*EventTrigger
	Objects       map[OID]*Object // of all other classes
	Depends       Dependencies    // between objects above, Objects aside
}

// Dependency says that Object needs On (pg_depend, with the dependency of a
// view's rule or a column's default told as the view's or column's own).
type Dependency struct {
	Object, On Ref
	Kind       byte // deptype: n normal, a auto, i internal, P S partition, e extension
}

// Schema is a namespace.
type Schema struct {
	OID     OID
	Name    string
	Owner   string
	Comment string
	ACL     []Grant
}

// RelationKind is pg_class.relkind in words.
type RelationKind string

// The kinds of relation kept in Catalog.Relations.
const (
	Table            RelationKind = "table"
	PartitionedTable RelationKind = "partitioned table"
	ForeignTable     RelationKind = "foreign table"
	View             RelationKind = "view"
	MaterializedView RelationKind = "materialized view"
	Sequence         RelationKind = "sequence"
)

// Relation is a table, view, materialized view, foreign table or sequence.
type Relation struct {
	OID              OID
	Schema, Name     string
	Kind             RelationKind
	Persistence      string // "permanent", "unlogged", "temporary"
	Owner            string
	Columns          []*Column // live ones, by attnum
	Options          []string  // reloptions, sorted: "autovacuum_enabled=false", "security_invoker=true", "toast.autovacuum_enabled=false"
	RowSecurity      bool
	ForceRowSecurity bool
	ReplicaIdentity  string // "default", "full", "nothing", "index"
	PartitionKey     string // pg_get_partkeydef, of a partitioned table
	PartitionColumns []int16
	PartitionOf      OID    // parent, of a partition
	PartitionBound   string // "FOR VALUES FROM … TO …" or "DEFAULT"
	// PartitionCheck is the condition that the bound puts on each row, with those of
	// the parents above (pg_get_partition_constraintdef); empty of a default partition.
	PartitionCheck    string
	Inherits          []OID // parents by plain inheritance
	OfType            OID
	Definition        string // of a view or materialized view
	Raw               string // hash of a view's stored query: a rename elsewhere changes Definition, not this
	Populated         bool   // of a materialized view
	Sequence          *SequenceOptions
	OwnedBy           Ref // column that owns a sequence
	Tablespace        string
	AccessMethod      string
	FileNode          OID // relfilenode: another one means that the storage was written anew
	ToastFileNode     OID
	ForeignServer     string   // of a foreign table
	ForeignOptions    []string // of a foreign table, sorted
	Comment           string
	ACL               []Grant
	DroppedAttributes int // attributes in pg_attribute that are dropped (they count towards 1600)
}

// SequenceOptions are a sequence's parameters.
type SequenceOptions struct {
	Type                             string // "bigint"
	Start, Increment, Min, Max, Last int64  // Last is always 0: reading it would lock the sequence
	Cycle                            bool
	Cache                            int64
}

// Column is a live column of a relation or attribute of a composite type.
type Column struct {
	Num         int16 // attnum
	Name        string
	Type        string // format_type with modifier: "character varying(50)"
	TypeOID     OID
	NotNull     bool
	Default     string // pg_get_expr; for a generated column its expression
	Identity    string // "", "always", "by default"
	Generated   string // "", "stored", "virtual"
	Collation   string // only when not the type's own
	Storage     string
	Compression string
	Inherited   bool
	// StatisticsTarget is what ALTER COLUMN … SET STATISTICS set, empty if nothing did.
	StatisticsTarget string
	Options          []string // attribute options, sorted: "n_distinct=100"
	ForeignOptions   []string // of a foreign table's column, sorted
	Comment          string
	ACL              []Grant
}

// Index is an index.
type Index struct {
	OID              OID
	Table            OID
	Schema, Name     string
	Method           string // "btree"
	Unique, Primary  bool
	Exclusion        bool
	Valid, Ready     bool
	NullsNotDistinct bool
	Keys             []IndexKey
	Include          []string
	Predicate        string
	Definition       string // pg_get_indexdef
	Constraint       OID    // the constraint it backs
	Parent           OID    // the partitioned index it is part of
	Partitioned      bool
	ReplicaIdentity  bool
	Options          []string // reloptions, sorted
	StatisticsTarget string   // of its columns: "1:1000"; empty if none is set
	Clustered        bool     // CLUSTER goes by it
	Tablespace       string
	FileNode         OID
	Comment          string
}

// IndexKey is one key column or expression.
type IndexKey struct {
	Column     int16  // attnum, 0 for an expression
	Text       string // column name or expression
	Collation  string
	Opclass    string // empty for the type's default
	Descending bool
	NullsFirst bool
}

// ConstraintKind is pg_constraint.contype in words.
type ConstraintKind string

// The kinds of constraint.
const (
	Check             ConstraintKind = "check"
	ForeignKey        ConstraintKind = "foreign key"
	PrimaryKey        ConstraintKind = "primary key"
	Unique            ConstraintKind = "unique"
	Exclusion         ConstraintKind = "exclusion"
	NotNull           ConstraintKind = "not null" // PostgreSQL 18 and later
	ConstraintTrigger ConstraintKind = "constraint trigger"
)

// Constraint is a constraint of a table or a domain.
type Constraint struct {
	OID                  OID
	Table                OID // 0 for a domain's
	Domain               OID // 0 for a table's
	Schema, Name         string
	Kind                 ConstraintKind
	Columns              []int16 // of Table
	Expression           string  // of a check
	Raw                  string  // hash of the stored expression
	Definition           string  // pg_get_constraintdef
	Validated            bool
	Enforced             bool // always true before PostgreSQL 18
	Deferrable, Deferred bool
	Index                OID // backing index; for a foreign key that of the referenced side
	RefTable             OID
	RefColumns           []int16
	OnDelete, OnUpdate   string // "no action", "restrict", "cascade", "set null", "set default"
	Parent               OID    // constraint of the partitioned table it comes from
	Inherited            bool   // not defined locally
	Comment              string
}

// TypeKind is pg_type.typtype in words.
type TypeKind string

// The kinds of type.
const (
	Enum      TypeKind = "enum"
	Domain    TypeKind = "domain"
	Composite TypeKind = "composite"
	Range     TypeKind = "range"
	BaseType  TypeKind = "base"
)

// Type is a user-made type.
type Type struct {
	OID          OID
	Schema, Name string
	Kind         TypeKind
	Labels       []string  // of an enum, in sort order
	LabelOIDs    []OID     // of an enum, beside Labels: a renamed label keeps its OID
	Base         string    // of a domain
	NotNull      bool      // of a domain
	Default      string    // of a domain
	Collation    string    // of a domain, if not the type's own
	Definition   string    // of a range or base type: subtype and functions
	Attributes   []*Column // of a composite type
	Relation     OID       // pg_class row of a composite type
	Owner        string
	Comment      string
	ACL          []Grant
}

// Function is a function, procedure, aggregate or window function.
type Function struct {
	OID             OID
	Schema, Name    string
	Kind            string // "function", "procedure", "aggregate", "window"
	Arguments       string // pg_get_function_arguments
	Identity        string // pg_get_function_identity_arguments
	ArgTypes        []string
	ArgNames        []string
	Defaults        int // how many trailing arguments have a default
	Returns         string
	Language        string
	Volatility      string // "immutable", "stable", "volatile"
	Parallel        string // "safe", "restricted", "unsafe"
	Strict          bool
	SecurityDefiner bool
	Leakproof       bool
	Cost, Rows      string   // COST and ROWS; Rows is empty for what gives no set
	Support         string   // planner support function
	Aggregate       string   // of an aggregate: its functions and state
	Config          []string // "search_path=public"
	Body            string   // prosrc, or the SQL body of BEGIN ATOMIC
	Raw             string   // hash of everything CREATE OR REPLACE can change
	Owner           string
	Comment         string
	ACL             []Grant
}

// Trigger is a user-made trigger.
type Trigger struct {
	OID        OID
	Table      OID
	Name       string
	Function   OID
	Definition string
	Raw        string // hash of what the definition says, names of other objects aside
	Enabled    string // "origin", "disabled", "replica", "always"
	Parent     OID    // trigger of the partitioned table it comes from
	Comment    string
}

// Rule is a rewrite rule.
type Rule struct {
	OID        OID
	Table      OID
	Name       string
	Definition string
	Raw        string // hash of the stored query
	Enabled    string
	Comment    string
}

// Policy is a row-level security policy.
type Policy struct {
	OID        OID
	Table      OID
	Name       string
	Command    string // "all", "select", "insert", "update", "delete"
	Permissive bool
	Roles      []string // "public" for all
	Using      string
	WithCheck  string
	Raw        string // hash of the stored expressions
	Comment    string
}

// Extension is an installed extension.
type Extension struct {
	OID     OID
	Name    string
	Version string
	Schema  string
	Comment string
}

// Publication is a logical replication publication.
type Publication struct {
	OID       OID
	Name      string
	Owner     string
	AllTables bool
	ViaRoot   bool // publish_via_partition_root
	Schemas   []OID
	Tables    []PublicationTable
	Publishes []string // "insert", "update", "delete", "truncate"
	Comment   string
}

// PublicationTable is a table of a publication.
type PublicationTable struct {
	Table   OID
	Columns []int16 // nil: all
	Where   string
}

// Statistics is an extended statistics object.
type Statistics struct {
	OID          OID
	Table        OID
	Schema, Name string
	Definition   string
	Owner        string
	Target       string // ALTER STATISTICS … SET STATISTICS; empty if it is not set
	Comment      string
}

// EventTrigger is an event trigger of the users' own.
type EventTrigger struct {
	OID      OID
	Name     string
	Event    string
	Function OID
	Tags     []string // that it fires for; none: all
	Owner    string
	Enabled  string
	Comment  string
}

// Object is an object of a class that the catalog holds as text: a collation,
// conversion, operator, operator class or family, access method, cast, language,
// transform, text search object, foreign-data wrapper, foreign server, user
// mapping, default privileges, subscription, role, tablespace, the privileges
// for a parameter, or the database itself.
type Object struct {
	OID        OID
	Kind       string // in words: "collation", "text search configuration"
	Name       string // as PostgreSQL identifies it: "public.ci", "public.===(integer,integer)"
	Definition string // all that was set, names resolved
	Owner      string
	Comment    string
	ACL        []Grant
	Shared     bool // of the whole server: a role, a tablespace, privileges for a parameter
}

// Grant is one privilege of an access control list.
type Grant struct {
	Grantee   string // role name, "public" for PUBLIC
	Privilege string // "SELECT"
	Grantable bool
	Grantor   string
}
