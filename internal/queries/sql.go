package queries

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var nameLine = regexp.MustCompile(`(?m)^\s*(?:--|/\*)\s*(?:name:|@name)\s*:?([A-Za-z_][\w-]*)`)

// parseSQL splits a file at semicolons that stand outside of texts, comments
// and parentheses' dollar quotes, and numbers the parameters of each query.
// What is not closed reaches to the end of the file: it counts as use of all
// that it names, and what stands before it is judged.
func parseSQL(name, text string) []Query {
	var out []Query
	s := &scanner{src: text}
	for {
		start, sql, err := s.next()
		if err != nil {
			return append(out, Query{Path: name, Line: 1 + strings.Count(text[:start], "\n"), SQL: text[start:], Open: err.Error()})
		}
		if sql == "" && start < 0 {
			return out
		}
		q := Query{Path: name, Line: 1 + strings.Count(text[:start], "\n"), SQL: sql}
		if m := nameLine.FindAllStringSubmatch(s.comments, -1); m != nil {
			q.Name = m[len(m)-1][1]
		}
		if counts(sql) {
			out = append(out, made(q))
		}
	}
}

// scanner walks SQL piece by piece.
type scanner struct {
	src      string
	at       int
	comments string // those before the query that next gave
}

// next gives the next query with its parameters numbered, and where it begins;
// -1 at the end of the text.
func (s *scanner) next() (int, string, error) {
	var comments strings.Builder
	var q pieces
	start := -1
	for s.at < len(s.src) {
		kind, end, err := s.token()
		if err != nil {
			return max(start, 0), "", err
		}
		text := s.src[s.at:end]
		switch {
		case kind == comment && start < 0:
			comments.WriteString(text + "\n")
		case kind == blank && start < 0:
		case kind == stop:
			s.at = end
			if start >= 0 {
				s.comments = comments.String()
				return start, q.numbered(), nil
			}
			continue
		default:
			if start < 0 {
				start = s.at
			}
			q = append(q, piece{kind, text})
		}
		s.at = end
	}
	s.comments = comments.String()
	return start, q.numbered(), nil
}

type kind int

const (
	other kind = iota
	blank
	comment
	param
	embed // sqlc.embed(t): its columns
	stop
)

var (
	dollarTag  = regexp.MustCompile(`^\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]*)?\$`)
	number     = regexp.MustCompile(`^\$\d+`)
	named      = regexp.MustCompile(`^[:@][A-Za-z_]\w*`)
	sqlcArg    = regexp.MustCompile(`^(?i)sqlc\s*\.\s*(?:n?arg|slice)\s*\(\s*['"]?(\w+)['"]?\s*\)`)
	sqlcEmbed  = regexp.MustCompile(`^(?i)sqlc\s*\.\s*embed\s*\(\s*("[^"]+"|[\w.]+)\s*\)`)
	escaped    = regexp.MustCompile(`^[eE]'(?:[^'\\]|\\[\s\S]|'')*'`)
	sliceBound = regexp.MustCompile(`[\w)$]`)
	wordStart  = regexp.MustCompile(`^[A-Za-z_\x80-\xff][\w$\x80-\xff]*`)
)

// token gives the kind of what stands at s.at, and where it ends.
func (s *scanner) token() (kind, int, error) {
	rest := s.src[s.at:]
	upto := func(open, end string) (int, error) {
		i := strings.Index(rest[len(open):], end)
		if i < 0 {
			return len(s.src), fmt.Errorf("%s is not closed", open)
		}
		return s.at + len(open) + i + len(end), nil
	}
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "--"):
		i := strings.IndexByte(rest, '\n')
		if i < 0 {
			return comment, len(s.src), nil
		}
		return comment, s.at + i, nil
	case strings.HasPrefix(rest, "/*"):
		end, err := s.nested(rest)
		return comment, end, err
	case (c == 'e' || c == 'E') && escaped.MatchString(rest):
		return other, s.at + len(escaped.FindString(rest)), nil
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return blank, s.at + 1, nil
	case c == ';':
		return stop, s.at + 1, nil
	case c == '\'' || c == '"':
		end, err := upto(string(c), string(c))
		return other, end, err // a doubled quote begins the next token
	case c == '$':
		if m := dollarTag.FindString(rest); m != "" {
			end, err := upto(m, m)
			return other, end, err
		}
		if m := number.FindString(rest); m != "" {
			return param, s.at + len(m), nil
		}
	case strings.HasPrefix(rest, "::") || strings.HasPrefix(rest, ":="):
		return other, s.at + 2, nil
	case c == ':' && s.slice():
	case c == ':' || c == '@':
		if m := named.FindString(rest); m != "" && !(c == '@' && s.at > 0 && strings.IndexByte("@<>|&#-", s.src[s.at-1]) >= 0) {
			return param, s.at + len(m), nil
		}
	case c == '?':
		if end, ok := s.operator(rest); ok {
			return other, end, nil
		}
		return param, s.at + 1, nil
	}
	if m := sqlcArg.FindString(rest); m != "" {
		return param, s.at + len(m), nil
	}
	if m := sqlcEmbed.FindString(rest); m != "" {
		return embed, s.at + len(m), nil
	}
	if m := wordStart.FindString(rest); m != "" {
		return other, s.at + len(m), nil
	}
	return other, s.at + 1, nil
}

