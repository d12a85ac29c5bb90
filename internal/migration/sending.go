package migration

import (
	"regexp"
	"slices"
	"strings"
)

// sending is how a tool brings a file to the server, where psql would do it
// otherwise. The zero value is a tool that ends statements where psql does,
// sends no rows with a COPY, and leaves a byte order mark out.
type sending struct {
	// lines reads a file as a tool does that goes by lines: a query ends at a
	// semicolon at the end of a line and nowhere else. nil for the others.
	lines    func(src string, down bool) *lineReading
	readsAll bool    // all files are read before the first is run
	copyData bool    // the rows of COPY … FROM stdin are sent
	bom      bomRule // what happens to a byte order mark
	// looks matches a line that is meant as the tool's annotation, reads one that
	// the tool takes for it; misread is what it does with the others.
	looks, reads *regexp.Regexp
	misread      string
	// libpq: the driver is Go's lib/pq, which ends the run if the transaction that
	// it began is no longer open when it commits.
	libpq bool
	// records is what the tool runs after a file, on its session and in its
	// transaction, if it names its table without a schema. An example of it.
	records string
	ledger  string // that table
}

// refusal is how much is refused where the tool cannot read a file.
func (s *sending) refusal() Refusal {
	if s.readsAll {
		return RefusedRun
	}
	return RefusedFile
}

// bomRule says what a tool does with a byte order mark.
type bomRule byte

const (
	bomDropped bomRule = iota // it is left out
	bomSent                   // it goes to the server, which refuses it
	bomRefused                // the tool refuses the file
)

// refused lists what the tool or the server refuses of the file before any
// statement of it is judged. The statements are those that were meant.
func (u *unit) refused(l *loader, m *Migration) []Notice {
	s, tool := l.format.sending, string(l.out.Format)
	var out []Notice
	if strings.HasPrefix(u.source, bom) {
		if text := s.bom.text(tool); text != "" {
			refused := s.refusal()
			if s.bom == bomSent {
				refused = RefusedStatement
			}
			out = append(out, Notice{Kind: "byte-order-mark", Pos: Position{Path: u.path, Line: 1, Column: 1}, Text: text, Refused: refused})
		}
	}
	if !s.copyData && !u.script.psql {
		for _, st := range m.Statements {
			if st.Kind == CopyData {
				out = append(out, Notice{Kind: "copy-data", Pos: st.Pos, Refused: RefusedStatement, Text: tool + " cannot send the rows of COPY … FROM stdin: the statement fails"})
			}
		}
	}
	if s.looks != nil {
		for _, k := range marks(u.source, s.looks) {
			if !s.reads.MatchString(u.source[k.start:k.end]) {
				out = append(out, Notice{Kind: "misread-annotation", Pos: Position{Path: u.path, Line: k.line, Column: 1, Offset: k.start}, Text: tool + " " + s.misread})
			}
		}
	}
	if s.libpq && m.TxMode == TxFile {
		if st := endsTransaction(m); st != nil {
			out = append(out, Notice{Kind: "ended-transaction", Refused: RefusedAfter, Pos: st.Pos, Text: "the file ends the transaction of " + tool +
				", whose driver then ends the run: pq: unexpected transaction status idle. The statements of the file are committed by then"})
		}
	}
	if s.lines == nil {
		return out
	}
	r := s.lines(u.source, u.isDown)
	if n := r.notice(u, tool); n != nil {
		if i := slices.IndexFunc(out, func(o Notice) bool { return o.Kind == "copy-data" }); i >= 0 && n.Kind == "unfinished-statement" {
			out[i].Refused = s.refusal() // its rows are what does not end
			return out
		}
		n.Refused = s.refusal()
		return append(out, *n)
	}
	return append(out, u.byLine(tool, r.queries, m)...)
}

// endsTransaction gives the statement that ended the tool's transaction, nil if
// one is open at the end of the file.
func endsTransaction(m *Migration) *Statement {
	var ended *Statement
	for _, st := range m.Statements {
		switch st.Syntax.Transaction {
		case "COMMIT", "ROLLBACK", "PREPARE":
			if !chained.MatchString(st.Text) {
				ended = st
			}
		case "BEGIN":
			ended = nil
		}
	}
	return ended
}

var chained = regexp.MustCompile(`(?i)\bAND\s+CHAIN\s*$`)

func (r bomRule) text(tool string) string {
	switch r {
	case bomSent:
		return tool + " sends the byte order mark at the start of the file to PostgreSQL, which refuses it as a syntax error"
	case bomRefused:
		return tool + " does not recognize the first line behind the byte order mark, and refuses the file"
	}
	return ""
}
