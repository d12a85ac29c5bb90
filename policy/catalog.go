package policy

// Catalog is a whole database. Objects are named by people's names
// (public.orders, public.orders.total, public.f(integer)); no OID is in it.
// What belongs to a table is in its table and, again, in the flat lists.
type Catalog struct {
	Schemas       []*Schema       `json:"schemas"`
	Tables        []*Table        `json:"tables" jsonschema_description:"Ordinary, partitioned and foreign tables, partitions included."`
	Columns       []*Column       `json:"columns" jsonschema_description:"Of all tables."`
	Constraints   []*Constraint   `json:"constraints" jsonschema_description:"Of all tables."`
	Indexes       []*Index        `json:"indexes"`
	Triggers      []*Trigger      `json:"triggers"`
	Policies      []*RowPolicy    `json:"policies" jsonschema_description:"Row-level security policies."`
	Rules         []*RewriteRule  `json:"rules"`
	Views         []*View         `json:"views" jsonschema_description:"Views and materialized views."`
	Sequences     []*Sequence     `json:"sequences"`
	Types         []*Type         `json:"types" jsonschema_description:"Enums, domains, composite and range types."`
	Functions     []*Function     `json:"functions"`
	Extensions    []*Extension    `json:"extensions"`
	Publications  []*Publication  `json:"publications"`
	EventTriggers []*EventTrigger `json:"event_triggers"`
	Grants        []*Grant        `json:"grants" jsonschema_description:"Privileges on all objects, the owners' own left out."`
	Comments      []*Comment      `json:"comments"`
	Partitions    []*Partition    `json:"partitions"`
	Roles         []*Role         `json:"roles" jsonschema_description:"Roles of the server, PostgreSQL's own left out."`
	Objects       []*Object       `json:"objects" jsonschema_description:"Objects of all other kinds: casts, operators, collations, foreign servers, subscriptions …"`
	// DefaultPrivileges are of ALTER DEFAULT PRIVILEGES.
	DefaultPrivileges []*DefaultPrivilege `json:"default_privileges" jsonschema_description:"What ALTER DEFAULT PRIVILEGES grants on objects that will be created."`
	Dependencies      []*Dependency       `json:"dependencies" jsonschema_description:"Which object needs which; columns count as their table."`
}

// Schema is a namespace.
type Schema struct {
	Name    string `json:"name"`
	Object  string `json:"object"`
	Owner   string `json:"owner"`
	Comment string `json:"comment"`
}

// Table is an ordinary, partitioned or foreign table.
type Table struct {
	Schema           string        `json:"schema"`
	Name             string        `json:"name"`
	Object           string        `json:"object" jsonschema_description:"Qualified name: public.orders."`
	Kind             string        `json:"kind" jsonschema_description:"table, partitioned table or foreign table." jsonschema:"enum=table,enum=partitioned table,enum=foreign table"`
	Persistence      string        `json:"persistence" jsonschema_description:"permanent, unlogged or temporary." jsonschema:"enum=permanent,enum=unlogged,enum=temporary"`
	Owner            string        `json:"owner"`
	Comment          string        `json:"comment"`
	Columns          []*Column     `json:"columns" jsonschema_description:"In the table's order."`
	PrimaryKey       *Key          `json:"primary_key,omitempty" jsonschema_description:"Left out if the table has none."`
	Constraints      []*Constraint `json:"constraints"`
	ForeignKeys      []*Constraint `json:"foreign_keys"`
	Indexes          []*Index      `json:"indexes"`
	Triggers         []*Trigger    `json:"triggers"`
	Policies         []*RowPolicy  `json:"policies"`
	Grants           []*Grant      `json:"grants"`
	RowSecurity      bool          `json:"row_security"`
	ForceRowSecurity bool          `json:"force_row_security"`
	ReplicaIdentity  string        `json:"replica_identity"`
	PartitionKey     string        `json:"partition_key"`
	PartitionOf      string        `json:"partition_of" jsonschema_description:"Parent of a partition, else empty."`
	PartitionBound   string        `json:"partition_bound"`
	Inherits         []string      `json:"inherits"`
	Options          []string      `json:"options"`
	Tablespace       string        `json:"tablespace"`
	Rows             int64         `json:"rows" jsonschema_description:"Rows in production by the statistics, 0 if they do not know the table."`
	Bytes            int64         `json:"bytes" jsonschema_description:"Bytes in production by the statistics, with TOAST, without indexes; 0 if they do not know the table."`
}