// nested is where a comment ends that may hold others.
func (s *scanner) nested(rest string) (int, error) {
	depth := 0
	for i := 0; i+1 < len(rest); i++ {
		switch rest[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return s.at + i + 1, nil
			}
		}
	}
	return len(s.src), fmt.Errorf("/* is not closed")
}

// slice reports whether a colon stands between the bounds of an array's slice,
// as in a[1:n], and not before a parameter, as in a[:n].
func (s *scanner) slice() bool {
	before := strings.TrimRight(s.src[:s.at], " \t\r\n")
	if before == "" || !sliceBound.MatchString(before[len(before)-1:]) {
		return false
	}
	open := strings.LastIndexByte(before, '[')
	return open >= 0 && open < len(before)-1 && !strings.ContainsAny(before[open+1:], "],")
}

// operator tells jsonb's operators ?, ?| and ?& and jsonpath's @? from a
// parameter: those before a text, two-character ones, and ?? as JDBC escapes them.
func (s *scanner) operator(rest string) (int, bool) {
	switch {
	case strings.HasPrefix(rest, "??"):
		return s.at + 2, true
	case strings.HasPrefix(rest, "?|") && !strings.HasPrefix(rest, "?||"), strings.HasPrefix(rest, "?&"):
		return s.at + 2, true
	}
	return s.at + 1, s.at > 0 && s.src[s.at-1] == '@' || strings.HasPrefix(strings.TrimLeft(rest[1:], " \t\r\n"), "'")
}

// piece is a token of a query.
type piece struct {
	kind kind
	text string
}

type pieces []piece

// numbered is the query with its parameters as $n. Where parameters are written
// in another way a question mark is jsonb's operator.
func (q pieces) numbered() string {
	p := params{number: map[string]int{}}
	for _, x := range q { // names get numbers that none is written with
		if x.kind == param && x.text[0] == '$' {
			n, _ := strconv.Atoi(x.text[1:])
			p.last = max(p.last, n)
		}
	}
	marks := !slices.ContainsFunc(q, func(x piece) bool { return x.kind == param && x.text != "?" })
	var out strings.Builder
	for _, x := range q {
		switch {
		case x.kind == param && (x.text != "?" || marks):
			x.text = p.replace(x.text)
		case x.kind == embed:
			x.text = sqlcEmbed.FindStringSubmatch(x.text)[1] + ".*"
		case x.text == "??":
			x.text = "?"
		}
		out.WriteString(x.text)
	}
	return strings.TrimSpace(out.String())
}

// params numbers the parameters of one query.
type params struct {
	number map[string]int
	last   int
}

// replace gives a parameter as $n.
func (p *params) replace(text string) string {
	var key string
	switch {
	case text[0] == '$':
		n, _ := strconv.Atoi(text[1:])
		p.last = max(p.last, n)
		return text
	case text == "?":
		p.last++
		return "$" + strconv.Itoa(p.last)
	default:
		if m := sqlcArg.FindStringSubmatch(text); m != nil {
			key = m[1]
		} else {
			key = text[1:]
		}
	}
	if p.number[key] == 0 {
		p.last++
		p.number[key] = p.last
	}
	return "$" + strconv.Itoa(p.number[key])
}
