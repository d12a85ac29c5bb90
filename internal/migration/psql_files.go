package migration

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// includeCommand reads another script in the place of \i or \ir.
func (in *reading) includeCommand(c command) error {
	a := in.args(c)
	switch {
	case a.missing != "":
		return missingValue(c.pos, a.missing, ":"+a.missing)
	case len(a.values) == 0 || a.program:
		return c.errorf("it needs the name of a file")
	case in.split.start >= 0:
		return c.errorf("the statement before it has no semicolon")
	}
	in.split.lex.pos = a.next
	name, err := in.find(a.values[0], strings.HasSuffix(c.name, "r") || strings.HasSuffix(c.name, "relative"))
	if err != nil {
		return c.errorf("%w", err)
	}
	if slices.Contains(in.stack, name) {
		return c.errorf("the files include each other: %s", strings.Join(append(in.stack, name), " → "))
	}
	src, err := readSource(in.fsys, name)
	if err != nil {
		return c.errorf("%w", err)
	}
	in.out.hashed = append(in.out.hashed, name, src)
	return in.reader.file(name, src, span{}, nil)
}

// find returns the path of a file that a script names. relative: only to the script.
func (in *reading) find(name string, relative bool) (string, error) {
	if path.IsAbs(name) || strings.HasPrefix(name, "~") || strings.Contains(name, `:\`) {
		return "", fmt.Errorf("%s lies outside the project, where assay reads nothing: copy it into the project and name it by a relative path", name)
	}
	dirs := []string{path.Dir(in.places.path)}
	if !relative {
		dirs = []string{path.Clean(in.options.base), ".", path.Dir(in.places.path)}
	}
	var tried []string
	for _, dir := range dirs {
		p := path.Join(dir, name)
		if !fs.ValidPath(p) || slices.Contains(tried, p) {
			continue
		}
		tried = append(tried, p)
		info, err := fs.Stat(in.fsys, p)
		if err == nil && !info.IsDir() {
			return p, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("reading %s: %w", p, err)
		}
	}
	if len(tried) == 0 {
		return "", fmt.Errorf("%s lies outside the project, where assay reads nothing: copy it into the project", name)
	}
	return "", fmt.Errorf("there is no file %s", strings.Join(tried, " nor "))
}

// readSource reads a text file without holding it twice.
func readSource(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	if info, err := f.Stat(); err == nil {
		b.Grow(int(info.Size()))
	}
	if _, err := io.Copy(&b, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	return b.String(), nil
}

// copyCommand turns \copy from a file into COPY … FROM STDIN with its bytes.
func (in *reading) copyCommand(c command) error {
	if in.split.start >= 0 {
		return c.errorf("the statement before it has no semicolon")
	}
	line := strings.TrimRight(in.text[c.args.start:c.args.end], " \t\r;")
	end := c.args.start + len(line)
	what, rest, from, ok := cutCopy(line)
	if !ok {
		return c.errorf("it reads neither FROM nor TO: write \\copy table FROM 'file'")
	}
	if !from {
		in.skip(c, end, "it writes a file or to the terminal")
		return nil
	}
	source, options := cutSource(rest)
	st := &Statement{Kind: CopyData, Text: strings.TrimSpace("COPY " + what + " FROM STDIN " + options), Pos: c.pos, End: in.end(end)}
	switch l := strings.ToLower(source); {
	case l == "program":
		in.skip(c, end, "assay runs no programs")
		return nil
	case l == "stdin":
		data, _ := in.split.rows()
		st.Data = []byte(in.text[data.start:data.end])
	case l == "pstdin":
		in.skip(c, end, "psql would read the rows from its own input, which assay does not have")
		return nil
	default:
		if strings.HasPrefix(source, "'") {
			source = strings.ReplaceAll(strings.Trim(source, "'"), "''", "'")
		}
		name, err := in.find(source, false)
		if err != nil {
			return c.errorf("%w", err)
		}
		if st.Data, err = fs.ReadFile(in.fsys, name); err != nil {
			return c.errorf("%w", err)
		}
		in.out.hashed = append(in.out.hashed, name, string(st.Data))
	}
	syntax := syntaxOf(st.Text, func(int) Position { return Position{} })
	st.Syntax = &syntax
	in.give(event{span: span{c.at, end}}, st)
	return nil
}

// cutCopy divides what follows \copy at FROM or TO.
func cutCopy(line string) (what, rest string, from, ok bool) {
	l := newLexer(line)
	depth := 0
	for t := l.next(); t.kind != tokEOF; t = l.next() {
		w := line[t.start:t.end]
		switch {
		case w == "(":
			depth++
		case w == ")":
			depth--
		case t.kind == tokWord && depth == 0 && (isWord(w, "from") || isWord(w, "to")):
			return strings.TrimSpace(line[:t.start]), strings.TrimSpace(line[t.end:]), isWord(w, "from"), true
		}
	}
	return "", "", false, false
}

// cutSource divides what follows FROM into the source and the options.
func cutSource(rest string) (source, options string) {
	end := strings.IndexAny(rest, " \t")
	if strings.HasPrefix(rest, "'") {
		l := newLexer(rest)
		end = l.next().end
	}
	if end < 0 {
		end = len(rest)
	}
	return rest[:end], strings.TrimSpace(rest[end:])
}
