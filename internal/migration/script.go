package migration

import "io/fs"

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
	// fills are the template syntaxes of the tool, applied in order (see template.go).
	fills []fill
	// values for fills and psql variables.
	values map[string]string
	// base is the directory that \i and \copy are relative to (slash-separated,
	// relative to fsys); tried before the root and the script's own directory.
	base string
}

// script is what one script file (with all that it includes) holds.
type script struct {
	statements []*Statement
	directives []Directive // those of the whole file
	notices    []Notice
	// hashed is what runs besides the source, for Migration.Hash: text of
	// included files, bytes of \copy files, values used, in order.
	hashed []string
}

// readScript splits the source of one file into statements. path is relative
// to fsys, which is the project's root and the only place includes are looked for.
func readScript(fsys fs.FS, path, src string, o scriptOptions) (*script, error) {
	r := &reader{fsys: fsys, options: o, out: &script{}}
	if err := r.file(path, src); err != nil {
		return nil, err
	}
	return r.out, nil
}

// reader reads one script and the files that it includes.
type reader struct {
	fsys    fs.FS
	options scriptOptions
	out     *script
}

func (r *reader) file(path, src string) error { return nil }

// fill finds the placeholders of one template syntax in a source.
type fill func(src string, values map[string]string) ([]placeholder, error)

// placeholder is a place in a source that a value goes into. One without a
// value is an error unless it lies in a comment.
type placeholder struct {
	span
	name  string
	value string
	found bool
}
