package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// outside puts text in the statement's place and out of the tool's
// transaction: in this file if it does nothing else, else in a new one. What
// takes it back goes along.
func (o *offer) outside(title, text, name, down string, undo *migration.Statement) *lint.Fix {
	if !o.step.InTx {
		return &lint.Fix{Title: title, Edits: o.patient(text)}
	}
	if o.ownTransaction() {
		return nil
	}
	if fix := o.inPlace(title, text); fix != nil {
		return fix
	}
	if !o.canLeave() {
		return nil
	}
	fix := &lint.Fix{Title: title + ", in a migration of its own", Edits: []lint.Edit{o.remove(o.m.Migration, o.step.Stmt, o.step.Stmt)}}
	fix.Edits = append(fix.Edits, o.localTimeouts()...)
	fix.Files = o.file(name, o.commented(text)+";", down, true)
	if undo != nil {
		fix.Edits = append(fix.Edits, o.remove(o.m.Migration.Down, undo, undo))
	}
	return fix
}

// inPlace takes the whole file out of the tool's transaction, nil if it does
// more than the statement or the format knows no way.
func (o *offer) inPlace(title, text string) *lint.Fix {
	if !o.alone() {
		return nil
	}
	only := *o.m.Migration
	only.Statements = []*migration.Statement{o.step.Stmt}
	ins, files, ok := only.LeaveTransaction()
	if !ok {
		return nil
	}
	fix := &lint.Fix{Title: title, Edits: o.patient(text)}
	for _, i := range ins {
		fix.Edits = append(fix.Edits, lint.Edit{Pos: i.At, End: i.At, Text: i.Text})
	}
	for _, f := range files {
		fix.Files = append(fix.Files, lint.NewFile{Path: f.Path, Text: f.Text})
	}
	return fix
}

// patient puts text in the statement's place without the timeouts that the
// file sets: what waits for older transactions, or takes long and lets others
// work, must not give up.
func (o *offer) patient(text string) []lint.Edit {
	edits := []lint.Edit{o.replace(text)}
	if o.alone() {
		for _, s := range o.m.Steps {
			if s != o.step && o.isTimeout(s) {
				edits = append(edits, o.remove(o.m.Migration, s.Stmt, s.Stmt))
			}
		}
		return edits
	}
	if t := o.step.Settings.LockTimeout; t > 0 && !o.record.Config.LockTimeoutSet && !o.step.InTx {
		edits[0] = o.replace(fmt.Sprintf("SET lock_timeout = 0;\n%s;\nSET lock_timeout = '%dms'", text, t.Milliseconds()))
	}
	return edits
}

// localTimeouts make timeouts that the file sets for the whole session end with
// its transaction: the statement that is moved behind it must not run under them.
func (o *offer) localTimeouts() []lint.Edit {
	var out []lint.Edit
	for _, s := range o.m.Steps {
		set := s.Stmt.Syntax.Set
		if !s.InTx || !o.isTimeout(s) || set.Local || set.Reset || o.m.Format.Session() == migration.SessionFile {
			continue
		}
		if at := setHead.FindStringIndex(s.Stmt.Text); at != nil {
			from := o.m.PlaceOf(s.Stmt.Pos.Offset + at[1])
			to := from
			if word := sessionWord.FindString(s.Stmt.Text[at[1]:]); word != "" {
				to = o.m.PlaceOf(from.Offset + len(word))
			}
			out = append(out, lint.Edit{Pos: from, End: to, Text: "LOCAL "})
		}
	}
	return out
}

var (
	createIndexHead = regexp.MustCompile(`(?is)^(CREATE\s+(?:UNIQUE\s+)?INDEX)\s+`)
	dropIndexHead   = regexp.MustCompile(`(?is)^(DROP\s+INDEX)\s+`)
	setHead         = regexp.MustCompile(`(?is)^SET\s+`)
	sessionWord     = regexp.MustCompile(`(?is)^SESSION\s+`)
)

// written is the statement with CONCURRENTLY: as it stands, or as the server
// writes it where names may mean something else in another file.
func (o *offer) written(head *regexp.Regexp, definition string) string {
	if path := strings.ReplaceAll(o.step.Settings.SearchPath, " ", ""); definition != "" && path != `"$user",public` && path != "public" {
		return definition
	}
	at := head.FindStringSubmatchIndex(o.text())
	return o.text()[:at[3]] + " CONCURRENTLY" + o.text()[at[3]:]
}

func (o *offer) indexConcurrently() *lint.Fix {
	c, ok := Has[*schema.AddIndex](o.step)
	if !ok || !createIndexHead.MatchString(o.text()) || c.Index.Partitioned || o.step.Stmt.Syntax.Concurrently {
		return nil
	}
	i := c.Index
	undo := o.undone(func(x *migration.Syntax) bool {
		return x.Tag == "DROP INDEX" && len(x.Objects) == 1 && isNamed(x.Objects[0], i.Schema, i.Name)
	})
	return o.outside("build the index CONCURRENTLY", o.written(createIndexHead, concurrently(i.Definition)), i.Name,
		"DROP INDEX CONCURRENTLY "+sqlName(i.Schema, i.Name)+";", undo)
}

