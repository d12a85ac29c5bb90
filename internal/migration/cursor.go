package migration

import "strings"

// cursor walks over the tokens of one statement, comments left out.
type cursor struct {
	text string
	toks []token
	i    int
	pos  func(offset int) Position
}

// newCursor cuts the text into tokens, using the buffer's room.
func newCursor(text string, at func(int) Position, buffer []token) *cursor {
	c := &cursor{text: text, toks: buffer, pos: at}
	l := newLexer(text)
	for t := l.next(); t.kind != tokEOF; t = l.next() {
		if t.kind != tokComment {
			c.toks = append(c.toks, t)
		}
	}
	return c
}

// tok is the text of a token, "" outside of the statement.
func (c *cursor) tok(i int) string {
	if i < 0 || i >= len(c.toks) {
		return ""
	}
	return c.text[c.toks[i].start:c.toks[i].end]
}

// word is the unquoted word n tokens from here, in upper case, or "".
func (c *cursor) word(n int) string { return c.wordAt(c.i + n) }

func (c *cursor) wordAt(i int) string {
	if i < 0 || i >= len(c.toks) || c.toks[i].kind != tokWord {
		return ""
	}
	return strings.ToUpper(c.tok(i))
}

// wordIs compares without making the upper case.
func (c *cursor) wordIs(i int, w string) bool {
	return i >= 0 && i < len(c.toks) && c.toks[i].kind == tokWord && isWord(c.tok(i), w)
}

func (c *cursor) done() bool { return c.i >= len(c.toks) }

// is reports whether the next token is the punctuation.
func (c *cursor) is(p string) bool {
	return c.i < len(c.toks) && c.toks[c.i].kind == tokPunct && c.tok(c.i) == p
}

// accept goes past the words if they are next.
func (c *cursor) accept(words ...string) bool {
	for n, w := range words {
		if !c.wordIs(c.i+n, w) {
			return false
		}
	}
	c.i += len(words)
	return true
}

// before reports whether the token before is the word.
func (c *cursor) before(w string) bool { return c.word(-1) == w }

// has reports whether the word is anywhere ahead, in parentheses too.
func (c *cursor) has(w string) bool {
	for i := c.i; i < len(c.toks); i++ {
		if c.wordIs(i, w) {
			return true
		}
	}
	return false
}

// find returns the index of the first of the words where all stand ahead in a
// row, outside parentheses, or -1.
func (c *cursor) find(words ...string) int { return c.findIn(c.i, len(c.toks), words...) }

func (c *cursor) findIn(from, to int, words ...string) int {
	depth := 0
next:
	for i := from; i < to; i++ {
		depth += c.nesting(i)
		if depth != 0 || i+len(words) > to {
			continue
		}
		for n, w := range words {
			if !c.wordIs(i+n, w) {
				continue next
			}
		}
		return i
	}
	return -1
}

// nesting is 1 for an opening parenthesis or bracket, -1 for a closing one.
func (c *cursor) nesting(i int) int {
	if c.toks[i].kind != tokPunct {
		return 0
	}
	switch c.text[c.toks[i].start] {
	case '(', '[':
		return 1
	case ')', ']':
		return -1
	}
	return 0
}

// parens goes past a parenthesis and all in it.
func (c *cursor) parens() bool {
	if !c.is("(") {
		return false
	}
	for depth := 0; c.i < len(c.toks); {
		depth += c.nesting(c.i)
		c.i++
		if depth == 0 {
			break
		}
	}
	return true
}

// name reads a name with its qualifications, as written, or returns "".
func (c *cursor) name() string {
	start := c.i
	for c.i < len(c.toks) {
		if k := c.toks[c.i].kind; k != tokWord && k != tokQuoted {
			break
		}
		c.i++
		if !c.is(".") {
			break
		}
		c.i++
	}
	return c.slice(start, c.i)
}

// names reads a list of tables, each with ONLY, * or column list, into Objects.
func (c *cursor) names(s *Syntax) {
	for {
		if c.accept("ONLY") {
			s.Options = append(s.Options, "ONLY")
		}
		n := c.name()
		if n == "" {
			return
		}
		s.Objects = append(s.Objects, n)
		if c.is("*") {
			c.i++
		}
		c.parens()
		if !c.is(",") {
			return
		}
		c.i++
	}
}

// slice is the text from one token up to, not including, another.
func (c *cursor) slice(from, to int) string {
	if from >= to || from >= len(c.toks) {
		return ""
	}
	return c.text[c.toks[from].start:c.toks[to-1].end]
}

// upper is the words of a range in upper case, with one blank between them.
func (c *cursor) upper(from, to int) string {
	var ws []string
	for i := from; i < to; i++ {
		ws = append(ws, strings.ToUpper(c.tok(i)))
	}
	return strings.Join(ws, " ")
}

// split divides a range at its commas outside parentheses.
func (c *cursor) split(from, to int) []span {
	var out []span
	depth := 0
	for i := from; i < to; i++ {
		depth += c.nesting(i)
		if depth == 0 && c.toks[i].kind == tokPunct && c.tok(i) == "," {
			out = append(out, span{from, i})
			from = i + 1
		}
	}
	if from < to {
		out = append(out, span{from, to})
	}
	return out
}

// places returns the positions of a range of tokens.
func (c *cursor) places(from, to int) (start, end Position) {
	if from >= to {
		return start, end
	}
	return c.pos(c.toks[from].start), c.pos(c.toks[to-1].end)
}

// leading returns the first words outside parentheses, in upper case.
func (c *cursor) leading(n int) []string {
	var out []string
	depth := 0
	for i := range c.toks {
		depth += c.nesting(i)
		if depth == 0 && c.toks[i].kind == tokWord {
			if out = append(out, c.wordAt(i)); len(out) == n {
				break
			}
		}
	}
	return out
}

// lowerName folds an unquoted name to lower case and takes the quotes of another away.
func lowerName(s string) string {
	if strings.HasPrefix(s, `"`) {
		return strings.ReplaceAll(strings.Trim(s, `"`), `""`, `"`)
	}
	return strings.ToLower(s)
}

// unquoted is a value without its single quotes.
func unquoted(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' && strings.Count(s, "'")%2 == 0 && !strings.Contains(s, "',") {
		return strings.ReplaceAll(s[1:len(s)-1], "''", "'")
	}
	return s
}
