package postgres

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
)

// Loaded is what the files of a schema say beside the objects that they make.
type Loaded struct {
	Hints   []Hint
	Notices []string // what was left out, one clause each, with its place
}

// Hint is a comment of a schema file that says what an object was called before.
type Hint struct {
	Pos    migration.Position
	Kind   string // "table", "view", "column", "type", "label", "function", "schema", …
	Schema string // empty for what is in no schema
	Name   string // as the server has it
	Column string // of "column" the column, of "label" the label
	Old    string // its name before, with the schema if that is written
	New    bool   // it has none: what looks like its name before is another object's
}

// LoadError says which statements of a schema the server does not take.
type LoadError struct{ Problems []*devdb.StatementError }

func (e *LoadError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		at := p.Statement.Pos
		lines[i] = fmt.Sprintf("%s:%d: %s", at.Path, lineOf(p), p.Message)
		if p.Code != "" {
			lines[i] += " (SQLSTATE " + p.Code + ")"
		}
		for _, more := range []string{p.Detail, cmp.Or(p.Advice, Explain(p))} {
			if more != "" {
				lines[i] += "\n    " + strings.ReplaceAll(more, "\n", "\n    ")
			}
		}
	}
	return strings.Join(lines, "\n")
}

// lineOf is the line that the server's position leads to.
func lineOf(p *devdb.StatementError) int {
	line, left := p.Statement.Pos.Line, p.Position
	for _, c := range p.Statement.Text {
		if left--; left <= 0 {
			break
		}
		if c == '\n' {
			line++
		}
	}
	return line
}

// Load runs the files of a schema: plain SQL in any order. A statement that the
// server refuses is put off, and tried again while a round gets further; a role
// that is missing is made. What is left then is a *LoadError. The settings of a
// session hold for the rest of their file, and rows are not loaded: a file that
// holds any without saying so is refused.
func (d *DB) Load(ctx context.Context, files []*migration.Migration) (*Loaded, error) {
	d.touch()
	for _, m := range files {
		if err := d.server.existing.note(ctx, m); err != nil {
			return nil, err
		}
	}
	r := d.recorder()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	l := &loader{r: r, out: &Loaded{}, made: map[string][]*piece{}}
	if err := l.plan(files); err != nil {
		return nil, err
	}
	if err := l.rounds(ctx); err != nil {
		return nil, err
	}
	if len(l.bad) == 0 {
		if err := l.checkRoutines(ctx); err != nil {
			return nil, err
		}
	}
	r.cat, r.uncounted = nil, true
	if err := r.reset(ctx); err != nil {
		return nil, err
	}
	if len(l.bad) > 0 {
		return nil, &LoadError{l.sorted()}
	}
	return l.out, nil
}

// loader is one load.
type loader struct {
	r    *recorder
	out  *Loaded
	todo []*piece
	now  *piece // whose settings the session has
	made map[string][]*piece
	bad  []*devdb.StatementError
}

// piece is a statement of a schema with the settings that its file makes before it.
type piece struct {
	st     *migration.Statement
	file   *migration.Migration
	at     int    // place in the order of the files
	before *piece // the setting of its file that is the last before it
	waits  *devdb.StatementError
	miss   string // the name that it waits for, if the server names one
}

// dumped reports whether a file is what pg_dump writes, whose rows are left out.
func dumped(m *migration.Migration) bool {
	return strings.Contains(m.Source, "-- PostgreSQL database dump")
}

