package pipeline

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// visible are the catalogs that other sessions see while the new migrations
// run: before the first, and after each transaction.
func visible(r *devdb.Record) []*schema.Catalog {
	out := []*schema.Catalog{r.Before}
	for n, m := range r.New {
		for i, s := range m.Steps {
			last := i == len(m.Steps)-1
			open := s.InTx && !last && m.Steps[i+1].TxID == s.TxID
			if last && s.InTx && m.TxMode == migration.TxAll && n < len(r.New)-1 {
				open = true
			}
			if !open && out[len(out)-1] != s.After {
				out = append(out, s.After)
			}
		}
	}
	return append(out, r.After)
}

// exposes says what running code would meet between the transactions of the
// changed migrations that it does not meet between those of the recorded ones:
// a rule that is gone before the one that takes its place is there, an object
// that is away for a while, a column under a name that meant another one.
// With ends the changed ones are meant to end in another state, which is not looked at.
func exposes(before, after *devdb.Record, ends bool) string {
	old, now := visible(before), visible(after)
	if ends {
		now = slices.DeleteFunc(now, func(c *schema.Catalog) bool { return c == after.After })
	}
	for _, v := range now {
		why := ""
		if !slices.ContainsFunc(old, func(o *schema.Catalog) bool {
			why = harm(before.Before, before.After, o, v)
			return why == ""
		}) {
			return why
		}
	}
	return ""
}

// harm says how a state differs from one of the recorded ones in a way that
// running code may notice; empty if only by what it does not know yet.
func harm(first, last, o, v *schema.Catalog) string {
	for _, c := range schema.Residue(o, v) {
		if !harmless(first, last, v, c) {
			return "between two transactions: " + schema.Describe(c)
		}
	}
	return ""
}

func harmless(first, last, v *schema.Catalog, c schema.Change) bool {
	switch c := c.(type) {
	case *schema.AddColumn:
		was := relationNamed(first, c.Table)
		if was == nil {
			return true
		}
		n := was.ColumnNamed(c.Column.Name)
		return n == nil || was.OID == c.Table.OID && n.Num == c.Column.Num
	case *schema.AddConstraint:
		k := c.Constraint
		return constraintNamed(last, v, k) != nil || constraintNamed(first, v, k) != nil || provesNotNull(last, v, k)
	case *schema.DropIndex: // not built yet, or dropped later
		return indexNamed(first, c.Index) == nil && !indexSwapped(first, v, c.Index)
	case *schema.DropConstraint:
		return constraintNamed(first, v, c.Constraint) == nil && !constraintSwapped(first, v, c.Constraint)
	case *schema.AlterConstraint:
		return laxer(first, v, c.Before, c.After)
	case *schema.ValidateConstraint:
		return true
	case *schema.DropNotNull:
		was := first.Relations[c.Table.OID]
		return was != nil && was.Column(c.Column.Num) != nil && !was.Column(c.Column.Num).NotNull || was == nil || was.Column(c.Column.Num) == nil
	case *schema.AlterIndex:
		return true // not valid yet: the planner and uniqueness know
	case *schema.SetNotNull:
		t := last.Relations[c.Table.OID]
		return t != nil && t.Column(c.Column.Num) != nil && t.Column(c.Column.Num).NotNull
	case *schema.AlterDefault:
		was := first.Relations[c.Table.OID]
		return was == nil || was.Column(c.After.Num) == nil // of a column that is new
	}
	return strings.HasPrefix(reflect.TypeOf(c).Elem().Name(), "Add")
}

// laxer reports whether a constraint that was not there before is not validated yet.
func laxer(first, v *schema.Catalog, b, a *schema.Constraint) bool {
	k := constraintNamed(first, v, a)
	return b.Deferrable == a.Deferrable && b.Deferred == a.Deferred && (k == nil || !k.Validated) && !constraintSwapped(first, v, a)
}

// indexSwapped reports whether an index of before is gone whose place the given
// one takes: as the rule that nothing is twice, by name, or for the same column.
func indexSwapped(first, v *schema.Catalog, with *schema.Index) bool {
	for _, i := range first.Indexes {
		if i.Table != with.Table || v.Relations[i.Table] == nil || indexNamed(v, i) != nil {
			continue
		}
		if i.Unique && with.Unique || i.Name == with.Name || len(i.Keys) > 0 && len(with.Keys) > 0 && i.Keys[0].Text == with.Keys[0].Text {
			return true
		}
	}
	return false
}

