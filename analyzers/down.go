package analyzers

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// downs yields the migrations whose way back was run.
func (p *Pass) downs() iter.Seq2[*devdb.Recorded, *devdb.DownRun] {
	return func(yield func(*devdb.Recorded, *devdb.DownRun) bool) {
		for _, m := range p.New {
			if m.Down != nil && !yield(m, m.Down) {
				return
			}
		}
	}
}

// atDown is the first statement of the way back.
func atDown(m *devdb.Recorded, d *devdb.DownRun) At {
	pos := migration.Position{Path: d.Migration.Path, Line: 1}
	end := pos
	if len(d.Migration.Statements) > 0 {
		pos, end = d.Migration.Statements[0].Pos, d.Migration.Statements[0].End
	}
	return At{Migration: m, Pos: pos, End: end}
}

// idle reports whether statements do nothing: SELECT 1 stands for "no way back".
func idle(statements []*migration.Statement) bool {
	for _, s := range statements {
		if s.Syntax.Transaction == "" && s.Syntax.Tag != "SELECT" && s.Syntax.Set == nil {
			return false
		}
	}
	return true
}

// lostData reports whether what did not come back is a table or column that was
// there before the migration and that the way back took, not the migration.
func lostData(c schema.Change, m *devdb.Recorded) bool {
	var there bool
	switch c := c.(type) {
	case *schema.DropTable:
		there = takenByDown(m, func(x schema.Change) bool { d, ok := x.(*schema.DropTable); return ok && d.Table.OID == c.Table.OID })
	case *schema.DropColumn:
		there = takenByDown(m, func(x schema.Change) bool {
			d, ok := x.(*schema.DropColumn)
			return ok && d.Table.OID == c.Table.OID && d.Column.Num == c.Column.Num
		})
	}
	return there
}

// ofLost reports whether a change is of an index or constraint that went with its table.
func ofLost(c schema.Change, left []schema.Change) bool {
	var table schema.OID
	switch c := c.(type) {
	case *schema.DropIndex:
		table = c.Index.Table
	case *schema.DropConstraint:
		table = c.Constraint.Table
	}
	return table != 0 && slices.ContainsFunc(left, func(l schema.Change) bool {
		d, ok := l.(*schema.DropTable)
		return ok && d.Table.OID == table
	})
}

// ofTable names the table of a constraint that is not as it was.
func ofTable(c schema.Change, m *devdb.Recorded) string {
	var k *schema.Constraint
	switch c := c.(type) {
	case *schema.AddConstraint:
		k = c.Constraint
	case *schema.DropConstraint:
		k = c.Constraint
	default:
		return ""
	}
	for _, s := range m.Steps {
		if t := s.Before.Relations[k.Table]; t != nil {
			return " of " + short(t.QualifiedName())
		}
	}
	return ""
}

// ofNotNull reports whether a change is of the constraint that a column's NOT
// NULL is (18 and later), where the column's change tells the same.
func ofNotNull(c schema.Change, left []schema.Change) bool {
	var k *schema.Constraint
	switch c := c.(type) {
	case *schema.AddConstraint:
		k = c.Constraint
	case *schema.DropConstraint:
		k = c.Constraint
	}
	return k != nil && k.Kind == schema.NotNull && slices.ContainsFunc(left, func(l schema.Change) bool {
		switch l := l.(type) {
		case *schema.SetNotNull:
			return l.Table.OID == k.Table && slices.Contains(k.Columns, l.Column.Num)
		case *schema.DropNotNull:
			return l.Table.OID == k.Table && slices.Contains(k.Columns, l.Column.Num)
		}
		return false
	})
}

// staysHarmless reports whether what stays does no harm to another run: an enum
// value that the migration adds IF NOT EXISTS, which no statement takes away, or
// the CHECK that DETACH PARTITION CONCURRENTLY gives a table, of its old bound.
func staysHarmless(c schema.Change, m *devdb.Recorded) bool {
	if k, ok := c.(*schema.AddConstraint); ok {
		return slices.ContainsFunc(m.Steps, func(s *devdb.Step) bool {
			return slices.ContainsFunc(Changes[*schema.DetachPartition](s), func(d *schema.DetachPartition) bool {
				return d.Partition.OID == k.Constraint.Table && s.Stmt.Syntax.Concurrently
			})
		})
	}
	v, ok := c.(*schema.AddEnumValue)
	return ok && slices.ContainsFunc(m.Steps, func(s *devdb.Step) bool {
		return slices.ContainsFunc(s.Stmt.Syntax.Actions, func(a migration.Action) bool { return a.Kind == "ADD VALUE" && a.Name == v.Value && a.IfNotExists })
	})
}

