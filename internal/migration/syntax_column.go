package migration

import "strings"

// columnWords end a type or a default expression in a column definition.
var columnWords = words(`DEFAULT NOT NULL CHECK UNIQUE PRIMARY REFERENCES GENERATED CONSTRAINT COLLATE STORAGE
	COMPRESSION DEFERRABLE INITIALLY ENFORCED OPTIONS USING AS CASCADE RESTRICT SET`)

// typeName reads a type as written, up to the next word of a column definition.
func (c *cursor) typeName() string {
	start := c.i
	for c.i < len(c.toks) {
		if c.i > start && columnWords[c.word(0)] && c.tok(c.i-1) != "." || c.is(",") {
			break
		}
		if !c.parens() {
			c.i++
		}
	}
	return c.slice(start, c.i)
}

// column reads a column definition: name, type and what is written with them.
func (c *cursor) column() *Column {
	start := c.i
	k := &Column{Name: c.name()}
	k.Type = c.typeName()
	for !c.done() {
		at := c.i
		name := ""
		if c.accept("CONSTRAINT") {
			name = c.name()
		}
		switch {
		case c.accept("DEFAULT"):
			k.HasDefault = true
			k.Default = c.typeName() // the same words end an expression
		case c.accept("GENERATED"):
			c.generated(k)
		case c.constraintWord():
			x := c.constraintBody(name, at)
			if x.Kind == "NOT NULL" {
				k.NotNull = true
				if name == "" && !x.NotValid {
					continue
				}
			}
			k.NotNull = k.NotNull || x.Kind == "PRIMARY KEY"
			k.Constraints = append(k.Constraints, *x)
		default:
			if !c.parens() {
				c.i++
			}
		}
	}
	k.Pos, k.End = c.places(start, c.i)
	return k
}

// generated reads GENERATED ALWAYS AS IDENTITY, … AS (expression) STORED or VIRTUAL.
func (c *cursor) generated(k *Column) {
	how := "ALWAYS"
	if c.accept("BY", "DEFAULT") {
		how = "BY DEFAULT"
	} else {
		c.accept("ALWAYS")
	}
	c.accept("AS")
	if c.accept("IDENTITY") {
		k.Identity, k.NotNull = how, true
		c.parens()
		return
	}
	c.parens()
	k.Generated = "VIRTUAL" // what PostgreSQL 18 takes if nothing is written
	if c.accept("STORED") {
		k.Generated = "STORED"
	}
	c.accept("VIRTUAL")
}

// constraintAhead reports whether a table constraint is next, not a column of such a name.
func (c *cursor) constraintAhead() bool {
	switch c.word(0) {
	case "CONSTRAINT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN":
		return true
	case "NOT":
		return c.word(1) == "NULL"
	case "EXCLUDE":
		return c.word(1) == "USING" || c.tok(c.i+1) == "("
	}
	return false
}

// constraintWord reports whether a column constraint is next.
func (c *cursor) constraintWord() bool {
	return c.constraintAhead() || c.word(0) == "REFERENCES"
}

// constraint reads a table constraint.
func (c *cursor) constraint() *Constraint {
	at, name := c.i, ""
	if c.accept("CONSTRAINT") {
		name = c.name()
	}
	return c.constraintBody(name, at)
}

// constraintBody reads a constraint from its kind on; at is where it begins.
func (c *cursor) constraintBody(name string, at int) *Constraint {
	x := &Constraint{Name: name}
	switch {
	case c.accept("CHECK"):
		x.Kind = "CHECK"
	case c.accept("UNIQUE"):
		x.Kind = "UNIQUE"
	case c.accept("PRIMARY", "KEY"):
		x.Kind = "PRIMARY KEY"
	case c.accept("FOREIGN", "KEY"), c.word(0) == "REFERENCES":
		x.Kind = "FOREIGN KEY"
	case c.accept("NOT", "NULL"):
		x.Kind = "NOT NULL"
		if w := c.word(0); w != "NO" && w != "NOT" && !columnWords[w] {
			c.name() // the column, of a table constraint (PostgreSQL 18)
		}
	case c.accept("EXCLUDE"):
		x.Kind = "EXCLUDE"
	default:
		c.i++
	}
	for !c.done() && c.attribute(x) {
	}
	x.Pos, x.End = c.places(at, min(c.i, len(c.toks)))
	return x
}

// attribute reads one thing that may follow a constraint's kind.
func (c *cursor) attribute(x *Constraint) bool {
	switch {
	case c.parens():
	case c.accept("USING", "INDEX", "TABLESPACE"):
		c.name()
	case c.accept("USING", "INDEX"):
		x.UsingIndex = c.name()
	case x.Kind == "FOREIGN KEY" && x.References == "" && c.accept("REFERENCES"):
		x.References = c.name()
	case c.accept("NOT", "VALID"):
		x.NotValid = true
	case c.accept("NOT", "ENFORCED"):
		x.NotEnforced = true
	case c.accept("NOT", "DEFERRABLE"), c.accept("NO", "INHERIT"), c.accept("ENFORCED"),
		c.accept("NULLS", "NOT", "DISTINCT"), c.accept("NULLS", "DISTINCT"), c.accept("INITIALLY", "IMMEDIATE"):
	case c.accept("DEFERRABLE"), c.accept("INITIALLY", "DEFERRED"):
		x.Deferrable = true
	case c.accept("ON", "DELETE"):
		x.OnDelete = c.referential()
	case c.accept("ON", "UPDATE"):
		x.OnUpdate = c.referential()
	case c.accept("MATCH"), c.accept("USING"), c.accept("INCLUDE"), c.accept("WITH"), c.accept("WHERE"):
		if !c.is("(") {
			c.i++
		}
	default:
		return false
	}
	return true
}

func (c *cursor) referential() string {
	for _, k := range []string{"CASCADE", "RESTRICT", "NO ACTION", "SET NULL", "SET DEFAULT"} {
		if c.accept(strings.Fields(k)...) {
			return k
		}
	}
	return ""
}
