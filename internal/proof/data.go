package proof

import (
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

var selects = regexp.MustCompile(`(?i)\bSELECT\b`)

// readsRows reports whether a statement of the change works on rows that it
// reads: what comes of it depends on them. An INSERT of given values does not.
func readsRows(s *devdb.Step) bool {
	switch s.Tag {
	case "UPDATE", "DELETE", "MERGE", "DO", "CALL", "SELECT", "CREATE TABLE AS", "SELECT INTO", "REFRESH MATERIALIZED VIEW", "CREATE MATERIALIZED VIEW":
		return true
	case "INSERT":
		return selects.MatchString(textConst.ReplaceAllString(s.Stmt.Text, ""))
	}
	return false
}

// data is a statement that may fail on rows of the tables that it reads or
// writes, or on those that were put into a new table before.
func (f *finder) data() {
	s := f.s
	if !readsRows(s) && !f.demandsOfNew() {
		f.follow()
		return
	}
	r := f.reading()
	f.follow()
	if len(r.tables) > 0 && len(r.tables) <= 8 {
		f.tasks = append(f.tasks, &Task{Migration: f.m, Step: s, Demand: devdb.DemandData, Table: r.tables[0].OID, reads: r})
	}
}

// demandsOfNew reports whether a statement demands something of the rows of a
// table that the change set makes and has filled.
func (f *finder) demandsOfNew() bool {
	for _, c := range f.s.Changes {
		var table schema.OID
		switch c := c.(type) {
		case *schema.AddIndex:
			if c.Index.Unique || c.Index.Exclusion {
				table = c.Index.Table
			}
		case *schema.AddConstraint:
			table = c.Constraint.Table
		case *schema.ValidateConstraint:
			table = c.After.Table
		case *schema.SetNotNull:
			table = c.Table.OID
		case *schema.AlterColumnType:
			table = c.Table.OID
		}
		if f.filled[table] != nil {
			return true
		}
	}
	return false
}

// follow notes which new tables a statement may have filled from which old ones.
func (f *finder) follow() {
	s := f.s
	if !readsRows(s) {
		return
	}
	from := f.reading()
	if len(from.tables) == 0 {
		return
	}
	for _, r := range s.After.Relations {
		if f.before.Relations[r.OID] == nil && (r.Kind == schema.Table || r.Kind == schema.PartitionedTable) && word(s.Stmt.Text, r.Name) {
			f.filled[r.OID] = from
		}
	}
}

// reading finds the old tables that a statement works on, and what else than
// its own text says which of their columns it needs.
func (f *finder) reading() *reading {
	s := f.s
	r := &reading{given: comment.ReplaceAllString(s.Stmt.Text, " ")}
	if names := s.Stmt.Syntax.Objects; len(names) > 0 {
		r.target = lastName(names[0])
	}
	r.text = r.given + f.bodies(r.given, 0, map[schema.OID]bool{})
	for _, c := range s.Stmt.Syntax.Objects {
		if v := s.After.RelationNamed("public", lastName(c)); v != nil && v.Kind == schema.MaterializedView && s.Tag != "SELECT" {
			r.text += "\n" + v.Definition
		}
	}
	add := func(t *schema.Relation) {
		if t != nil && t.PartitionOf == 0 && !slices.Contains(r.tables, t) {
			r.tables = append(r.tables, t)
		}
	}
	var unnamed []*schema.Relation
	for _, l := range slices.Concat(s.Locks, s.Held) {
		now := s.Before.Relations[l.Relation]
		if now == nil {
			continue
		}
		named := word(r.text, now.Name)
		if from := f.filled[l.Relation]; from != nil && named {
			for _, t := range from.tables {
				add(t)
			}
			r.text += "\n" + from.text
		}
		switch t := f.old(l.Relation); {
		case t == nil:
		case named:
			add(t)
		case slices.Contains(s.Locks, l) && l.Kind != "index":
			unnamed = append(unnamed, t) // below a view, or named by what a block puts together
		}
	}
	for _, t := range schema.Sorted(f.before.Relations) {
		// Blocks and functions lock on rows alone what they touch for each of them.
		if now := s.Before.Relations[t.OID]; now != nil && (s.Tag == "DO" || s.Tag == "CALL" || s.Tag == "SELECT") && word(r.text, now.Name) {
			add(f.old(t.OID))
		}
	}
	for _, t := range unnamed {
		add(t)
	}
	f.referring(r, add)
	f.constrained(r)
	return r
}

// constrained adds the columns that a check holds beside one that is named, and
// those of the checks and keys that the change set adds: rows from before it may
// break these as soon as they are written.
func (f *finder) constrained(r *reading) {
	for _, k := range schema.Sorted(f.s.Before.Constraints) {
		t := f.before.Relations[k.Table]
		if k.Kind != schema.Check && k.Kind != schema.ForeignKey || !slices.Contains(r.tables, t) {
			continue
		}
		added := f.before.Constraints[k.OID] == nil
		text := ""
		for _, n := range k.Columns {
			if c := t.Column(n); c != nil {
				added = added || k.Kind == schema.Check && word(r.given, c.Name)
				text += "\n" + c.Name
			}
		}
		if added {
			r.text += text + "\n" + k.Expression
		}
	}
}

// referring adds the tables whose rows refer to those that a statement deletes,
// or whose keys it changes.
func (f *finder) referring(r *reading, add func(*schema.Relation)) {
	head, _, _ := strings.Cut(strings.ToUpper(r.given), "WHERE")
	deletes := word(r.text, "DELETE")
	for _, t := range slices.Clone(r.tables) {
		if !slices.ContainsFunc(slices.Concat(f.s.Locks, f.s.Held), func(l devdb.Lock) bool {
			return l.Relation == t.OID && l.Mode.Strength() >= devdb.RowExclusive.Strength()
		}) && f.s.Tag != "DO" && f.s.Tag != "CALL" && f.s.Tag != "SELECT" {
			continue
		}
		for _, k := range schema.Sorted(f.s.Before.Constraints) {
			if k.Kind != schema.ForeignKey || k.RefTable != t.OID || k.Parent != 0 {
				continue
			}
			changed := slices.ContainsFunc(k.RefColumns, func(n int16) bool {
				c := t.Column(n)
				return c != nil && f.s.Tag == "UPDATE" && regexp.MustCompile(`\b`+regexp.QuoteMeta(strings.ToUpper(c.Name))+`"?\s*=`).MatchString(head)
			})
			if child := f.old(k.Table); child != nil && (changed || deletes && k.OnDelete != "cascade") {
				add(child)
				for _, n := range k.Columns { // the key is what matters of it
					if c := child.Column(n); c != nil {
						r.text += "\n" + c.Name
					}
				}
			}
		}
	}
}

// bodies are those of the functions and views that a text names, and of those
// that these name.
func (f *finder) bodies(text string, depth int, seen map[schema.OID]bool) string {
	if depth > 2 {
		return ""
	}
	out := ""
	for _, fn := range schema.Sorted(f.s.Before.Functions) {
		if !seen[fn.OID] && fn.Body != "" && strings.Contains(text, fn.Name) && word(text, fn.Name) {
			seen[fn.OID] = true
			body := comment.ReplaceAllString(fn.Body, " ")
			out += "\n" + body + f.bodies(body, depth+1, seen)
		}
	}
	for _, v := range schema.Sorted(f.s.Before.Relations) {
		if !seen[v.OID] && v.Definition != "" && strings.Contains(text, v.Name) && word(text, v.Name) {
			seen[v.OID] = true
			out += "\n" + v.Definition + f.bodies(v.Definition, depth+1, seen)
		}
	}
	return out
}

var constraintName = regexp.MustCompile(`constraint "([^"]+)"`)

var picksRow = regexp.MustCompile(`(?is)\bWHERE\b.*(?:=|\bIN\s*\()\s*(?:'|-?\d)`)

// known reports whether a duplicate or missing key comes of a constant that the
// author wrote into a column of the key, for rows that he picked by another:
// whoever does that knows what is there.
func known(s *devdb.Step, f *devdb.StatementError) bool {
	m := constraintName.FindStringSubmatch(f.Message)
	if f.Code != "23505" && f.Code != "23503" || m == nil {
		return false
	}
	if f.Code == "23503" && s.Tag == "INSERT" {
		return slices.ContainsFunc(missingKey.FindAllStringSubmatch(f.Detail, -1), func(d []string) bool { return word(s.Stmt.Text, d[1]) })
	}
	if s.Tag != "UPDATE" || f.Code == "23505" && !picksRow.MatchString(s.Stmt.Text) {
		return false
	}
	var cols []*schema.Column
	for _, i := range s.After.Indexes {
		if t := s.After.Relations[i.Table]; i.Name == m[1] && t != nil {
			for _, k := range i.Keys {
				cols = append(cols, t.Column(k.Column))
			}
		}
	}
	for _, k := range s.After.Constraints {
		if t := s.After.Relations[k.Table]; k.Kind == schema.ForeignKey && k.Name == m[1] && t != nil {
			for _, n := range k.Columns {
				cols = append(cols, t.Column(n))
			}
		}
	}
	return slices.ContainsFunc(cols, func(c *schema.Column) bool {
		return c != nil && regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(c.Name)+`"?\s*=\s*(?:'|-?\d)`).MatchString(s.Stmt.Text)
	})
}

