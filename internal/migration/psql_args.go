package migration

import (
	"slices"
	"strings"
)

// arguments are those of a psql command.
type arguments struct {
	values  []string
	next    int    // where reading goes on
	program bool   // one is in backticks: the output of a program, which is not run
	missing string // a variable without a value
}

// args reads the arguments of a command: words, 'quoted' with backslashes,
// :variables. They end with the line, at another command, or at \\.
func (in *reading) args(c command) arguments {
	var a arguments
	p, end := c.args.start, c.args.end
	for p < end {
		switch b := in.text[p]; {
		case isBlank(b):
			p++
		case b == '\\':
			if p+1 < end && in.text[p+1] == '\\' {
				p += 2
			}
			a.next = p
			return a
		default:
			var v string
			v, p = in.arg(p, end, &a)
			a.values = append(a.values, v)
		}
	}
	a.next = end
	return a
}

// arg reads one argument: pieces written without a blank between them.
func (in *reading) arg(p, end int, a *arguments) (string, int) {
	var b strings.Builder
	for p < end && !isBlank(in.text[p]) && in.text[p] != '\\' {
		switch c := in.text[p]; c {
		case '\'':
			var v string
			v, p = unquoteArg(in.text, p, end)
			b.WriteString(v)
		case '`':
			a.program = true
			p++
			for p < end && in.text[p] != '`' {
				p++
			}
			p++
		case ':':
			v, ok := in.variableAt(p, end)
			if !ok {
				b.WriteByte(c)
				p++
				continue
			}
			if !v.found {
				a.missing = v.name
			}
			b.WriteString(v.value)
			p = v.end
		default:
			b.WriteByte(c)
			p++
		}
	}
	return b.String(), min(p, end)
}

// unquoteArg reads a quoted argument, where \n, \t and \' mean what they do in C.
func unquoteArg(s string, p, end int) (string, int) {
	var b strings.Builder
	for p++; p < end; p++ {
		switch c := s[p]; {
		case c == '\'' && p+1 < end && s[p+1] == '\'':
			p++
			b.WriteByte(c)
		case c == '\'':
			return b.String(), p + 1
		case c == '\\' && p+1 < end:
			p++
			if i := strings.IndexByte("ntrbf", s[p]); i >= 0 {
				b.WriteByte("\n\t\r\b\f"[i])
			} else {
				b.WriteByte(s[p])
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), end
}

// variableAt reads :name, :'name', :"name" or :{?name} at a colon.
func (in *reading) variableAt(at, end int) (placeholder, bool) {
	s := in.text[at+1 : end]
	if s == "" {
		return placeholder{}, false
	}
	var name string
	var length int
	quote := s[0]
	switch {
	case quote == '\'' || quote == '"':
		length = nameLength(s[1:]) + 2
		if length < 3 || length > len(s) || s[length-1] != quote {
			return placeholder{}, false
		}
		name = s[1 : length-1]
	case strings.HasPrefix(s, "{?"):
		length = nameLength(s[2:]) + 3
		if length < 4 || length > len(s) || s[length-1] != '}' {
			return placeholder{}, false
		}
		value := "FALSE"
		if _, ok := in.vars[s[2:length-1]]; ok {
			value = "TRUE"
		}
		in.uses("?"+s[2:length-1], value)
		return placeholder{span: span{at, at + 1 + length}, name: s[2 : length-1], value: value, found: true}, true
	default:
		length = nameLength(s)
		name = s[:length]
	}
	if length == 0 {
		return placeholder{}, false
	}
	p := placeholder{span: span{at, at + 1 + length}, name: name}
	if p.value, p.found = in.vars[name]; p.found {
		in.uses(name, p.value)
	}
	switch quote {
	case '\'':
		p.value = quoteLiteral(p.value)
	case '"':
		p.value = `"` + strings.ReplaceAll(p.value, `"`, `""`) + `"`
	}
	return p, true
}

// uses notes that what runs depends on a variable.
func (r *reader) uses(name, value string) {
	if use := name + "=" + value; !r.used[use] {
		r.used[use] = true
		r.out.hashed = append(r.out.hashed, use)
	}
}

// nameLength is the length of the psql variable's name that s begins with.
func nameLength(s string) int {
	n := 0
	for n < len(s) && (isWordStart(s[n]) || isDigit(s[n])) {
		n++
	}
	if n > 0 && isDigit(s[0]) && !slices.ContainsFunc([]byte(s[:n]), isWordStart) {
		return 0 // a slice of an array: [1:2]
	}
	return n
}

func quoteLiteral(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return " E" + strings.ReplaceAll(q, `\`, `\\`)
	}
	return q
}

// variables finds the psql variables of a statement. One without a value is an
// error unless it can be the bounds of an array slice.
func (in *reading) variables(e event) ([]placeholder, error) {
	if !in.options.psql || !strings.Contains(in.text[e.start:e.end], ":") {
		return nil, nil
	}
	var out []placeholder
	l := newLexer(in.text)
	l.pos, l.end = e.start, e.end
	l.backslashes = in.split.lex.backslashes
	brackets := 0
	for t := l.next(); t.kind != tokEOF; t = l.next() {
		if i := slices.IndexFunc(e.cuts, func(c span) bool { return t.start >= c.start && t.start < c.end }); i >= 0 {
			l.pos = e.cuts[i].end
			continue
		}
		if t.kind != tokPunct {
			continue
		}
		switch in.text[t.start] {
		case '[':
			brackets++
		case ']':
			brackets--
		case ':':
			if l.peek(':') || l.peek('=') {
				l.pos++
				continue
			}
			v, ok := in.variableAt(t.start, e.end)
			switch {
			case !ok || !v.found && brackets > 0:
				continue
			case !v.found:
				return nil, missingValue(in.pos(v.start), v.name, in.text[v.start:v.end])
			}
			out = append(out, v)
			l.pos = v.end
		}
	}
	return out, nil
}
