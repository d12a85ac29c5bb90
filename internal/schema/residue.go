package schema

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Residue tells in what after differs from before for somebody who goes by
// names: what was dropped and made anew in the same shape is no difference,
// nor is the place of a column that was dropped and added again. A column of a
// type that was made anew is told by the type, if that is another.
func Residue(before, after *Catalog) []Change {
	all := Diff(before, after)
	made := map[string][]int{}
	for i, c := range all {
		if k, _, added := shape(c, before, after); k != "" && added {
			made[k] = append(made[k], i)
		}
	}
	same := map[int]bool{}
	for i, c := range all {
		k, gone, added := shape(c, before, after)
		if k == "" || added {
			continue
		}
		for _, j := range made[k] {
			if _, is, _ := shape(all[j], before, after); is == gone && !same[j] {
				same[i], same[j] = true, true
				break
			}
		}
	}
	var out []Change
	for i, c := range all {
		if !same[i] && !sameNames(c) {
			out = append(out, c)
		}
	}
	return out
}

// sameNames reports whether a column's type is another object of the same name.
func sameNames(c Change) bool {
	t, ok := c.(*AlterColumnType)
	return ok && t.Before.Type == t.After.Type && t.Before.Collation == t.After.Collation
}

// shape gives of a change that drops or adds an object what the object is
// called, how it looks, and whether it is added. The name is empty for other changes.
func shape(c Change, before, after *Catalog) (name, looks string, added bool) {
	added = strings.HasPrefix(reflect.TypeOf(c).Elem().Name(), "Add")
	cat := before
	if added {
		cat = after
	}
	switch c := c.(type) {
	case *DropTable:
		return relationShape("table", c.Table, added)
	case *AddTable:
		return relationShape("table", c.Table, added)
	case *DropView:
		return relationShape("view", c.View, added)
	case *AddView:
		return relationShape("view", c.View, added)
	case *DropSequence:
		return relationShape("sequence", c.Sequence, added)
	case *AddSequence:
		return relationShape("sequence", c.Sequence, added)
	case *DropColumn:
		return "column " + c.Table.QualifiedName() + "." + c.Column.Name, columnShape(c.Column), added
	case *AddColumn:
		return "column " + c.Table.QualifiedName() + "." + c.Column.Name, columnShape(c.Column), added
	case *DropIndex:
		return "index " + c.Index.QualifiedName(), c.Index.Definition, added
	case *AddIndex:
		return "index " + c.Index.QualifiedName(), c.Index.Definition, added
	case *DropConstraint:
		return constraintShape(c.Constraint, cat, added)
	case *AddConstraint:
		return constraintShape(c.Constraint, cat, added)
	}
	return otherShape(c, cat, added)
}

func otherShape(c Change, cat *Catalog, added bool) (name, looks string, isAdded bool) {
	field := reflect.ValueOf(c).Elem().Field(0).Interface()
	switch o := field.(type) {
	case *Type:
		var attrs []string
		for _, a := range o.Attributes {
			attrs = append(attrs, columnShape(a))
		}
		return "type " + o.QualifiedName(), fmt.Sprint(o.Kind, o.Labels, o.Base, o.NotNull, o.Default, attrs, o.Owner, o.ACL), added
	case *Function:
		return "function " + o.QualifiedName(), fmt.Sprint(o.Kind, o.Arguments, o.Returns, o.Language, o.Volatility, o.Parallel, o.Strict,
			o.SecurityDefiner, o.Leakproof, o.Config, o.Body, o.Owner, o.ACL), added
	case *Trigger:
		return "trigger " + cat.Name(Ref{Class: ClassTrigger, OID: o.OID}), o.Definition + o.Enabled, added
	case *Rule:
		return "rule " + cat.Name(Ref{Class: ClassRule, OID: o.OID}), o.Definition + o.Enabled, added
	case *Policy:
		return "policy " + cat.Name(Ref{Class: ClassPolicy, OID: o.OID}), fmt.Sprint(o.Command, o.Permissive, o.Roles, o.Using, "|", o.WithCheck), added
	case *Extension:
		return "extension " + o.Name, o.Version + " " + o.Schema, added
	case *Schema:
		return "schema " + o.Name, fmt.Sprint(o.Owner, o.ACL), added
	case *Statistics:
		return "statistics " + qualify(o.Schema, o.Name), o.Definition, added
	case *EventTrigger:
		return "event trigger " + o.Name, o.Event + o.Enabled, added
	case *Publication:
		return "publication " + o.Name, fmt.Sprint(o.AllTables, o.Publishes, len(o.Tables)), added
	}
	return "", "", false
}

func relationShape(kind string, r *Relation, added bool) (name, looks string, isAdded bool) {
	var columns []string
	for _, c := range r.Columns {
		columns = append(columns, columnShape(c))
	}
	if kind != "view" {
		slices.Sort(columns) // their order is no difference
	}
	sequence := ""
	if r.Sequence != nil {
		sequence = fmt.Sprint(*r.Sequence)
	}
	return kind + " " + r.QualifiedName(), fmt.Sprint(r.Kind, r.Persistence, r.Owner, columns, r.Options, r.RowSecurity, r.ForceRowSecurity,
		r.ReplicaIdentity, r.PartitionKey, r.PartitionBound, r.Definition, sequence, r.Tablespace, r.AccessMethod, r.Comment, r.ACL), added
}

func columnShape(c *Column) string {
	return fmt.Sprint(c.Name, " ", c.Type, c.NotNull, c.Default, c.Identity, c.Generated, c.Collation, c.Storage, c.Compression, c.Comment, c.ACL)
}

func constraintShape(k *Constraint, cat *Catalog, added bool) (name, looks string, isAdded bool) {
	return "constraint " + cat.Name(Ref{Class: ClassConstraint, OID: k.OID}), fmt.Sprint(k.Kind, k.Definition, k.Validated, k.Enforced), added
}
