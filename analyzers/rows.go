package analyzers

import (
	"slices"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/migration"
	"github.com/assaydb/assay/internal/schema"
)

// How many rows a data change is about, as far as its text and the unique
// indexes say it.

// fewRows is up to how many rows that constants name are few.
const fewRows = 10000

// writesOf are the data changes of a step: those of its text, and of the
// functions and procedures that a SELECT, CALL or DO names. None if they are
// committed in batches.
func (p *Pass) writesOf(s *devdb.Step) []migration.Write {
	if w, ok := p.facts.writes[s]; ok {
		return w
	}
	var out []migration.Write
	switch s.Tag {
	case "UPDATE", "DELETE", "MERGE", "INSERT", "DO", "SELECT", "CALL", "CREATE TABLE AS", "SELECT INTO":
		found, committed := migration.Writes(s.Stmt)
		for _, f := range calledBy(s) {
			more, commits := migration.BodyWrites(f.Language, f.Body)
			found, committed = append(found, more...), committed || commits
		}
		if p.facts.commits[s] = committed; !committed {
			out = found
		}
	}
	p.facts.writes[s] = out
	return out
}

// calledBy are the functions and procedures that a SELECT, CALL or DO names.
func calledBy(s *devdb.Step) []*schema.Function {
	if s.Tag != "SELECT" && s.Tag != "CALL" && s.Tag != "DO" {
		return nil
	}
	var out []*schema.Function
	for _, f := range schema.Sorted(s.Before.Functions) {
		if (f.Language == "plpgsql" || f.Language == "sql") && !isTriggerFunction(f) && hasWord(s.Stmt.Text, f.Name) {
			out = append(out, f)
		}
	}
	return out
}

// sourceRelation finds the relation that a source means before the step; nil if it is a
// query, or not there.
func sourceRelation(s *devdb.Step, x migration.Source) *schema.Relation {
	if x.Rows != nil || x.Given || x.Name == "" {
		return nil
	}
	for _, in := range lookIn(s, x.Schema) {
		if r := s.Before.RelationNamed(in, x.Name); r != nil {
			return r
		}
	}
	return nil
}

// few reports whether rows are few: they come from a source whose rows are.
func (p *Pass) few(s *devdb.Step, rows *migration.Rows) bool {
	if rows == nil {
		return false
	}
	if rows.Limit > 0 && rows.Limit <= fewRows {
		return true
	}
	few := p.fewOf(s, rows)
	return !slices.Contains(few, false)
}

// fewTarget reports whether the rows of the first source are few.
func (p *Pass) fewTarget(s *devdb.Step, rows *migration.Rows) bool {
	few := p.fewOf(s, rows)
	return len(few) > 0 && few[0]
}

// fewOf reports of each source whether its rows are few: a unique index is given
// values by constants or by sources whose rows are few.
func (p *Pass) fewOf(s *devdb.Step, rows *migration.Rows) []bool {
	few := make([]bool, len(rows.From))
	equals := rows.Equals()
	for i, x := range rows.From {
		switch r := sourceRelation(s, x); {
		case x.Given:
			few[i] = true
		case x.Rows != nil:
			few[i] = p.few(s, x.Rows)
		case r != nil:
			few[i] = p.fewIn(s, r)
		}
	}
	for again := true; again; {
		again = false
		for i, x := range rows.From {
			if r := sourceRelation(s, x); !few[i] && r != nil && p.keyed(s, rows, equals, few, i, r) {
				few[i], again = true, true
			}
		}
	}
	return few
}

// fewIn reports whether a table holds few rows: the change has made it and given
// it no rows of a table that holds many, or its rows are those that migrations
// have put there.
func (p *Pass) fewIn(s *devdb.Step, r *schema.Relation) bool {
	if !isTable(string(r.Kind)) {
		return false
	}
	if !p.IsNew(r.OID) {
		return p.reference(r)
	}
	for _, earlier := range p.Steps() {
		if earlier == s {
			break
		}
		for _, w := range p.writesOf(earlier) {
			if w.Kind == "INSERT" && w.Target.Name == r.Name && (w.Target.Schema == "" || w.Target.Schema == r.Schema) && !p.few(earlier, &w.Rows) {
				return false
			}
		}
	}
	return true
}