// leftText describes what is not as it was. A column or index that went and
// came back is one thing: both of its forms are told.
func leftText(c schema.Change, left []schema.Change) string {
	for _, l := range left {
		if !anew(l, c) {
			continue
		}
		switch c := c.(type) {
		case *schema.AddColumn:
			return fmt.Sprintf("column %s.%s is %s, was %s", short(c.Table.QualifiedName()), c.Column.Name, columnText(c.Column), columnText(l.(*schema.DropColumn).Column))
		case *schema.AddIndex:
			return fmt.Sprintf("index %s is %s, was %s", short(c.Index.QualifiedName()), short(c.Index.Definition), short(l.(*schema.DropIndex).Index.Definition))
		}
	}
	text := schema.Describe(c)
	if rest, ok := strings.CutPrefix(text, "add "); ok && slices.ContainsFunc(left, func(l schema.Change) bool { return anew(l, c) }) {
		return rest + " differs from before"
	}
	return text
}

// madeAnew reports whether what is gone came back in another form, which tells it.
func madeAnew(c schema.Change, left []schema.Change) bool {
	return slices.ContainsFunc(left, func(l schema.Change) bool { return anew(c, l) })
}

// anew reports whether one change drops what the other adds, by name.
func anew(drop, add schema.Change) bool {
	switch d := drop.(type) {
	case *schema.DropColumn:
		a, ok := add.(*schema.AddColumn)
		return ok && a.Table.QualifiedName() == d.Table.QualifiedName() && a.Column.Name == d.Column.Name
	case *schema.DropIndex:
		a, ok := add.(*schema.AddIndex)
		return ok && a.Index.QualifiedName() == d.Index.QualifiedName()
	}
	gone, ok := strings.CutPrefix(schema.Describe(drop), "drop ")
	return ok && schema.Describe(add) == "add "+gone
}

// columnText is a column's type and what stands behind it.
func columnText(c *schema.Column) string {
	text := c.Type
	if c.NotNull {
		text += " NOT NULL"
	}
	if c.Default != "" {
		text += " DEFAULT " + c.Default
	}
	return text
}

func takenByDown(m *devdb.Recorded, is func(schema.Change) bool) bool {
	for _, s := range m.Down.Steps {
		for _, c := range s.Changes {
			if is(c) {
				return true
			}
		}
	}
	return false
}

// destroyed reports the first statement of a way back that takes a table or
// column which was there before the migration, or empties such a table.
func (p *Pass) destroyed(m *devdb.Recorded, d *devdb.DownRun) bool {
	if len(m.Steps) == 0 {
		return false
	}
	for _, s := range d.Steps {
		what, object := takes(s, d.Left)
		if x := s.Stmt.Syntax; what == "" && (x.Tag == "TRUNCATE TABLE" || x.Tag == "TRUNCATE" || x.Tag == "DELETE" && !x.HasWhere) && len(x.Objects) > 0 {
			if r := writtenRelation(s, x.Objects[0]); r != nil && m.Steps[0].Before.RelationNamed(r.Schema, r.Name) != nil {
				what, object = "empties "+quote(r.QualifiedName()), r.QualifiedName()
			}
		}
		if what == "" {
			continue
		}
		p.Report(At{Migration: m, Pos: s.Stmt.Pos, End: s.Stmt.End}, lint.Finding{
			Object: object, Confidence: lint.Proven, Message: fmt.Sprintf("the down migration %s, which existed before the migration", what),
			Evidence: []lint.Evidence{catalogEvidence(object, "exists before the migration, missing after the down migration")},
			Advice:   "Undo only the changes of the migration.",
		})
		return true
	}
	return false
}

// takes tells what of Left the step drops: a table or column of before.
func takes(s *devdb.Step, left []schema.Change) (what, object string) {
	for _, c := range s.Changes {
		for _, l := range left {
			switch c := c.(type) {
			case *schema.DropTable:
				if x, ok := l.(*schema.DropTable); ok && x.Table.OID == c.Table.OID {
					return "drops table " + quote(c.Table.QualifiedName()), c.Table.QualifiedName()
				}
			case *schema.DropColumn:
				if x, ok := l.(*schema.DropColumn); ok && x.Table.OID == c.Table.OID && x.Column.Num == c.Column.Num {
					object = c.Table.QualifiedName() + "." + c.Column.Name
					return "drops column " + quote(object), object
				}
			}
		}
	}
	return "", ""
}
