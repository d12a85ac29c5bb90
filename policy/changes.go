package policy

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/assaydb/assay/internal/schema"
)

// change flattens a typed change. before and after are the statement's catalogs.
func change(c schema.Change, before, after *schema.Catalog) *Change {
	x := &Change{Type: changeType(c)}
	if !relationChange(x, c) && !columnChange(x, c) && !freeChange(x, c) && !tablePartChange(x, c, before, after) {
		panic(fmt.Sprintf("policy: no words for a change of type %T", c))
	}
	x.Text = strings.ReplaceAll(x.Type, "_", " ") + " " + x.Object
	return x
}

// changeType is the Go type's name in snake case: add_table.
func changeType(c schema.Change) string {
	var b strings.Builder
	for i, r := range reflect.TypeOf(c).Elem().Name() {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func (x *Change) relation(r *schema.Relation) {
	x.Kind, x.Schema, x.Name, x.Object = string(r.Kind), r.Schema, r.Name, join(r.Schema, r.Name)
	x.Table = x.Object
}

func (x *Change) column(t *schema.Relation, name, was, is string) {
	x.relation(t)
	x.Kind, x.Name, x.Object, x.Was, x.Is = "column", name, join(x.Table, name), was, is
}

func (x *Change) inSchema(kind, schemaName, name string) {
	x.Kind, x.Schema, x.Name, x.Object = kind, schemaName, name, join(schemaName, name)
}

func (x *Change) free(kind, name string) { x.Kind, x.Name, x.Object = kind, name, name }

// relationChange handles changes of whole relations.
func relationChange(x *Change, c schema.Change) bool {
	pair := func(a *schema.Relation, was, is string) {
		x.relation(a)
		x.Was, x.Is = was, is
	}
	switch c := c.(type) {
	case *schema.AddTable:
		x.relation(c.Table)
	case *schema.DropTable:
		x.relation(c.Table)
	case *schema.RenameTable:
		pair(c.After, c.Before.Name, c.After.Name)
	case *schema.MoveTable:
		pair(c.After, c.Before.Schema, c.After.Schema)
	case *schema.SetPersistence:
		pair(c.After, c.Before.Persistence, c.After.Persistence)
	case *schema.SetTablespace:
		pair(c.After, c.Before.Tablespace, c.After.Tablespace)
	case *schema.SetAccessMethod:
		pair(c.After, c.Before.AccessMethod, c.After.AccessMethod)
	case *schema.SetOptions:
		pair(c.After, strings.Join(c.Before.Options, ","), strings.Join(c.After.Options, ","))
	case *schema.SetRowSecurity:
		pair(c.After, rowSecurity(c.Before), rowSecurity(c.After))
	case *schema.SetReplicaIdentity:
		pair(c.After, c.Before.ReplicaIdentity, c.After.ReplicaIdentity)
	case *schema.SetInheritance:
		pair(c.After, "", "")
	case *schema.AttachPartition:
		x.relation(c.Partition)
		x.Is = join(c.Parent.Schema, c.Parent.Name)
	case *schema.DetachPartition:
		x.relation(c.Partition)
		x.Was = join(c.Parent.Schema, c.Parent.Name)
	case *schema.AddView:
		x.relation(c.View)
	case *schema.DropView:
		x.relation(c.View)
	case *schema.ReplaceView:
		pair(c.After, c.Before.Definition, c.After.Definition)
	case *schema.AddSequence:
		x.relation(c.Sequence)
	case *schema.DropSequence:
		x.relation(c.Sequence)
	case *schema.AlterSequence:
		pair(c.After, "", "")
	default:
		return false
	}
	return true
}

func rowSecurity(r *schema.Relation) string {
	switch {
	case r.RowSecurity && r.ForceRowSecurity:
		return "forced"
	case r.RowSecurity:
		return "enabled"
	}
	return "disabled"
}

// columnChange handles changes of columns.
func columnChange(x *Change, c schema.Change) bool {
	switch c := c.(type) {
	case *schema.AddColumn:
		x.column(c.Table, c.Column.Name, "", c.Column.Type)
	case *schema.DropColumn:
		x.column(c.Table, c.Column.Name, c.Column.Type, "")
	case *schema.RenameColumn:
		x.column(c.Table, c.After.Name, c.Before.Name, c.After.Name)
	case *schema.AlterColumnType:
		x.column(c.Table, c.After.Name, c.Before.Type, c.After.Type)
	case *schema.SetNotNull:
		x.column(c.Table, c.Column.Name, "", "not null")
	case *schema.DropNotNull:
		x.column(c.Table, c.Column.Name, "not null", "")
	case *schema.AlterDefault:
		x.column(c.Table, c.After.Name, c.Before.Default, c.After.Default)
	case *schema.AlterIdentity:
		x.column(c.Table, c.After.Name, c.Before.Identity, c.After.Identity)
	case *schema.AlterGenerated:
		x.column(c.Table, c.After.Name, c.Before.Default, c.After.Default)
	case *schema.AlterColumnStorage:
		x.column(c.Table, c.After.Name, c.Before.Storage, c.After.Storage)
	default:
		return false
	}
	return true
}

// tablePartChange handles what belongs to a table.
func tablePartChange(x *Change, c schema.Change, before, after *schema.Catalog) bool {
	h := c.Head()
	switch h.Object.Class {
	case schema.ClassConstraint, schema.ClassStatistics, schema.ClassTrigger, schema.ClassRule, schema.ClassPolicy:
	case schema.ClassRelation:
		if h.Kind != "index" {
			return false
		}
	default:
		return false
	}
	r := after.Relations[h.Table]
	if r == nil {
		r = before.Relations[h.Table]
	}
	if r != nil {
		x.relation(r)
	}
	x.Kind, x.Name, x.Object = string(h.Object.Class), h.Name, join(x.Table, h.Name)
	if h.Kind == "index" {
		x.Kind, x.Object = h.Kind, join(h.Schema, h.Name)
	}
	switch c := c.(type) {
	case *schema.RenameIndex:
		x.Was, x.Is = c.Before.Name, c.After.Name
	case *schema.AddConstraint:
		x.Is = string(c.Constraint.Kind)
	case *schema.DropConstraint:
		x.Was = string(c.Constraint.Kind)
	case *schema.RenameConstraint:
		x.Was, x.Is = c.Before.Name, c.After.Name
	case *schema.AlterTrigger:
		x.Was, x.Is = c.Before.Enabled, c.After.Enabled
	}
	return true
}

// freeChange handles objects of a schema or of the database.
func freeChange(x *Change, c schema.Change) bool {
	typ := func(t *schema.Type) { x.inSchema("type", t.Schema, t.Name) }
	function := func(f *schema.Function) {
		x.inSchema(f.Kind, f.Schema, f.Name)
		x.Object = functionName(f)
	}
	switch c := c.(type) {
	case *schema.AddSchema:
		x.free("schema", c.Schema.Name)
	case *schema.DropSchema:
		x.free("schema", c.Schema.Name)
	case *schema.RenameSchema:
		x.free("schema", c.After.Name)
		x.Was, x.Is = c.Before.Name, c.After.Name
	case *schema.AddExtension:
		x.free("extension", c.Extension.Name)
		x.Is = c.Extension.Version
	case *schema.DropExtension:
		x.free("extension", c.Extension.Name)
		x.Was = c.Extension.Version
	case *schema.AlterExtension:
		x.free("extension", c.After.Name)
		x.Was, x.Is = c.Before.Version, c.After.Version
	case *schema.AddPublication:
		x.free("publication", c.Publication.Name)
	case *schema.DropPublication:
		x.free("publication", c.Publication.Name)
	case *schema.AlterPublication:
		x.free("publication", c.After.Name)
	case *schema.AddEventTrigger:
		x.free("event trigger", c.EventTrigger.Name)
	case *schema.DropEventTrigger:
		x.free("event trigger", c.EventTrigger.Name)
	case *schema.AlterEventTrigger:
		x.free("event trigger", c.After.Name)
	case *schema.AddType:
		typ(c.Type)
	case *schema.DropType:
		typ(c.Type)
	case *schema.RenameType:
		typ(c.After)
		x.Was, x.Is = join(c.Before.Schema, c.Before.Name), x.Object
	case *schema.AlterType:
		typ(c.After)
	case *schema.AddEnumValue:
		typ(c.Type)
		x.Is = c.Value
	case *schema.RenameEnumValue:
		typ(c.Type)
		x.Was, x.Is = c.Before, c.After
	case *schema.AddFunction:
		function(c.Function)
	case *schema.DropFunction:
		function(c.Function)
	case *schema.RenameFunction:
		function(c.After)
		x.Was = functionName(c.Before)
		x.Is = functionName(c.After)
	case *schema.ReplaceFunction:
		function(c.After)
	case *schema.AddObject:
		x.free(c.Object.Kind, c.Object.Name)
	case *schema.DropObject:
		x.free(c.Object.Kind, c.Object.Name)
	case *schema.AlterObject:
		x.free(c.After.Kind, c.After.Name)
		x.Was, x.Is = c.Before.Definition, c.After.Definition
	case *schema.Unmodelled:
		x.free(c.Kind, c.Name)
	case *schema.SetAttributes:
		x.any(c.Kind, strings.TrimSuffix(c.Name, "."+c.Column), c.Column)
		x.Was, x.Is = attributes(c.Before), attributes(c.After)
	case *schema.AddGrant:
		x.grant(c.Kind, c.Name, c.Column, c.Grant)
	case *schema.DropGrant:
		x.grant(c.Kind, c.Name, c.Column, c.Grant)
		x.Was, x.Is = x.Is, ""
	case *schema.SetOwner:
		x.any(c.Kind, c.Name, "")
		x.Was, x.Is = c.Before, c.After
	case *schema.SetComment:
		x.any(c.Kind, c.Name, c.Column)
		x.Was, x.Is = c.Before, c.After
	default:
		return false
	}
	return true
}

// attributes writes what is set: "statistics target 500".
func attributes(list []schema.Attribute) string {
	var out []string
	for _, a := range list {
		out = append(out, strings.TrimSpace(a.Name+" "+a.Value))
	}
	return strings.Join(out, ", ")
}

// any is an object of any kind, or a column of one.
func (x *Change) any(kind, name, column string) {
	x.free(kind, name)
	switch {
	case column != "":
		x.Kind, x.Table, x.Name, x.Object = "column", name, column, join(name, column)
	case strings.HasSuffix(kind, "table") || strings.HasSuffix(kind, "view"):
		x.Table = name
	}
}

func (x *Change) grant(kind, name, column string, g schema.Grant) {
	x.any(kind, name, column)
	x.Grantee, x.Is = g.Grantee, g.Privilege
}
