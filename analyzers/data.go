package analyzers

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

// What the checks about rows (DD) share: whether a demand on existing rows was
// tried, and when none can break it.

// reportDemand reports that a statement demands something of existing rows,
// by what came of trying it: proven, with the rows, if they made the migration
// fail; not at all if it passed or no such row can be; as it stands, a warning,
// if nothing was tried, unless an earlier statement of the change writes the
// table and so may have mended it.
func (p *Pass) reportDemand(at At, d devdb.Demand, target schema.Ref, table schema.OID, f lint.Finding) {
	proof := at.Step.Proof(d, target)
	switch {
	case proof != nil && proof.Hung: // as if rows had broken it: a busy machine makes nothing milder
		f.Severity = lint.Error
		f.Evidence = append(f.Evidence, gaveUp(proof)...)
	case proof == nil || proof.Outcome == devdb.Unknown:
		if table != 0 && p.writtenBefore(at, table) {
			return
		}
		f.Evidence = append(f.Evidence, gaveUp(proof)...)
	case proof.Outcome != devdb.Fails:
		return
	default:
		f.Severity, f.Confidence = lint.Error, lint.Proven
		if x := proof.Counterexample; x != nil {
			f.Evidence = append([]lint.Evidence{counterexample(x)}, f.Evidence...)
		}
	}
	p.Report(at, f)
}

// gaveUp says that rows were still to be tried when the search was ended.
func gaveUp(proof *devdb.Proof) []lint.Evidence {
	if proof == nil || !proof.GaveUp {
		return nil
	}
	text := "no violating row is shown: "
	if proof.Demand == devdb.DemandKeep {
		text = "not known whether the change keeps the data elsewhere: "
	}
	return []lint.Evidence{{Kind: "rows", Text: text + proof.Why}}
}

// seededProof reports whether rows of the team's own seed break the demand.
func seededProof(s *devdb.Step, d devdb.Demand, target schema.Ref) bool {
	proof := s.Proof(d, target)
	return proof != nil && proof.Outcome == devdb.Fails && proof.Counterexample != nil && proof.Counterexample.Seeded
}

// counterexample tells the rows and what the server said of them, or what
// became of them.
func counterexample(x *devdb.Counterexample) lint.Evidence {
	text := x.Say()
	if len(x.Left) > 0 {
		text += " (without " + listPlain(x.Left, 3) + ")"
	}
	if x.Twin != "" {
		text += " (tried on " + x.Twin + ", which differs only in its schema)"
	}
	return lint.Evidence{Kind: "counterexample", Text: text, SQL: x.Rows, Code: x.Code}
}

// reportLoss reports a finding as withLoss makes it.
func (p *Pass) reportLoss(at At, f lint.Finding, kept func(places string) string, refs ...schema.Ref) {
	p.Report(at, withLoss(at, f, kept, refs...))
}

// withLoss adds to a finding what a statement takes away of what the refs hold:
// rows of tables, values of columns. It shows a row before and after. What the
// change puts elsewhere first is not lost: the finding is then milder, and its
// message what kept makes of the places.
func withLoss(at At, f lint.Finding, kept func(places string) string, refs ...schema.Ref) lint.Finding {
	var shown, kinds []lint.Evidence
	var places []string
	saved := 0
	for _, r := range refs {
		switch proof := at.Step.Proof(devdb.DemandKeep, r); {
		case proof == nil:
		case proof.GaveUp:
			f.Evidence = append(f.Evidence, gaveUp(proof)...)
		case proof.Counterexample != nil:
			shown = append(shown, counterexample(proof.Counterexample))
		case len(proof.Kept) > 0:
			saved++
			places = append(places, proof.Kept...)
			kinds = append(kinds, lint.Evidence{Kind: "rows", Text: "what it held is in " + listPlain(proof.Kept, 4) + " afterwards"})
		}
	}
	switch {
	case len(shown) > 0:
		f.Confidence = lint.Proven
		f.Evidence = append(shown[:1], f.Evidence...)
	case saved > 0 && saved == len(refs):
		f.Severity, f.Confidence = lint.Warning, lint.Proven
		f.Message = kept(listPlain(places, 3))
		f.Evidence = append(f.Evidence, kinds...)
	}
	return f
}

func tableRef(oid schema.OID) schema.Ref { return schema.Ref{Class: schema.ClassRelation, OID: oid} }

