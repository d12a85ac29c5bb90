package migration

import (
	"regexp"
	"strings"
)

// mark is one annotation line of a tool: `-- +goose Up`.
type mark struct {
	word string // lower case, blanks as one: "up", "no transaction", "statementbegin"
	rest string // what follows the word
	line int
	span     // the whole line, without its line end
	next int // where the next line starts
}

// marks finds the annotations at the start of lines. The pattern's first group
// is the word, its second, if any, the rest.
func marks(src string, pattern *regexp.Regexp) []mark {
	var out []mark
	line := 0
	for at := 0; at < len(src); {
		line++
		end, next := len(src), len(src)
		if i := strings.IndexByte(src[at:], '\n'); i >= 0 {
			end, next = at+i, at+i+1
		}
		text := strings.TrimPrefix(src[at:end], bom)
		if strings.IndexByte(text, '-') >= 0 || strings.IndexByte(text, '/') >= 0 {
			if m := pattern.FindStringSubmatch(strings.TrimRight(text, " \t\r")); m != nil {
				k := mark{word: strings.ToLower(strings.Join(strings.Fields(m[1]), " ")), line: line, span: span{at, end}, next: next}
				if len(m) > 2 {
					k.rest = strings.TrimSpace(m[2])
				}
				out = append(out, k)
			}
		}
		at = next
	}
	return out
}

// sections holds the parts of a file with its way there and back.
type sections struct {
	up, down []span
	whole    []span
	head     int    // where the first mark begins
	upRest   string // what follows the word Up
	downRest string
	seen     bool // there was an up or down mark
}

// cut divides a file at its up and down marks. It is lenient: what the tool
// refuses is reported beside it.
func cut(src string, found []mark) *sections {
	s := &sections{}
	var open *[]span
	begin := -1
	start := 0
	if len(found) > 0 {
		s.head = found[0].start
	}
	closeAt := func(end int) {
		if open != nil {
			*open = append(*open, span{start, end})
		}
	}
	for _, m := range found {
		switch m.word {
		case "up", "down":
			closeAt(m.start)
			start, s.seen = m.next, true
			if m.word == "up" {
				open, s.upRest = &s.up, m.rest
			} else {
				open, s.downRest = &s.down, m.rest
			}
		case "statementbegin":
			begin = m.next
		case "statementend":
			if begin >= 0 {
				s.whole = append(s.whole, span{begin, m.start})
			}
			begin = -1
		}
	}
	closeAt(len(src))
	return s
}

// noParts is what a file without an up part runs: nothing.
var noParts = []span{}

// apply gives the parts to the unit and, if there is a down part, makes its way back.
func (s *sections) apply(u *unit) {
	u.parts, u.script.whole = s.up, s.whole
	if u.parts == nil {
		u.parts = noParts
	}
	if s.seen {
		u.head = s.head
	}
	if len(s.down) > 0 {
		down := *u
		down.parts, down.head, down.isDown = s.down, 0, true
		u.down = &down
	}
}
