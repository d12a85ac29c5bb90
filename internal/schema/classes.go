package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// classes describes every kind of object that a catalog holds.
var classes = []class{
	{
		of:         reflect.TypeFor[Schema](),
		attributes: plain("Owner", "Comment", "ACL"),
		left:       merged(left(isIdentity, "OID"), left(isName, "Name")),
	},
	{
		of: reflect.TypeFor[Relation](),
		attributes: slices.Concat(
			plain("Kind", "Persistence", "Owner", "Options", "RowSecurity", "ForceRowSecurity", "ReplicaIdentity", "PartitionKey"),
			by("partition of", func(c *Catalog, r *Relation) string { return c.relName(r.PartitionOf) }, "PartitionOf"),
			plain("PartitionBound"),
			by("inherits", func(c *Catalog, r *Relation) string { return c.relNames(r.Inherits) }, "Inherits"),
			by("of type", func(c *Catalog, r *Relation) string { return c.typeName(r.OfType) }, "OfType"),
			plain("Definition"), ownFields("Populated"),
			by("sequence", func(_ *Catalog, r *Relation) string { return sequenceText(r.Sequence) }, "Sequence"),
			by("owned by", func(c *Catalog, r *Relation) string { return c.Name(r.OwnedBy) }, "OwnedBy"),
			plain("Tablespace", "AccessMethod"), ownFields("ForeignServer", "ForeignOptions"), plain("Comment", "ACL"),
		),
		left: merged(left(isIdentity, "OID"), left(isName, "Schema", "Name"), left(isStorage, "FileNode", "ToastFileNode", "DroppedAttributes"), left(isRaw, "Raw", "PartitionCheck"),
			left("columns are objects of their own", "Columns"), left(isInside, "PartitionColumns")),
	},
	{
		of: reflect.TypeFor[Column](),
		attributes: slices.Concat(plain("Type", "NotNull", "Default", "Identity", "Generated", "Collation", "Storage", "Compression", "Inherited"),
			ownFields("StatisticsTarget", "Options", "ForeignOptions"), plain("Comment", "ACL")),
		left: merged(left("its place among the columns is no difference", "Num"), left(isName, "Name"), left(isInside, "TypeOID")),
	},
	{
		of: reflect.TypeFor[Index](),
		attributes: slices.Concat(
			plain("Definition"),
			by("on", func(c *Catalog, i *Index) string { return c.relName(i.Table) }, "Table"),
			plain("Primary", "Exclusion", "Valid", "Ready"),
			by("part of", func(c *Catalog, i *Index) string { return c.indexName(i.Parent) }, "Parent"),
			plain("ReplicaIdentity", "Options"), ownFields("StatisticsTarget", "Clustered"), plain("Tablespace", "Comment"),
		),
		left: merged(left(isIdentity, "OID"), left(isName, "Schema", "Name"), left(isStorage, "FileNode"),
			left("the definition says it", "Method", "Unique", "NullsNotDistinct", "Keys", "Include", "Predicate", "Partitioned"),
			left("the constraint is an object of its own", "Constraint")),
	},
	{
		of: reflect.TypeFor[Constraint](),
		attributes: slices.Concat(
			plain("Kind"),
			by("definition", func(_ *Catalog, k *Constraint) string { return strings.TrimSuffix(k.Definition, " NOT VALID") }, "Definition"),
			plain("Validated", "Enforced", "Deferrable", "Deferred", "Inherited", "Comment"),
			by("part of", func(c *Catalog, k *Constraint) string { return c.Name(Ref{Class: ClassConstraint, OID: k.Parent}) }, "Parent"),
		),
		left: merged(left(isIdentity, "OID"), left(isName, "Schema", "Name", "Table", "Domain"), left(isRaw, "Raw"),
			left("the definition says it", "Columns", "Expression", "RefTable", "RefColumns", "OnDelete", "OnUpdate"), left("the index is an object of its own", "Index")),
	},
	{
		of: reflect.TypeFor[Type](),
		attributes: slices.Concat(plain("Kind", "Labels", "Base", "NotNull", "Default", "Collation", "Definition"),
			by("attributes", func(_ *Catalog, t *Type) string {
				var out []string
				for _, a := range t.Attributes {
					out = append(out, strings.TrimSpace(a.Name+" "+a.Type+" "+a.Collation+" "+a.Comment))
				}
				return strings.Join(out, ", ")
			}, "Attributes"),
			plain("Owner", "Comment", "ACL")),
		left: merged(left(isIdentity, "OID", "LabelOIDs", "Relation"), left(isName, "Schema", "Name")),
	},
	{
		of: reflect.TypeFor[Function](),
		attributes: plain("Kind", "Arguments", "Returns", "Language", "Volatility", "Parallel", "Strict", "SecurityDefiner", "Leakproof", "Cost", "Rows", "Support", "Aggregate",
			"Config", "Body", "Owner", "Comment", "ACL"),
		left: merged(left(isIdentity, "OID"), left(isName, "Schema", "Name", "Identity", "ArgTypes"), left("the arguments say it", "ArgNames", "Defaults"), left(isRaw, "Raw")),
	},
	{
		of: reflect.TypeFor[Trigger](),
		attributes: slices.Concat(plain("Definition", "Enabled"),
			by("part of", func(c *Catalog, t *Trigger) string { return c.Name(Ref{Class: ClassTrigger, OID: t.Parent}) }, "Parent"), plain("Comment")),
		left: merged(left(isIdentity, "OID"), left(isName, "Table", "Name"), left("the definition says it", "Function"), left(isRaw, "Raw")),
	},
	{
		of:         reflect.TypeFor[Rule](),
		attributes: plain("Definition", "Enabled", "Comment"),
		left:       merged(left(isIdentity, "OID"), left(isName, "Table", "Name"), left(isRaw, "Raw")),
	},
	{
		of:         reflect.TypeFor[Policy](),
		attributes: plain("Command", "Permissive", "Roles", "Using", "WithCheck", "Comment"),
		left:       merged(left(isIdentity, "OID"), left(isName, "Table", "Name"), left(isRaw, "Raw")),
	},
	{
		of:         reflect.TypeFor[Extension](),
		attributes: plain("Version", "Schema", "Comment"),
		left:       merged(left(isIdentity, "OID"), left(isName, "Name")),
	},
	{
		of: reflect.TypeFor[Publication](),
		attributes: slices.Concat(plain("Owner", "AllTables", "ViaRoot", "Publishes"),
			by("schemas", func(c *Catalog, p *Publication) string {
				var out []string
				for _, s := range p.Schemas {
					out = append(out, c.Name(Ref{Class: ClassSchema, OID: s}))
				}
				return sortedText(out)
			}, "Schemas"),
			by("tables", (*Catalog).publicationTables, "Tables"), plain("Comment")),
		left: merged(left(isIdentity, "OID"), left(isName, "Name")),
	},
	{
		of:         reflect.TypeFor[Statistics](),
		attributes: plain("Definition", "Owner", "Target", "Comment"),
		left:       merged(left(isIdentity, "OID"), left(isName, "Schema", "Name"), left("the definition says it", "Table")),
	},
	{
		of: reflect.TypeFor[EventTrigger](),
		attributes: slices.Concat(plain("Event"),
			by("function", func(c *Catalog, e *EventTrigger) string { return c.Name(Ref{Class: ClassFunction, OID: e.Function}) }, "Function"),
			plain("Tags", "Owner", "Enabled", "Comment")),
		left: merged(left(isIdentity, "OID"), left(isName, "Name")),
	},
	{
		of:         reflect.TypeFor[Object](),
		attributes: plain("Definition", "Owner", "Comment", "ACL"),
		left:       merged(left(isIdentity, "OID"), left(isName, "Kind", "Name"), left("the kind says it", "Shared")),
	},
}