// Key is a primary key.
type Key struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
}

// Column is a column of a table.
type Column struct {
	Schema   string `json:"schema"`
	Table    string `json:"table" jsonschema_description:"Qualified name of its table."`
	Name     string `json:"name"`
	Object   string `json:"object" jsonschema_description:"public.orders.total"`
	Position int    `json:"position"`
	Type     string `json:"type" jsonschema_description:"With modifier: character varying(50)."`
	BaseType string `json:"base_type" jsonschema_description:"Without modifier and array brackets: character varying."`
	Array    bool   `json:"array"`
	// UnderlyingType is BaseType, of a domain that of what it is made of.
	UnderlyingType string `json:"underlying_type" jsonschema_description:"The base type; of a domain that of the type that it is made of."`
	Domain         string `json:"domain" jsonschema_description:"Qualified name of the domain, empty if the type is none."`
	DomainNotNull  bool   `json:"domain_not_null" jsonschema_description:"The domain refuses NULL."`
	Length         int    `json:"length" jsonschema_description:"Bytes of a value; -1 where they vary, 0 if it is not known."`
	Alignment      int    `json:"alignment" jsonschema_description:"Its place in a row is a multiple of so many bytes: 1, 2, 4 or 8; 0 if it is not known."`
	NotNull        bool   `json:"not_null"`
	Default        string `json:"default" jsonschema_description:"Expression; of a generated column its expression."`
	Identity       string `json:"identity" jsonschema_description:"always, by default, or empty." jsonschema:"enum=,enum=always,enum=by default"`
	Generated      string `json:"generated" jsonschema_description:"stored, virtual, or empty." jsonschema:"enum=,enum=stored,enum=virtual"`
	Collation      string `json:"collation" jsonschema_description:"Only when not the type's own."`
	Inherited      bool   `json:"inherited"`
	Comment        string `json:"comment"`
}

// Constraint is a constraint of a table.
type Constraint struct {
	Schema     string      `json:"schema"`
	Table      string      `json:"table"`
	Name       string      `json:"name"`
	Object     string      `json:"object" jsonschema_description:"public.orders.orders_total_check"`
	Kind       string      `json:"kind" jsonschema_description:"check, foreign key, primary key, unique, exclusion, not null or constraint trigger." jsonschema:"enum=check,enum=foreign key,enum=primary key,enum=unique,enum=exclusion,enum=not null,enum=constraint trigger"`
	Columns    []string    `json:"columns"`
	Expression string      `json:"expression"`
	Definition string      `json:"definition"`
	Validated  bool        `json:"validated"`
	Enforced   bool        `json:"enforced"`
	Deferrable bool        `json:"deferrable"`
	Deferred   bool        `json:"deferred"`
	References *References `json:"references,omitempty" jsonschema_description:"Of a foreign key."`
	Inherited  bool        `json:"inherited" jsonschema_description:"Comes from a parent table."`
	Comment    string      `json:"comment"`
}

// References is what a foreign key points at.
type References struct {
	Schema   string   `json:"schema"`
	Table    string   `json:"table" jsonschema_description:"Qualified name."`
	Columns  []string `json:"columns"`
	OnDelete string   `json:"on_delete" jsonschema_description:"no action, restrict, cascade, set null or set default." jsonschema:"enum=no action,enum=restrict,enum=cascade,enum=set null,enum=set default"`
	OnUpdate string   `json:"on_update" jsonschema:"enum=no action,enum=restrict,enum=cascade,enum=set null,enum=set default"`
}

// Index is an index.
type Index struct {
	Schema     string      `json:"schema"`
	Table      string      `json:"table"`
	Name       string      `json:"name"`
	Object     string      `json:"object" jsonschema_description:"public.orders_total_idx"`
	Method     string      `json:"method"`
	Unique     bool        `json:"unique"`
	Primary    bool        `json:"primary"`
	Valid      bool        `json:"valid"`
	Columns    []string    `json:"columns" jsonschema_description:"Key columns in order; an expression is an empty string."`
	Keys       []*IndexKey `json:"keys"`
	Include    []string    `json:"include"`
	Predicate  string      `json:"predicate"`
	Definition string      `json:"definition"`
	Constraint bool        `json:"constraint" jsonschema_description:"Backs a constraint."`
	Inherited  bool        `json:"inherited" jsonschema_description:"Part of a partitioned index."`
	Bytes      int64       `json:"bytes" jsonschema_description:"Bytes in production by the statistics, 0 if they do not know the index."`
	Comment    string      `json:"comment"`
}

