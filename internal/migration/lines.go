package migration

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// lineReading is what a tool that reads a file line by line makes of it.
type lineReading struct {
	queries []span // of one direction, in order
	// refused is the tool's own message if it refuses the file, line where it
	// stops, kind that of the notice.
	refused, kind string
	line          int
}

func (r *lineReading) refuse(kind string, line int, format string, args ...any) *lineReading {
	r.kind, r.line, r.refused = kind, line, fmt.Sprintf(format, args...)
	return r
}

// notice says that the file is refused, nil if it is not.
func (r *lineReading) notice(u *unit, tool string) *Notice {
	if r.refused == "" {
		return nil
	}
	n := &Notice{Kind: r.kind, Pos: Position{Path: u.path, Line: max(r.line, 1), Column: 1}, Text: tool + " refuses the file: " + r.refused}
	if strings.HasPrefix(u.source, bom) && r.line <= 1 {
		n.Kind, n.Text = "byte-order-mark", tool+" does not recognize the first line behind the byte order mark, and refuses the file: "+r.refused
	}
	at := 0
	for range n.Pos.Line - 1 {
		at += 1 + max(strings.IndexByte(u.source[at:], '\n'), 0)
	}
	n.Pos.Offset = at
	return n
}

// sourceLine is one line, without its line end.
type sourceLine struct {
	text string
	n    int
	span
}

// linesOf gives the lines of a text as bufio.ScanLines does: a carriage return
// before the line end belongs to it.
func linesOf(src string) iter.Seq[sourceLine] {
	return func(yield func(sourceLine) bool) {
		n := 0
		for at := 0; at < len(src); {
			n++
			end, next := len(src), len(src)
			if i := strings.IndexByte(src[at:], '\n'); i >= 0 {
				end, next = at+i, at+i+1
			}
			if !yield(sourceLine{strings.TrimSuffix(src[at:end], "\r"), n, span{at, end}}) {
				return
			}
			at = next
		}
	}
}

// byLine gives the statements that the tool sends in one query the same Batch,
// and lists those that it sends in pieces.
func (u *unit) byLine(tool string, queries []span, m *Migration) []Notice {
	var out []Notice
	i, before := 0, 0
	for n, st := range m.Statements {
		for i < len(queries) && queries[i].end <= st.Pos.Offset {
			if at := openComment(u.source, max(before, queries[i].start), st.Pos.Offset, queries[i].end); at >= 0 {
				pos := newPlaces(u.path, u.source).at(at)
				out = append(out, Notice{Kind: "split-statement", Pos: pos, Refused: RefusedStatement, Text: tool +
					" ends a query at a semicolon at the end of a line: it sends this comment only up to there, and PostgreSQL refuses the piece"})
			}
			i++
		}
		before = st.End.Offset
		switch {
		case st.Kind != SQL || u.inWhole(st) || i == len(queries) || queries[i].start > st.Pos.Offset:
		case queries[i].end < st.End.Offset:
			end := 1 + strings.Count(u.source[:queries[i].end], "\n")
			out = append(out, Notice{Kind: "split-statement", Pos: st.Pos, Refused: RefusedStatement, Text: fmt.Sprintf(
				"%s ends a query at a semicolon at the end of a line: it sends this statement only up to line %d, and PostgreSQL refuses the piece", tool, end)})
		case n > 0 && m.Statements[n-1].Pos.Offset >= queries[i].start:
			last := m.Statements[n-1]
			if last.Batch == 0 { // what was read before has its own, and is in use
				last.Batch = last.Pos.Offset + 1
			}
			if st.Batch != last.Batch {
				st.Batch = last.Batch
			}
		}
	}
	return out
}

// openComment gives the place of a comment between two offsets that goes on
// beyond cut, -1 if there is none.
func openComment(src string, start, end, cut int) int {
	if start >= end || cut <= start {
		return -1
	}
	l := newLexer(src[:end])
	l.pos = start
	for t := l.next(); t.kind != tokEOF && t.start < cut; t = l.next() {
		if t.kind == tokComment && t.end > cut && strings.HasPrefix(src[t.start:], "/*") {
			return t.start
		}
	}
	return -1
}

func (u *unit) inWhole(st *Statement) bool {
	i, found := slices.BinarySearchFunc(u.script.whole, st.Pos.Offset, func(w span, at int) int { return cmp.Compare(w.start, at) })
	return found || i > 0 && st.Pos.Offset < u.script.whole[i-1].end
}

func endsQuery(line string) bool {
	last := ""
	for word := range strings.FieldsSeq(line) {
		if strings.HasPrefix(word, "--") {
			break
		}
		last = word
	}
	return strings.HasSuffix(last, ";")
}
