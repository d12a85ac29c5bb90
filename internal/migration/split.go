package migration

import "strings"

// eventKind is what a splitter found.
type eventKind byte

const (
	atEnd       eventKind = iota
	atStatement           // a statement, complete
	atMeta                // a backslash; the statement before it goes on unless flushed
)

// event is one thing in a source, in order.
type event struct {
	kind eventKind
	span        // the statement without the blanks and comments around it, or the place of the backslash
	cuts []span // meta-commands inside the statement
	// stdin: the statement is COPY … FROM stdin, data its rows when dataEnd is true.
	stdin   bool
	data    span
	dataEnd bool // the \. line was there
	batch   int
	words   int // unquoted words in the statement, to tell SET from others cheaply
}

// segment is a part of the source that no statement reaches beyond.
type segment struct {
	span
	batch int
}

// splitter cuts a source into statements as psql does: at semicolons outside
// quotes, comments, parentheses and BEGIN ATOMIC bodies.
type splitter struct {
	lex      *lexer
	segments []segment
	psql     bool
	comment  func(span) // called for each comment, if not nil

	start, last int // of the statement so far; start is -1 between statements
	cuts        []span
	parens      int
	begins      int       // depth of BEGIN ATOMIC and of CASE within it
	words       [5]string // the first unquoted words
	nwords      int
	prev        string // the unquoted word or punctuation before
	stdin       bool
	batch       int
}

func newSplitter(src string, segments []segment) *splitter {
	if segments == nil {
		segments = []segment{{span: span{0, len(src)}}}
	}
	s := &splitter{lex: newLexer(src), segments: segments, start: -1}
	s.lex.end = 0
	return s
}

// segmentsOf divides part into the regions that go to the server whole and
// what lies between. A region's place is its batch number, so that no two parts
// of a file share one.
func segmentsOf(part span, whole []span) []segment {
	var out []segment
	at := part.start
	for _, w := range whole {
		if w.start < at || w.end > part.end || w.end < w.start {
			continue
		}
		out = append(out, segment{span{at, w.start}, 0}, segment{w, w.start + 1})
		at = w.end
	}
	return append(out, segment{span{at, part.end}, 0})
}

// next returns the next event.
func (s *splitter) next() event {
	for {
		t := s.lex.next()
		switch t.kind {
		case tokEOF:
			if s.start >= 0 {
				return s.flush()
			}
			if !s.nextSegment() {
				return event{kind: atEnd, span: span{s.lex.end, s.lex.end}}
			}
			continue
		case tokComment:
			if s.comment != nil {
				s.comment(span{t.start, t.end})
			}
			continue
		case tokWord:
			s.word(s.lex.src[t.start:t.end])
		case tokPunct:
			c := s.lex.src[t.start]
			switch {
			case c == '\\' && (s.psql || s.start < 0):
				return event{kind: atMeta, span: span{t.start, t.end}}
			case c == ';' && s.parens == 0 && s.begins == 0:
				if s.start < 0 {
					continue
				}
				return s.flush()
			case c == '(':
				s.parens++
			case c == ')' && s.parens > 0:
				s.parens--
			}
			s.prev = s.lex.src[t.start:t.end]
		default:
			s.prev = ""
		}
		if s.start < 0 {
			s.start = t.start
		}
		s.last = t.end
	}
}

func (s *splitter) nextSegment() bool {
	if len(s.segments) == 0 {
		return false
	}
	g := s.segments[0]
	s.segments = s.segments[1:]
	s.lex.pos, s.lex.end, s.batch = max(g.start, s.lex.pos), g.end, g.batch
	if s.lex.pos == 0 && strings.HasPrefix(s.lex.src, bom) {
		s.lex.pos = len(bom)
	}
	return true
}

// word looks at an unquoted word for the two constructs that decide where a
// statement ends: BEGIN ATOMIC … END and COPY … FROM stdin.
func (s *splitter) word(w string) {
	if s.nwords < len(s.words) {
		s.words[s.nwords] = w
	}
	s.nwords++
	if s.parens == 0 {
		switch {
		case len(w) == 6 && s.begins == 0 && isWord(s.prev, "begin") && isWord(w, "atomic") && s.routine():
			s.begins = 1
		case len(w) == 4 && s.begins > 0 && isWord(w, "case") && !s.named():
			s.begins++
		case len(w) == 3 && s.begins > 0 && isWord(w, "end") && !s.named():
			s.begins--
		case len(w) == 5 && isWord(w, "stdin") && isWord(s.prev, "from") && isWord(s.words[0], "copy"):
			s.stdin = true
		}
	}
	s.prev = w
}

// named reports whether the word after prev is a name even if it reads like a keyword.
func (s *splitter) named() bool { return s.prev == "." || isWord(s.prev, "as") }

// routine reports whether the statement is CREATE [OR REPLACE] FUNCTION or PROCEDURE.
func (s *splitter) routine() bool {
	if !isWord(s.words[0], "create") {
		return false
	}
	w := s.words[1]
	if isWord(w, "or") {
		w = s.words[3]
	}
	return isWord(w, "function") || isWord(w, "procedure")
}

func isWord(got, want string) bool { return len(got) == len(want) && strings.EqualFold(got, want) }

// flush ends the statement so far and returns it.
func (s *splitter) flush() event {
	e := event{kind: atStatement, span: span{s.start, s.last}, cuts: s.cuts, stdin: s.stdin, batch: s.batch, words: s.nwords}
	if s.stdin {
		e.data, e.dataEnd = s.rows()
	}
	if s.setsStrings() {
		s.lex.backslashes = isWord(s.words[2], "off") || strings.Contains(strings.ToLower(s.lex.src[e.start:e.end]), "'off'")
	}
	s.reset()
	return e
}

// reset forgets the statement so far.
func (s *splitter) reset() {
	s.start, s.cuts, s.parens, s.begins, s.nwords, s.prev, s.stdin = -1, nil, 0, 0, 0, "", false
	s.words = [5]string{}
}

// setsStrings reports whether the statement sets standard_conforming_strings,
// which decides how the strings after it are read (dumps of old servers set it off).
func (s *splitter) setsStrings() bool {
	if s.nwords < 2 || s.nwords > 5 || !isWord(s.words[0], "set") {
		return false
	}
	i := 1
	if isWord(s.words[1], "session") || isWord(s.words[1], "local") {
		i = 2
	}
	if !isWord(s.words[i], "standard_conforming_strings") {
		return false
	}
	// Leave the value, if it is a word, in the place that flush looks at.
	i++
	if isWord(s.words[min(i, 4)], "to") {
		i++
	}
	s.words[2] = s.words[min(i, 4)]
	return true
}

// rows skips the data after COPY … FROM stdin: the lines after the
// statement's line, up to one that holds only \. – if there is none, all the rest.
func (s *splitter) rows() (data span, ended bool) {
	src, end := s.lex.src, s.lex.end
	at := s.lex.pos
	if i := strings.IndexByte(src[at:end], '\n'); i >= 0 {
		at += i + 1
	} else {
		at = end
	}
	start := at
	for at < end {
		line, after := end, end
		if i := strings.IndexByte(src[at:end], '\n'); i >= 0 {
			line, after = at+i, at+i+1
		}
		if strings.TrimSuffix(src[at:line], "\r") == `\.` {
			s.lex.pos = after
			return span{start, at}, true
		}
		at = after
	}
	s.lex.pos = end
	return span{start, end}, false
}
