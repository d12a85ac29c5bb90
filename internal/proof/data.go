package proof

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/schema"
)

var selects = regexp.MustCompile(`(?i)\bSELECT\b`)

// onlyConstants is an UPDATE that sets nothing but given values: whether these
// fit does not depend on the rows, but for keys, which the author knows.
var onlyConstants = regexp.MustCompile(`(?is)^\s*UPDATE\s+[\w."]+(?:\s+(?:AS\s+)?\w+)?\s+SET\s+(?:[\w"]+\s*=\s*(?:''|-?[\d.]+|TRUE|FALSE|DEFAULT|now\(\)|CURRENT_TIMESTAMP)\s*(?:,\s*|;?\s*$|WHERE\b.*$))+$`)

// readsRows reports whether a statement of the change works on rows that it
// reads: what comes of it depends on them. An INSERT of given values does not.
func readsRows(s *devdb.Step) bool {
	switch s.Tag {
	case "UPDATE", "MERGE", "DO":
		return true
	case "INSERT":
		return selects.MatchString(textConst.ReplaceAllString(s.Stmt.Text, ""))
	}
	return false
}

// data is an UPDATE, INSERT … SELECT or MERGE, which may fail on rows of the
// tables that it reads.
func (f *finder) data() {
	s := f.s
	if !readsRows(s) || s.Tag == "DO" || onlyConstants.MatchString(textConst.ReplaceAllString(s.Stmt.Text, "''")) {
		return
	}
	var tables []*schema.Relation
	for _, l := range slices.Concat(s.Locks, s.Held) {
		r := f.old(l.Relation)
		reads := l.Mode == devdb.AccessShare || s.Tag == "UPDATE" || s.Tag == "MERGE"
		if r == nil || !reads || r.PartitionOf != 0 || slices.Contains(tables, r) || !word(s.Stmt.Text, r.Name) {
			continue
		}
		tables = append(tables, r)
	}
	if len(tables) == 0 || len(tables) > 6 {
		return
	}
	f.add(devdb.DemandData, schema.Ref{}, tables[0].OID, func(*base) []goal {
		var out []goal
		for _, like := range []likeness{bare, filled, named} {
			out = append(out, rowsGoal(tables, s.Stmt.Text, like, false))
		}
		return append(out, rowsGoal(tables, s.Stmt.Text, filled, true))
	})
}

// likeness says what rows for a statement are like.
type likeness func(b *base, rel *schema.Relation, text string) want

// bare is a row of nothing but what it must have.
func bare(*base, *schema.Relation, string) want { return want{} }

// filled is a row with a value in every column that a statement names, and in
// every foreign key.
func filled(b *base, rel *schema.Relation, text string) want {
	w := want{}
	for _, c := range rel.Columns {
		own := c.Generated == "" && c.Identity == "" && !strings.Contains(c.Default, "nextval(")
		tied := slices.ContainsFunc(b.foreignKeys[rel.OID], func(k *schema.Constraint) bool { return slices.Contains(k.Columns, c.Num) && k.RefTable != rel.OID })
		if own && (tied || word(text, c.Name)) {
			w.notNull = append(w.notNull, c.Num)
		}
	}
	return w
}

// named is a filled row whose texts are constants that the statement compares with.
func named(b *base, rel *schema.Relation, text string) want {
	w := filled(b, rel, text)
	for _, n := range w.notNull {
		c := rel.Column(n)
		for _, m := range regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(c.Name)+`"?\s*(?:=|IN\s*\()\s*('(?:[^']|'')*')`).FindAllStringSubmatch(text, 1) {
			if w.fixed == nil {
				w.fixed = map[int16]string{}
			}
			w.fixed[n] = m[1]
		}
	}
	w.notNull = slices.DeleteFunc(w.notNull, func(n int16) bool { return w.fixed[n] != "" })
	return w
}

// rowsGoal makes a row of each table, or of the first two that are alike but
// for their keys.
func rowsGoal(tables []*schema.Relation, text string, like likeness, twice bool) goal {
	return goal{weak: true, make: func(ctx context.Context, b *builder) error {
		for i := len(tables) - 1; i >= 0; i-- {
			w := like(b.base, tables[i], text)
			if i == 0 && twice {
				var same []int16
				for _, n := range w.notNull {
					if len(b.keysOf(tables[0], n)) == 0 {
						same = append(same, n)
					}
				}
				return pair(tables[0], w, same, nil).make(ctx, b)
			}
			if _, err := b.add(ctx, tables[i], w); err != nil {
				return err
			}
		}
		return nil
	}}
}

var constraintName = regexp.MustCompile(`constraint "([^"]+)"`)

// given reports whether a duplicate or missing key comes of a constant that an
// UPDATE writes into a column of the key.
func given(s *devdb.Step, f *devdb.StatementError) bool {
	m := constraintName.FindStringSubmatch(f.Message)
	if s.Tag != "UPDATE" || f.Code != "23505" && f.Code != "23503" || m == nil {
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

// Found is a proof about another statement than the one that was tried.
type Found struct {
	Step  *devdb.Step
	Proof devdb.Proof
}

// note keeps that rows made an earlier statement fail on the way: one that
// works on rows that are there, and fails for what is in them.
func (p *Prover) note(tried *Tried, rows, left []string) {
	f := tried.Failed
	if f == nil || f.Statement == nil || f.Canceled != "" || !meets(devdb.DemandData, f.Code) {
		return
	}
	for _, m := range p.change {
		for _, s := range m.Steps {
			if s.Stmt.Pos != f.Statement.Pos || f.Statement.Text == "COMMIT" || !readsRows(s) || given(s, f) {
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
