package migration

import (
	"slices"
	"strings"
)

// wholeUpTo is the size from which only the head of a statement that writes
// data is looked at: seeds run to megabytes in one INSERT.
const wholeUpTo = 64 << 10

// Single reads one statement that stands in no file, such as one that a block ran.
func Single(text string) *Statement {
	syntax := syntaxOf(text, newPlaces("", text).at)
	return &Statement{Kind: SQL, Text: text, Syntax: &syntax}
}

// syntaxOf reads the facts of one statement. at gives the position of an offset in it.
func syntaxOf(text string, at func(offset int) Position) Syntax {
	var buffer []token
	return factsOf(text, at, &buffer)
}

// factsOf is syntaxOf with a buffer to use again for the next statement.
func factsOf(text string, at func(offset int) Position, buffer *[]token) Syntax {
	if len(text) > 6 && isWord(text[:6], "insert") {
		return insertFacts(text)
	}
	c := newCursor(text, at, (*buffer)[:0])
	*buffer = c.toks
	s := Syntax{Tag: tagOf(c.leading(12))}
	c.facts(&s)
	slices.Sort(s.Options)
	s.Options = slices.Compact(s.Options)
	return s
}

// insertFacts reads INSERT in one go, without keeping the tokens: seeds have
// hundreds of thousands of them, or megabytes in one.
func insertFacts(text string) Syntax {
	s := Syntax{Tag: "INSERT"}
	l := newLexer(text)
	depth, n, open := 0, 0, true // open: the name may go on
	var name span
	prev := ""
	for t := l.next(); t.kind != tokEOF; t = l.next() {
		if t.kind == tokComment {
			continue
		}
		w := text[t.start:t.end]
		n++
		switch {
		case n <= 2: // INSERT INTO
		case open && (t.kind == tokWord || t.kind == tokQuoted) && (name.end == 0 || prev == "."):
			if name.end == 0 {
				name.start = t.start
			}
			name.end = t.end
		case open && w == "." && name.end > 0:
		default:
			open = false
		}
		switch {
		case w == "(" || w == "[":
			depth++
		case w == ")" || w == "]":
			depth--
		case depth == 0 && t.kind == tokWord && !open && isWord(w, "returning"):
			s.Options = append(s.Options, "RETURNING")
		case depth == 0 && t.kind == tokWord && isWord(w, "conflict") && isWord(prev, "on"):
			s.Options = append(s.Options, "ON CONFLICT")
		}
		prev = w
	}
	if name.end > 0 {
		s.Objects = []string{text[name.start:name.end]}
	}
	return s
}

// facts dispatches on the first words.
func (c *cursor) facts(s *Syntax) {
	switch c.word(0) {
	case "CREATE":
		c.i++
		c.create(s)
	case "ALTER":
		c.i++
		c.alter(s)
	case "DROP":
		c.i++
		c.drop(s)
	case "WITH":
		withFacts(c.text, s)
	case "MERGE":
		c.i++
		c.accept("INTO")
		c.target(s)
		s.optional("RETURNING", c.find("RETURNING") >= 0)
	case "UPDATE", "DELETE":
		c.i++
		c.accept("FROM")
		s.optional("ONLY", c.accept("ONLY"))
		c.target(s)
		s.HasWhere = c.find("WHERE") >= 0
		s.optional("RETURNING", c.find("RETURNING") >= 0)
	case "SELECT":
		c.selectFacts(s)
	case "SET", "RESET":
		c.setting(s)
	case "DO":
		c.i++
		s.Language, s.Routine = "plpgsql", &Routine{}
		c.routine(s)
	case "COPY":
		c.i++
		if !c.is("(") {
			c.target(s)
		}
		s.optional("PROGRAM", c.find("PROGRAM") >= 0)
	case "PREPARE":
		if c.word(1) == "TRANSACTION" {
			s.Tag, s.Transaction = "PREPARE TRANSACTION", "PREPARE"
		}
	default:
		if !c.transaction(s) {
			c.maintenance(s)
		}
	}
}

// target reads the one table that a statement is about.
func (c *cursor) target(s *Syntax) {
	c.accept("ONLY")
	if n := c.name(); n != "" {
		s.Objects = append(s.Objects, n)
	}
}

func (s *Syntax) optional(option string, written bool) {
	if written {
		s.Options = append(s.Options, option)
	}
}

// transaction reads BEGIN, COMMIT and their kin.
func (c *cursor) transaction(s *Syntax) bool {
	switch w := c.word(0); w {
	case "BEGIN", "START":
		s.Transaction = "BEGIN"
	case "COMMIT", "END":
		s.Transaction = "COMMIT"
		if c.word(1) == "PREPARED" {
			s.Tag, s.Transaction = "COMMIT PREPARED", ""
		}
	case "ROLLBACK", "ABORT":
		s.Transaction = "ROLLBACK"
		switch {
		case c.word(1) == "PREPARED":
			s.Tag, s.Transaction = "ROLLBACK PREPARED", ""
		case c.find("TO") >= 0:
			s.Transaction = "ROLLBACK TO"
		}
	case "SAVEPOINT", "RELEASE":
		s.Transaction = w
	default:
		return false
	}
	return true
}

