package report

import (
	"strings"
	"unicode/utf8"

	"github.com/assaydb/assay/internal/lint"
)

// maxExcerpt is how many lines of SQL an excerpt shows.
const maxExcerpt = 6

// excerptLine is a line of SQL with the part that is meant.
type excerptLine struct {
	Number    int
	Text      string // tabs expanded, hidden characters made visible
	From, To  int    // marked cells, equal if none
	Statement bool   // belongs to the finding's range
}

// excerpt is the SQL that a finding points at.
type excerpt struct {
	Lines []excerptLine
	More  int // lines of the range that are left out
}

// excerptOf cuts a finding's excerpt from its file, or from the statement's
// text where the file is not at hand (a decoded report, a file that holds
// something sensitive). A sensitive finding has none.
func excerptOf(r *lint.Result, f *lint.Finding) excerpt {
	m, s := r.At(f)
	if f.Sensitive || s != nil && s.Sensitive || m == nil || f.Line < 1 {
		return excerpt{}
	}
	if m.Source != "" && f.Path == m.Path {
		return cutExcerpt(f, s, splitLines(m.Source), 1)
	}
	if s == nil || s.Text == "" || s.Path != "" && s.Path != f.Path || s.Path == "" && f.Path != m.Path {
		return excerpt{}
	}
	lines := splitLines(s.Text)
	if s.Column > 1 {
		lines[0] = strings.Repeat(" ", min(s.Column-1, 200)) + lines[0]
	}
	return cutExcerpt(f, s, lines, s.Line)
}

func splitLines(s string) []string {
	s = strings.TrimPrefix(s, "\ufeff")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Split(s, "\n")
}

// cutExcerpt takes the lines of f's range; lines[0] is line first.
func cutExcerpt(f *lint.Finding, s *lint.Statement, lines []string, first int) excerpt {
	end := max(f.EndLine, f.Line)
	last := first + len(lines) - 1
	if f.Line > last || f.Line < first {
		return excerpt{}
	}
	end = min(end, last)
	from, to := f.Line, end
	if end-f.Line >= maxExcerpt {
		to = f.Line + maxExcerpt - 2
	} else if end == f.Line && from > first && orients(f, s, lines[from-1-first]) {
		from--
	}
	var e excerpt
	for n := from; n <= to; n++ {
		l := excerptLine{Number: n, Statement: n >= f.Line}
		text := strings.TrimRight(lines[n-first], " \t\r")
		l.Text = expand(text)
		if n == f.Line {
			l.From, l.To = marked(f, text)
		}
		e.Lines = append(e.Lines, l)
	}
	e.More = end - to
	return e
}

// marked gives the cells of line that f's range covers.
func marked(f *lint.Finding, line string) (from, to int) {
	start := max(f.Column, 1)
	if f.Column == 0 {
		start = 1 + utf8.RuneCountInString(line) - utf8.RuneCountInString(strings.TrimLeft(line, " \t"))
	}
	end := utf8.RuneCountInString(line) + 1
	if f.EndLine == f.Line && f.EndColumn > start {
		end = min(f.EndColumn, end)
	}
	before, until := prefix(line, start-1), prefix(line, end-1)
	from, to = columns(expand(before)), columns(expand(until))
	return from, max(to, from+1)
}

// orients tells whether the line before a one-line range helps to read it: a
// comment, or an earlier line of the same statement.
func orients(f *lint.Finding, s *lint.Statement, before string) bool {
	return strings.HasPrefix(strings.TrimSpace(before), "--") || s != nil && s.Line < f.Line
}

// samePlace tells whether two findings have the same excerpt.
func samePlace(a, b *lint.Finding) bool {
	return a.Path == b.Path && a.Line == b.Line && a.Column == b.Column && a.EndLine == b.EndLine && a.EndColumn == b.EndColumn
}

func prefix(s string, runes int) string {
	for i := range s {
		if runes == 0 {
			return s[:i]
		}
		runes--
	}
	return s
}

// expand turns tabs into blanks and hidden characters into escapes.
func expand(s string) string {
	return visible(strings.ReplaceAll(s, "\t", "    "))
}
