package migration

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// fill finds the placeholders of one template syntax in a source, in order.
type fill func(src string, values map[string]string) ([]placeholder, error)

// placeholder is a place in a source that a value goes into. One without a
// value is an error unless it lies in a comment.
type placeholder struct {
	span
	name  string // as the person must write it under values:
	value string
	found bool
	// problem is what is said instead of "no value", for what is no plain placeholder.
	problem string
}

// piece is a part of the filled text that stands for another part of the source.
type piece struct{ text, source span }

// filled is a source with the values in place, and the way back to the source.
type filled struct {
	pieces
	places  *places
	text    string
	missing []placeholder // spans in text
	used    []string      // "name=value", in order of first use
}

// fillIn puts values into the source.
func fillIn(path, src string, fills []fill, values map[string]string) (*filled, error) {
	f := &filled{places: newPlaces(path, src), text: src}
	var all []placeholder
	for _, fill := range fills {
		found, err := fill(src, values)
		if err != nil {
			return nil, fmt.Errorf("reading the template %s: %w", path, err)
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return f, nil
	}
	slices.SortStableFunc(all, func(a, b placeholder) int { return cmp.Compare(a.start, b.start) })
	var b strings.Builder
	at, seen := 0, map[string]bool{}
	for _, p := range all {
		if p.start < at {
			continue // inside another syntax's placeholder
		}
		b.WriteString(src[at:p.start])
		start := b.Len()
		at = p.end
		if !p.found {
			b.WriteString(src[p.start:p.end])
			p.span = span{start, b.Len()}
			f.missing = append(f.missing, p)
			continue
		}
		b.WriteString(p.value)
		f.pieces = append(f.pieces, piece{span{start, b.Len()}, p.span})
		if use := p.name + "=" + p.value; p.name != "" && !seen[use] {
			seen[use] = true
			f.used = append(f.used, use)
		}
	}
	b.WriteString(src[at:])
	f.text = b.String()
	return f, nil
}

// pieces are in ascending order; what lies between them is the same in both.
type pieces []piece

// source returns the offset in the source of an offset in the text; inside a
// value it is the start, or with after the end, of the placeholder.
func (ps pieces) source(offset int, after bool) int {
	i := sort.Search(len(ps), func(i int) bool { return ps[i].text.start > offset }) - 1
	if i < 0 {
		return offset
	}
	p := ps[i]
	switch {
	case offset >= p.text.end:
		return p.source.end + offset - p.text.end
	case after && offset > p.text.start:
		return p.source.end
	}
	return p.source.start
}

// inText is the way from the source to the text; the offset must not lie
// inside a placeholder (its start is taken otherwise).
func (ps pieces) inText(offset int) int {
	i := sort.Search(len(ps), func(i int) bool { return ps[i].source.start >= offset }) - 1
	if i < 0 {
		return offset
	}
	p := ps[i]
	if offset < p.source.end {
		return p.text.start
	}
	return p.text.end + offset - p.source.end
}

// replace puts values in the place of spans of src, which are in ascending
// order and do not overlap.
func replace(src string, values []placeholder) (string, pieces) {
	var b strings.Builder
	var ps pieces
	at := 0
	for _, v := range values {
		b.WriteString(src[at:v.start])
		start := b.Len()
		b.WriteString(v.value)
		ps = append(ps, piece{span{start, b.Len()}, v.span})
		at = v.end
	}
	b.WriteString(src[at:])
	return b.String(), ps
}

// pos returns the position in the file of an offset in the text.
func (f *filled) pos(offset int) Position { return f.places.at(f.source(offset, false)) }

// end returns the position in the file where a range that ends at an offset in the text ends.
func (f *filled) end(offset int) Position { return f.places.at(f.source(offset, true)) }

// check returns an error if a placeholder in the range has no value and is not in a comment.
func (f *filled) check(at span) error {
	i := sort.Search(len(f.missing), func(i int) bool { return f.missing[i].start >= at.start })
	if i == len(f.missing) || f.missing[i].start >= at.end {
		return nil
	}
	l := newLexer(f.text)
	l.pos, l.end = at.start, at.end
	for t := l.next(); t.kind != tokEOF && i < len(f.missing); t = l.next() {
		for i < len(f.missing) && f.missing[i].start < t.end {
			m := f.missing[i]
			if t.kind != tokComment {
				p := f.pos(m.start)
				if m.problem != "" {
					return fmt.Errorf("%s:%d: %s", p.Path, p.Line, m.problem)
				}
				return missingValue(p, m.name, f.text[m.start:m.end])
			}
			i++
		}
	}
	return nil
}

func missingValue(p Position, name, written string) error {
	return fmt.Errorf("%s:%d: no value for %q (written %s): set values: in assay.yaml, for example `values: {%s: …}`",
		p.Path, p.Line, name, written, name)
}

// dollarBrace is the syntax of Flyway and Liquibase: ${name}. The name is
// looked up as written, then without regard to case.
func dollarBrace(src string, values map[string]string) ([]placeholder, error) {
	return delimited(src, "${", "}", values), nil
}

// delimited finds the placeholders between two markers, on one line.
func delimited(src, left, right string, values map[string]string) []placeholder {
	var out []placeholder
	for at := 0; ; {
		i := strings.Index(src[at:], left)
		if i < 0 {
			return out
		}
		start := at + i
		name := src[start+len(left):]
		if j := strings.IndexByte(name, '\n'); j >= 0 {
			name = name[:j]
		}
		j := strings.Index(name, right)
		if j <= 0 || strings.ContainsAny(name[:j], " \t'\";${") {
			at = start + len(left)
			continue
		}
		at = start + len(left) + j + len(right)
		p := placeholder{span: span{start, at}, name: name[:j]}
		p.value, p.found = lookUp(values, p.name)
		out = append(out, p)
	}
}

func lookUp(values map[string]string, name string) (string, bool) {
	if v, ok := values[name]; ok {
		return v, true
	}
	names := make([]string, 0, len(values))
	for k := range values {
		if strings.EqualFold(k, name) {
			names = append(names, k)
		}
	}
	if len(names) == 0 {
		return "", false
	}
	return values[slices.Min(names)], true
}
