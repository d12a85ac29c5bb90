package schema

import "strings"

// Op says what a change does to its object.
type Op string

// The operations.
const (
	Add    Op = "add"
	Drop   Op = "drop"
	Rename Op = "rename" // another name or schema
	Alter  Op = "alter"
)

// Head is what every change has: the operation, the object in the state after
// the change (before it if it is dropped), its kind in words, its schema if it
// is in one, its own name, and the relation it is or belongs to.
type Head struct {
	Op           Op
	Object       Ref
	Kind         string
	Schema, Name string // a function's name with its argument types
	Table        OID    // 0 if there is none
}

// DroppedRef gives the object that a change drops.
func DroppedRef(c Change) (Ref, bool) {
	h := c.Head()
	return h.Object, h.Op == Drop && h.Object.OID != 0
}

// AddedRef gives the object that a change makes.
func AddedRef(c Change) (Ref, bool) {
	h := c.Head()
	return h.Object, h.Op == Add && h.Object.OID != 0
}

// headed is an object that can tell its part of a head.
type headed interface{ head() Head }

func of(op Op, o headed) Head {
	h := o.head()
	h.Op = op
	return h
}

func (o *Schema) head() Head {
	return Head{Object: Ref{Class: ClassSchema, OID: o.OID}, Kind: "schema", Name: o.Name}
}

func (o *Relation) head() Head {
	return Head{Object: Ref{Class: ClassRelation, OID: o.OID}, Kind: string(o.Kind), Schema: o.Schema, Name: o.Name, Table: o.OID}
}

func (o *Index) head() Head {
	return Head{Object: Ref{Class: ClassRelation, OID: o.OID}, Kind: "index", Schema: o.Schema, Name: o.Name, Table: o.Table}
}

func (o *Constraint) head() Head {
	return Head{Object: Ref{Class: ClassConstraint, OID: o.OID}, Kind: string(o.Kind) + " constraint", Name: o.Name, Table: o.Table}
}

func (o *Type) head() Head {
	return Head{Object: Ref{Class: ClassType, OID: o.OID}, Kind: string(o.Kind), Schema: o.Schema, Name: o.Name}
}

func (o *Function) head() Head {
	return Head{Object: Ref{Class: ClassFunction, OID: o.OID}, Kind: o.Kind, Schema: o.Schema, Name: strings.TrimPrefix(o.QualifiedName(), o.Schema+".")}
}

func (o *Trigger) head() Head {
	return Head{Object: Ref{Class: ClassTrigger, OID: o.OID}, Kind: "trigger", Name: o.Name, Table: o.Table}
}

func (o *Rule) head() Head {
	return Head{Object: Ref{Class: ClassRule, OID: o.OID}, Kind: "rule", Name: o.Name, Table: o.Table}
}

func (o *Policy) head() Head {
	return Head{Object: Ref{Class: ClassPolicy, OID: o.OID}, Kind: "policy", Name: o.Name, Table: o.Table}
}

func (o *Extension) head() Head {
	return Head{Object: Ref{Class: ClassExtension, OID: o.OID}, Kind: "extension", Name: o.Name}
}

func (o *Publication) head() Head {
	return Head{Object: Ref{Class: ClassPublication, OID: o.OID}, Kind: "publication", Name: o.Name}
}

func (o *Statistics) head() Head {
	return Head{Object: Ref{Class: ClassStatistics, OID: o.OID}, Kind: "statistics", Schema: o.Schema, Name: o.Name, Table: o.Table}
}

func (o *EventTrigger) head() Head {
	return Head{Object: Ref{Class: ClassEventTrigger, OID: o.OID}, Kind: "event trigger", Name: o.Name}
}

func (o *Object) head() Head {
	return Head{Object: Ref{Class: ClassOther, OID: o.OID}, Kind: o.Kind, Name: o.Name}
}

func ofColumn(op Op, t *Relation, c *Column) Head {
	return Head{Op: op, Object: Ref{Class: ClassRelation, OID: t.OID, Sub: c.Num}, Kind: "column", Name: c.Name, Table: t.OID}
}

// ofObject is the head of a change that names its object itself.
func ofObject(object Ref, kind, name string) Head {
	h := Head{Op: Alter, Object: object, Kind: kind, Name: name}
	if object.Class == ClassRelation && kind != "index" {
		h.Table = object.OID
	}
	return h
}

