package schema

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Attribute is one thing that is set of an object, by names and not by OIDs:
// two objects of the same kind with equal attributes are the same to a user.
type Attribute struct{ Name, Value string }

// attribute is what a class has to say of each of its objects.
type attribute struct {
	name   string
	fields []string // of the object that it covers
	value  func(c *Catalog, o any) string
	// own: no change of another object changes it, and no type of change is about it.
	own bool
}

// class describes the objects of one kind: what they have, and which fields of
// theirs are not compared, with the reason. Canonical text, comparison by name
// and the changes without a type of their own are all made of it.
type class struct {
	of         reflect.Type
	attributes []attribute
	left       map[string]string
}

// Reasons why a field is not compared.
const (
	isIdentity = "it identifies the object within one run"
	isName     = "it is the name that objects are compared under"
	isStorage  = "it says where the rows are, not what they are"
	isRaw      = "it tells whether a text changed by itself; the text is compared"
	isInside   = "another field has it"
)

// plain are fields that are compared as they are, each named by its words.
func plain(fields ...string) []attribute {
	var out []attribute
	for _, f := range fields {
		out = append(out, attribute{name: spaced(f), fields: []string{f}, value: func(_ *Catalog, o any) string {
			return text(reflect.ValueOf(o).Elem().FieldByName(f))
		}})
	}
	return out
}

// ownFields are plain fields that no type of change is about.
func ownFields(fields ...string) []attribute {
	out := plain(fields...)
	for i := range out {
		out[i].own = true
	}
	return out
}

// by is an attribute that is worked out from fields.
func by[T any](name string, value func(*Catalog, *T) string, fields ...string) []attribute {
	return []attribute{{name: name, fields: fields, value: func(c *Catalog, o any) string { return value(c, o.(*T)) }}}
}

// text writes a field; what is not set is empty.
func text(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []Grant:
		return grants(x)
	case []string:
		return strings.Join(x, ", ")
	case bool:
		return map[bool]string{true: "yes"}[x]
	}
	if v.IsZero() {
		return ""
	}
	return fmt.Sprint(v.Interface())
}

func left(reason string, fields ...string) map[string]string {
	m := map[string]string{}
	for _, f := range fields {
		m[f] = reason
	}
	return m
}

func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

// describe finds the class of an object.
func describe(o any) *class {
	t := reflect.TypeOf(o).Elem()
	for i := range classes {
		if classes[i].of == t {
			return &classes[i]
		}
	}
	panic(fmt.Sprintf("schema: no class for %s", t))
}

// Attributes gives what is set of an object of the catalog, a *Relation, *Column,
// *Index and so on, in a fixed order.
func (c *Catalog) Attributes(o any) []Attribute {
	var out []Attribute
	for _, a := range describe(o).attributes {
		if v := a.value(c, o); v != "" {
			out = append(out, Attribute{a.name, v})
		}
	}
	return out
}

// looks puts the attributes of an object in one line.
func (c *Catalog) looks(o any) string {
	var b strings.Builder
	for _, a := range c.Attributes(o) {
		fmt.Fprintf(&b, " %s %q", a.Name, a.Value)
	}
	return b.String()
}

// ownAttributes gives those that differ of the attributes that no type of change is about.
func (d *differ) ownAttributes(b, a any) (before, after []Attribute) {
	for _, x := range describe(a).attributes {
		if !x.own {
			continue
		}
		if was, is := x.value(d.before, b), x.value(d.after, a); was != is {
			before, after = append(before, Attribute{x.name, was}), append(after, Attribute{x.name, is})
		}
	}
	return before, after
}

// rest notes a change of the attributes that no type of change is about.
func (d *differ) rest(h Head, column string, b, a any) {
	if before, after := d.ownAttributes(b, a); len(after) > 0 {
		d.alter(&SetAttributes{Object: h.Object, Kind: h.Kind, Name: d.after.Name(h.Object), Table: h.Table, Column: column, Before: before, After: after})
	}
}

func sortedText(list []string) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return strings.Join(list, ", ")
}