// IndexKey is one key of an index.
type IndexKey struct {
	Text       string `json:"text" jsonschema_description:"Column name or expression."`
	Expression bool   `json:"expression"`
	Descending bool   `json:"descending"`
	NullsFirst bool   `json:"nulls_first"`
	Opclass    string `json:"opclass"`
	Collation  string `json:"collation"`
}

// Trigger is a trigger of a table.
type Trigger struct {
	Schema     string `json:"schema"`
	Table      string `json:"table"`
	Name       string `json:"name"`
	Object     string `json:"object"`
	Function   string `json:"function"`
	Definition string `json:"definition"`
	Enabled    string `json:"enabled" jsonschema_description:"origin, disabled, replica or always." jsonschema:"enum=origin,enum=disabled,enum=replica,enum=always"`
	Inherited  bool   `json:"inherited"`
	Comment    string `json:"comment"`
}

// RowPolicy is a row-level security policy.
type RowPolicy struct {
	Schema     string   `json:"schema"`
	Table      string   `json:"table"`
	Name       string   `json:"name"`
	Object     string   `json:"object"`
	Command    string   `json:"command" jsonschema_description:"all, select, insert, update or delete." jsonschema:"enum=all,enum=select,enum=insert,enum=update,enum=delete"`
	Permissive bool     `json:"permissive"`
	Roles      []string `json:"roles" jsonschema_description:"public for everybody."`
	Using      string   `json:"using"`
	WithCheck  string   `json:"with_check"`
	Comment    string   `json:"comment"`
}

// RewriteRule is a rule of the rewrite system.
type RewriteRule struct {
	Schema     string `json:"schema"`
	Table      string `json:"table"`
	Name       string `json:"name"`
	Object     string `json:"object"`
	Definition string `json:"definition"`
	Enabled    string `json:"enabled"`
}

// View is a view or materialized view.
type View struct {
	Schema          string    `json:"schema"`
	Name            string    `json:"name"`
	Object          string    `json:"object"`
	Kind            string    `json:"kind" jsonschema_description:"view or materialized view." jsonschema:"enum=view,enum=materialized view"`
	Owner           string    `json:"owner"`
	Comment         string    `json:"comment"`
	Columns         []*Column `json:"columns"`
	Definition      string    `json:"definition"`
	Options         []string  `json:"options"`
	SecurityInvoker bool      `json:"security_invoker"`
	Populated       bool      `json:"populated"`
	Reads           []string  `json:"reads" jsonschema_description:"Columns of tables and views that its query reads, whatever it calls them: public.orders.total."`
	Grants          []*Grant  `json:"grants"`
}

// Sequence is a sequence.
type Sequence struct {
	Schema    string `json:"schema"`
	Name      string `json:"name"`
	Object    string `json:"object"`
	Owner     string `json:"owner"`
	Type      string `json:"type"`
	Increment int64  `json:"increment"`
	Max       int64  `json:"max"`
	Cycle     bool   `json:"cycle"`
	OwnedBy   string `json:"owned_by" jsonschema_description:"Column that owns it: public.orders.id."`
	Comment   string `json:"comment"`
}

// Type is an enum, domain, composite or range type.
type Type struct {
	Schema  string   `json:"schema"`
	Name    string   `json:"name"`
	Object  string   `json:"object"`
	Kind    string   `json:"kind" jsonschema_description:"enum, domain, composite, range or base." jsonschema:"enum=enum,enum=domain,enum=composite,enum=range,enum=base"`
	Owner   string   `json:"owner"`
	Labels  []string `json:"labels" jsonschema_description:"Of an enum, in order."`
	Base    string   `json:"base" jsonschema_description:"Of a domain."`
	NotNull bool     `json:"not_null" jsonschema_description:"Of a domain."`
	Default string   `json:"default" jsonschema_description:"Of a domain."`
	Checks  []string `json:"checks" jsonschema_description:"Expressions of a domain's constraints."`
	Comment string   `json:"comment"`
}