func (c *AddSchema) Head() Head          { return of(Add, c.Schema) }
func (c *DropSchema) Head() Head         { return of(Drop, c.Schema) }
func (c *RenameSchema) Head() Head       { return of(Rename, c.After) }
func (c *AddExtension) Head() Head       { return of(Add, c.Extension) }
func (c *DropExtension) Head() Head      { return of(Drop, c.Extension) }
func (c *AlterExtension) Head() Head     { return of(Alter, c.After) }
func (c *AddPublication) Head() Head     { return of(Add, c.Publication) }
func (c *DropPublication) Head() Head    { return of(Drop, c.Publication) }
func (c *AlterPublication) Head() Head   { return of(Alter, c.After) }
func (c *AddEventTrigger) Head() Head    { return of(Add, c.EventTrigger) }
func (c *DropEventTrigger) Head() Head   { return of(Drop, c.EventTrigger) }
func (c *AlterEventTrigger) Head() Head  { return of(Alter, c.After) }
func (c *AddTable) Head() Head           { return of(Add, c.Table) }
func (c *DropTable) Head() Head          { return of(Drop, c.Table) }
func (c *RenameTable) Head() Head        { return of(Rename, c.After) }
func (c *MoveTable) Head() Head          { return of(Rename, c.After) }
func (c *SetPersistence) Head() Head     { return of(Alter, c.After) }
func (c *SetTablespace) Head() Head      { return of(Alter, c.After) }
func (c *SetAccessMethod) Head() Head    { return of(Alter, c.After) }
func (c *SetOptions) Head() Head         { return of(Alter, c.After) }
func (c *SetRowSecurity) Head() Head     { return of(Alter, c.After) }
func (c *SetReplicaIdentity) Head() Head { return of(Alter, c.After) }
func (c *SetInheritance) Head() Head     { return of(Alter, c.After) }
func (c *AttachPartition) Head() Head    { return of(Alter, c.Partition) }
func (c *DetachPartition) Head() Head    { return of(Alter, c.Partition) }
func (c *AddView) Head() Head            { return of(Add, c.View) }
func (c *DropView) Head() Head           { return of(Drop, c.View) }
func (c *ReplaceView) Head() Head        { return of(Alter, c.After) }
func (c *AddSequence) Head() Head        { return of(Add, c.Sequence) }
func (c *DropSequence) Head() Head       { return of(Drop, c.Sequence) }
func (c *AlterSequence) Head() Head      { return of(Alter, c.After) }
func (c *AddColumn) Head() Head          { return ofColumn(Add, c.Table, c.Column) }
func (c *DropColumn) Head() Head         { return ofColumn(Drop, c.Table, c.Column) }
func (c *RenameColumn) Head() Head       { return ofColumn(Rename, c.Table, c.After) }
func (c *AlterColumnType) Head() Head    { return ofColumn(Alter, c.Table, c.After) }
func (c *SetNotNull) Head() Head         { return ofColumn(Alter, c.Table, c.Column) }
func (c *DropNotNull) Head() Head        { return ofColumn(Alter, c.Table, c.Column) }
func (c *AlterDefault) Head() Head       { return ofColumn(Alter, c.Table, c.After) }
func (c *AlterIdentity) Head() Head      { return ofColumn(Alter, c.Table, c.After) }
func (c *AlterGenerated) Head() Head     { return ofColumn(Alter, c.Table, c.After) }
func (c *AlterColumnStorage) Head() Head { return ofColumn(Alter, c.Table, c.After) }
func (c *AddIndex) Head() Head           { return of(Add, c.Index) }
func (c *DropIndex) Head() Head          { return of(Drop, c.Index) }
func (c *RenameIndex) Head() Head        { return of(Rename, c.After) }
func (c *AlterIndex) Head() Head         { return of(Alter, c.After) }
func (c *AddConstraint) Head() Head      { return of(Add, c.Constraint) }
func (c *DropConstraint) Head() Head     { return of(Drop, c.Constraint) }
func (c *RenameConstraint) Head() Head   { return of(Rename, c.After) }
func (c *ValidateConstraint) Head() Head { return of(Alter, c.After) }
func (c *AlterConstraint) Head() Head    { return of(Alter, c.After) }
func (c *AddStatistics) Head() Head      { return of(Add, c.Statistics) }
func (c *DropStatistics) Head() Head     { return of(Drop, c.Statistics) }
func (c *AlterStatistics) Head() Head    { return of(Alter, c.After) }
func (c *AddType) Head() Head            { return of(Add, c.Type) }
func (c *DropType) Head() Head           { return of(Drop, c.Type) }
func (c *RenameType) Head() Head         { return of(Rename, c.After) }
func (c *AlterType) Head() Head          { return of(Alter, c.After) }
func (c *AddEnumValue) Head() Head       { return of(Alter, c.Type) }
func (c *RenameEnumValue) Head() Head    { return of(Alter, c.Type) }
func (c *AddFunction) Head() Head        { return of(Add, c.Function) }
func (c *DropFunction) Head() Head       { return of(Drop, c.Function) }
func (c *RenameFunction) Head() Head     { return of(Rename, c.After) }
func (c *ReplaceFunction) Head() Head    { return of(Alter, c.After) }
func (c *AddTrigger) Head() Head         { return of(Add, c.Trigger) }
func (c *DropTrigger) Head() Head        { return of(Drop, c.Trigger) }
func (c *AlterTrigger) Head() Head       { return of(Alter, c.After) }
func (c *AddRule) Head() Head            { return of(Add, c.Rule) }
func (c *DropRule) Head() Head           { return of(Drop, c.Rule) }
func (c *AlterRule) Head() Head          { return of(Alter, c.After) }
func (c *AddPolicy) Head() Head          { return of(Add, c.Policy) }
func (c *DropPolicy) Head() Head         { return of(Drop, c.Policy) }
func (c *AlterPolicy) Head() Head        { return of(Alter, c.After) }
func (c *AddObject) Head() Head          { return of(Add, c.Object) }
func (c *DropObject) Head() Head         { return of(Drop, c.Object) }
func (c *AlterObject) Head() Head        { return of(Alter, c.After) }
func (c *AddGrant) Head() Head           { return ofObject(c.Object, c.Kind, c.Name) }
func (c *DropGrant) Head() Head          { return ofObject(c.Object, c.Kind, c.Name) }
func (c *SetOwner) Head() Head           { return ofObject(c.Object, c.Kind, c.Name) }
func (c *SetComment) Head() Head         { return ofObject(c.Object, c.Kind, c.Name) }
func (c *Unmodelled) Head() Head         { return ofObject(c.Object, c.Kind, c.Name) }

func (c *SetAttributes) Head() Head {
	h := ofObject(c.Object, c.Kind, c.Name)
	h.Table = c.Table
	return h
}
