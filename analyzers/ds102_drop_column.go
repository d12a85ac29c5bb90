package analyzers

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var dropColumn = &Analyzer{
	Rule: lint.Rule{
		ID: "DS102", Name: "drop-column", Title: "dropping a column and its values", Severity: lint.Error,
		Aliases: []string{"atlas:DS103", "squawk:ban-drop-column", "strong_migrations:remove_column"}, Hazards: []string{"C15"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropColumn](p) {
			old := p.oldColumn(c.Table.OID, c.Column.Num)
			if old == nil || !c.Table.IsTable() || p.fromParent(at.Step, c) || fell(at.Step, columnRef(c.Table.OID, c.Column.Num)) {
				continue
			}
			table := qualified(c.Table.Schema, c.Table.Name)
			name := table + "." + c.Column.Name
			f := lint.Finding{
				Object:   name,
				Message:  fmt.Sprintf("drops column %q of %s: all its values are lost, and code that still uses it will fail", c.Column.Name, quote(table)),
				Evidence: factOf(name, "%s %s is dropped", name, c.Column.Type),
				Advice:   fmt.Sprintf("First release code that neither reads nor writes %s, then drop it in a later release.", c.Column.Name),
			}
			again := columnByName(p.After.Relations[c.Table.OID], old.Name)
			if again != nil && again.Num == old.Num { // a later statement failed, and the transaction has been rolled back
				again = nil
			}
			switch {
			case again != nil && again.Generated == "":
				f.Message = fmt.Sprintf("drops and re-adds column %q of %s: all its values are lost", c.Column.Name, quote(table))
				f.Evidence = factOf(name, "%s %s is dropped, %s is a new column of the same name", name, c.Column.Type, again.Type)
				using := ""
				if again.TypeOID != old.TypeOID {
					using = fmt.Sprintf(" USING %s::%s", sqlIdent(old.Name), again.Type)
				}
				f.Advice = fmt.Sprintf("Alter the existing column, or add the new one under another name and copy the values.\n\nALTER TABLE %s ALTER COLUMN %s TYPE %s%s;",
					sqlName(c.Table.Schema, c.Table.Name), sqlIdent(old.Name), again.Type, using)
			case c.Column.Generated != "" || c.Table.Kind == schema.ForeignTable:
				if again != nil {
					continue // made of other columns before and after
				}
				f.Severity = lint.Warning
				f.Message = fmt.Sprintf("drops column %q of %s: code that still uses it will fail", c.Column.Name, quote(table))
			}
			if s := p.copiedBefore(at, c.Table.OID, old, again); s != nil && !shownLost(at, columnRef(c.Table.OID, c.Column.Num)) {
				f.Severity = lint.Warning
				f.Message = fmt.Sprintf("drops column %q of %s: its values are copied into the new %q first, and later writes are lost", c.Column.Name, quote(table), again.Name)
				f.Evidence = factOf(name, "%s %s is dropped, %s replaces it, with its values copied in %s:%d", name, c.Column.Type, again.Type, s.Stmt.Pos.Path, s.Stmt.Pos.Line)
				f.Advice = "Keep both columns in sync with a trigger until the swap, and lock the table from the copy to the swap."
			}
			f = withLoss(at, f, func(places string) string {
				return fmt.Sprintf("drops column %q of %s: its values are kept in %s, and code that still uses it will fail", c.Column.Name, quote(table), places)
			}, columnRef(c.Table.OID, c.Column.Num))
			p.Report(at, p.unlessUsed(at, f, p.Before.Relations[c.Table.OID].Name, old.Name))
		}
		for at, c := range Each[*schema.AlterType](p) {
			p.attributesLost(at, c)
		}
	},
}

// shownLost reports whether a row shows that what an object held is gone.
func shownLost(at At, ref schema.Ref) bool {
	proof := at.Step.Proof(devdb.DemandKeep, ref)
	return proof != nil && proof.Counterexample != nil
}

