package migration

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// span is a half-open range of bytes in a source.
type span struct{ start, end int }

// scriptOptions say how one script is read. The zero value reads the whole
// source as plain SQL.
type scriptOptions struct {
	// part is what is read of the source (the up part of a goose file); the
	// zero value means all of it. Positions stay those of the whole file.
	part span
	// whole are regions inside part, in order, that the tool sends as one
	// query (between StatementBegin and StatementEnd). A region ends the
	// statement before it and needs no semicolon. Where it holds several
	// statements each is given out, with the same Batch.
	whole []span
	// psql: the tool runs the file with psql: meta-commands and :variables work.
	psql bool
	// fills are the template syntaxes of the tool (see template.go).
	fills []fill
	// values for fills and psql variables.
	values map[string]string
	// base is the directory that \i and \copy are relative to (slash-separated,
	// relative to fsys); tried before the root and the script's own directory.
	base string
}

// same reports whether both read a file alike. Fills are the format's, and
// what they take from elsewhere is in hashed.
func (o scriptOptions) same(p scriptOptions) bool {
	return o.part == p.part && slices.Equal(o.whole, p.whole) && o.psql == p.psql && o.base == p.base &&
		len(o.fills) == len(p.fills) && maps.Equal(o.values, p.values)
}

// script is what one script file (with all that it includes) holds.
type script struct {
	statements []*Statement
	directives []Directive // those of the whole file
	notices    []Notice
	// hashed is what runs besides the source, for Migration.Hash: text of
	// included files, bytes of \copy files, values used, in order.
	hashed []string

	source, text string // of the file, and what was read of it
	options      scriptOptions
}

// readScript splits the source of one file into statements. path is relative
// to fsys, which is the project's root and the only place includes are looked for.
func readScript(fsys fs.FS, path, src string, o scriptOptions) (*script, error) {
	r := &reader{fsys: fsys, options: o, out: &script{}, vars: maps.Clone(o.values), used: map[string]bool{}}
	if r.vars == nil {
		r.vars = map[string]string{}
	}
	if err := r.file(path, src, o.part, o.whole); err != nil {
		return nil, err
	}
	return r.out, nil
}

// reader reads one script and the files that it includes.
type reader struct {
	fsys    fs.FS
	options scriptOptions
	out     *script
	vars    map[string]string // psql variables
	used    map[string]bool   // in hashed already
	stack   []string          // the files being read, each included by the one before
	tokens  []token           // room to use again
	facts   Syntax            // of the statement being read, room too
	batches int               // of statements joined by \;, given out so far
}

// reading is the state of reading one file.
type reading struct {
	*reader
	*filled
	split    *splitter
	comments []span     // with directives in them, not yet given to a statement
	before   *Statement // the statement before
	endsAt   int        // where it ends in the text
	begun    bool       // something of the file was given out

	chain      int // the batch of statements joined by \;
	conditions []condition
	inactiveAt int // where the branch of \if begins that is not read
}

func (r *reader) file(path, src string, part span, whole []span) error {
	if err := checkText(path, src); err != nil {
		return err
	}
	f, err := fillIn(path, src, r.options.fills, r.options.values)
	if err != nil {
		return err
	}
	r.out.hashed = append(r.out.hashed, f.used...)
	if part == (span{}) {
		part = span{0, len(src)}
	}
	segments := segmentsOf(part, whole)
	for i, g := range segments {
		segments[i].span = span{f.inText(g.start), f.inText(g.end)}
	}
	in := &reading{reader: r, filled: f, split: newSplitter(f.text, segments)}
	in.split.psql, in.split.lex.byLine = r.options.psql, r.options.psql
	in.split.comment = func(c span) {
		if mayDirect(f.text[c.start:c.end]) {
			in.comments = append(in.comments, c)
		}
	}
	r.stack = append(r.stack, path)
	defer func() { r.stack = r.stack[:len(r.stack)-1] }()
	return in.run()
}

func (in *reading) run() error {
	for {
		e := in.split.next()
		switch e.kind {
		case atEnd:
			if len(in.conditions) > 0 {
				return fmt.Errorf("%s: an \\if has no \\endif", in.places.path)
			}
			in.leftover()
			return nil
		case atStatement:
			if err := in.statement(e); err != nil {
				return err
			}
		case atMeta:
			if err := in.meta(e); err != nil {
				return err
			}
		}
	}
}

// statement gives out one statement.
func (in *reading) statement(e event) error {
	if !in.active() {
		return nil
	}
	if err := in.check(e.span); err != nil {
		return err
	}
	values, err := in.variables(e)
	if err != nil {
		return err
	}
	st := &Statement{
		Kind: SQL, Text: in.text[e.start:e.end],
		Pos: in.pos(e.start), End: in.end(e.end), Batch: e.batch,
	}
	at := func(offset int) Position { return in.pos(e.start + offset) }
	if len(values)+len(e.cuts) > 0 {
		var ps pieces
		st.Text, ps = replace(st.Text, edits(e, values))
		at = func(offset int) Position { return in.pos(e.start + ps.source(offset, false)) }
	}
	if in.chain != 0 && e.batch != in.chain {
		st.Batch, in.chain = in.chain, 0
	}
	if e.stdin {
		st.Kind = CopyData
		st.Data = []byte(in.text[e.data.start:e.data.end])
		if !e.dataEnd && !in.options.psql {
			return fmt.Errorf(`%s:%d: the rows of COPY … FROM stdin have no end: a line that holds only \. closes them`, st.Pos.Path, st.Pos.Line)
		}
	}
	in.facts = factsOf(st.Text, at, &in.tokens)
	st.Syntax = shared(in.before, &in.facts)
	in.give(e, st)
	return nil
}

