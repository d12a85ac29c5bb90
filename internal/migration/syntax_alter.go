package migration

import "strings"

// alter reads ALTER … after the first word.
func (c *cursor) alter(s *Syntax) {
	switch c.word(0) {
	case "DEFAULT", "SYSTEM", "LARGE":
		return // ALTER DEFAULT PRIVILEGES, ALTER SYSTEM
	}
	kind := c.skipKind()
	s.IfExists = c.accept("IF", "EXISTS")
	s.optional("ONLY", c.accept("ONLY"))
	if c.word(0) == "ALL" && c.word(1) == "IN" {
		return // ALTER TABLE ALL IN TABLESPACE
	}
	name := c.name()
	switch kind {
	case "TRIGGER", "POLICY", "RULE":
		s.Name = name
		c.accept("ON")
		name = c.name()
	}
	if name != "" {
		s.Objects = append(s.Objects, name)
	}
	if c.is("*") {
		c.i++
	}
	c.parens() // arguments of a function
	switch kind {
	case "TABLE", "FOREIGN TABLE", "INDEX", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "TYPE", "DOMAIN", "SCHEMA",
		"FUNCTION", "PROCEDURE", "TRIGGER", "POLICY":
		c.actions(s, kind)
	default:
		s.optional("PASSWORD", c.has("PASSWORD"))
	}
}

// skipKind goes past the kind of object, one word or several, and returns it.
func (c *cursor) skipKind() string {
	first := c.word(0)
	for _, k := range kinds[first] {
		if w := strings.Fields(k); c.accept(w...) {
			return k
		}
	}
	if first != "" {
		c.i++
	}
	return first
}

// actions reads the subcommands, which commas divide.
func (c *cursor) actions(s *Syntax, kind string) {
	for _, part := range c.split(c.i, len(c.toks)) {
		sub := &cursor{text: c.text, toks: c.toks[:part.end], i: part.start, pos: c.pos}
		a := sub.action(kind)
		a.Pos, a.End = c.places(part.start, part.end)
		s.Cascade = s.Cascade || a.Cascade
		s.IfNotExists = s.IfNotExists || a.IfNotExists
		s.IfExists = s.IfExists || a.IfExists
		s.Concurrently = s.Concurrently || a.Kind == "DETACH PARTITION" && sub.has("CONCURRENTLY")
		if k := a.Constraint; k != nil {
			s.NotValid = s.NotValid || k.NotValid
			s.UsingIndex = s.UsingIndex || k.UsingIndex != ""
		}
		s.Actions = append(s.Actions, a)
	}
}

// action reads one subcommand.
func (c *cursor) action(kind string) Action {
	last := len(c.toks) - 1
	a := Action{Cascade: c.wordIs(last, "CASCADE") && !c.wordIs(last-1, "DELETE") && !c.wordIs(last-1, "UPDATE")}
	switch {
	case c.accept("ADD"):
		c.add(&a)
	case c.accept("DROP"):
		c.dropAction(&a, kind)
	case c.accept("ALTER"):
		c.alterAction(&a)
	case c.accept("RENAME"):
		c.rename(&a)
	default:
		c.plainAction(&a)
	}
	return a
}

// add reads what follows ADD: a column, a constraint, an enum value, an attribute.
func (c *cursor) add(a *Action) {
	switch {
	case c.accept("VALUE"):
		a.Kind = "ADD VALUE"
		a.IfNotExists = c.accept("IF", "NOT", "EXISTS")
		a.Name = unquoted(c.tok(c.i))
		if w := c.word(1); w == "BEFORE" || w == "AFTER" {
			a.Place = w
		}
		return
	case c.constraintAhead():
		a.Kind = "ADD CONSTRAINT"
		a.Constraint = c.constraint()
		a.Name = a.Constraint.Name
		return
	case c.accept("ATTRIBUTE"):
		a.Kind = "ADD ATTRIBUTE"
	default:
		a.Kind = "ADD COLUMN"
		c.accept("COLUMN")
	}
	a.IfNotExists = c.accept("IF", "NOT", "EXISTS")
	a.Column = c.column()
	a.Name, a.Type = a.Column.Name, a.Column.Type
}

func (c *cursor) dropAction(a *Action, kind string) {
	switch {
	case kind == "DOMAIN" && c.accept("NOT", "NULL"):
		a.Kind = "DROP NOT NULL"
		return
	case kind == "DOMAIN" && c.accept("DEFAULT"):
		a.Kind = "DROP DEFAULT"
		return
	case c.accept("CONSTRAINT"):
		a.Kind = "DROP CONSTRAINT"
	case c.accept("ATTRIBUTE"):
		a.Kind = "DROP ATTRIBUTE"
	default:
		a.Kind = "DROP COLUMN"
		c.accept("COLUMN")
	}
	a.IfExists = c.accept("IF", "EXISTS")
	a.Name = c.name()
}

