package analyzers

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// Offer gives the mechanical fix of a finding, nil if there is none. It is an
// offer only: the pipeline runs the fixed files before anybody is shown it.
func Offer(r *devdb.Record, f *lint.Finding) *lint.Fix {
	if f.Migration < 0 || f.Migration >= len(r.New) {
		return nil
	}
	o := &offer{record: r, m: r.New[f.Migration], finding: f}
	if f.Statement < 0 {
		o.inDown()
	} else if f.Statement < len(o.m.Steps) {
		o.step = o.m.Steps[f.Statement]
	}
	build := builderOf(f.ID)
	if build == nil || o.step == nil || !o.editable(o.step.Stmt) {
		return nil
	}
	return o.withLineEnds(build(o))
}

// inDown finds the statement of the down migration that the finding is about.
func (o *offer) inDown() {
	if o.m.Down == nil {
		return
	}
	for _, s := range o.m.Down.Steps {
		if p := s.Stmt.Pos; p.Path == o.finding.Path && p.Line == o.finding.Line && p.Column == o.finding.Column {
			o.m, o.step = &devdb.Recorded{Migration: o.m.Down.Migration, Steps: o.m.Down.Steps}, s
			return
		}
	}
}

func builderOf(id string) func(*offer) *lint.Fix {
	for _, a := range All {
		if a.ID == id {
			return a.Fix
		}
	}
	return nil
}

// Fixable are the checks whose findings have a fix, in the order of ids.
func Fixable() []string {
	var out []string
	for _, a := range All {
		if a.Fix != nil {
			out = append(out, a.ID)
		}
	}
	return out
}

// offer is one fix in the making.
type offer struct {
	record  *devdb.Record
	m       *devdb.Recorded
	step    *devdb.Step
	finding *lint.Finding
	dir     *migration.Dir       // with the files that the fix adds
	after   *migration.Migration // the last of them
}

// withLineEnds gives what the fix writes the line ends of the migration.
func (o *offer) withLineEnds(fix *lint.Fix) *lint.Fix {
	if fix == nil || !strings.Contains(o.m.Source, "\r\n") {
		return fix
	}
	crlf := func(text string) string {
		return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	}
	for i := range fix.Edits {
		fix.Edits[i].Text = crlf(fix.Edits[i].Text)
	}
	for i := range fix.Files {
		fix.Files[i].Text = crlf(fix.Files[i].Text)
	}
	return fix
}

// editable reports whether the statement stands in the migration's own file as it was run.
func (o *offer) editable(st *migration.Statement) bool { return standsIn(o.m.Migration, st) }

func standsIn(m *migration.Migration, st *migration.Statement) bool {
	return st.Kind == migration.SQL && st.Pos.Path == m.Path && st.End.Offset <= len(m.Source) &&
		m.Source[st.Pos.Offset:st.End.Offset] == st.Text
}

func (o *offer) text() string { return o.step.Stmt.Text }

// replace puts other text in the statement's place.
func (o *offer) replace(text string) lint.Edit {
	return lint.Edit{Pos: o.step.Stmt.Pos, End: o.step.Stmt.End, Text: text}
}

// annotation is a comment that the migration tool reads.
var annotation = regexp.MustCompile(`(?i)^--(?:\s*\+|\s*migrate:|\s*atlas:|\s*>|!|\s*no-transaction|\s*(?:liquibase|changeset|rollback|precondition|property)\b|\s*assay:ignore-file|\s*(?:up|down) migration)`)

// begin is where a statement begins with the comments that stand right above it.
func begin(m *migration.Migration, st *migration.Statement) int {
	src, at := m.Source, st.Pos.Offset
	line := strings.LastIndexByte(src[:at], '\n') + 1
	if strings.TrimSpace(strings.TrimPrefix(src[line:at], "\ufeff")) != "" {
		return at // another statement stands before it on the line
	}
	for line > 0 {
		above := strings.LastIndexByte(src[:line-1], '\n') + 1
		text := strings.TrimSpace(src[above : line-1])
		if !strings.HasPrefix(text, "--") || annotation.MatchString(text) {
			break
		}
		at, line = above, above
	}
	return at
}

// commented is the statement's text with the comments above it.
func (o *offer) commented(text string) string {
	at := begin(o.m.Migration, o.step.Stmt)
	return o.m.Source[at:o.step.Stmt.Pos.Offset] + text
}

// remove takes a range of statements out, with the comments above them, the
// semicolon and the line's end.
func (o *offer) remove(m *migration.Migration, from, to *migration.Statement) lint.Edit {
	src, end := m.Source, to.End.Offset
	for end < len(src) && strings.IndexByte(" \t", src[end]) >= 0 {
		end++
	}
	if end < len(src) && src[end] == ';' {
		end++
	}
	if rest := src[end:]; strings.HasPrefix(rest, "\n") {
		end++
	} else if strings.HasPrefix(rest, "\r\n") {
		end += 2
	} else { // another statement follows on the line
		end += len(rest) - len(strings.TrimLeft(rest, " \t"))
	}
	return lint.Edit{Pos: m.PlaceOf(begin(m, from)), End: m.PlaceOf(end)}
}