var missingKey = regexp.MustCompile(`\)=\((.*)\) is not present`)

// Found is a proof about another statement than the one that was tried.
type Found struct {
	Step  *devdb.Step
	Proof devdb.Proof
}

// note keeps that rows made an earlier statement fail on the way: one that
// works on existing rows, and fails for what is in them.
func (p *Prover) note(tried *Tried, rows, left []string) {
	f := tried.Failed
	if f == nil || f.Statement == nil || f.Canceled != "" || !meets(devdb.DemandData, f.Code) {
		return
	}
	for _, m := range p.change {
		for _, s := range m.Steps {
			if s.Stmt.Pos != f.Statement.Pos || f.Statement.Text == "COMMIT" || !readsRows(s) || known(s, f) {
				continue
			}
			if !slices.ContainsFunc(p.found, func(o Found) bool { return o.Step == s }) {
				cx := &devdb.Counterexample{Kind: "fails", Rows: strings.Join(rows, "\n"), Code: f.Code, Message: f.Message, Left: left}
				p.found = append(p.found, Found{s, devdb.Proof{Demand: devdb.DemandData, Outcome: devdb.Fails, Counterexample: cx}})
			}
			return
		}
	}
}

// Found are the proofs of statements that failed on rows made for others.
func (p *Prover) Found() []Found { return p.found }