func sequenceText(s *SequenceOptions) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf("%s start %d increment %d min %d max %d cycle %t cache %d", s.Type, s.Start, s.Increment, s.Min, s.Max, s.Cycle, s.Cache)
}

// publicationTables writes the tables of a publication with their columns and filters.
func (c *Catalog) publicationTables(p *Publication) string {
	var out []string
	for _, t := range p.Tables {
		text := c.relName(t.Table)
		if r := c.Relations[t.Table]; r != nil && t.Columns != nil {
			var cols []string
			for _, n := range t.Columns {
				if col := r.Column(n); col != nil {
					cols = append(cols, col.Name)
				}
			}
			text += " (" + sortedText(cols) + ")"
		}
		if t.Where != "" {
			text += " WHERE " + t.Where
		}
		out = append(out, text)
	}
	return sortedText(out)
}

func (c *Catalog) relName(oid OID) string {
	if r := c.Relations[oid]; r != nil {
		return r.QualifiedName()
	}
	return ""
}

func (c *Catalog) relNames(oids []OID) string {
	var out []string
	for _, o := range oids {
		out = append(out, c.relName(o))
	}
	return strings.Join(out, ", ")
}

func (c *Catalog) indexName(oid OID) string {
	if i := c.Indexes[oid]; i != nil {
		return i.QualifiedName()
	}
	return ""
}

func (c *Catalog) typeName(oid OID) string {
	if t := c.Types[oid]; t != nil {
		return t.QualifiedName()
	}
	return ""
}

func grants(acl []Grant) string {
	var out []string
	for _, g := range acl {
		s := g.Grantee + " " + g.Privilege
		if g.Grantable {
			s += " with grant option"
		}
		out = append(out, s)
	}
	return sortedText(out)
}