// copiedBefore is the statement that gives every row's value of a column to the
// one that takes its place; nil if there is none.
func (p *Pass) copiedBefore(at At, table schema.OID, old, now *schema.Column) *devdb.Step {
	if now == nil {
		return nil
	}
	for _, s := range p.Steps() {
		if copiesColumn(s, table, old.Num, now.Num) {
			return s
		}
		if s == at.Step {
			break
		}
	}
	return nil
}

// copiesInto is a later statement that gives a column values of another one of its table.
func (p *Pass) copiesInto(at At, table schema.OID, now *schema.Column) *devdb.Step {
	seen := false
	for _, s := range p.Steps() {
		seen = seen || s == at.Step
		t := s.Before.Relations[table]
		if !seen || t == nil {
			continue
		}
		for _, c := range t.Columns {
			if c.Num != now.Num && p.oldColumn(table, c.Num) != nil && copiesColumn(s, table, c.Num, now.Num) {
				return s
			}
		}
	}
	return nil
}

var whereWord = regexp.MustCompile(`(?is)\bWHERE\b`)

// copiesColumn reports whether an UPDATE of all rows, plain or in a block, sets one
// column of a table from another.
func copiesColumn(s *devdb.Step, table schema.OID, from, to int16) bool {
	t := s.Before.Relations[table]
	if t == nil || s.Err != nil || s.Tag != "UPDATE" && s.Tag != "DO" {
		return false
	}
	src, dst := column(t, from), column(t, to)
	if dst == nil { // added in the block itself, under a name of that time
		return s.Tag == "DO" && src != nil && regexp.MustCompile(`(?is)\bUPDATE\b[^;]*\bSET\b[^;=]*=[^;]*\b`+regexp.QuoteMeta(src.Name)+`\b`).MatchString(s.Stmt.Text)
	}
	if src == nil || s.Tag == "UPDATE" && (!slices.ContainsFunc(s.Stmt.Syntax.Objects, func(n string) bool { return names(n, t) }) || whereWord.MatchString(s.Stmt.Text)) {
		return false
	}
	return regexp.MustCompile(`(?is)\bSET\b[^;]*"?\b` + regexp.QuoteMeta(dst.Name) + `"?\s*=[^;]*\b` + regexp.QuoteMeta(src.Name) + `\b`).MatchString(s.Stmt.Text)
}

// attributesLost reports what columns of a composite type lose with its attributes.
func (p *Pass) attributesLost(at At, c *schema.AlterType) {
	used := p.columnsOf(c.Before)
	if len(used) == 0 {
		return
	}
	for _, a := range c.Before.Attributes {
		if slices.ContainsFunc(c.After.Attributes, func(x *schema.Column) bool { return x.Num == a.Num }) {
			continue
		}
		name := qualified(c.After.Schema, c.After.Name)
		p.Report(at, lint.Finding{
			Object:   name,
			Message:  fmt.Sprintf("drops attribute %q of type %s: the values of it in %s are lost, and code that still uses it will fail", a.Name, quote(name), list(used, 3)),
			Evidence: factOf(name, "%s is of type %s", listPlain(slices.Clone(used), 5), short(name)),
			Advice:   fmt.Sprintf("First release code that neither reads nor writes %s, then drop it in a later release.", a.Name),
		})
	}
}

// columnsOf names the columns of tables of before the change that hold values
// of a type, or arrays of them.
func (p *Pass) columnsOf(t *schema.Type) []string {
	var out []string
	for _, r := range schema.Sorted(p.Before.Relations) {
		for _, c := range r.Columns {
			if isTable(string(r.Kind)) && (c.TypeOID == t.OID || short(c.Type) == sqlName(t.Schema, t.Name)+"[]") {
				out = append(out, qualified(r.Schema, r.Name)+"."+c.Name)
			}
		}
	}
	return out
}
