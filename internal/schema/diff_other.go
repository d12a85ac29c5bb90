package schema

import (
	"reflect"
	"slices"
)

func (d *differ) schemas(ps []pair[Schema]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropSchema{b})
		case b == nil:
			d.add(&AddSchema{a})
		default:
			if b.Name != a.Name {
				d.rename(&RenameSchema{b, a})
			}
			d.common(Ref{Class: ClassSchema, OID: a.OID}, b.Owner, a.Owner, b.Comment, a.Comment, b.ACL, a.ACL)
		}
	}
}

func (d *differ) extensions(ps []pair[Extension]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropExtension{b})
		case b == nil:
			d.add(&AddExtension{a})
		default:
			if b.Version != a.Version || b.Schema != a.Schema && !d.schemaRenamed(b.Schema, a.Schema) {
				d.alter(&AlterExtension{b, a})
			}
			d.comment(Ref{Class: ClassExtension, OID: a.OID}, "", b.Comment, a.Comment)
		}
	}
}

func (d *differ) others(ps []pair[Object]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropObject{b})
		case b == nil:
			d.add(&AddObject{a})
		default:
			// Its text names other objects, which may have been renamed.
			if (b.Name != a.Name || b.Definition != a.Definition) && !d.renamed() {
				d.alter(&AlterObject{b, a})
			}
			d.common(Ref{Class: ClassOther, OID: a.OID}, b.Owner, a.Owner, b.Comment, a.Comment, b.ACL, a.ACL)
		}
	}
}

func (d *differ) publications(ps []pair[Publication]) {
	for _, p := range ps {
		switch {
		case p.after == nil:
			d.drop(&DropPublication{p.before})
		case p.before == nil:
			d.add(&AddPublication{p.after})
		default:
			d.alter(&AlterPublication{p.before, p.after})
		}
	}
}

func (d *differ) eventTriggers(ps []pair[EventTrigger]) {
	for _, p := range ps {
		switch {
		case p.after == nil:
			d.drop(&DropEventTrigger{p.before})
		case p.before == nil:
			d.add(&AddEventTrigger{p.after})
		default:
			d.alter(&AlterEventTrigger{p.before, p.after})
		}
	}
}

func (d *differ) functions(ps []pair[Function]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropFunction{b})
		case b == nil:
			d.add(&AddFunction{a})
		default:
			if b.Name != a.Name || b.Schema != a.Schema && !d.schemaRenamed(b.Schema, a.Schema) {
				d.rename(&RenameFunction{b, a})
			}
			if b.Raw != a.Raw {
				d.alter(&ReplaceFunction{b, a})
			}
			d.common(Ref{Class: ClassFunction, OID: a.OID}, b.Owner, a.Owner, b.Comment, a.Comment, b.ACL, a.ACL)
		}
	}
}

func (d *differ) types(ps []pair[Type]) {
	for _, p := range ps {
		b, a := p.before, p.after
		switch {
		case a == nil:
			d.drop(&DropType{b})
		case b == nil:
			d.add(&AddType{a})
		default:
			d.typ(b, a)
		}
	}
}

func (d *differ) typ(b, a *Type) {
	if b.Name != a.Name || b.Schema != a.Schema && !d.schemaRenamed(b.Schema, a.Schema) {
		d.rename(&RenameType{b, a})
	}
	for i, o := range a.LabelOIDs {
		j := slices.Index(b.LabelOIDs, o)
		switch {
		case j < 0:
			d.add(&AddEnumValue{Type: a, Value: a.Labels[i], Last: i >= len(b.Labels)})
		case b.Labels[j] != a.Labels[i]:
			d.rename(&RenameEnumValue{Type: a, Before: b.Labels[j], After: a.Labels[i]})
		}
	}
	if b.NotNull != a.NotNull || b.Default != a.Default || b.Base != a.Base || b.Collation != a.Collation || b.Definition != a.Definition && !d.renamed() ||
		!reflect.DeepEqual(b.Attributes, a.Attributes) {
		d.alter(&AlterType{b, a})
	}
	d.common(Ref{Class: ClassType, OID: a.OID}, b.Owner, a.Owner, b.Comment, a.Comment, b.ACL, a.ACL)
}

// common compares what any object can have.
func (d *differ) common(ref Ref, ownerBefore, ownerAfter, commentBefore, commentAfter string, before, after []Grant) {
	d.owner(ref, ownerBefore, ownerAfter)
	d.comment(ref, "", commentBefore, commentAfter)
	d.privileges(ref, "", before, after)
}

func (d *differ) owner(ref Ref, before, after string) {
	if before != after {
		d.grants = append(d.grants, &SetOwner{Object: ref, Kind: d.after.Kind(ref), Name: d.after.Name(ref), Before: before, After: after})
	}
}

func (d *differ) comment(ref Ref, column, before, after string) {
	if before != after {
		d.grants = append(d.grants, &SetComment{Object: ref, Kind: d.after.Kind(ref), Name: d.after.Name(ref), Column: column, Before: before, After: after})
	}
}

// privileges compares two lists of an object that was there before; what an
// object is born with is its own affair. Who granted is not looked at: it
// changes with the owner.
func (d *differ) privileges(ref Ref, column string, before, after []Grant) {
	object := Ref{Class: ref.Class, OID: ref.OID}
	kind, name := d.after.Kind(object), d.after.Name(object)
	has := func(list []Grant, g Grant) bool {
		return slices.ContainsFunc(list, func(x Grant) bool {
			return x.Grantee == g.Grantee && x.Privilege == g.Privilege && x.Grantable == g.Grantable
		})
	}
	for _, g := range before {
		if !has(after, g) {
			d.grants = append(d.grants, &DropGrant{Object: ref, Kind: kind, Name: name, Column: column, Grant: g})
		}
	}
	for _, g := range after {
		if !has(before, g) {
			d.grants = append(d.grants, &AddGrant{Object: ref, Kind: kind, Name: name, Column: column, Grant: g})
		}
	}
}