var rows = []string{"INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "TRUNCATE TABLE", "TRUNCATE"}

// ofTheServer are the tags of what belongs to a whole server, and not to a schema.
var ofTheServer = []string{"CREATE DATABASE", "ALTER DATABASE", "DROP DATABASE", "CREATE TABLESPACE", "ALTER SYSTEM", "CHECKPOINT"}

// plan lists the statements that are run.
func (l *loader) plan(files []*migration.Migration) error {
	for _, m := range files {
		data := slices.ContainsFunc(m.Directives, func(d migration.Directive) bool { return d.Kind == migration.Data })
		dump := dumped(m)
		var before *piece
		for _, st := range m.Statements {
			tag := st.Syntax.Tag
			switch {
			case st.Kind == migration.Skip || st.Syntax.Transaction != "" || slices.Contains(ofTheServer, tag) || strings.HasSuffix(tag, " SUBSCRIPTION"):
				continue
			case st.Kind == migration.CopyData || slices.Contains(rows, tag):
				if data || dump {
					continue
				}
				l.bad = append(l.bad, &devdb.StatementError{
					Statement: st, Message: cmp.Or(tag, "COPY") + " changes rows, and a schema file holds objects alone",
					Advice: "move it to a migration or a seed; if the file is to hold rows beside the schema, write the line `-- assay:data` at its top, and they are not loaded here",
				})
				continue
			}
			p := &piece{st: st, file: m, at: len(l.todo), before: before}
			l.todo = append(l.todo, p)
			if sets(st) {
				before = p
			}
		}
	}
	return nil
}

// sets reports whether a statement is about the session.
func sets(st *migration.Statement) bool {
	return st.Syntax.Set != nil || st.Syntax.Tag == "SET" || st.Syntax.Tag == "RESET" || len(words(st.Text, 1)) > 0 && strings.EqualFold(words(st.Text, 1)[0], "SET")
}

// rounds runs what is to be run until nothing is left, or a round gets no further.
func (l *loader) rounds(ctx context.Context) error {
	names := map[string]bool{} // that the round before has made
	for round := 0; len(l.todo) > 0; round++ {
		var left []*piece
		next, done := map[string]bool{}, false
		for _, p := range l.todo {
			if round > 0 && len(names) > 0 && p.miss != "" && !names[p.miss] && !next[p.miss] {
				left = append(left, p)
				continue
			}
			refused, err := l.run(ctx, p)
			if err != nil {
				return err
			}
			if refused == nil {
				done = done || !sets(p.st)
				for _, n := range makes(p.st) {
					next[n] = true
				}
				continue
			}
			if hopeless(refused) {
				l.bad = append(l.bad, refused)
				continue
			}
			p.waits, p.miss = refused, missing(refused.Message)
			left = append(left, p)
		}
		l.todo = left
		if !done && len(names) == 0 { // a whole round was tried in vain
			break
		}
		names = next
		if !done {
			names = nil
		}
	}
	for _, p := range l.todo {
		l.bad = append(l.bad, p.waits)
	}
	return nil
}

// hopeless reports whether no other statement can make the server take this one.
func hopeless(e *devdb.StatementError) bool {
	return e.Code == "42601" || e.Code == "" || duplicate(e.Code) || e.Canceled != ""
}

func duplicate(code string) bool {
	return slices.Contains([]string{"42P07", "42710", "42723", "42P06", "42701"}, code)
}

var namedMissing = regexp.MustCompile(`^(?:relation|table|view|type|schema|function|procedure|aggregate|sequence|index|publication|server|domain|operator|column) "?([^"(\s]+)"?.* does not exist$`)

// missing is the last part of the name that a refusal says is not there.
func missing(message string) string {
	m := namedMissing.FindStringSubmatch(message)
	if m == nil || strings.HasPrefix(message, "column") {
		return ""
	}
	return lastName(strings.TrimSuffix(m[1], "[]"))
}

// makes gives the last parts of the names that a statement may make.
func makes(st *migration.Statement) []string {
	var out []string
	for _, n := range append([]string{st.Syntax.Name}, st.Syntax.Objects...) {
		if n != "" {
			out = append(out, lastName(n))
		}
	}
	for _, a := range st.Syntax.Actions {
		if a.NewName != "" {
			out = append(out, lastName(a.NewName))
		}
	}
	if len(out) == 0 || strings.HasPrefix(st.Syntax.Tag, "CREATE ") {
		for _, w := range words(st.Text, 8) {
			out = append(out, lastName(w))
		}
	}
	return out
}

// lastName is the last part of a name, as the server has it.
func lastName(n string) string {
	parts := nameParts(n)
	if len(parts) == 0 {
		return ""
	}
	return parts[len(parts)-1]
}

// nameParts are the parts of a name as it is written, folded as the server does.
func nameParts(n string) []string {
	var out []string
	for n != "" {
		var part string
		if n[0] == '"' {
			var b strings.Builder
			i := 1
			for ; i < len(n); i++ {
				if n[i] == '"' {
					if i+1 < len(n) && n[i+1] == '"' {
						i++
					} else {
						break
					}
				}
				b.WriteByte(n[i])
			}
			part, n = b.String(), n[min(i+1, len(n)):]
		} else {
			i := strings.IndexByte(n, '.')
			if i < 0 {
				i = len(n)
			}
			part, n = strings.ToLower(n[:i]), n[i:]
		}
		out = append(out, part)
		n = strings.TrimPrefix(n, ".")
	}
	return out
}

// session gives the session the settings that a piece is written for.
func (l *loader) session(ctx context.Context, p *piece) error {
	if l.now != nil && l.now.file == p.file && l.now.before == p.before {
		return nil
	}
	if l.now == nil || l.now.before != nil || l.now.file != p.file && sets(l.now.st) {
		if err := l.r.reset(ctx); err != nil {
			return err
		}
		if err := l.r.command(ctx, "SET check_function_bodies = off"); err != nil {
			return err
		}
	}
	var list []*piece
	for s := p.before; s != nil; s = s.before {
		list = append(list, s)
	}
	slices.Reverse(list)
	for _, s := range list {
		if _, err := l.send(ctx, s); err != nil { // refused now as then
			return err
		}
	}
	return nil
}

// run runs a piece in the session that it is written for.
func (l *loader) run(ctx context.Context, p *piece) (*devdb.StatementError, error) {
	// Where pieces follow each other, so do their settings.
	if l.now == nil || !(l.now.file == p.file && (l.now.before == p.before || sets(l.now.st) && p.before == l.now)) {
		if err := l.session(ctx, p); err != nil {
			return nil, err
		}
	}
	l.now = p
	refused, err := l.try(ctx, p)
	if err != nil || refused == nil || !sets(p.st) {
		return refused, err
	}
	if refused.Code == "42704" || refused.Code == "42501" { // a parameter of another version, a superuser's
		l.out.Notices = append(l.out.Notices, fmt.Sprintf("%s:%d: this setting is left out: %s", p.st.Pos.Path, p.st.Pos.Line, refused.Message))
		return nil, nil
	}
	return refused, nil
}

// try runs a piece, and makes the roles that it misses.
func (l *loader) try(ctx context.Context, p *piece) (*devdb.StatementError, error) {
	before, err := l.others(ctx, p)
	if err != nil {
		return nil, err
	}
	for range mostRoles {
		s, err := l.send(ctx, p)
		if err != nil {
			return nil, err
		}
		if s.err == nil {
			return l.ran(ctx, p, before)
		}
		if s.err.Code == "42710" && strings.HasPrefix(s.err.Message, "role ") || s.err.Code == "3D000" {
			return nil, nil // the other schema's, on the same server
		}
		need := "CREATE ROLE %[1]s; GRANT %[1]s TO CURRENT_USER"
		m := missingRole.FindStringSubmatch(s.err.Message)
		if m == nil {
			m, need = notMember.FindStringSubmatch(s.err.Message), "GRANT %[1]s TO CURRENT_USER"
		}
		if m == nil {
			e := statementError(p.st, s)
			if duplicate(e.Code) || before > 0 {
				l.twice(p, e)
			}
			return e, nil
		}
		made, err := l.r.sendAny(ctx, &migration.Statement{Kind: migration.SQL, Text: "RESET ROLE; " + fmt.Sprintf(need, quoted(m[1])), Syntax: &migration.Syntax{}}, false)
		if err != nil {
			return nil, err
		}
		if made.err != nil {
			return statementError(p.st, s), nil
		}
		l.now = nil
		if err := l.session(ctx, p); err != nil {
			return nil, err
		}
		l.now = p
	}
	return nil, fmt.Errorf("%s:%d: the statement names more than %d roles that are not there", p.st.Pos.Path, p.st.Pos.Line, mostRoles)
}

// notMember is what the server says where the migrations' role makes a role, which
// it is no member of before PostgreSQL 16, an owner.
var notMember = regexp.MustCompile(`^must be (?:a )?(?:member of|able to SET ROLE) (?:role )?"([^"]+)"`)

// mostRoles bounds the roles that are made for one statement.
const mostRoles = 1000

// send sends the statement of a piece.
func (l *loader) send(ctx context.Context, p *piece) (sent, error) {
	st := p.st
	if set := st.Syntax.Set; set != nil && set.Local && !set.Reset { // the file's own transaction is not opened
		other := *st
		other.Text = "SELECT pg_catalog.set_config(" + literal(set.Name) + ", " + literal(set.Value) + ", false)"
		st = &other
	}
	s, err := l.r.sendAny(ctx, st, false)
	if err != nil {
		return s, err
	}
	if l.r.conn.IsClosed() {
		if err := l.r.connect(ctx); err != nil {
			return s, err
		}
		l.now = nil
	}
	return s, nil
}

// sorted are the problems in the order of their places.
func (l *loader) sorted() []*devdb.StatementError {
	slices.SortStableFunc(l.bad, func(a, b *devdb.StatementError) int {
		return cmp.Or(strings.Compare(a.Statement.Pos.Path, b.Statement.Pos.Path), cmp.Compare(a.Statement.Pos.Offset, b.Statement.Pos.Offset))
	})
	return l.bad
}