// Function is a function, procedure, aggregate or window function.
type Function struct {
	Schema          string   `json:"schema"`
	Name            string   `json:"name"`
	Object          string   `json:"object" jsonschema_description:"public.f(integer)"`
	Kind            string   `json:"kind" jsonschema_description:"function, procedure, aggregate or window." jsonschema:"enum=function,enum=procedure,enum=aggregate,enum=window"`
	Owner           string   `json:"owner"`
	Arguments       string   `json:"arguments"`
	Returns         string   `json:"returns"`
	Language        string   `json:"language"`
	Volatility      string   `json:"volatility" jsonschema:"enum=immutable,enum=stable,enum=volatile"`
	Strict          bool     `json:"strict"`
	SecurityDefiner bool     `json:"security_definer"`
	Leakproof       bool     `json:"leakproof"`
	Config          []string `json:"config" jsonschema_description:"search_path=public"`
	Body            string   `json:"body"`
	Grants          []*Grant `json:"grants"`
	Comment         string   `json:"comment"`
}

// Extension is an installed extension.
type Extension struct {
	Name    string `json:"name"`
	Object  string `json:"object"`
	Version string `json:"version"`
	Schema  string `json:"schema"`
}

// Publication is a logical replication publication.
type Publication struct {
	Name      string   `json:"name"`
	Object    string   `json:"object"`
	AllTables bool     `json:"all_tables"`
	Schemas   []string `json:"schemas"`
	Tables    []string `json:"tables"`
	Publishes []string `json:"publishes"`
}

// EventTrigger is an event trigger.
type EventTrigger struct {
	Name     string `json:"name"`
	Object   string `json:"object"`
	Event    string `json:"event"`
	Function string `json:"function"`
	Enabled  string `json:"enabled"`
}

// Grant is one privilege on one object.
type Grant struct {
	Object    string `json:"object" jsonschema_description:"Qualified name; of a column public.orders.total."`
	Kind      string `json:"kind"`
	Grantee   string `json:"grantee" jsonschema_description:"public is everybody."`
	Privilege string `json:"privilege"`
	Grantable bool   `json:"grantable"`
}

// DefaultPrivilege is one privilege that new objects get.
type DefaultPrivilege struct {
	Object    string `json:"object" jsonschema_description:"for role app in schema public on tables"`
	Role      string `json:"role" jsonschema_description:"Whose new objects get it."`
	Schema    string `json:"schema" jsonschema_description:"Empty for all schemas."`
	Kind      string `json:"kind" jsonschema_description:"table, sequence, function, type or schema." jsonschema:"enum=table,enum=sequence,enum=function,enum=type,enum=schema"`
	Grantee   string `json:"grantee" jsonschema_description:"public is everybody."`
	Privilege string `json:"privilege"`
	Grantable bool   `json:"grantable"`
}

// Role is a role of the server.
type Role struct {
	Name        string   `json:"name"`
	Object      string   `json:"object"`
	Superuser   bool     `json:"superuser"`
	Inherit     bool     `json:"inherit"`
	CreateRole  bool     `json:"create_role"`
	CreateDB    bool     `json:"create_db"`
	Login       bool     `json:"login"`
	Replication bool     `json:"replication"`
	BypassRLS   bool     `json:"bypass_rls"`
	MemberOf    []string `json:"member_of" jsonschema_description:"Roles that it is a member of."`
	Comment     string   `json:"comment"`
}

// Object is an object that is known by its text.
type Object struct {
	Kind       string `json:"kind" jsonschema_description:"cast, operator, collation, server, subscription, text search configuration …"`
	Name       string `json:"name"`
	Object     string `json:"object" jsonschema_description:"As the server identifies it: (pg_catalog.text AS public.mail)."`
	Definition string `json:"definition" jsonschema_description:"What is set of it, in the order of the system catalog's columns."`
	Owner      string `json:"owner"`
	Comment    string `json:"comment"`
}

// Comment is a comment on an object.
type Comment struct {
	Object string `json:"object"`
	Kind   string `json:"kind"`
	Text   string `json:"text"`
}

// Partition says which table is a partition of which.
type Partition struct {
	Table  string `json:"table"`
	Parent string `json:"parent"`
	Bound  string `json:"bound"`
}

// Dependency says that object needs on.
type Dependency struct {
	Object string `json:"object"`
	Kind   string `json:"kind"`
	On     string `json:"on"`
	OnKind string `json:"on_kind"`
}
