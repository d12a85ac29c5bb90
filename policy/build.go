package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/schema"
)

// builder turns catalogs into documents. Objects that two catalogs share come
// out as the same pointers, so that a document with many catalogs stays small.
type builder struct {
	catalogs    map[*schema.Catalog]*Catalog
	columns     map[*schema.Relation][]*Column
	tables      map[*schema.Relation]*Table
	views       map[*schema.Relation]*View
	constraints map[*schema.Constraint]*Constraint
	indexes     map[*schema.Index]*Index
	functions   map[*schema.Function]*Function
	names       map[*schema.Catalog]map[schema.Ref]named
	sized       *sizes // nil: there are no statistics
}

func newBuilder() *builder {
	return &builder{
		catalogs:    map[*schema.Catalog]*Catalog{},
		columns:     map[*schema.Relation][]*Column{},
		tables:      map[*schema.Relation]*Table{},
		views:       map[*schema.Relation]*View{},
		constraints: map[*schema.Constraint]*Constraint{},
		indexes:     map[*schema.Index]*Index{},
		functions:   map[*schema.Function]*Function{},
		names:       map[*schema.Catalog]map[schema.Ref]named{},
	}
}

// members is what belongs to one table, in order of name.
type members struct {
	constraints []*Constraint
	indexes     []*Index
	triggers    []*Trigger
	policies    []*RowPolicy
}

func (b *builder) namesOf(c *schema.Catalog) map[schema.Ref]named {
	n := b.names[c]
	if n == nil {
		n = names(c)
		b.names[c] = n
	}
	return n
}

// catalog builds the document of a whole catalog; nil is an empty one.
func (b *builder) catalog(c *schema.Catalog) *Catalog {
	if c == nil {
		c = &schema.Catalog{}
	}
	if out := b.catalogs[c]; out != nil {
		return out
	}
	out := &Catalog{
		Schemas: []*Schema{}, Tables: []*Table{}, Columns: []*Column{}, Constraints: []*Constraint{}, Indexes: []*Index{},
		Triggers: []*Trigger{}, Policies: []*RowPolicy{}, Rules: []*RewriteRule{}, Views: []*View{}, Sequences: []*Sequence{},
		Types: []*Type{}, Functions: []*Function{}, Extensions: []*Extension{}, Publications: []*Publication{},
		EventTriggers: []*EventTrigger{}, Grants: []*Grant{}, Comments: []*Comment{}, Partitions: []*Partition{}, Dependencies: []*Dependency{},
		Roles: []*Role{}, Objects: []*Object{}, DefaultPrivileges: []*DefaultPrivilege{},
	}
	b.catalogs[c] = out
	byTable, reads := b.members(c, out), b.reads(c)
	for _, r := range sorted(c.Relations, func(r *schema.Relation) string { return join(r.Schema, r.Name) }) {
		switch r.Kind {
		case schema.View, schema.MaterializedView:
			v := b.view(c, r, reads[r.OID])
			out.Views = append(out.Views, v)
			out.Grants = append(out.Grants, v.Grants...)
		case schema.Sequence:
			out.Sequences = append(out.Sequences, sequence(c, r))
			out.Grants = append(out.Grants, grants(join(r.Schema, r.Name), "sequence", r.Owner, r.ACL)...)
		default:
			t := b.table(c, r, byTable[r.OID])
			out.Tables = append(out.Tables, t)
			out.Columns = append(out.Columns, t.Columns...)
			out.Grants = append(out.Grants, t.Grants...)
			if t.PartitionOf != "" {
				out.Partitions = append(out.Partitions, &Partition{Table: t.Object, Parent: t.PartitionOf, Bound: t.PartitionBound})
			}
		}
	}
	b.rest(c, out)
	b.objects(c, out)
	b.dependencies(c, out)
	out.Comments = comments(out)
	return out
}

