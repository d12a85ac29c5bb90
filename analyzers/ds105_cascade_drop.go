package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var cascadeDrop = &Analyzer{
	Rule: lint.Rule{
		ID: "DS105", Name: "cascade-drop", Title: "CASCADE drops objects that the statement does not name", Severity: lint.Error, Covers: []string{"BC103"},
		Hazards: []string{"D02", "C17", "F11", "F22", "F29", "F30"},
	},
	Fix: (*offer).lifted,
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			named, fell := p.cascaded(s)
			for _, c := range Changes[*schema.DropSchema](s) {
				in := func(d devdb.Dropped) bool { return schemaOf(s, d) == c.Schema.Name }
				if list := slices.DeleteFunc(slices.Clone(fell), func(d devdb.Dropped) bool { return !in(d) }); len(list) > 0 {
					p.Report(At{Migration: m, Step: s}, cascadeFinding(s, c.Schema.Name, c.Schema.Name, list))
				}
				fell = slices.DeleteFunc(fell, in)
			}
			if len(fell) > 0 {
				about := named
				if _, ok := Has[*schema.DropSchema](s); ok {
					about = fell[0].Name // what is elsewhere is no part of the schema
				}
				p.Report(At{Migration: m, Step: s}, cascadeFinding(s, about, named, fell))
			}
		}
	},
}

// cascaded gives what a step drops by name, the first of it, and what falls with it unnamed.
func (p *Pass) cascaded(s *devdb.Step) (named string, fell []devdb.Dropped) {
	for _, d := range s.Dropped {
		switch {
		case d.Original && named == "":
			named = d.Name
		case !d.Original && d.Normal && p.existed(s, d) && !p.madeAgain(d) && !withAnother(s, d) && !ownPart(s, d) && !ofRange(s, d):
			fell = append(fell, d)
		}
	}
	return named, fell
}

// ofRange reports whether an object is a function that a range type brings with
// it: the server makes them in the language internal, and drops them with the type.
func ofRange(s *devdb.Step, d devdb.Dropped) bool {
	f := s.Before.Functions[d.Ref.OID]
	return d.Ref.Class == schema.ClassFunction && f != nil && f.Language == "internal"
}

// cascadeFinding is about an object: what a statement drops with what it names.
func cascadeFinding(s *devdb.Step, about, named string, fell []devdb.Dropped) lint.Finding {
	f := lint.Finding{Object: about}
	var names []string
	for _, d := range fell {
		names = append(names, d.Kind+" "+plainName(d.Name))
		text := d.Kind + " " + plainName(d.Name) + " is dropped"
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "dropped", Text: text, Object: d.Name, Chain: chain(d.Via)})
	}
	f.Message = fmt.Sprintf("CASCADE also drops %s", listPlain(names, 4))
	if named != "" {
		f.Message = fmt.Sprintf("dropping %s with CASCADE also drops %s", quote(plainName(named)), listPlain(names, 4))
	}
	if f.Advice = around(s); f.Advice != "" {
		return f
	}
	f.Advice = "First drop or change each of them by name, dependents first, so that reviewers see what is dropped"
	sep := ":\n\n"
	for i := len(fell) - 1; i >= 0; i-- {
		if sql := dropSQL(fell[i]); sql != "" {
			f.Advice += sep + sql
			sep = "\n"
		}
	}
	if sep != "\n" {
		f.Advice += "."
	}
	return f
}

// madeAgain reports whether the change makes an object of the same kind and
// name again.
func (p *Pass) madeAgain(d devdb.Dropped) bool {
	name := p.Before.Name(d.Ref)
	if name == "" {
		return false
	}
	switch d.Ref.Class {
	case schema.ClassRelation:
		for _, r := range p.After.Relations {
			if r.QualifiedName() == name && d.Ref.Sub == 0 {
				return true
			}
			if d.Ref.Sub != 0 && r.OID == d.Ref.OID {
				old := p.oldColumn(r.OID, d.Ref.Sub)
				return old != nil && columnByName(r, old.Name) != nil && old.Generated != ""
			}
		}
	case schema.ClassFunction:
		for _, f := range p.After.Functions {
			if f.QualifiedName() == name {
				return true
			}
		}
	case schema.ClassConstraint:
		for _, k := range p.After.Constraints {
			if p.After.Name(constraintRef(k)) == name {
				return true
			}
		}
	case schema.ClassTrigger:
		for oid := range p.After.Triggers {
			if p.After.Name(schema.Ref{Class: schema.ClassTrigger, OID: oid}) == name {
				return true
			}
		}
	case schema.ClassPolicy:
		for oid := range p.After.Policies {
			if p.After.Name(schema.Ref{Class: schema.ClassPolicy, OID: oid}) == name {
				return true
			}
		}
	}
	return false
}

