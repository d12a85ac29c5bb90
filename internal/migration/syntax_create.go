package migration

import "strings"

// create reads CREATE … after the first word.
func (c *cursor) create(s *Syntax) {
	s.OrReplace = c.accept("OR", "REPLACE")
	for modifiers[c.word(0)] {
		switch w := c.word(0); w {
		case "TEMP", "TEMPORARY":
			s.optional("TEMPORARY", true)
		case "UNIQUE", "UNLOGGED", "CONSTRAINT", "RECURSIVE":
			s.optional(w, true)
		}
		c.i++
	}
	kind := c.skipKind()
	s.Concurrently = c.accept("CONCURRENTLY")
	s.IfNotExists = c.accept("IF", "NOT", "EXISTS")
	switch kind {
	case "INDEX":
		c.createIndex(s)
	case "TABLE", "FOREIGN TABLE":
		c.target(s)
		c.createTable(s)
	case "FUNCTION", "PROCEDURE":
		c.target(s)
		c.parens()
		s.Routine = &Routine{}
		c.routine(s)
	case "TRIGGER", "POLICY", "RULE":
		s.Name = c.name()
		on := "ON"
		if kind == "RULE" {
			on = "TO"
		}
		if i := c.find(on); i >= 0 {
			c.i = i + 1
			c.target(s)
		}
	case "USER MAPPING", "CAST", "TRANSFORM":
	default:
		c.target(s)
		s.optional("WITH NO DATA", c.find("WITH", "NO", "DATA") >= 0)
		s.optional("PASSWORD", (kind == "ROLE" || kind == "USER") && c.has("PASSWORD"))
	}
}

func (c *cursor) createIndex(s *Syntax) {
	if c.word(0) != "ON" {
		s.Name = c.name()
	}
	if !c.accept("ON") {
		return
	}
	s.optional("ONLY", c.accept("ONLY"))
	c.target(s)
	s.Method = "btree"
	if c.accept("USING") {
		s.Method = lowerName(c.name())
	}
	s.HasWhere = c.find("WHERE") >= 0
}

// createTable reads the elements of a table, or says that it is one AS a query.
func (c *cursor) createTable(s *Syntax) {
	if c.accept("PARTITION", "OF") {
		s.optional("PARTITION OF", true)
		c.target(s)
	} else if c.accept("OF") {
		c.name()
	}
	start := c.i
	if c.parens() {
		for _, part := range c.split(start+1, c.i-1) {
			c.element(s, part)
		}
	}
	if c.find("AS") >= 0 {
		s.Tag, s.Columns = "CREATE TABLE AS", nil
		s.optional("WITH NO DATA", c.find("WITH", "NO", "DATA") >= 0)
	}
}

// element reads one column or constraint of CREATE TABLE.
func (c *cursor) element(s *Syntax, part span) {
	sub := &cursor{text: c.text, toks: c.toks[:part.end], i: part.start, pos: c.pos}
	switch {
	case sub.word(0) == "LIKE":
	case sub.constraintAhead():
		s.Constraints = append(s.Constraints, *sub.constraint())
	default:
		s.Columns = append(s.Columns, *sub.column())
	}
}

// routine reads what follows the arguments of a function, or DO.
func (c *cursor) routine(s *Syntax) {
	r := s.Routine
	for !c.done() {
		switch {
		case c.accept("RETURNS"):
			c.accept("SETOF")
			r.Returns = c.returns()
		case c.accept("LANGUAGE"):
			s.Language = strings.ToLower(unquoted(lowerName(c.tok(c.i))))
			c.i++
		case c.accept("SECURITY", "DEFINER"):
			r.SecurityDefiner = true
		case c.accept("IMMUTABLE"), c.accept("STABLE"), c.accept("VOLATILE"):
			r.Volatility = c.word(-1)
		case c.accept("SET"):
			r.SearchPath = r.SearchPath || lowerName(c.name()) == "search_path"
		case c.word(0) == "BEGIN" && c.word(1) == "ATOMIC", c.accept("RETURN"):
			r.Atomic, r.Body = true, c.slice(c.i, len(c.toks))
			r.Pos, _ = c.places(c.i, len(c.toks))
			if s.Language == "" {
				s.Language = "sql"
			}
			return
		case c.toks[c.i].kind == tokString && (c.before("AS") || c.before("DO") || r.Body == "" && s.Tag == "DO"):
			c.body(r)
		default:
			if !c.parens() {
				c.i++
			}
		}
	}
}

// returns reads the type after RETURNS.
func (c *cursor) returns() string {
	if c.accept("TABLE") {
		c.parens()
		return "TABLE"
	}
	start := c.i
	c.name()
	for c.word(0) == "VARYING" || c.word(0) == "PRECISION" || c.word(0) == "WITH" || c.word(0) == "WITHOUT" || c.word(0) == "TIME" || c.word(0) == "ZONE" {
		c.i++
	}
	c.parens()
	for c.is("[") || c.is("]") {
		c.i++
	}
	return c.slice(start, c.i)
}

// body reads the source of a routine from a string token.
func (c *cursor) body(r *Routine) {
	t := c.toks[c.i]
	c.i++
	text := c.text[t.start:t.end]
	switch {
	case text[0] == '$':
		n := strings.IndexByte(text[1:], '$') + 2
		if n <= len(text)-n {
			r.Body, r.Pos = text[n:len(text)-n], c.pos(t.start+n)
		}
	case text[0] == '\'':
		r.Body, r.Pos = unquotedBody(text), c.pos(t.start+1)
	default: // E'…' with its backslashes: near enough to look at
		if i := strings.IndexByte(text, '\''); i >= 0 && i+1 < len(text) {
			r.Body, r.Pos = strings.NewReplacer("''", "'", `\'`, "'", `\n`, "\n", `\\`, `\`).Replace(text[i+1:len(text)-1]), c.pos(t.start+i+1)
		}
	}
}

func unquotedBody(text string) string {
	return strings.ReplaceAll(strings.TrimSuffix(text[1:], "'"), "''", "'")
}

// drop reads DROP … after the first word.
func (c *cursor) drop(s *Syntax) {
	kind := c.skipKind()
	s.Concurrently = c.accept("CONCURRENTLY")
	s.IfExists = c.accept("IF", "EXISTS")
	s.Cascade = c.find("CASCADE") >= 0
	switch kind {
	case "TRIGGER", "POLICY", "RULE":
		s.Name = c.name()
		c.accept("ON")
		c.target(s)
	case "OWNED":
		c.accept("BY")
		c.names(s)
	case "USER MAPPING", "CAST", "TRANSFORM":
	case "OPERATOR CLASS", "OPERATOR FAMILY":
		c.target(s)
	default:
		c.names(s)
	}
}
