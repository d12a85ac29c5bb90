package analyzers

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// Offer gives the mechanical mend of a finding, nil if there is none. It is an
// offer only: the pipeline replays the mended files before anybody is shown it.
func Offer(r *devdb.Record, f *lint.Finding) *lint.Fix {
	if f.Migration < 0 || f.Migration >= len(r.New) || f.Statement < 0 {
		return nil
	}
	m := r.New[f.Migration]
	if f.Statement >= len(m.Steps) {
		return nil
	}
	o := &offer{record: r, m: m, step: m.Steps[f.Statement], finding: f}
	if !o.editable(o.step.Stmt) {
		return nil
	}
	if build := offers[f.ID]; build != nil {
		return build(o)
	}
	return nil
}

// offers are the mends by check.
var offers = map[string]func(*offer) *lint.Fix{
	"LK101": (*offer).indexConcurrently,
	"LK102": (*offer).dropConcurrently,
	"LK104": (*offer).notValid,
	"LK105": (*offer).usingIndex,
	"LK201": (*offer).defaultApart,
	"LK202": (*offer).provenFirst,
	"LK203": (*offer).split,
	"LK301": (*offer).lockTimeout,
	"SQ105": (*offer).leftOut,
}

// Mended are the checks whose findings have a mend, in the order of ids.
func Mended() []string { return slices.Sorted(maps.Keys(offers)) }

// offer is one fix in the making.
type offer struct {
	record  *devdb.Record
	m       *devdb.Recorded
	step    *devdb.Step
	finding *lint.Finding
	dir     *migration.Dir       // with the files that the fix adds
	after   *migration.Migration // the last of them
}

// editable reports whether the statement stands in the migration's own file as it was run.
func (o *offer) editable(st *migration.Statement) bool {
	return st.Kind == migration.SQL && st.Pos.Path == o.m.Path && st.End.Offset <= len(o.m.Source) &&
		o.m.Source[st.Pos.Offset:st.End.Offset] == st.Text
}

func (o *offer) text() string { return o.step.Stmt.Text }

// replace puts other text in the statement's place.
func (o *offer) replace(text string) lint.Edit {
	return lint.Edit{Pos: o.step.Stmt.Pos, End: o.step.Stmt.End, Text: text}
}

// remove takes a range of statements out, with the semicolon and the line's end.
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
	}
	return lint.Edit{Pos: from.Pos, End: m.PlaceOf(end)}
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

// alone reports whether the statement is all that its migration does, apart from settings.
func (o *offer) alone() bool {
	for _, s := range o.m.Steps {
		if s != o.step && s.Tag != "SET" && s.Stmt.Syntax.Transaction == "" {
			return false
		}
	}
	return !o.ownTransaction() && len(o.m.Steps) == len(o.m.Statements)
}

// ownTransaction reports whether the file opens and closes transactions itself.
func (o *offer) ownTransaction() bool {
	return slices.ContainsFunc(o.m.Statements, func(s *migration.Statement) bool { return s.Syntax.Transaction != "" })
}

// outside puts text in the statement's place and out of the tool's
// transaction: in this file if it does nothing else, else in a new one.
func (o *offer) outside(title, text, name, down string) *lint.Fix {
	if !o.step.InTx {
		return &lint.Fix{Title: title, Edits: o.patient(text)}
	}
	if o.ownTransaction() {
		return nil
	}
	if o.alone() {
		if ins, files, ok := o.m.LeaveTransaction(); ok {
			fix := &lint.Fix{Title: title, Edits: o.patient(text)}
			for _, i := range ins {
				fix.Edits = append(fix.Edits, lint.Edit{Pos: i.At, End: i.At, Text: i.Text})
			}
			for _, f := range files {
				fix.Files = append(fix.Files, lint.NewFile{Path: f.Path, Text: f.Text})
			}
			return fix
		}
	}
	if o.m.TxOptOut == "" && o.m.TxMode != migration.TxImplicit {
		return nil
	}
	fix := &lint.Fix{Title: title + ", in a migration of its own", Edits: []lint.Edit{o.remove(o.m.Migration, o.step.Stmt, o.step.Stmt)}, Files: o.file(name, text+";", down, true)}
	if undo := o.undo(name); undo != nil { // the way back goes along
		fix.Edits = append(fix.Edits, o.remove(o.m.Migration.Down, undo, undo))
	}
	return fix
}