// shared gives the facts of the statement before if these are the same: a seed
// file is half a million INSERTs of one kind.
func shared(before *Statement, x *Syntax) *Syntax {
	if before != nil && len(x.Actions)+len(x.Columns)+len(x.Constraints) == 0 && x.Set == nil && x.Routine == nil {
		if reflect.DeepEqual(before.Syntax, x) {
			return before.Syntax
		}
	}
	own := *x
	return &own
}

// edits are the changes to a statement's text, relative to its start.
func edits(e event, values []placeholder) []placeholder {
	var out []placeholder
	for _, c := range e.cuts {
		if c.start < e.end {
			out = append(out, placeholder{span: span{c.start - e.start, min(c.end, e.end) - e.start}})
		}
	}
	for _, v := range values {
		v.start, v.end = v.start-e.start, v.end-e.start
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b placeholder) int { return cmp.Compare(a.start, b.start) })
	return out
}

// give appends a statement to the script, with its directives.
func (in *reading) give(e event, st *Statement) {
	if st.Syntax == nil {
		st.Syntax = &Syntax{}
	}
	in.direct(e, st)
	in.out.statements = append(in.out.statements, st)
	in.before, in.endsAt, in.begun = st, e.end, true
}

// direct gives the directives read so far to the statement that they are about.
func (in *reading) direct(e event, st *Statement) {
	for _, c := range in.comments {
		head := !in.begun && c.end <= e.start && blankLine(in.text[c.end:e.start])
		for _, d := range in.directives(c) {
			switch {
			case d.File || head && d.Kind != Was && d.Kind != New:
				in.fileWide(d)
			case in.trails(c):
				in.before.Directives = append(in.before.Directives, d)
			default:
				st.Directives = append(st.Directives, d)
			}
		}
	}
	in.comments = in.comments[:0]
}

// trails reports whether a comment stands at the end of the last line of the statement before.
func (in *reading) trails(c span) bool {
	return in.before != nil && !strings.Contains(in.text[in.endsAt:c.start], "\n")
}

func (in *reading) directives(c span) []Directive {
	return directivesIn(in.text[c.start:c.end], func(offset int) Position { return in.pos(c.start + offset) })
}

// fileWide keeps a directive for the whole file.
func (in *reading) fileWide(d Directive) {
	d.File = true
	in.out.directives = append(in.out.directives, d)
}

// leftover deals with directives after the last statement.
func (in *reading) leftover() {
	for _, c := range in.comments {
		for _, d := range in.directives(c) {
			switch {
			case d.File || !in.begun:
				in.fileWide(d)
			case in.trails(c):
				in.before.Directives = append(in.before.Directives, d)
			default:
				in.out.notices = append(in.out.notices, Notice{
					Kind: "stray-directive", Pos: d.Pos,
					Text: "no statement follows this directive: write it before the statement that it is about",
				})
			}
		}
	}
}

func blankLine(s string) bool {
	seen := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n' && seen:
			return true
		case c == '\n':
			seen = true
		case !isBlank(c):
			seen = false
		}
	}
	return false
}

// checkText refuses what PostgreSQL cannot take as UTF-8 text.
func checkText(path, src string) error {
	if strings.HasPrefix(src, "\xff\xfe") || strings.HasPrefix(src, "\xfe\xff") {
		return fmt.Errorf("%s:1: the file is UTF-16: save it as UTF-8", path)
	}
	bad, what := strings.IndexByte(src, 0), "a zero byte"
	if !utf8.ValidString(src) {
		for i, r := range src {
			if _, n := utf8.DecodeRuneInString(src[i:]); r == utf8.RuneError && n == 1 {
				if bad < 0 || i < bad {
					bad, what = i, fmt.Sprintf("the byte 0x%02x", src[i])
				}
				break
			}
		}
	}
	if bad < 0 {
		return nil
	}
	return fmt.Errorf("%s:%d: the file is not UTF-8 text (%s): save it as UTF-8", path, 1+strings.Count(src[:bad], "\n"), what)
}

// LoadScript reads one script that belongs to no format: a file of set-up SQL,
// or a schema dump as pg_dump writes it. psql's commands are understood, every
// statement runs by itself.
func LoadScript(fsys fs.FS, path string, o Options) (*Migration, error) {
	src, err := readSource(fsys, path)
	if err != nil {
		return nil, fmt.Errorf("reading the script %s: %w", path, err)
	}
	s, err := readScript(fsys, path, src, scriptOptions{psql: true, values: o.Values})
	if err != nil {
		return nil, err
	}
	return &Migration{
		Path: path, Name: path, Format: Plain, Source: src, Hash: s.hash(src),
		TxMode: TxNone, TxReason: "a script runs as psql would run it: each statement by itself",
		Statements: s.statements, Directives: s.directives, Notices: s.notices,
	}, nil
}

// hash is the sha256 of all that the script runs.
func (s *script) hash(src string) string {
	h := sha256.New()
	h.Write([]byte(src))
	for _, part := range s.hashed {
		fmt.Fprintf(h, "\x00%d\x00", len(part))
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))
}
