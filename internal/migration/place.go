package migration

import (
	"sort"
	"unicode/utf8"
)

const bom = "\uFEFF"

// checkpointEvery bounds the work of finding a place: a lookup reads at most
// this many bytes, however long the lines are.
const checkpointEvery = 4096

// place is an offset with its line and column.
type place struct{ offset, line, column int }

// places turns offsets of one file into positions.
type places struct {
	path   string
	src    string
	points []place // ascending; the first is the start of the file
	last   place   // the one asked for last: most questions go forward
}

func newPlaces(path, src string) *places {
	p := &places{path: path, src: src}
	start := place{0, 1, 1}
	if len(src) >= len(bom) && src[:len(bom)] == bom {
		start.column = 0 // the mark is no character of the first line
	}
	p.points = append(p.points, start)
	for len(src)-start.offset > checkpointEvery {
		start = p.advance(start, start.offset+checkpointEvery)
		p.points = append(p.points, start)
	}
	return p
}

func (p *places) advance(from place, offset int) place {
	for i := from.offset; i < offset; i++ {
		switch c := p.src[i]; {
		case c == '\n':
			from.line++
			from.column = 1
		case utf8.RuneStart(c):
			from.column++
		}
	}
	from.offset = offset
	return from
}

// at returns the position of an offset, which must be the start of a code point.
func (p *places) at(offset int) Position {
	offset = max(0, min(offset, len(p.src)))
	i := sort.Search(len(p.points), func(i int) bool { return p.points[i].offset > offset }) - 1
	from := p.points[i]
	if p.last.offset > from.offset && p.last.offset <= offset {
		from = p.last
	}
	a := p.advance(from, offset)
	p.last = a
	return Position{Path: p.path, Line: a.line, Column: max(a.column, 1), Offset: offset}
}