// members builds constraints, indexes, triggers and policies, and sorts them by table.
func (b *builder) members(c *schema.Catalog, out *Catalog) map[schema.OID]*members {
	byTable := map[schema.OID]*members{}
	of := func(oid schema.OID) *members {
		m := byTable[oid]
		if m == nil {
			m = &members{constraints: []*Constraint{}, indexes: []*Index{}, triggers: []*Trigger{}, policies: []*RowPolicy{}}
			byTable[oid] = m
		}
		return m
	}
	for _, k := range sorted(c.Constraints, func(k *schema.Constraint) string { return constraintName(c, k) }) {
		if k.Table == 0 {
			continue // a domain's; the type tells its base and NOT NULL
		}
		x := b.constraint(c, k)
		out.Constraints, of(k.Table).constraints = append(out.Constraints, x), append(of(k.Table).constraints, x)
	}
	for _, i := range sorted(c.Indexes, func(i *schema.Index) string { return join(i.Schema, i.Name) }) {
		x := b.index(c, i)
		out.Indexes, of(i.Table).indexes = append(out.Indexes, x), append(of(i.Table).indexes, x)
	}
	for _, t := range sorted(c.Triggers, func(t *schema.Trigger) string { return join(relName(c, t.Table), t.Name) }) {
		x := &Trigger{
			Schema: schemaOf(c, t.Table), Table: relName(c, t.Table), Name: t.Name, Object: join(relName(c, t.Table), t.Name),
			Function: functionByOID(c, t.Function), Definition: t.Definition, Enabled: t.Enabled, Inherited: t.Parent != 0, Comment: t.Comment,
		}
		out.Triggers, of(t.Table).triggers = append(out.Triggers, x), append(of(t.Table).triggers, x)
	}
	for _, p := range sorted(c.Policies, func(p *schema.Policy) string { return join(relName(c, p.Table), p.Name) }) {
		x := &RowPolicy{
			Schema: schemaOf(c, p.Table), Table: relName(c, p.Table), Name: p.Name, Object: join(relName(c, p.Table), p.Name),
			Command: p.Command, Permissive: p.Permissive, Roles: list(p.Roles), Using: p.Using, WithCheck: p.WithCheck, Comment: p.Comment,
		}
		out.Policies, of(p.Table).policies = append(out.Policies, x), append(of(p.Table).policies, x)
	}
	return byTable
}

func (b *builder) columnsOf(c *schema.Catalog, r *schema.Relation) []*Column {
	if out := b.columns[r]; out != nil {
		return out
	}
	table := join(r.Schema, r.Name)
	out := make([]*Column, 0, len(r.Columns))
	domains := false
	for i, col := range r.Columns {
		base, array := baseType(col.Type)
		x := &Column{
			Schema: r.Schema, Table: table, Name: col.Name, Object: join(table, col.Name), Position: i + 1,
			Type: col.Type, BaseType: base, UnderlyingType: base, Array: array, NotNull: col.NotNull, Default: col.Default, Identity: col.Identity,
			Generated: col.Generated, Collation: col.Collation, Inherited: col.Inherited, Comment: col.Comment,
		}
		if d := c.Types[col.TypeOID]; d != nil && d.Kind == schema.Domain {
			domains = true
			x.Domain = join(d.Schema, d.Name)
			x.UnderlyingType, x.DomainNotNull = underlying(c, d, 0)
		}
		w := widthOf(c, x, col.TypeOID)
		x.Length, x.Alignment = w.length, w.alignment
		out = append(out, x)
	}
	if !domains { // what a domain is may change without the table
		b.columns[r] = out
	}
	return out
}

// underlying is the type that a domain is made of, by way of other domains.
func underlying(c *schema.Catalog, d *schema.Type, depth int) (base string, notNull bool) {
	base, _ = baseType(d.Base)
	for _, t := range c.Types {
		if t.Kind == schema.Domain && depth < 10 && (base == join(t.Schema, t.Name) || base == t.Name && t.Schema == d.Schema) {
			inner, null := underlying(c, t, depth+1)
			return inner, null || d.NotNull
		}
	}
	return base, d.NotNull
}

