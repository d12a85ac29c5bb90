package schema

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// Describe puts a change in one line for a person: "add column orders.note text",
// "drop table orders". The name of the kind of change is the type's own, in
// words; what it is about follows.
func Describe(c Change) string {
	v := reflect.ValueOf(c).Elem()
	kind := spaced(v.Type().Name())
	switch c := c.(type) {
	case *AddColumn:
		return fmt.Sprintf("%s %s.%s %s", kind, c.Table.QualifiedName(), c.Column.Name, c.Column.Type)
	case *RenameColumn:
		return fmt.Sprintf("%s %s.%s to %s", kind, c.Table.QualifiedName(), c.Before.Name, c.After.Name)
	case *AlterColumnType:
		return fmt.Sprintf("%s %s.%s from %s to %s", kind, c.Table.QualifiedName(), c.After.Name, c.Before.Type, c.After.Type)
	case *AlterDefault:
		return fmt.Sprintf("%s %s.%s from %s to %s", kind, c.Table.QualifiedName(), c.After.Name, orNone(c.Before.Default), orNone(c.After.Default))
	case *AddEnumValue:
		return fmt.Sprintf("%s %s of %s", kind, c.Value, c.Type.QualifiedName())
	case *RenameEnumValue:
		return fmt.Sprintf("%s %s of %s to %s", kind, c.Before, c.Type.QualifiedName(), c.After)
	case *AttachPartition:
		return fmt.Sprintf("%s %s to %s", kind, c.Partition.QualifiedName(), c.Parent.QualifiedName())
	case *DetachPartition:
		return fmt.Sprintf("%s %s from %s", kind, c.Partition.QualifiedName(), c.Parent.QualifiedName())
	case *AddObject:
		return fmt.Sprintf("add %s %s", c.Object.Kind, c.Object.Name)
	case *DropObject:
		return fmt.Sprintf("drop %s %s", c.Object.Kind, c.Object.Name)
	case *AlterObject:
		return fmt.Sprintf("alter %s %s", c.After.Kind, c.After.Name)
	case *Unmodelled:
		return fmt.Sprintf("change %s %s, which is not modelled", c.Kind, c.Name)
	case *SetAttributes:
		return describeAttributes(c)
	case *AddGrant:
		return fmt.Sprintf("%s %s on %s %s to %s", kind, c.Grant.Privilege, c.Kind, c.Name, c.Grant.Grantee)
	case *DropGrant:
		return fmt.Sprintf("%s %s on %s %s from %s", kind, c.Grant.Privilege, c.Kind, c.Name, c.Grant.Grantee)
	case *SetOwner:
		return fmt.Sprintf("%s of %s %s from %s to %s", kind, c.Kind, c.Name, c.Before, c.After)
	case *SetComment:
		return fmt.Sprintf("%s on %s %s", kind, c.Kind, c.Name)
	}
	return describeFields(kind, v)
}

func describeAttributes(c *SetAttributes) string {
	var words []string
	for i, a := range c.After {
		words = append(words, fmt.Sprintf("%s from %s to %s", a.Name, orNone(c.Before[i].Value), orNone(a.Value)))
	}
	return fmt.Sprintf("set %s of %s %s", strings.Join(words, ", "), c.Kind, c.Name)
}

// describeFields names the object of a change that holds one, or one in two states.
func describeFields(kind string, v reflect.Value) string {
	if b := v.FieldByName("Before"); b.IsValid() {
		from, to := objectName(b.Interface()), objectName(v.FieldByName("After").Interface())
		if t := v.FieldByName("Table"); t.IsValid() {
			return kind + " " + objectName(t.Interface()) + "." + to
		}
		if from != to {
			return kind + " " + from + " to " + to
		}
		return kind + " " + to
	}
	if t, c := v.FieldByName("Table"), v.FieldByName("Column"); t.IsValid() && c.IsValid() {
		return kind + " " + objectName(t.Interface()) + "." + objectName(c.Interface())
	}
	return kind + " " + objectName(v.Field(0).Interface())
}

func objectName(o any) string {
	if q, ok := o.(interface{ QualifiedName() string }); ok {
		return q.QualifiedName()
	}
	return reflect.ValueOf(o).Elem().FieldByName("Name").String()
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// spaced writes a type's name in words: "AddColumn" is "add column".
func spaced(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