// patient puts text in the statement's place without the lock_timeout that the
// file sets before: what waits for older transactions must not give up.
func (o *offer) patient(text string) []lint.Edit {
	edits := []lint.Edit{o.replace(text)}
	if o.alone() {
		for _, s := range o.m.Steps[:o.step.Index] {
			if set := s.Stmt.Syntax.Set; set != nil && set.Name == "lock_timeout" && o.editable(s.Stmt) {
				edits = append(edits, o.remove(o.m.Migration, s.Stmt, s.Stmt))
			}
		}
		return edits
	}
	if t := o.step.Settings.LockTimeout; t > 0 && !o.record.Config.LockTimeoutSet && !o.step.InTx {
		text = "SET lock_timeout = 0;\n" + text
		if o.step.Index < len(o.m.Steps)-1 {
			text += fmt.Sprintf(";\nSET lock_timeout = '%dms'", t.Milliseconds())
		}
		edits[0] = o.replace(text)
	}
	return edits
}

// undo is the statement of the way back that drops the named index.
func (o *offer) undo(index string) *migration.Statement {
	back := o.m.Migration.Down
	if back == nil {
		return nil
	}
	for _, st := range back.Statements {
		if st.Syntax.Tag == "DROP INDEX" && len(st.Syntax.Objects) == 1 && st.Pos.Path == back.Path && unqualified(st.Syntax.Objects[0]) == index {
			return st
		}
	}
	return nil
}

// unqualified is a written name without its schema and quotes.
func unqualified(name string) string {
	return strings.Trim(name[strings.LastIndexByte(name, '.')+1:], `"`)
}

var (
	createIndexHead = regexp.MustCompile(`(?is)^(CREATE\s+(?:UNIQUE\s+)?INDEX)\s+`)
	dropIndexHead   = regexp.MustCompile(`(?is)^(DROP\s+INDEX)\s+`)
)

func (o *offer) indexConcurrently() *lint.Fix {
	at := createIndexHead.FindStringSubmatchIndex(o.text())
	c, ok := Has[*schema.AddIndex](o.step)
	if at == nil || !ok || c.Index.Partitioned || o.step.Stmt.Syntax.Concurrently {
		return nil
	}
	text := o.text()[:at[3]] + " CONCURRENTLY" + o.text()[at[3]:]
	return o.outside("build the index CONCURRENTLY", text, c.Index.Name, "DROP INDEX CONCURRENTLY "+sqlName(c.Index.Schema, c.Index.Name)+";")
}

func (o *offer) dropConcurrently() *lint.Fix {
	at := dropIndexHead.FindStringSubmatchIndex(o.text())
	c, ok := Has[*schema.DropIndex](o.step)
	if at == nil || !ok || len(o.step.Stmt.Syntax.Objects) != 1 || o.step.Stmt.Syntax.Cascade {
		return nil
	}
	text := o.text()[:at[3]] + " CONCURRENTLY" + o.text()[at[3]:]
	return o.outside("drop the index CONCURRENTLY", text, "drop_"+c.Index.Name, concurrently(c.Index.Definition)+";")
}

// one reports whether the statement has one subcommand, of the kind.
func (o *offer) one(kind string) bool {
	a := o.step.Stmt.Syntax.Actions
	return len(a) == 1 && a[0].Kind == kind && strings.HasPrefix(strings.ToUpper(o.text()), "ALTER TABLE")
}

// timeout is the line that a new file needs so as not to queue without end.
func (o *offer) timeout() string {
	if o.record.Config.LockTimeoutSet {
		return ""
	}
	if o.m.TxMode == migration.TxNone {
		return "SET lock_timeout = '2s';\n"
	}
	return "SET LOCAL lock_timeout = '2s';\n"
}

func (o *offer) notValid() *lint.Fix {
	if !o.one("ADD CONSTRAINT") {
		return nil
	}
	c, ok := Has[*schema.AddConstraint](o.step)
	if !ok {
		return nil
	}
	t := rel(o.step, c.Constraint.Table)
	if t == nil || t.Kind == schema.PartitionedTable || c.Constraint.Kind != schema.Check && c.Constraint.Kind != schema.ForeignKey {
		return nil
	}
	name := c.Constraint.Name
	validate := fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;", sqlName(t.Schema, t.Name), sqlIdent(name))
	return &lint.Fix{
		Title: "add the constraint NOT VALID and validate it in a later migration",
		Edits: []lint.Edit{o.replace(o.text() + " NOT VALID")},
		Files: o.file("validate_"+name, validate, "", false),
	}
}