func (b *builder) table(c *schema.Catalog, r *schema.Relation, m *members) *Table {
	if m == nil {
		m = &members{constraints: []*Constraint{}, indexes: []*Index{}, triggers: []*Trigger{}, policies: []*RowPolicy{}}
	}
	name := join(r.Schema, r.Name)
	old := b.tables[r]
	if old != nil && old.PartitionOf == relName(c, r.PartitionOf) && slices.Equal(old.Constraints, m.constraints) && slices.Equal(old.Indexes, m.indexes) &&
		len(old.Triggers)+len(m.triggers)+len(old.Policies)+len(m.policies)+len(r.Inherits) == 0 {
		return old
	}
	t := &Table{
		Schema: r.Schema, Name: r.Name, Object: name, Kind: string(r.Kind), Persistence: r.Persistence, Owner: r.Owner, Comment: r.Comment,
		Columns: b.columnsOf(c, r), Constraints: m.constraints, ForeignKeys: []*Constraint{}, Indexes: m.indexes, Triggers: m.triggers, Policies: m.policies,
		Grants: grants(name, string(r.Kind), r.Owner, r.ACL), RowSecurity: r.RowSecurity, ForceRowSecurity: r.ForceRowSecurity,
		ReplicaIdentity: r.ReplicaIdentity, PartitionKey: r.PartitionKey, PartitionOf: relName(c, r.PartitionOf), PartitionBound: r.PartitionBound,
		Inherits: []string{}, Options: list(r.Options), Tablespace: r.Tablespace,
	}
	t.Rows, t.Bytes = b.sized.table(r.OID, name)
	for _, col := range r.Columns {
		t.Grants = append(t.Grants, grants(join(name, col.Name), "column", r.Owner, col.ACL)...)
	}
	for _, p := range r.Inherits {
		t.Inherits = append(t.Inherits, relName(c, p))
	}
	for _, k := range m.constraints {
		switch k.Kind {
		case string(schema.PrimaryKey):
			t.PrimaryKey = &Key{Name: k.Name, Columns: k.Columns}
		case string(schema.ForeignKey):
			t.ForeignKeys = append(t.ForeignKeys, k)
		}
	}
	b.tables[r] = t
	return t
}

func (b *builder) constraint(c *schema.Catalog, k *schema.Constraint) *Constraint {
	x := &Constraint{
		Schema: schemaOf(c, k.Table), Table: relName(c, k.Table), Name: k.Name, Object: constraintName(c, k), Kind: string(k.Kind),
		Columns: columnNames(c, k.Table, k.Columns), Expression: k.Expression, Definition: k.Definition, Validated: k.Validated, Enforced: k.Enforced,
		Deferrable: k.Deferrable, Deferred: k.Deferred, Inherited: k.Inherited || k.Parent != 0, Comment: k.Comment,
	}
	if k.Kind == schema.ForeignKey {
		x.References = &References{
			Schema: schemaOf(c, k.RefTable), Table: relName(c, k.RefTable), Columns: columnNames(c, k.RefTable, k.RefColumns),
			OnDelete: k.OnDelete, OnUpdate: k.OnUpdate,
		}
	}
	old := b.constraints[k]
	if old != nil && old.Object == x.Object && slices.Equal(old.Columns, x.Columns) &&
		(x.References == nil || old.References.Table == x.References.Table && slices.Equal(old.References.Columns, x.References.Columns)) {
		return old
	}
	b.constraints[k] = x
	return x
}