// constraintSwapped reports whether a constraint of before is gone whose place
// the given one takes: of its kind, and by name or for one of its columns.
func constraintSwapped(first, v *schema.Catalog, with *schema.Constraint) bool {
	for _, k := range first.Constraints {
		if k.Table != with.Table || k.Kind != with.Kind || k.Kind == schema.NotNull || v.Relations[k.Table] == nil || constraintNamed(v, first, k) != nil {
			continue
		}
		if k.Name == with.Name || k.Kind == schema.Unique || k.Kind == schema.PrimaryKey ||
			slices.ContainsFunc(k.Columns, func(n int16) bool { return slices.Contains(with.Columns, n) }) {
			return true
		}
	}
	return false
}

func relationNamed(c *schema.Catalog, r *schema.Relation) *schema.Relation {
	return c.RelationNamed(r.Schema, r.Name)
}

func indexNamed(c *schema.Catalog, i *schema.Index) *schema.Index {
	for _, x := range c.Indexes {
		if x.Schema == i.Schema && x.Name == i.Name && x.Definition == i.Definition {
			return x
		}
	}
	return nil
}

// constraintNamed gives the constraint of in that says the same as k of from,
// validated or not.
func constraintNamed(in, from *schema.Catalog, k *schema.Constraint) *schema.Constraint {
	def := strings.TrimSuffix(k.Definition, " NOT VALID")
	for _, x := range in.Constraints {
		if x.Name == k.Name && x.Kind == k.Kind && strings.TrimSuffix(x.Definition, " NOT VALID") == def &&
			in.Name(schema.Ref{Class: schema.ClassConstraint, OID: x.OID}) == from.Name(schema.Ref{Class: schema.ClassConstraint, OID: k.OID}) {
			return x
		}
	}
	return nil
}

// provesNotNull reports whether a CHECK says that a column is set which is NOT NULL in the end.
func provesNotNull(last, v *schema.Catalog, k *schema.Constraint) bool {
	if k.Kind != schema.Check && k.Kind != schema.NotNull || len(k.Columns) != 1 || v.Relations[k.Table] == nil || last.Relations[k.Table] == nil {
		return false
	}
	col := last.Relations[k.Table].Column(k.Columns[0])
	if col == nil || !col.NotNull {
		return false
	}
	return k.Kind == schema.NotNull || strings.Trim(k.Expression, "()") == fmt.Sprintf("%s IS NOT NULL", col.Name) ||
		strings.Trim(k.Expression, "()") == fmt.Sprintf("%q IS NOT NULL", col.Name)
}

// lost says which statement of the recorded migrations, other than those that
// the fixes are about, the changed ones no longer have.
func lost(before, after *devdb.Record, about map[*migration.Statement]bool) string {
	have := map[string]int{}
	for _, m := range after.New {
		for _, st := range statements(m) {
			have[plain(st.Text)]++
		}
	}
	fresh := len(about)
	for _, m := range before.New {
		for _, st := range statements(m) {
			if have[plain(st.Text)]--; have[plain(st.Text)] >= 0 || about[st] {
				continue
			}
			if x := st.Syntax; x.Set != nil && strings.HasSuffix(x.Set.Name, "_timeout") || x.Transaction != "" {
				continue
			}
			return fmt.Sprintf("line %d of %s is lost", st.Pos.Line, st.Pos.Path)
		}
	}
	for _, n := range have {
		fresh -= max(n, 0)
	}
	if fresh > 0 {
		for _, st := range sortedStatements(about) {
			if have[plain(st.Text)] < 0 {
				return fmt.Sprintf("line %d of %s is lost", st.Pos.Line, st.Pos.Path)
			}
		}
	}
	return ""
}

func statements(m *devdb.Recorded) []*migration.Statement { return m.Migration.Statements }

func sortedStatements(set map[*migration.Statement]bool) []*migration.Statement {
	var out []*migration.Statement
	for st := range set {
		out = append(out, st)
	}
	slices.SortFunc(out, func(a, b *migration.Statement) int {
		if a.Pos.Path != b.Pos.Path {
			return strings.Compare(a.Pos.Path, b.Pos.Path)
		}
		return a.Pos.Offset - b.Pos.Offset
	})
	return out
}

// plain is a statement's text without what layout makes of it.
func plain(text string) string {
	return strings.ToLower(strings.Join(strings.Fields(text), " "))
}