func (o *offer) provenFirst() *lint.Fix {
	if fix := o.notValid(); fix != nil {
		return fix
	}
	c, ok := Has[*schema.SetNotNull](o.step)
	if !ok || !o.one("SET NOT NULL") {
		return nil
	}
	t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.Column.Name)
	if o.record.Version.Major() >= 18 {
		name := sqlIdent(c.Table.Name + "_" + c.Column.Name + "_not_null")
		return &lint.Fix{
			Title: "add NOT NULL as NOT VALID and validate it in a later migration",
			Edits: []lint.Edit{o.replace(fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s NOT NULL %s NOT VALID", t, name, col))},
			Files: o.file("validate_"+c.Column.Name, fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;", t, name), "", false),
		}
	}
	name := sqlIdent(c.Table.Name + "_" + c.Column.Name + "_is_set")
	up := fmt.Sprintf("%sALTER TABLE %s VALIDATE CONSTRAINT %s;\nALTER TABLE %s ALTER COLUMN %s SET NOT NULL;\nALTER TABLE %s DROP CONSTRAINT %s;",
		o.timeout(), t, name, t, col, t, name)
	return &lint.Fix{
		Title: "prove with a CHECK that no value is NULL, then SET NOT NULL in a later migration",
		Edits: []lint.Edit{o.replace(fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID", t, name, col))},
		Files: o.file("set_"+c.Column.Name+"_not_null", up, "", false),
	}
}

func (o *offer) usingIndex() *lint.Fix {
	if !o.one("ADD CONSTRAINT") || o.step.Stmt.Syntax.UsingIndex || !o.alone() {
		return nil
	}
	c, ok := Has[*schema.AddConstraint](o.step)
	if !ok || c.Constraint.Deferrable || c.Constraint.Kind != schema.Unique {
		return nil
	}
	i := o.step.After.Indexes[c.Constraint.Index]
	t := rel(o.step, c.Constraint.Table)
	if i == nil || t == nil || t.Kind == schema.PartitionedTable {
		return nil
	}
	add := fmt.Sprintf("%sALTER TABLE %s ADD CONSTRAINT %s UNIQUE USING INDEX %s;", o.timeout(), sqlName(t.Schema, t.Name), sqlIdent(c.Constraint.Name), sqlIdent(i.Name))
	fix := o.outside("build the unique index CONCURRENTLY, then make it the constraint", concurrently(i.Definition), i.Name, "")
	if fix != nil {
		fix.Files = append(fix.Files, o.file("add_"+c.Constraint.Name, add, "", false)...)
	}
	return fix
}

func (o *offer) defaultApart() *lint.Fix {
	if !o.one("ADD COLUMN") {
		return nil
	}
	c, ok := Has[*schema.AddColumn](o.step)
	if !ok || c.Column.Default == "" || c.Column.Generated != "" || c.Column.Identity != "" || c.Column.NotNull || len(Changes[*schema.AddConstraint](o.step)) > 0 {
		return nil
	}
	if _, serial := Has[*schema.AddSequence](o.step); serial {
		return nil
	}
	t, col := sqlName(c.Table.Schema, c.Table.Name), sqlIdent(c.Column.Name)
	return &lint.Fix{
		Title: "add the column without a default, then give new rows theirs; fill the old ones in batches",
		Edits: []lint.Edit{o.replace(fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s;\nALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s", t, col, c.Column.Type, t, col, c.Column.Default))},
	}
}

// split moves the long work, and what comes after it, into a migration of its own.
func (o *offer) split() *lint.Fix {
	// A way back undoes the whole file: it cannot be told apart.
	if o.ownTransaction() || o.step.Index == 0 || o.m.Migration.Down != nil && len(o.m.Migration.Down.Statements) > 0 {
		return nil
	}
	last := o.m.Statements[len(o.m.Statements)-1]
	for _, st := range o.m.Statements[o.step.Index:] {
		if !o.editable(st) || st.Batch != 0 {
			return nil
		}
	}
	up := o.timeout() + o.m.Source[o.step.Stmt.Pos.Offset:last.End.Offset] + ";"
	return &lint.Fix{
		Title: "give the long work a migration of its own",
		Edits: []lint.Edit{o.remove(o.m.Migration, o.step.Stmt, last)},
		Files: o.file(strings.TrimSpace(o.m.Name+" part 2"), up, "", false),
	}
}

func (o *offer) lockTimeout() *lint.Fix {
	line := setLockTimeout(o.step)
	if o.step.Stmt.Batch != 0 {
		return nil
	}
	at := o.step.Stmt.Pos
	return &lint.Fix{Title: "wait for locks 2 seconds at most", Edits: []lint.Edit{{Pos: at, End: at, Text: line + "\n"}}}
}

// leftOut takes a statement out that does nothing, from a file that does something else.
func (o *offer) leftOut() *lint.Fix {
	if len(o.step.Changes) > 0 || len(o.m.Steps) < 2 {
		return nil
	}
	return &lint.Fix{Title: "leave out what does nothing", Edits: []lint.Edit{o.remove(o.m.Migration, o.step.Stmt, o.step.Stmt)}}
}