// file is a new migration, after this one and after those that the fix adds already.
func (o *offer) file(name, up, down string, outside bool) []lint.NewFile {
	if o.dir == nil {
		o.dir, o.after = o.record.Dir, o.m.Migration
	}
	var out []lint.NewFile
	for _, f := range migration.NewFiles(o.dir, o.after, name, up, down, outside) {
		out = append(out, lint.NewFile{Path: f.Path, Text: f.Text})
	}
	added := &migration.Migration{Path: out[0].Path, Format: o.m.Format, Version: versionOf(out[0].Path), Name: name, Down: o.m.Migration.Down}
	d := *o.dir
	d.Migrations = append(slices.Clone(d.Migrations), added)
	o.dir, o.after = &d, added
	return out
}

var versionIn = regexp.MustCompile(`^V?([0-9]+(?:[._][0-9]+)*)`)

// versionOf is the version of a file that was just named: of its directory
// where the format gives each migration one.
func versionOf(file string) string {
	for _, part := range []string{path.Base(file), path.Base(path.Dir(file))} {
		if m := versionIn.FindStringSubmatch(part); m != nil {
			return strings.ReplaceAll(m[1], "_", ".")
		}
	}
	return ""
}

// isTimeout reports whether a statement of the file sets lock_timeout or statement_timeout.
func (o *offer) isTimeout(s *devdb.Step) bool {
	set := s.Stmt.Syntax.Set
	return set != nil && (set.Name == "lock_timeout" || set.Name == "statement_timeout") && o.editable(s.Stmt)
}

// alone reports whether the statement is all that its migration does, apart
// from timeouts, which go when it does.
func (o *offer) alone() bool {
	for _, s := range o.m.Steps {
		if s != o.step && !o.isTimeout(s) {
			return false
		}
	}
	return !o.ownTransaction() && len(o.m.Steps) == len(o.m.Statements)
}

// ownTransaction reports whether the file opens and closes transactions itself.
func (o *offer) ownTransaction() bool {
	return slices.ContainsFunc(o.m.Statements, func(s *migration.Statement) bool { return s.Syntax.Transaction != "" })
}

// canLeave reports whether new files of the format can run outside a transaction.
func (o *offer) canLeave() bool {
	return !o.step.InTx || !o.ownTransaction() && (o.m.TxOptOut != "" || o.m.TxMode == migration.TxImplicit)
}

// guarded is a new migration's SQL that gives up after a short wait for its
// locks, without leaving the setting to the files after it.
func (o *offer) guarded(sql string) string {
	switch {
	case o.record.Config.LockTimeoutSet:
		return sql
	case o.m.Format != migration.Plain && o.m.Format != migration.Sqitch:
		return "SET LOCAL lock_timeout = '2s';\n" + sql
	}
	return "SET lock_timeout = '2s';\n" + sql
}

// one reports whether the statement has one subcommand, of the kind.
func (o *offer) one(kind string) bool {
	a := o.step.Stmt.Syntax.Actions
	return len(a) == 1 && a[0].Kind == kind && o.alters()
}

func (o *offer) alters() bool {
	return strings.HasPrefix(strings.ToUpper(o.text()), "ALTER TABLE")
}

// action is the number of the subcommand that the finding is about: the only one
// of its kind, or of several the one at the finding's place. -1 if it is not known.
func (o *offer) action(is func(migration.Action) bool) int {
	var fit []int
	for i, a := range o.step.Stmt.Syntax.Actions {
		if !o.alters() || !is(a) || a.End.Offset <= a.Pos.Offset {
			continue
		}
		if a.Pos.Line == o.finding.Line && a.Pos.Column == o.finding.Column {
			return i
		}
		fit = append(fit, i)
	}
	if len(fit) != 1 {
		return -1
	}
	return fit[0]
}

// actionEdit replaces one subcommand.
func (o *offer) actionEdit(i int, text string) lint.Edit {
	a := o.step.Stmt.Syntax.Actions[i]
	return lint.Edit{Pos: a.Pos, End: a.End, Text: text}
}

// withoutAction takes one subcommand out of several.
func (o *offer) withoutAction(i int) lint.Edit {
	actions := o.step.Stmt.Syntax.Actions
	if i+1 < len(actions) {
		return lint.Edit{Pos: actions[i].Pos, End: actions[i+1].Pos}
	}
	return lint.Edit{Pos: actions[i-1].End, End: actions[i].End}
}

// undone is the statement of the down migration that takes something back.
func (o *offer) undone(is func(*migration.Syntax) bool) *migration.Statement {
	down := o.m.Migration.Down
	if down == nil {
		return nil
	}
	for _, st := range down.Statements {
		if standsIn(down, st) && is(st.Syntax) {
			return st
		}
	}
	return nil
}

// hasDown reports whether the migration has a down part that does something.
func (o *offer) hasDown() bool {
	return o.m.Migration.Down != nil && len(o.m.Migration.Down.Statements) > 0
}

// isNamed reports whether a written name is that of an object.
func isNamed(written, schemaName, name string) bool {
	return unqualified(written) == name && (!strings.Contains(written, ".") || strings.Trim(written[:strings.LastIndexByte(written, '.')], `"`) == schemaName)
}

// unqualified is a written name without its schema and quotes.
func unqualified(name string) string {
	return strings.Trim(name[strings.LastIndexByte(name, '.')+1:], `"`)
}

func changedConstraint(s *devdb.Step, name string, kinds ...schema.ConstraintKind) *schema.Constraint {
	for _, c := range Changes[*schema.AddConstraint](s) {
		if (name == "" || c.Constraint.Name == name) && slices.Contains(kinds, c.Constraint.Kind) && c.Constraint.Parent == 0 {
			return c.Constraint
		}
	}
	return nil
}
