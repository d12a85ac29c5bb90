package migration

import "strings"

// tokenKind is what a token is, as far as splitting needs to know.
type tokenKind byte

const (
	tokEOF     tokenKind = iota
	tokWord              // identifier or keyword, not quoted
	tokQuoted            // "quoted identifier", U&"…"
	tokString            // '…', E'…', B'…', U&'…', $tag$…$tag$
	tokNumber            // 1, 1.5e3, 0x1F, $1
	tokComment           // -- …, /* … */
	tokPunct             // one byte of anything else
)

// token is a piece of a source. Blanks are no tokens.
type token struct {
	kind       tokenKind
	start, end int
}

// lexer cuts a source into tokens the way psql and the server do. It never
// looks at a byte more than a fixed number of times, so it is linear.
type lexer struct {
	src string
	pos int
	end int // the lexer sees nothing from here on
	// backslashes: standard_conforming_strings is off, so '…\'…' is one string.
	backslashes bool
	// byLine: psql reads a line at a time, so to it 'a' and 'b' on the next line
	// are two strings, of which the second has no backslashes.
	byLine bool
	// open is set when a string, quoted name or comment has no end.
	open bool
}

func newLexer(src string) *lexer { return &lexer{src: src, end: len(src)} }

// next returns the next token. Comments are tokens: directives live in them.
func (l *lexer) next() token {
	for l.pos < l.end && isBlank(l.src[l.pos]) {
		l.pos++
	}
	start := l.pos
	if start >= l.end {
		return token{tokEOF, l.end, l.end}
	}
	c := l.src[start]
	kind := tokPunct
	l.pos++
	switch {
	case c == '-' && l.peek('-'):
		l.lineComment()
		kind = tokComment
	case c == '/' && l.peek('*'):
		l.blockComment()
		kind = tokComment
	case c == '\'':
		l.quoted('\'', l.backslashes)
		l.continued(l.backslashes)
		kind = tokString
	case c == '"':
		l.quoted('"', false)
		kind = tokQuoted
	case c == '$':
		kind = l.dollar(start)
	case isDigit(c) || c == '.' && l.pos < l.end && isDigit(l.src[l.pos]):
		l.number()
		kind = tokNumber
	case isWordStart(c):
		kind = l.word(start)
	}
	return token{kind, start, l.pos}
}

func (l *lexer) peek(c byte) bool { return l.pos < l.end && l.src[l.pos] == c }

// lineComment ends before the line end; the server takes a lone CR for one too.
func (l *lexer) lineComment() {
	rest := l.src[l.pos:l.end]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.IndexByte(rest, '\r'); i >= 0 {
		rest = rest[:i]
	}
	l.pos += len(rest)
}

// blockComment skips a comment; unlike in C, comments nest.
func (l *lexer) blockComment() {
	l.pos++
	for depth := 1; l.pos+1 < l.end; l.pos++ {
		switch {
		case l.src[l.pos] == '*' && l.src[l.pos+1] == '/':
			depth--
			l.pos++
		case l.src[l.pos] == '/' && l.src[l.pos+1] == '*':
			depth++
			l.pos++
		}
		if depth == 0 {
			l.pos++
			return
		}
	}
	l.pos, l.open = l.end, true
}

// quoted skips to after the closing quote; a doubled quote is part of the text.
func (l *lexer) quoted(q byte, backslashes bool) {
	for l.pos < l.end {
		if !backslashes {
			i := strings.IndexByte(l.src[l.pos:l.end], q)
			if i < 0 {
				break
			}
			l.pos += i
		}
		c := l.src[l.pos]
		l.pos++
		switch {
		case c == '\\' && backslashes:
			l.pos = min(l.pos+1, l.end)
		case c == q && !l.peek(q):
			return
		case c == q:
			l.pos++
		}
	}
	l.pos, l.open = l.end, true
}

// continued joins 'a' and 'b' on the next line to one string, as SQL does:
// for E” the backslashes go on working there.
func (l *lexer) continued(backslashes bool) {
	for backslashes && !l.byLine {
		p, newline := l.pos, false
		for p < l.end && isBlank(l.src[p]) {
			newline = newline || l.src[p] == '\n' || l.src[p] == '\r'
			p++
		}
		if !newline || p >= l.end || l.src[p] != '\'' {
			return
		}
		l.pos = p + 1
		l.quoted('\'', true)
	}
}

// dollar reads $tag$…$tag$, a parameter like $1, or a lone dollar sign.
func (l *lexer) dollar(start int) tokenKind {
	p := l.pos
	if p < l.end && isDigit(l.src[p]) {
		for p < l.end && isDigit(l.src[p]) {
			p++
		}
		l.pos = p
		return tokNumber
	}
	for p < l.end && isWordPart(l.src[p]) && l.src[p] != '$' {
		p++
	}
	if p >= l.end || l.src[p] != '$' {
		return tokPunct
	}
	tag := l.src[start : p+1]
	i := strings.Index(l.src[p+1:l.end], tag)
	if i < 0 {
		l.pos, l.open = l.end, true
		return tokString
	}
	l.pos = p + 1 + i + len(tag)
	return tokString
}

func (l *lexer) number() {
	for l.pos < l.end {
		c := l.src[l.pos]
		if !isDigit(c) && !isWordStart(c) && c != '.' {
			return
		}
		l.pos++
	}
}

// word reads an identifier or keyword, and the strings that begin with letters.
func (l *lexer) word(start int) tokenKind {
	for l.pos < l.end && isWordPart(l.src[l.pos]) {
		l.pos++
	}
	if l.pos >= l.end {
		return tokWord
	}
	switch n := l.pos - start; {
	case n == 1 && l.src[l.pos] == '\'':
		switch l.src[start] | 0x20 {
		case 'e':
			l.pos++
			l.quoted('\'', true)
			l.continued(true)
			return tokString
		case 'b', 'x', 'n':
			l.pos++
			l.quoted('\'', false)
			return tokString
		}
	case n == 1 && l.src[start]|0x20 == 'u' && l.src[l.pos] == '&' && l.pos+1 < l.end:
		if q := l.src[l.pos+1]; q == '\'' || q == '"' {
			l.pos += 2
			l.quoted(q, false)
			if q == '"' {
				return tokQuoted
			}
			return tokString
		}
	}
	return tokWord
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWordStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func isWordPart(c byte) bool { return isWordStart(c) || isDigit(c) || c == '$' }