// withAnother reports whether the object belongs to a table that falls as
// well: a constraint of a view's table, a trigger of a table that is named.
func withAnother(s *devdb.Step, d devdb.Dropped) bool {
	var table schema.OID
	switch d.Ref.Class {
	case schema.ClassConstraint:
		if k := s.Before.Constraints[d.Ref.OID]; k != nil {
			table = k.Table
			for _, c := range Changes[*schema.DropColumn](s) {
				if c.Table.OID == table {
					return true // falls with a column of its own table, without CASCADE
				}
			}
		}
	case schema.ClassTrigger:
		if t := s.Before.Triggers[d.Ref.OID]; t != nil {
			table = t.Table
		}
	case schema.ClassRelation:
		if i := s.Before.Indexes[d.Ref.OID]; i != nil {
			table = i.Table
		} else if d.Ref.Sub != 0 {
			table = d.Ref.OID
		}
	}
	return table != 0 && s.Before.Relations[table] != nil && s.After.Relations[table] == nil
}

// schemaOf is the schema that an object was in before the step; empty for what is in none.
func schemaOf(s *devdb.Step, d devdb.Dropped) string {
	switch d.Ref.Class {
	case schema.ClassRelation:
		if r := s.Before.Relations[d.Ref.OID]; r != nil && d.Ref.Sub == 0 {
			return r.Schema
		} else if i := s.Before.Indexes[d.Ref.OID]; i != nil {
			return i.Schema
		}
	case schema.ClassFunction:
		if f := s.Before.Functions[d.Ref.OID]; f != nil {
			return f.Schema
		}
	case schema.ClassType:
		if t := s.Before.Types[d.Ref.OID]; t != nil {
			return t.Schema
		}
	}
	return ""
}

// plainName drops the schema public, of the table that an object is on too.
func plainName(name string) string {
	return strings.Replace(short(name), " on public.", " on ", 1)
}

// ownPart reports whether what fell belongs to a table that the statement itself drops.
func ownPart(s *devdb.Step, d devdb.Dropped) bool {
	var table schema.OID
	c := s.Before
	switch {
	case c.Policies[d.Ref.OID] != nil && d.Ref.Class == schema.ClassPolicy:
		table = c.Policies[d.Ref.OID].Table
	case c.Triggers[d.Ref.OID] != nil && d.Ref.Class == schema.ClassTrigger:
		table = c.Triggers[d.Ref.OID].Table
	case c.Constraints[d.Ref.OID] != nil && d.Ref.Class == schema.ClassConstraint:
		table = c.Constraints[d.Ref.OID].Table
	case c.Indexes[d.Ref.OID] != nil && d.Ref.Class == schema.ClassRelation:
		table = c.Indexes[d.Ref.OID].Table
	}
	return table != 0 && s.After.Relations[table] == nil
}

// existed reports whether a dropped object was there before the change.
func (p *Pass) existed(s *devdb.Step, d devdb.Dropped) bool {
	if d.Ref.Class != schema.ClassDefault {
		return p.Before.Has(d.Ref)
	}
	// A default is known by its column, which is there without one at the end.
	return slices.ContainsFunc(Changes[*schema.AlterDefault](s), func(c *schema.AlterDefault) bool {
		old, now := p.oldColumn(c.Table.OID, c.After.Num), column(p.After.Relations[c.Table.OID], c.After.Num)
		return strings.HasSuffix(d.Name, "."+c.After.Name) && old != nil && old.Default != "" && now != nil && now.Default == ""
	})
}

func dropSQL(d devdb.Dropped) string {
	switch name, table, on := strings.Cut(d.Name, " on "); {
	case on && d.Kind == "table constraint":
		return "ALTER TABLE " + short(table) + " DROP CONSTRAINT " + name + ";"
	case on && (d.Kind == "trigger" || d.Kind == "policy" || d.Kind == "rule"):
		return "DROP " + strings.ToUpper(d.Kind) + " " + name + " ON " + short(table) + ";"
	}
	switch d.Kind {
	case "view", "materialized view", "function", "procedure", "type", "sequence", "foreign table", "table", "index":
		return "DROP " + strings.ToUpper(d.Kind) + " " + short(d.Name) + ";"
	}
	return ""
}