// writtenBefore reports whether an earlier statement of the change set writes
// rows of the table: a back-fill or a clean-up, whose effect on an empty dev
// database nobody can see.
func (p *Pass) writtenBefore(at At, table schema.OID) bool {
	for _, s := range p.Steps() {
		if s == at.Step {
			return false
		}
		if writes(s, table) {
			return true
		}
	}
	return false
}

// emptied reports whether an earlier statement of the change set takes every
// row out of the table, so that nothing that is demanded of rows can fail.
func (p *Pass) emptied(at At, t *schema.Relation) bool {
	for _, s := range p.Steps() {
		if s == at.Step {
			return false
		}
		x := s.Stmt.Syntax
		all := s.Tag == "TRUNCATE TABLE" || s.Tag == "DELETE" && !x.HasWhere
		if all && slices.ContainsFunc(x.Objects, func(n string) bool { return names(n, t) }) {
			return true
		}
	}
	return false
}

// writes reports whether a step is a data statement that writes the table. A
// lock that is held already is not taken again, so the text is asked as well.
func writes(s *devdb.Step, table schema.OID) bool {
	data := false
	switch s.Tag {
	case "UPDATE", "DELETE", "MERGE", "TRUNCATE", "TRUNCATE TABLE":
		data = true
	case "DO", "SELECT", "CALL":
	default:
		return false
	}
	for _, l := range s.Locks {
		if l.Relation == table && (l.Mode == devdb.RowExclusive || data) {
			return true
		}
	}
	t := rel(s, table)
	if t == nil {
		return false
	}
	if data {
		return slices.ContainsFunc(s.Stmt.Syntax.Objects, func(n string) bool { return names(n, t) })
	}
	text := strings.ToLower(s.Stmt.Text)
	return (strings.Contains(text, "update ") || strings.Contains(text, "delete ")) && strings.Contains(text, strings.ToLower(t.Name))
}

// names reports whether a name as written in SQL can mean the relation.
func names(written string, t *schema.Relation) bool {
	parts := strings.Split(written, ".")
	last := strings.Trim(parts[len(parts)-1], `"`)
	if !strings.EqualFold(last, t.Name) {
		return false
	}
	return len(parts) == 1 || strings.EqualFold(strings.Trim(parts[len(parts)-2], `"`), t.Schema)
}

// old is the relation as it was before the whole change set, nil if the change makes it.
func (p *Pass) old(table schema.OID) *schema.Relation { return p.Before.Relations[table] }

// oldColumn is the column as it was before the whole change set, nil if the change makes it.
func (p *Pass) oldColumn(table schema.OID, num int16) *schema.Column {
	return column(p.Before.Relations[table], num)
}

// formerColumn is the column that stood, before the whole change set, where a
// column of after it stands: itself, or one of that name which is gone and in
// whose place the change put it. Code that knows the name knows both.
func (p *Pass) formerColumn(table schema.OID, num int16) *schema.Column {
	if old := p.oldColumn(table, num); old != nil {
		return old
	}
	now := column(p.After.Relations[table], num)
	if now == nil {
		return nil
	}
	return columnByName(p.Before.Relations[table], now.Name)
}

// added is a column as the change set added it, nil if it did not.
func (p *Pass) added(table schema.OID, num int16) *schema.Column {
	for _, a := range Each[*schema.AddColumn](p) {
		if a.Table.OID == table && a.Column.Num == num {
			return a.Column
		}
	}
	return nil
}

// allNew reports whether every column is made by this change set.
func (p *Pass) allNew(table schema.OID, nums []int16) bool {
	for _, n := range nums {
		if p.oldColumn(table, n) != nil {
			return false
		}
	}
	return len(nums) > 0
}

// reads reports whether the step reads all rows of the table or of one that
// holds a part of its rows: the server reads them only where one could break
// the demand.
func reads(s *devdb.Step, table schema.OID) bool {
	if _, ok := rewritten(s, table); ok || scanned(s, table) {
		return true
	}
	for _, r := range s.After.Relations {
		if (r.PartitionOf == table || slices.Contains(r.Inherits, table)) && reads(s, r.OID) {
			return true
		}
	}
	return false
}

// columnChange is the table, column and kind of a change of a column.
func columnChange(c schema.Change) (t *schema.Relation, col, kind string) {
	switch c := c.(type) {
	case *schema.AddColumn:
		return c.Table, c.Column.Name, "add"
	case *schema.DropColumn:
		return c.Table, c.Column.Name, "drop"
	case *schema.RenameColumn:
		return c.Table, c.Before.Name, "rename"
	case *schema.AlterColumnType:
		return c.Table, c.After.Name, "type"
	case *schema.SetNotNull:
		return c.Table, c.Column.Name, "not null"
	case *schema.AlterDefault:
		return c.Table, c.After.Name, "default"
	case *schema.AlterGenerated:
		return c.Table, c.After.Name, "generated"
	case *schema.AlterIdentity:
		return c.Table, c.After.Name, "identity"
	}
	return nil, "", ""
}