// reference reports whether a table's rows are those that merged migrations have
// put there, and production's statistics do not say that it has more.
func (p *Pass) reference(r *schema.Relation) bool {
	if x := p.extent(r); x != nil {
		return x.rows <= max(p.facts.sizes.Small, 0)
	}
	return p.Filled[r.OID] || r.Kind == schema.PartitionedTable && slices.ContainsFunc(heirs(p.Before, r.OID), func(h *schema.Relation) bool { return p.Filled[h.OID] })
}

// keyed reports whether conditions give a unique key of the i-th source few values.
func (p *Pass) keyed(s *devdb.Step, rows *migration.Rows, equals []migration.Equal, few []bool, i int, r *schema.Relation) bool {
	for _, x := range s.Before.Indexes {
		if x.Table != r.OID || !x.Unique || !x.Valid || x.Predicate != "" || len(x.Keys) == 0 {
			continue
		}
		product := 1
		for _, k := range x.Keys {
			n := 0
			if k.Column != 0 {
				n = p.valuesOf(s, rows, equals, few, i, columnNamed(r, k.Column))
			}
			if n == 0 {
				product = 0
				break
			}
			product = min(product*n, fewRows+1)
		}
		if product > 0 && product <= fewRows {
			return true
		}
	}
	return false
}

func columnNamed(r *schema.Relation, num int16) string {
	if c := column(r, num); c != nil {
		return c.Name
	}
	return ""
}

// valuesOf is how many values the conditions leave to a column of the i-th
// source; 0 if that is not known.
func (p *Pass) valuesOf(s *devdb.Step, rows *migration.Rows, equals []migration.Equal, few []bool, i int, name string) int {
	best := 0
	for _, e := range equals {
		if e.Column.Name != name || !slices.Contains(p.sourcesOf(s, rows, e.Column), i) {
			continue
		}
		if e.In != nil && !p.few(s, e.In) {
			continue
		}
		depends := slices.ContainsFunc(e.To, func(c migration.ColumnName) bool {
			of := p.sourcesOf(s, rows, c)
			return slices.ContainsFunc(of, func(j int) bool { return j == i || !few[j] })
		})
		if !depends && (best == 0 || e.Values < best) {
			best = e.Values
		}
	}
	return best
}

// sourcesOf are the sources that a column as written can belong to; none if it
// is a variable.
func (p *Pass) sourcesOf(s *devdb.Step, rows *migration.Rows, c migration.ColumnName) []int {
	var out []int
	for j, x := range rows.From {
		if c.Of != "" {
			if x.Alias == c.Of || x.Alias == "" && x.Name == c.Of {
				out = append(out, j)
			}
			continue
		}
		if r := sourceRelation(s, x); r == nil || columnByName(r, c.Name) != nil {
			out = append(out, j)
		}
	}
	return out
}

// inLoops reports whether a data change of few rows is repeated for many: its
// loop goes over a query of many rows, or nobody knows how often.
func (p *Pass) inLoops(s *devdb.Step, w migration.Write) bool {
	return slices.ContainsFunc(w.Loops, func(l migration.Loop) bool {
		if l.Rows != nil {
			return !p.few(s, l.Rows)
		}
		return l.Times == 0 || l.Times > fewRows
	})
}

// byKey reports whether a data change finds the rows of a table by a unique key,
// wherever it names the table: the server leaves the index aside while a table is small.
func (p *Pass) byKey(s *devdb.Step, table schema.OID) bool {
	found := false
	for _, w := range p.writesOf(s) {
		few := p.fewOf(s, &w.Rows)
		for i, x := range w.Rows.From {
			if t := sourceRelation(s, x); t == nil || t.OID != table {
				continue
			}
			if !few[i] || p.inLoops(s, w) {
				return false
			}
			found = true
		}
	}
	return found
}
