package migration

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// sending is how a tool brings a file to the server, where psql would do it
// otherwise. The zero value is a tool that ends statements where psql does,
// sends no rows with a COPY, and leaves a byte order mark out.
type sending struct {
	lines    bool    // a query ends at a semicolon at the end of a line and nowhere else
	copyData bool    // the rows of COPY … FROM stdin are sent
	bom      bomRule // what happens to a byte order mark
	// looks matches a line that is meant as the tool's annotation, reads one that
	// the tool takes for it; misread is what it does with the others.
	looks, reads *regexp.Regexp
	misread      string
}

// bomRule says what a tool does with a byte order mark.
type bomRule byte

const (
	bomDropped   bomRule = iota // it is left out
	bomSent                     // it goes to the server, which refuses it
	bomRefused                  // the tool refuses the file
	bomHidesMark                // the tool does not see a mark on the first line
)

// refused lists what the tool or the server refuses of the file before any
// statement of it is judged. The statements are those that were meant.
func (u *unit) refused(l *loader, m *Migration) []Notice {
	s, tool := l.format.sending, string(l.out.Format)
	var out []Notice
	if strings.HasPrefix(u.source, bom) {
		if text := s.bom.text(tool, u.source); text != "" {
			out = append(out, Notice{Kind: "byte-order-mark", Pos: Position{Path: u.path, Line: 1, Column: 1}, Text: text})
		}
	}
	if !s.copyData && !u.script.psql {
		for _, st := range m.Statements {
			if st.Kind == CopyData {
				out = append(out, Notice{Kind: "copy-data", Pos: st.Pos, Text: tool + " cannot send the rows of COPY … FROM stdin: the statement fails"})
			}
		}
	}
	if s.looks != nil {
		for _, k := range marks(u.source, s.looks) {
			if !s.reads.MatchString(strings.TrimPrefix(u.source[k.start:k.end], bom)) {
				out = append(out, Notice{Kind: "misread-annotation", Pos: Position{Path: u.path, Line: k.line, Column: 1, Offset: k.start}, Text: tool + " " + s.misread})
			}
		}
	}
	if s.lines {
		out = append(out, u.byLine(tool, m)...)
	}
	return out
}

func (r bomRule) text(tool, src string) string {
	first, _, _ := strings.Cut(src, "\n")
	switch {
	case r == bomSent:
		return tool + " sends the byte order mark at the start of the file to PostgreSQL, which refuses it as a syntax error"
	case r == bomRefused || r == bomHidesMark && strings.Contains(first, "+"):
		return tool + " does not recognize the first line behind the byte order mark, and refuses the file"
	}
	return ""
}

// byLine gives the statements that the tool sends in one query the same Batch,
// and lists those that it sends in pieces or not at all.
func (u *unit) byLine(tool string, m *Migration) []Notice {
	var queries []span
	for _, p := range u.parts {
		queries = append(queries, lineQueries(u.source, p, u.script.whole)...)
	}
	var out []Notice
	i := 0
	for n, st := range m.Statements {
		for i < len(queries) && queries[i].end <= st.Pos.Offset {
			i++
		}
		switch {
		case st.Kind != SQL || u.inWhole(st):
		case i == len(queries) || queries[i].start > st.Pos.Offset:
			out = append(out, Notice{Kind: "unfinished-statement", Pos: st.Pos, Text: tool + " refuses the file: no semicolon at the end of a line ends this statement"})
		case queries[i].end < st.End.Offset:
			end := 1 + strings.Count(u.source[:queries[i].end], "\n")
			out = append(out, Notice{Kind: "split-statement", Pos: st.Pos, Text: fmt.Sprintf(
				"%s ends a query at a semicolon at the end of a line: it sends this statement only up to line %d, and PostgreSQL refuses the piece", tool, end)})
		case n > 0 && m.Statements[n-1].Pos.Offset >= queries[i].start:
			before := m.Statements[n-1]
			if before.Batch == 0 { // what was read before has its own, and is in use
				before.Batch = before.Pos.Offset + 1
			}
			if st.Batch != before.Batch {
				st.Batch = before.Batch
			}
		}
	}
	return out
}

func (u *unit) inWhole(st *Statement) bool {
	i, found := slices.BinarySearchFunc(u.script.whole, st.Pos.Offset, func(w span, at int) int { return cmp.Compare(w.start, at) })
	return found || i > 0 && st.Pos.Offset < u.script.whole[i-1].end
}

// lineQueries divides a part of a source into the queries of a tool that ends
// one at each line whose last word before a comment ends with a semicolon.
func lineQueries(src string, part span, whole []span) []span {
	var out []span
	start := -1
	for at := part.start; at < part.end; {
		end, next := part.end, part.end
		if i := strings.IndexByte(src[at:part.end], '\n'); i >= 0 {
			end, next = at+i, at+i+1
		}
		for len(whole) > 0 && whole[0].end <= at {
			whole = whole[1:]
		}
		if len(whole) > 0 && whole[0].start <= at {
			at, start = max(whole[0].end, next), -1
			continue
		}
		line := strings.TrimSpace(src[at:end])
		if start < 0 && line != "" && !strings.HasPrefix(line, "--") {
			start = at
		}
		if start >= 0 && endsQuery(line) {
			out, start = append(out, span{start, end}), -1
		}
		at = next
	}
	return out
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