// setting reads SET and RESET.
func (c *cursor) setting(s *Syntax) {
	set := &Setting{Reset: c.word(0) == "RESET"}
	c.i++
	switch {
	case set.Reset:
	case c.accept("LOCAL"):
		set.Local = true
	case c.accept("SESSION"):
	}
	switch {
	case c.word(0) == "TRANSACTION" || c.word(0) == "CHARACTERISTICS":
		s.Transaction = "SET TRANSACTION"
		return
	case c.word(0) == "CONSTRAINTS":
		return
	case c.accept("TIME", "ZONE"):
		set.Name = "timezone"
	case c.accept("SESSION", "AUTHORIZATION"), c.accept("AUTHORIZATION"):
		set.Name = "session_authorization"
	case c.accept("XML", "OPTION"):
		set.Name = "xmloption"
	case c.accept("NAMES"):
		set.Name = "client_encoding"
	case c.accept("SCHEMA"):
		set.Name = "search_path"
	default:
		set.Name = lowerName(c.name())
	}
	if !c.accept("TO") && c.is("=") {
		c.i++
	}
	if c.word(0) == "DEFAULT" {
		set.Reset = true
	}
	if !set.Reset && c.i < len(c.toks) {
		set.Value = unquoted(c.text[c.toks[c.i].start:])
	}
	s.Set = set
}

// selectFacts reads set_config() and INTO; of other queries nothing is known.
func (c *cursor) selectFacts(s *Syntax) {
	if i := c.find("INTO"); i >= 0 {
		s.Tag = "SELECT INTO"
		c.i = i + 1
		for c.accept("TEMP") || c.accept("TEMPORARY") || c.accept("UNLOGGED") || c.accept("TABLE") {
			s.optional("TEMPORARY", c.before("TEMP") || c.before("TEMPORARY"))
			s.optional("UNLOGGED", c.before("UNLOGGED"))
		}
		c.target(s)
		return
	}
	c.i = 1
	if n := lowerName(c.name()); n != "set_config" && n != "pg_catalog.set_config" || !c.is("(") {
		return
	}
	// set_config('name', 'value', is_local) and nothing else.
	var args []string
	for i := c.i + 1; i < len(c.toks); i += 2 {
		args = append(args, c.tok(i))
		if c.tok(i+1) == ")" {
			if i+2 != len(c.toks) || len(args) != 3 || c.toks[c.i+1].kind != tokString || c.toks[c.i+3].kind != tokString {
				return
			}
			local := args[2] == "true" || args[2] == "TRUE" || args[2] == "'t'" || args[2] == "'true'"
			s.Set = &Setting{Name: lowerName(unquoted(args[0])), Value: unquoted(args[1]), Local: local}
			return
		}
	}
}

// maintenance reads the commands that are none of the others.
func (c *cursor) maintenance(s *Syntax) {
	first := c.word(0)
	c.i++
	switch first {
	case "TRUNCATE":
		c.accept("TABLE")
		c.names(s)
		s.Cascade = c.find("CASCADE") >= 0
		s.optional("RESTART IDENTITY", c.find("RESTART", "IDENTITY") >= 0)
	case "LOCK":
		c.accept("TABLE")
		c.names(s)
		s.LockMode = "ACCESS EXCLUSIVE"
		if i, j := c.find("IN"), c.find("MODE"); i >= 0 && j > i {
			s.LockMode = c.upper(i+1, j)
		}
		s.optional("NOWAIT", c.find("NOWAIT") >= 0)
	case "REINDEX":
		s.Concurrently = c.has("CONCURRENTLY")
		c.parens()
		c.i++ // INDEX, TABLE, SCHEMA, DATABASE, SYSTEM
		s.optional(c.word(-1), c.word(-1) != "")
		c.accept("CONCURRENTLY")
		c.target(s)
	case "REFRESH":
		c.accept("MATERIALIZED", "VIEW")
		s.Concurrently = c.accept("CONCURRENTLY")
		c.target(s)
		s.optional("WITH NO DATA", c.find("WITH", "NO", "DATA") >= 0)
	case "VACUUM", "ANALYZE", "ANALYSE", "CLUSTER", "REPACK":
		s.optional("FULL", first == "VACUUM" && c.switchedOn("FULL"))
		s.Concurrently = c.has("CONCURRENTLY")
		c.parens()
		for c.accept("FULL") || c.accept("FREEZE") || c.accept("VERBOSE") || c.accept("ANALYZE") || c.accept("ANALYSE") || c.accept("CONCURRENTLY") {
		}
		c.names(s)
	case "COMMENT", "SECURITY":
		if i := c.find("ON"); i >= 0 {
			c.i = i + 1
			c.skipKind()
			if j := c.find("ON"); j >= 0 { // CONSTRAINT c ON t
				c.i = j + 1
				c.accept("DOMAIN")
			}
			c.target(s)
		}
	case "GRANT", "REVOKE":
		s.optional("WITH GRANT OPTION", c.find("WITH", "GRANT", "OPTION") >= 0 && first == "GRANT")
		s.Cascade = c.find("CASCADE") >= 0
		if i := c.find("ON"); i >= 0 {
			c.i = i + 1
			if c.word(0) != "ALL" && c.word(1) != "TO" && c.word(1) != "FROM" && c.toks[min(c.i+1, len(c.toks)-1)].kind != tokPunct {
				c.skipKind()
			}
			if c.word(0) != "ALL" {
				c.names(s)
			}
		} else {
			s.Tag = first + " ROLE"
		}
	case "CALL", "EXECUTE", "DEALLOCATE":
		c.target(s)
	}
}

// switchedOn reports whether an option is written, by itself or in parentheses,
// and not given a value that switches it off: FULL false, FULL 0.
func (c *cursor) switchedOn(option string) bool {
	on := false
	for i := c.i; i < len(c.toks); i++ {
		if !c.wordIs(i, option) {
			continue
		}
		switch strings.ToLower(unquoted(c.tok(i + 1))) {
		case "false", "off", "0":
			on = false
		default:
			on = true
		}
	}
	return on
}
