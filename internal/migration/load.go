package migration

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// format is what assay knows of one tool's files.
type format struct {
	load func(*loader) error
	// follows is the tool, with the version, whose source or behaviour the format follows.
	follows     string
	tx          txRule
	bookkeeping string
	// byName: the tool knows its migrations by the file's name, so that two may
	// have the same number.
	byName  bool
	sending sending
}

// txRule is how a tool runs a file unless the file says otherwise.
type txRule struct {
	mode   TxMode
	reason string
	optOut string // how to leave the transaction, empty if there is no way
}

// formats holds every format. It is filled by init because the formats' loaders
// come back to it.
var formats map[Format]*format

func init() {
	formats = map[Format]*format{
		GolangMigrate: golangMigrate, Goose: goose, Flyway: flyway, Liquibase: liquibase, Dbmate: dbmate, SQLMigrate: sqlMigrate,
		Atlas: atlas, Prisma: prisma, Drizzle: drizzle, Diesel: diesel, Hasura: hasura, Sqlx: sqlx,
		NodePgMigrate: nodePgMigrate, GraphileMigrate: graphileMigrate, Sqitch: sqitch, Supabase: supabase, Plain: plain,
	}
}

// Formats returns every supported format, in the order of the documentation.
func Formats() []Format {
	return []Format{
		GolangMigrate, Goose, Flyway, Liquibase, Dbmate, SQLMigrate, Atlas, Prisma, Drizzle, Diesel, Hasura, Sqlx,
		NodePgMigrate, GraphileMigrate, Sqitch, Supabase, Plain,
	}
}

func formatNames() string {
	var names []string
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// Load reads the migrations of a directory as the team's tool would: which
// files, in which order, in which transaction. fsys is the root of the project;
// paths are relative to it. Without o.Format the format is detected.
func Load(fsys fs.FS, dir string, o Options) (*Dir, error) {
	dir = path.Clean(strings.TrimSuffix(dir, "/"))
	if info, err := fs.Stat(fsys, dir); err != nil {
		return nil, fmt.Errorf("reading the migrations directory %s: %w: choose another with --dir", dir, plainCause(err))
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is a file: --dir takes the directory of the migrations", dir)
	}
	if o.Format == "" {
		c, err := DetectIn(fsys, dir)
		if err != nil {
			return nil, err
		}
		dir, o.Format = c.Path, c.Format
	}
	f := formats[o.Format]
	if f == nil {
		return nil, fmt.Errorf("unknown migration format %q: --dir-format takes one of %s", o.Format, formatNames())
	}
	l := &loader{fsys: fsys, dir: dir, o: o, format: f, out: &Dir{Path: dir, Format: o.Format, scripts: map[string][]*script{}}, sources: map[string]string{}, values: map[string]string{}}
	maps.Copy(l.values, o.Values)
	if o.Known != nil {
		l.known = o.Known.scripts
	}
	if err := f.load(l); err != nil {
		return nil, err
	}
	if err := l.finish(); err != nil {
		return nil, err
	}
	return l.out, nil
}

// plainCause leaves out the path that an error of package fs repeats.
func plainCause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// loader is the state of reading one directory. A format adds units in the
// tool's order; the scripts are read when all are known, several at a time.
type loader struct {
	fsys    fs.FS
	dir     string
	o       Options
	format  *format
	out     *Dir
	units   []*unit
	sources map[string]string
	known   map[string][]*script // of o.Known, by file
	noLinks bool                 // do not follow links to directories
	values  map[string]string    // o.Values and what the tool's own configuration adds
}

// unit is one migration before its script is read.
type unit struct {
	path, version, name string
	repeatable          bool
	tx                  txRule
	text                string // what is read instead of the file's text, of the same length; empty: the file's text
	parts               []span // of the source that are run, in order; nil: all of it
	head                int    // where the part before the tool's first mark ends; 0: there is none
	script              scriptOptions
	down                *unit
	isDown              bool // it is the down part of a file with both
	// settle decides on the transaction when the statements are known.
	settle func(*Migration) []Notice

	source    string
	scripts   []*script // one for each part
	migration *Migration
	notices   []Notice
	err       error
}

// read returns the text of a file, which is kept for the second reader of it.
func (l *loader) read(file string) (string, error) {
	if s, ok := l.sources[file]; ok {
		return s, nil
	}
	if k := l.known[file]; k != nil && says(l.fsys, file, k[0].source) {
		l.sources[file] = k[0].source // a seed of 50 MB is there once
		return k[0].source, nil
	}
	s, err := readSource(l.fsys, file)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", file, plainCause(err))
	}
	l.sources[file] = s
	return s, nil
}