// columnActions are what ALTER COLUMN does, by the words that follow the name.
var columnActions = []struct{ words, kind string }{
	{"SET DATA TYPE", "ALTER COLUMN TYPE"},
	{"TYPE", "ALTER COLUMN TYPE"},
	{"SET NOT NULL", "SET NOT NULL"},
	{"DROP NOT NULL", "DROP NOT NULL"},
	{"SET DEFAULT", "SET DEFAULT"},
	{"DROP DEFAULT", "DROP DEFAULT"},
	{"SET EXPRESSION", "SET EXPRESSION"},
	{"DROP EXPRESSION", "DROP EXPRESSION"},
	{"ADD GENERATED", "ADD IDENTITY"},
	{"DROP IDENTITY", "DROP IDENTITY"},
	{"SET STATISTICS", "SET STATISTICS"},
	{"SET STORAGE", "SET STORAGE"},
	{"SET COMPRESSION", "SET COMPRESSION"},
	{"SET GENERATED", "SET IDENTITY"},
	{"RESTART", "SET IDENTITY"},
	{"RESET", "RESET COLUMN OPTIONS"},
	{"OPTIONS", "ALTER COLUMN OPTIONS"},
}

func (c *cursor) alterAction(a *Action) {
	if c.accept("CONSTRAINT") {
		a.Kind, a.Name = "ALTER CONSTRAINT", c.name()
		return
	}
	if !c.accept("COLUMN") {
		c.accept("ATTRIBUTE")
	}
	a.Name = c.name()
	if a.Name == "" && c.i < len(c.toks) && c.toks[c.i].kind == tokNumber {
		a.Name = c.tok(c.i) // ALTER INDEX … ALTER COLUMN 1 SET STATISTICS
		c.i++
	}
	for _, k := range columnActions {
		if !c.accept(strings.Fields(k.words)...) {
			continue
		}
		a.Kind = k.kind
		switch k.kind {
		case "ALTER COLUMN TYPE":
			a.Type = c.typeName()
			a.Using = c.find("USING") >= 0
		case "DROP IDENTITY", "DROP EXPRESSION":
			a.IfExists = c.accept("IF", "EXISTS")
		}
		return
	}
	a.Kind = "SET COLUMN OPTIONS"
	if c.accept("SET") && !c.is("(") {
		a.Kind = "SET IDENTITY" // SET START 5, SET INCREMENT BY 2
	}
}

func (c *cursor) rename(a *Action) {
	switch {
	case c.accept("TO"):
		a.Kind, a.NewName = "RENAME TO", c.name()
		return
	case c.accept("CONSTRAINT"):
		a.Kind = "RENAME CONSTRAINT"
	case c.accept("VALUE"):
		a.Kind, a.Name = "RENAME VALUE", unquoted(c.tok(c.i))
		a.NewName = unquoted(c.tok(c.i + 2))
		return
	case c.accept("ATTRIBUTE"):
		a.Kind = "RENAME ATTRIBUTE"
	default:
		a.Kind = "RENAME COLUMN"
		c.accept("COLUMN")
	}
	a.Name = c.name()
	c.accept("TO")
	a.NewName = c.name()
}

// plainActions are the subcommands that are their words, and then a name.
var plainActions = []string{
	"VALIDATE CONSTRAINT", "ATTACH PARTITION", "DETACH PARTITION", "SET SCHEMA", "OWNER TO",
	"SET LOGGED", "SET UNLOGGED", "SET TABLESPACE", "SET ACCESS METHOD", "SET WITHOUT OIDS", "SET WITHOUT CLUSTER",
	"SET NOT NULL", "SET DEFAULT", "CLUSTER ON", "INHERIT", "NO INHERIT", "NOT OF", "OF", "REPLICA IDENTITY",
	"ENABLE ROW LEVEL SECURITY", "DISABLE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY",
	"ENABLE REPLICA TRIGGER", "ENABLE ALWAYS TRIGGER", "ENABLE TRIGGER", "DISABLE TRIGGER",
	"ENABLE REPLICA RULE", "ENABLE ALWAYS RULE", "ENABLE RULE", "DISABLE RULE",
	"SPLIT PARTITION", "MERGE PARTITIONS", "NO DEPENDS ON EXTENSION", "DEPENDS ON EXTENSION",
	"OWNED BY", "AS", "RESTART", "OPTIONS", "SET", "RESET",
}

func (c *cursor) plainAction(a *Action) {
	for _, k := range plainActions {
		if !c.accept(strings.Fields(k)...) {
			continue
		}
		a.Kind = k
		switch k {
		case "SET SCHEMA", "OWNER TO", "SET TABLESPACE", "SET ACCESS METHOD", "OWNED BY":
			a.NewName = c.name()
		case "AS":
			a.Type = c.typeName()
		case "SET", "RESET":
			if c.is("(") {
				a.Kind += " OPTIONS"
			}
		case "REPLICA IDENTITY":
			if c.accept("USING", "INDEX") {
				a.Name = c.name()
			} else {
				a.Name = c.word(0)
			}
		default:
			a.Name = c.name()
		}
		return
	}
	a.Kind = c.word(0)
}