func (b *builder) index(c *schema.Catalog, i *schema.Index) *Index {
	old := b.indexes[i]
	if old != nil && old.Table == relName(c, i.Table) {
		return old
	}
	x := &Index{
		Schema: i.Schema, Table: relName(c, i.Table), Name: i.Name, Object: join(i.Schema, i.Name), Method: i.Method, Unique: i.Unique, Primary: i.Primary,
		Valid: i.Valid, Columns: []string{}, Keys: []*IndexKey{}, Include: []string{}, Predicate: i.Predicate, Definition: i.Definition,
		Constraint: i.Constraint != 0, Inherited: i.Parent != 0, Comment: i.Comment,
		Bytes: b.sized.index(i.OID, join(i.Schema, i.Name)),
	}
	for _, name := range i.Include {
		x.Include = append(x.Include, unquoted(name))
	}
	for _, k := range i.Keys {
		column, text := "", k.Text
		if r := c.Relations[i.Table]; r != nil && k.Column != 0 {
			if col := r.Column(k.Column); col != nil { // k.Text has it as SQL takes it, in quotes where they are needed
				column, text = col.Name, col.Name
			}
		}
		x.Columns = append(x.Columns, column)
		x.Keys = append(x.Keys, &IndexKey{Text: text, Expression: k.Column == 0, Descending: k.Descending, NullsFirst: k.NullsFirst, Opclass: k.Opclass, Collation: k.Collation})
	}
	b.indexes[i] = x
	return x
}

func (b *builder) view(c *schema.Catalog, r *schema.Relation, reads []string) *View {
	if out := b.views[r]; out != nil && slices.Equal(out.Reads, reads) {
		return out
	}
	name := join(r.Schema, r.Name)
	v := &View{
		Schema: r.Schema, Name: r.Name, Object: name, Kind: string(r.Kind), Owner: r.Owner, Comment: r.Comment, Columns: b.columnsOf(c, r),
		Definition: r.Definition, Options: list(r.Options), Populated: r.Populated, Grants: grants(name, string(r.Kind), r.Owner, r.ACL), Reads: list(reads),
		SecurityInvoker: slices.ContainsFunc(r.Options, func(o string) bool {
			return o == "security_invoker=true" || o == "security_invoker=on" || o == "security_invoker=1"
		}),
	}
	b.views[r] = v
	return v
}

func sequence(c *schema.Catalog, r *schema.Relation) *Sequence {
	s := &Sequence{Schema: r.Schema, Name: r.Name, Object: join(r.Schema, r.Name), Owner: r.Owner, Comment: r.Comment}
	if o := r.Sequence; o != nil {
		s.Type, s.Increment, s.Max, s.Cycle = o.Type, o.Increment, o.Max, o.Cycle
	}
	if owner := c.Relations[r.OwnedBy.OID]; owner != nil {
		if col := owner.Column(r.OwnedBy.Sub); col != nil {
			s.OwnedBy = join(owner.Schema, owner.Name, col.Name)
		}
	}
	return s
}

func schemaOf(c *schema.Catalog, oid schema.OID) string {
	if r := c.Relations[oid]; r != nil {
		return r.Schema
	}
	return ""
}

// grants leaves out what an owner may do with its own object.
func grants(object, kind, owner string, acl []schema.Grant) []*Grant {
	out := []*Grant{}
	for _, g := range acl {
		if g.Grantee != owner {
			out = append(out, &Grant{Object: object, Kind: kind, Grantee: g.Grantee, Privilege: g.Privilege, Grantable: g.Grantable})
		}
	}
	slices.SortFunc(out, func(a, b *Grant) int {
		return cmp.Or(strings.Compare(a.Grantee, b.Grantee), strings.Compare(a.Privilege, b.Privilege))
	})
	return out
}

// list makes nil an empty list: rules see lists throughout.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// sorted gives the values of a map in order of name.
func sorted[V any](m map[schema.OID]V, name func(V) string) []V {
	out := slices.Collect(maps.Values(m))
	slices.SortFunc(out, func(a, b V) int { return strings.Compare(name(a), name(b)) })
	return out
}