// says reports whether a file holds the text, without holding the file.
func says(fsys fs.FS, file, text string) bool {
	f, err := fsys.Open(file)
	if err != nil {
		return false // as reading it will tell
	}
	defer f.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := f.Read(buf)
		if n > len(text) || string(buf[:n]) != text[:n] {
			return false
		}
		if text = text[n:]; err != nil {
			return errors.Is(err, io.EOF) && text == ""
		}
	}
}

// exists reports whether there is such a file. One that may not be read is there:
// reading it says why.
func (l *loader) exists(file string) bool {
	info, err := fs.Stat(l.fsys, file)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, syscall.ENOTDIR)
	}
	return !info.IsDir()
}

// entries lists a directory, files and directories apart, by name.
func (l *loader) entries(dir string) (files, dirs []string, err error) {
	list, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the directory %s: %w", dir, plainCause(err))
	}
	for _, e := range list {
		isDir := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 && !l.noLinks {
			if info, err := fs.Stat(l.fsys, path.Join(dir, e.Name())); err == nil {
				isDir = info.IsDir()
			}
		}
		if isDir {
			dirs = append(dirs, e.Name())
		} else {
			files = append(files, e.Name())
		}
	}
	return files, dirs, nil
}

// unit makes a unit of a file with the format's usual transaction.
func (l *loader) unit(file, version, name string) (*unit, error) {
	src, given := l.instead(file)
	if !given {
		var err error
		if src, err = l.read(file); err != nil {
			return nil, err
		}
	}
	u := &unit{path: file, version: version, name: name, tx: l.format.tx, source: src}
	if isTemplate(src) {
		u.script.fills = append(u.script.fills, goTemplate)
	}
	return u, nil
}

// instead returns the SQL that is to run in the place of a file.
func (l *loader) instead(file string) (string, bool) {
	for _, key := range []string{file, path.Base(file)} {
		if sql, ok := l.o.Steps[key]; ok {
			return sql, true
		}
	}
	return "", false
}

// isTemplate reports whether {{ stands in a file where SQL cannot have it:
// outside strings and comments.
func isTemplate(src string) bool {
	if !strings.Contains(src, "{{") {
		return false
	}
	x := newLexer(src)
	before := -1
	for t := x.next(); t.kind != tokEOF; t = x.next() {
		if t.kind == tokPunct && src[t.start] == '{' {
			if before == t.start-1 {
				return true
			}
			before = t.start
		}
	}
	return false
}

// withDown gives the unit its way back, if the file is there.
func (l *loader) withDown(u *unit, file string) error {
	if file == "" || !l.exists(file) {
		return nil
	}
	down, err := l.unit(file, u.version, u.name)
	if err != nil {
		return err
	}
	u.down = down
	return nil
}

func (l *loader) add(u *unit) { l.units = append(l.units, u) }

func (l *loader) notice(kind, file, text string, args ...any) {
	l.out.Notices = append(l.out.Notices, Notice{Kind: kind, Pos: Position{Path: file, Line: 1, Column: 1}, Text: fmt.Sprintf(text, args...)})
}

// step deals with a step that is not SQL: the SQL given in its place, or a notice.
func (l *loader) step(file, version, name string) *unit {
	if sql, ok := l.instead(file); ok {
		return &unit{path: file, version: version, name: name, tx: l.format.tx, source: sql}
	}
	l.notice("not-sql", file, "this step is not SQL and is left out: give the SQL to run in its place under steps: in assay.yaml")
	return nil
}

