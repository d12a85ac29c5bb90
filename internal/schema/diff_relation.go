package schema

import "slices"

func (d *differ) relations(ps []pair[Relation]) {
	for _, p := range ps {
		switch {
		case p.after == nil:
			d.dropRelation(p.before)
		case p.before == nil:
			d.addRelation(p.after)
		default:
			d.relation(p.before, p.after)
		}
	}
}

func (d *differ) dropRelation(r *Relation) {
	switch r.Kind {
	case View, MaterializedView:
		d.drop(&DropView{r})
	case Sequence:
		d.drop(&DropSequence{r})
	default:
		d.drop(&DropTable{r})
	}
}

func (d *differ) addRelation(r *Relation) {
	switch r.Kind {
	case View, MaterializedView:
		d.add(&AddView{r})
	case Sequence:
		d.add(&AddSequence{r})
	default:
		d.add(&AddTable{r})
		if p := d.after.Relations[r.PartitionOf]; p != nil && d.before.Relations[r.PartitionOf] != nil {
			d.add(&AttachPartition{Parent: p, Partition: r})
		}
	}
}

// relation compares one relation in two states.
func (d *differ) relation(b, a *Relation) {
	if b.Name != a.Name {
		d.rename(&RenameTable{b, a})
	}
	if b.Schema != a.Schema && !d.schemaRenamed(b.Schema, a.Schema) {
		d.rename(&MoveTable{b, a})
	}
	d.partition(b, a)
	switch a.Kind {
	case View, MaterializedView:
		if b.Raw != a.Raw && (b.Definition != a.Definition || b.Raw == "") {
			d.alter(&ReplaceView{b, a})
		}
	case Sequence:
		if b.Sequence != nil && a.Sequence != nil && *b.Sequence != *a.Sequence || b.OwnedBy != a.OwnedBy {
			d.alter(&AlterSequence{b, a})
		}
	}
	if b.Persistence != a.Persistence {
		d.alter(&SetPersistence{b, a})
	}
	if b.Tablespace != a.Tablespace {
		d.alter(&SetTablespace{b, a})
	}
	if b.AccessMethod != a.AccessMethod {
		d.alter(&SetAccessMethod{b, a})
	}
	if !slices.Equal(b.Options, a.Options) {
		d.alter(&SetOptions{b, a})
	}
	if b.RowSecurity != a.RowSecurity || b.ForceRowSecurity != a.ForceRowSecurity {
		d.alter(&SetRowSecurity{b, a})
	}
	if b.ReplicaIdentity != a.ReplicaIdentity {
		d.alter(&SetReplicaIdentity{b, a})
	}
	if !slices.Equal(b.Inherits, a.Inherits) || b.OfType != a.OfType {
		d.alter(&SetInheritance{b, a})
	}
	d.rest(a.head(), "", b, a)
	ref := Ref{Class: ClassRelation, OID: a.OID}
	d.owner(ref, b.Owner, a.Owner)
	d.comment(ref, "", b.Comment, a.Comment)
	d.privileges(ref, "", b.ACL, a.ACL)
	d.columns(b, a)
}

func (d *differ) partition(b, a *Relation) {
	if b.PartitionOf == a.PartitionOf {
		return
	}
	if p := d.before.Relations[b.PartitionOf]; p != nil {
		if q := d.after.Relations[b.PartitionOf]; q != nil {
			p = q
		}
		d.alter(&DetachPartition{Parent: p, Partition: a})
	}
	if p := d.after.Relations[a.PartitionOf]; p != nil {
		d.alter(&AttachPartition{Parent: p, Partition: a})
	}
}

// schemaRenamed reports whether a schema of the one name now has the other.
func (d *differ) schemaRenamed(before, after string) bool {
	for o, b := range d.before.Schemas {
		if b.Name == before {
			a := d.after.Schemas[o]
			return a != nil && a.Name == after
		}
	}
	return false
}

func (d *differ) columns(b, a *Relation) {
	for _, c := range b.Columns {
		if a.Column(c.Num) == nil {
			d.drop(&DropColumn{b, c})
		}
	}
	for _, c := range a.Columns {
		old := b.Column(c.Num)
		if old == nil {
			// A view's columns come with its new definition.
			if a.Kind != View && a.Kind != MaterializedView {
				d.add(&AddColumn{a, c})
			}
			continue
		}
		d.column(a, old, c)
	}
}

func (d *differ) column(t *Relation, b, a *Column) {
	if b.Name != a.Name {
		d.rename(&RenameColumn{t, b, a})
	}
	if b.TypeOID != a.TypeOID || b.Collation != a.Collation || b.Type != a.Type && !d.typeRenamed(a.TypeOID) {
		d.alter(&AlterColumnType{t, b, a})
	}
	if !b.NotNull && a.NotNull {
		d.alter(&SetNotNull{t, a})
	}
	if b.NotNull && !a.NotNull {
		d.alter(&DropNotNull{t, a})
	}
	switch {
	case b.Generated != a.Generated || b.Generated != "" && b.Default != a.Default:
		d.alter(&AlterGenerated{t, b, a})
	case b.Default != a.Default && !d.renamed():
		d.alter(&AlterDefault{t, b, a})
	}
	if b.Identity != a.Identity {
		d.alter(&AlterIdentity{t, b, a})
	}
	if b.TypeOID == a.TypeOID && b.Storage != a.Storage || b.Compression != a.Compression {
		d.alter(&AlterColumnStorage{t, b, a})
	}
	d.rest(ofColumn(Alter, t, a), a.Name, b, a)
	ref := Ref{Class: ClassRelation, OID: t.OID, Sub: a.Num}
	d.comment(ref, a.Name, b.Comment, a.Comment)
	d.privileges(ref, a.Name, b.ACL, a.ACL)
}

// typeRenamed reports whether the type (or, of an array type, some type) has
// another name or schema than before.
func (d *differ) typeRenamed(oid OID) bool {
	b, a := d.before.Types[oid], d.after.Types[oid]
	if b != nil && a != nil {
		return b.Name != a.Name || b.Schema != a.Schema
	}
	return d.renamed()
}

// renamed reports whether anything that an expression's text may mention has
// another name than before; then a text alone proves no change.
func (d *differ) renamed() bool {
	for _, p := range pairs(d.before.Schemas, d.after.Schemas) {
		if p.before != nil && p.after != nil && p.before.Name != p.after.Name {
			return true
		}
	}
	for _, p := range pairs(d.before.Types, d.after.Types) {
		if p.before != nil && p.after != nil && (p.before.Name != p.after.Name || p.before.Schema != p.after.Schema || !slices.Equal(p.before.Labels, p.after.Labels)) {
			return true
		}
	}
	for _, p := range pairs(d.before.Functions, d.after.Functions) {
		if p.before != nil && p.after != nil && (p.before.Name != p.after.Name || p.before.Schema != p.after.Schema) {
			return true
		}
	}
	for _, p := range pairs(d.before.Relations, d.after.Relations) {
		if p.before != nil && p.after != nil && p.before.Kind == Sequence && (p.before.Name != p.after.Name || p.before.Schema != p.after.Schema) {
			return true
		}
	}
	return false
}