// fromParent reports whether a change of a column only follows that of a
// partitioned or inherited parent in the same statement, where it is reported.
// A parent that the change makes has no rows of its own and is not reported.
func (p *Pass) fromParent(s *devdb.Step, c schema.Change) bool {
	t, col, kind := columnChange(c)
	if t == nil || t.PartitionOf == 0 && len(t.Inherits) == 0 {
		return false
	}
	return slices.ContainsFunc(s.Changes, func(o schema.Change) bool {
		ot, ocol, okind := columnChange(o)
		return ot != nil && okind == kind && ocol == col && !p.IsNew(ot.OID) && (ot.OID == t.PartitionOf || slices.Contains(t.Inherits, ot.OID))
	})
}

// keyNames are an index's keys as they are written.
func keyNames(i *schema.Index) []string {
	var out []string
	for _, k := range i.Keys {
		if k.Column != 0 {
			out = append(out, sqlIdent(strings.Trim(k.Text, `"`)))
		} else {
			out = append(out, k.Text)
		}
	}
	return out
}

// uniqueBy reports whether rows that are unique by index a are unique by b.
func uniqueBy(a, b *schema.Index) bool {
	if !a.Unique || !a.Valid || a.Table != b.Table || a.Predicate != "" && a.Predicate != b.Predicate || b.NullsNotDistinct && !a.NullsNotDistinct {
		return false
	}
	for _, k := range a.Keys {
		if !slices.ContainsFunc(b.Keys, func(o schema.IndexKey) bool {
			return k.Column != 0 && k.Column == o.Column || k.Column == 0 && k.Text == o.Text
		}) {
			return false
		}
	}
	return true
}

// colNums are the columns an index's keys name; expressions name none.
func colNums(i *schema.Index) []int16 {
	var out []int16
	for _, k := range i.Keys {
		if k.Column != 0 {
			out = append(out, k.Column)
		}
	}
	return out
}

var (
	literal  = regexp.MustCompile(`'(?:[^']|'')*'(?:::[a-z ]+(?:\(\d+\))?)?`)
	literals = regexp.MustCompile(`§(?:, §)*`)
)

// weaker reports whether every row that passes the check before passes the
// check after: they are the same, or differ only in a list of values that got longer.
func weaker(before, after string) bool {
	if before == after {
		return true
	}
	skeleton := func(s string) string { return literals.ReplaceAllString(literal.ReplaceAllString(s, "§"), "§") }
	if !strings.Contains(after, "ANY (") || strings.Contains(after, " NOT ") || strings.Contains(after, "<>") || skeleton(before) != skeleton(after) {
		return false
	}
	have := literal.FindAllString(after, -1)
	for _, v := range literal.FindAllString(before, -1) {
		if !slices.Contains(have, v) {
			return false
		}
	}
	return true
}

// paren writes column names in parentheses.
func paren(cols []string) string { return "(" + strings.Join(cols, ", ") + ")" }

// idents quotes column names where SQL needs it.
func idents(cols []string) []string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = sqlIdent(c)
	}
	return out
}

// clip shortens an expression in a message.
func clip(s string) string {
	return lint.Cut(strings.Join(strings.Fields(s), " "), 80)
}

// bare takes the outermost parentheses off an expression.
func bare(s string) string {
	for strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") {
		depth := 0
		for i, r := range s {
			switch r {
			case '(':
				depth++
			case ')':
				depth--
			}
			if depth == 0 && i < len(s)-1 {
				return s
			}
		}
		s = s[1 : len(s)-1]
	}
	return s
}

// columnRef is a column's Ref.
func columnRef(table schema.OID, num int16) schema.Ref {
	return schema.Ref{Class: schema.ClassRelation, OID: table, Sub: num}
}

// constraintRef is a constraint's Ref.
func constraintRef(k *schema.Constraint) schema.Ref {
	return schema.Ref{Class: schema.ClassConstraint, OID: k.OID}
}

// factOf tells a fact of the catalog.
func factOf(object, format string, args ...any) []lint.Evidence {
	return []lint.Evidence{{Kind: "catalog", Text: fmt.Sprintf(format, args...), Object: object}}
}