// finish reads all scripts and fills the directory.
func (l *loader) finish() error {
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for _, u := range l.units {
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer wg.Done()
			u.run(l)
			<-slots
		}()
	}
	wg.Wait()
	seen := map[string]*unit{}
	for _, u := range l.units {
		if u.err != nil {
			return u.err
		}
		if first := seen[u.version]; first != nil && !u.repeatable && !l.format.byName {
			u.notices = append(u.notices, Notice{
				Kind: "duplicate-version", Pos: Position{Path: u.path, Line: 1, Column: 1},
				Text: fmt.Sprintf("version %s is also that of %s", u.version, first.path),
			})
		} else if !u.repeatable && u.version != "" {
			seen[u.version] = u
		}
		for _, x := range []*unit{u, u.down} {
			if x != nil && len(x.scripts) > 0 {
				l.out.scripts[x.path] = append(l.out.scripts[x.path], x.scripts...)
			}
		}
		l.out.Migrations = append(l.out.Migrations, u.migration)
		l.out.Notices = append(l.out.Notices, u.notices...)
	}
	return nil
}

// run reads the unit's script.
func (u *unit) run(l *loader) {
	m, notices, err := u.migrate(l)
	if err != nil {
		u.err = err
		return
	}
	u.migration, u.notices = m, append(u.notices, notices...)
	if u.settle != nil {
		u.notices = append(u.notices, u.settle(m)...)
	}
	u.notices = append(u.notices, u.refused(l, m)...)
	if u.down == nil {
		return
	}
	down, _, err := u.down.migrate(l)
	if err != nil {
		u.notices = append(u.notices, Notice{
			Kind: "bad-down", Pos: Position{Path: u.down.path, Line: 1, Column: 1},
			Text: "the down migration cannot be read: " + err.Error(),
		})
		return
	}
	m.Down = down
}

// script reads a part of a file, or takes it from what was read before: it is
// the same if the text and the options are, and nothing came from elsewhere.
func (l *loader) script(path, text string, o scriptOptions) (*script, error) {
	for _, k := range l.known[path] {
		if k.text == text && k.options.same(o) && len(k.hashed) == 0 {
			again := *k
			return &again, nil
		}
	}
	s, err := readScript(l.fsys, path, text, o)
	if err != nil {
		return nil, err
	}
	s.text, s.options = text, o
	return s, nil
}

func (u *unit) migrate(l *loader) (*Migration, []Notice, error) {
	m := &Migration{
		Path: u.path, Version: u.version, Name: u.name, Format: l.out.Format, Source: u.source, Repeatable: u.repeatable,
		TxMode: u.tx.mode, TxReason: u.tx.reason, TxOptOut: u.tx.optOut, Bookkeeping: l.format.bookkeeping,
	}
	text := u.text
	if text == "" {
		text = u.source
	}
	parts := u.parts
	if parts == nil {
		parts = []span{{}}
	}
	h, piece := sha256.New(), make([]byte, 4<<10)
	var notices []Notice
	for _, d := range directivesIn(text[:u.head], m.PlaceOf) { // what stands above the mark is about the file
		d.File = true
		m.Directives = append(m.Directives, d)
	}
	for _, part := range parts {
		o := u.script
		o.part = part
		o.values = l.values
		if part == (span{}) {
			part = span{0, len(text)}
		} else if part.start == part.end {
			continue
		}
		o.whole = slices.DeleteFunc(slices.Clone(u.script.whole), func(w span) bool { return w.start < part.start || w.end > part.end })
		s, err := l.script(u.path, text, o)
		if err != nil {
			return nil, nil, err
		}
		s.source = u.source
		u.scripts = append(u.scripts, s)
		if m.Statements == nil {
			m.Statements = slices.Clip(s.statements) // not copied: a seed has half a million
		} else {
			m.Statements = append(m.Statements, s.statements...)
		}
		m.Directives = append(m.Directives, s.directives...)
		notices = append(notices, s.notices...)
		for rest := text[part.start:part.end]; rest != ""; { // a hash takes no string, and copying a seed would need its room
			n := copy(piece, rest)
			h.Write(piece[:n])
			rest = rest[n:]
		}
		for _, x := range s.hashed {
			h.Write([]byte{0})
			h.Write([]byte(x))
		}
	}
	h.Write([]byte{0})
	h.Write([]byte(m.TxMode))
	m.Hash = hex.EncodeToString(h.Sum(nil))
	return m, notices, nil
}