func (o *offer) dropConcurrently() *lint.Fix {
	c, ok := Has[*schema.DropIndex](o.step)
	if !ok || !dropIndexHead.MatchString(o.text()) || len(o.step.Stmt.Syntax.Objects) != 1 || o.step.Stmt.Syntax.Cascade {
		return nil
	}
	i := c.Index
	undo := o.undone(func(x *migration.Syntax) bool { return x.Tag == "CREATE INDEX" && isNamed(x.Name, i.Schema, i.Name) })
	return o.outside("drop the index CONCURRENTLY", o.written(dropIndexHead, "DROP INDEX CONCURRENTLY "+sqlName(i.Schema, i.Name)), "drop_"+i.Name,
		concurrently(i.Definition)+";", undo)
}

// usingIndex builds the index of a key first, without blocking reads and writes.
func (o *offer) usingIndex() *lint.Fix {
	k := changedConstraint(o.step, "", schema.Unique, schema.PrimaryKey)
	if k == nil || o.step.Stmt.Syntax.UsingIndex || len(Changes[*schema.SetNotNull](o.step)) > 0 || !o.canLeave() {
		return nil
	}
	i, t := o.step.After.Indexes[k.Index], rel(o.step, k.Table)
	if i == nil || t == nil || t.Kind == schema.PartitionedTable {
		return nil
	}
	at := o.action(func(a migration.Action) bool {
		return a.Kind == "ADD CONSTRAINT" && a.Constraint != nil && (a.Constraint.Kind == "UNIQUE" || a.Constraint.Kind == "PRIMARY KEY") &&
			(a.Name == "" || unqualified(a.Name) == k.Name)
	})
	if at < 0 {
		return nil
	}
	table := sqlName(t.Schema, t.Name)
	build := concurrently(i.Definition)
	key := fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s %s USING INDEX %s%s;", table, sqlIdent(k.Name), keyWord(k), sqlIdent(i.Name), deferral(k))
	title := "build the unique index CONCURRENTLY, then add the constraint USING INDEX"
	dropIndex := "DROP INDEX " + sqlName(i.Schema, i.Name)
	undo := o.undone(func(x *migration.Syntax) bool {
		return len(x.Objects) == 1 && isNamed(x.Objects[0], t.Schema, t.Name) && len(x.Actions) == 1 && x.Actions[0].Kind == "DROP CONSTRAINT" && unqualified(x.Actions[0].Name) == k.Name
	})
	if o.hasDown() && undo == nil {
		return nil // it is not clear what takes the key back
	}
	var fix *lint.Fix
	if len(o.step.Stmt.Syntax.Actions) == 1 {
		if o.step.InTx {
			fix = o.inPlace(title, build)
		} else {
			fix = &lint.Fix{Title: title, Edits: o.patient(build)}
		}
		if fix != nil && undo != nil {
			fix.Edits = append(fix.Edits, lint.Edit{Pos: undo.Pos, End: undo.End, Text: dropIndex})
		}
	}
	if fix == nil {
		if fix = (&lint.Fix{Title: title}); len(o.step.Stmt.Syntax.Actions) == 1 {
			fix.Edits = []lint.Edit{o.remove(o.m.Migration, o.step.Stmt, o.step.Stmt)}
			build = o.commented(build)
		} else {
			fix.Edits = []lint.Edit{o.withoutAction(at)}
		}
		fix.Edits = append(fix.Edits, o.localTimeouts()...)
		fix.Files = o.file(i.Name, build+";", "DROP INDEX CONCURRENTLY "+sqlName(i.Schema, i.Name)+";", true)
		if undo != nil {
			fix.Edits = append(fix.Edits, o.remove(o.m.Migration.Down, undo, undo))
		}
	}
	down := ""
	if o.hasDown() { // the constraint takes its index along
		down = fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s;\n%s;", table, sqlIdent(k.Name), strings.Replace(concurrently(i.Definition), " CONCURRENTLY", "", 1))
	}
	fix.Files = append(fix.Files, o.file("add_"+k.Name, o.guarded(key), down, false)...)
	return fix
}

func keyWord(k *schema.Constraint) string {
	if k.Kind == schema.PrimaryKey {
		return "PRIMARY KEY"
	}
	return "UNIQUE"
}

// deferral is how a constraint says when it is checked.
func deferral(k *schema.Constraint) string {
	switch {
	case k.Deferred:
		return " DEFERRABLE INITIALLY DEFERRED"
	case k.Deferrable:
		return " DEFERRABLE"
	}
	return ""
}

// dropsBefore reports whether an earlier statement of the transaction drops an
// index or constraint of the table: what takes its place must not come later.
func (o *offer) dropsBefore(table schema.OID) bool {
	for _, s := range o.m.Steps[:o.step.Index] {
		if slices.ContainsFunc(Changes[*schema.DropIndex](s), func(c *schema.DropIndex) bool { return c.Index.Table == table }) ||
			slices.ContainsFunc(Changes[*schema.DropConstraint](s), func(c *schema.DropConstraint) bool { return c.Constraint.Table == table }) {
			return true
		}
	}
	return false
}
