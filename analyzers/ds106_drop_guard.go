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

var dropGuard = &Analyzer{
	Rule: lint.Rule{
		ID: "DS106", Name: "drop-guard", Title: "dropping a constraint that protects data", Severity: lint.Warning,
		Aliases: []string{"atlas:CD101", "atlas:CD102", "atlas:CD103", "squawk:ban-drop-constraint"}, Hazards: []string{"B27"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.DropConstraint](p) {
			k := c.Constraint
			if f, ok := p.domainGuard(k); ok {
				p.Report(at, f)
			}
			if p.Before.Constraints[k.OID] == nil || k.Parent != 0 || k.Table == 0 || fell(at.Step, constraintRef(k)) || p.columnsGone(k.Table, k.Columns) || p.guarded(k) {
				continue
			}
			if _, ok := Has[*schema.DetachPartition](at.Step); ok {
				continue
			}
			if f, ok := p.guardFinding(at.Step, k); ok {
				p.Report(at, f)
			}
		}
		for at, c := range Each[*schema.DropIndex](p) {
			i := c.Index
			if p.Before.Indexes[i.OID] == nil || !i.Unique || i.Constraint != 0 || i.Parent != 0 || !i.Valid || !inStepNames(at.Step, i.OID) || p.columnsGone(i.Table, colNums(i)) || p.uniqueStill(i) {
				continue
			}
			p.Report(at, p.lostUnique(at.Step, i, fmt.Sprintf("unique index %q", i.Name)))
		}
	},
}

// inStepNames reports whether the statement named the index.
func inStepNames(s *devdb.Step, index schema.OID) bool {
	return !fell(s, schema.Ref{Class: schema.ClassRelation, OID: index})
}

// columnsGone reports whether after the whole change the table or one of the
// columns is no more.
func (p *Pass) columnsGone(table schema.OID, nums []int16) bool {
	t := p.After.Relations[table]
	if t == nil || p.IsNew(table) {
		return true
	}
	return slices.ContainsFunc(nums, func(n int16) bool { return column(t, n) == nil })
}

// uniqueStill reports whether after the change an index keeps the rows unique as
// the dropped one did, and serves as the target of the same ON CONFLICT.
func (p *Pass) uniqueStill(i *schema.Index) bool {
	for _, o := range p.After.Indexes {
		if o.OID != i.OID && uniqueBy(o, i) && sameTarget(o, i) {
			return true
		}
	}
	return false
}

// sameTarget reports whether ON CONFLICT with the keys of the one index finds
// the other: the server wants an index on exactly these columns and expressions,
// whose predicate the statement says.
func sameTarget(now, old *schema.Index) bool {
	return len(now.Keys) == len(old.Keys) && (now.Predicate == "" || now.Predicate == old.Predicate)
}

// inPlaceOf finds a unique index that the change makes on one of the same
// columns, or on an expression of it such as lower(name): what has to be unique
// was changed on purpose. The strongest comes first.
func (p *Pass) inPlaceOf(old *schema.Index) *schema.Index {
	var found *schema.Index
	for _, now := range schema.Sorted(p.After.Indexes) {
		if !now.Unique || now.Table != old.Table || now.OID == old.OID || p.Before.Indexes[now.OID] != nil && !uniqueBy(now, old) {
			continue
		}
		shares := slices.ContainsFunc(now.Keys, func(k schema.IndexKey) bool {
			return slices.ContainsFunc(old.Keys, func(o schema.IndexKey) bool {
				return k.Column == o.Column && k.Text == o.Text || k.Column == 0 && o.Column != 0 && nameIn(o.Text, k.Text)
			})
		})
		if shares && (found == nil || keepsUnique(now, old) && !keepsUnique(found, old)) {
			found = now
		}
	}
	return found
}

// keepsUnique reports whether rows that are unique by the one index are unique
// by the other: its keys are some of the other's, or expressions of them alone.
func keepsUnique(now, old *schema.Index) bool {
	if !now.Valid || now.Predicate != "" && now.Predicate != old.Predicate || old.NullsNotDistinct && !now.NullsNotDistinct {
		return false
	}
	for _, k := range now.Keys {
		if !slices.ContainsFunc(old.Keys, func(o schema.IndexKey) bool {
			return k.Column == o.Column && k.Text == o.Text || k.Column == 0 && o.Column != 0 && onlyOf(k.Text, o.Text)
		}) {
			return false
		}
	}
	return true
}

var wordForm = regexp.MustCompile(`[\w$"]+\(?`)

// onlyOf reports whether an expression calls functions of one column and of
// constants, and of nothing else.
func onlyOf(expression, column string) bool {
	rest := literal.ReplaceAllString(expression, "")
	words := wordForm.FindAllString(rest, -1)
	return slices.Contains(words, column) && !slices.ContainsFunc(words, func(w string) bool {
		return w != column && !strings.HasSuffix(w, "(") && !slices.Contains(builtinTypes, w)
	})
}

// nameIn reports whether an expression names a column.
func nameIn(column, expression string) bool {
	return regexp.MustCompile(`(^|[^\w$"])` + regexp.QuoteMeta(column) + `($|[^\w$"])`).MatchString(expression)
}

// guarded reports whether a constraint of after the change does what the
// dropped one did, or one that the change adds guards the same columns.
func (p *Pass) guarded(k *schema.Constraint) bool {
	switch k.Kind {
	case schema.Unique, schema.PrimaryKey:
		i := p.Before.Indexes[k.Index]
		return i == nil || p.uniqueStill(i)
	case schema.ForeignKey:
		if p.After.Relations[k.RefTable] == nil {
			return true
		}
	case schema.Check:
		if e := bare(k.Expression); len(k.Columns) == 1 && p.After.Relations[k.Table] != nil {
			c := column(p.After.Relations[k.Table], k.Columns[0])
			if c != nil && c.NotNull && (e == sqlIdent(c.Name)+" IS NOT NULL") {
				return true
			}
		}
	case schema.NotNull, schema.ConstraintTrigger:
		return true
	}
	for _, o := range p.After.Constraints {
		if o.OID == k.OID || o.Table != k.Table || o.Kind != k.Kind {
			continue
		}
		same := o.Kind == schema.Check && o.Expression == k.Expression || o.Kind == schema.ForeignKey && slices.Equal(o.Columns, k.Columns)
		if same || p.Before.Constraints[o.OID] == nil && slices.ContainsFunc(o.Columns, func(n int16) bool { return slices.Contains(k.Columns, n) }) {
			return true
		}
	}
	return false
}

func (p *Pass) guardFinding(s *devdb.Step, k *schema.Constraint) (lint.Finding, bool) {
	t := rel(s, k.Table)
	if t == nil {
		return lint.Finding{}, false
	}
	table := qualified(t.Schema, t.Name)
	f := lint.Finding{
		Object:   table,
		Evidence: factOf(table, "%s on %s: %s; nothing replaces it", k.Name, table, k.Definition),
		Advice:   "To change it, add the new one NOT VALID in the same migration, and drop the old one after it.",
	}
	switch k.Kind {
	case schema.Unique, schema.PrimaryKey:
		return p.lostUnique(s, p.Before.Indexes[k.Index], fmt.Sprintf("%s %q", keyKind(k), k.Name)), true
	case schema.ForeignKey:
		f.Message = fmt.Sprintf("drops foreign key %q: from now on rows of %s may reference rows of %s that do not exist", k.Name, quote(table), quote(relName(s, k.RefTable)))
	case schema.Check:
		f.Message = fmt.Sprintf("drops check %q: from now on rows of %s may violate %s", k.Name, quote(table), clip(bare(k.Expression)))
	case schema.Exclusion:
		f.Message = fmt.Sprintf("drops exclusion constraint %q: from now on rows of %s may overlap", k.Name, quote(table))
		f.Advice = "Keep it until code that replaces it is deployed everywhere."
	default:
		return lint.Finding{}, false
	}
	return f, true
}

// domainGuard tells of a domain's CHECK, where no other of the change takes its place.
func (p *Pass) domainGuard(k *schema.Constraint) (lint.Finding, bool) {
	d := p.After.Types[k.Domain]
	if d == nil || k.Kind != schema.Check || p.Before.Constraints[k.OID] == nil {
		return lint.Finding{}, false
	}
	for _, o := range p.After.Constraints {
		if o.Domain == k.Domain && p.Before.Constraints[o.OID] == nil {
			return lint.Finding{}, false
		}
	}
	used, name := p.columnsOf(d), qualified(d.Schema, d.Name)
	if len(used) == 0 {
		return lint.Finding{}, false
	}
	return lint.Finding{
		Object:   name,
		Message:  fmt.Sprintf("drops check %q of domain %s: from now on values of %s may violate %s", k.Name, quote(name), list(used, 3), clip(bare(k.Expression))),
		Evidence: factOf(name, "%s on %s: %s; nothing replaces it", k.Name, name, k.Definition),
		Advice:   "To change it, add the new one NOT VALID in the same migration, and drop the old one after it.",
	}, true
}

// lostUnique tells that rows need no longer differ.
func (p *Pass) lostUnique(s *devdb.Step, i *schema.Index, what string) lint.Finding {
	table := relName(s, i.Table)
	keys := clip(paren(keyNames(i)))
	conflict := keys
	if len(keys) > 40 {
		conflict = "on them"
	}
	if now := p.inPlaceOf(i); now != nil {
		return replacedUnique(table, what, keys, conflict, i, now)
	}
	return lint.Finding{
		Object:   table,
		Message:  fmt.Sprintf("drops %s: from now on rows of %s may have duplicate %s, and INSERT … ON CONFLICT %s fails", what, quote(table), keys, conflict),
		Evidence: factOf(table, "%s; no other unique index enforces this", i.Definition),
		Advice:   "To change it, build the new unique index CONCURRENTLY first, and drop the old one after it.",
	}
}

// replacedUnique tells what another unique index in the place of a dropped one
// does not do.
func replacedUnique(table, what, keys, conflict string, old, now *schema.Index) lint.Finding {
	f := lint.Finding{
		Object:   table,
		Evidence: factOf(table, "before: %s", old.Definition),
		Advice:   "Keep the old index until no deployed code uses it in ON CONFLICT or relies on it, and drop it in a later release.",
	}
	f.Evidence = append(f.Evidence, factOf(table, "after: %s", now.Definition)...)
	if keepsUnique(now, old) {
		f.Severity = lint.Info
		f.Message = fmt.Sprintf("drops %s for %q: INSERT … ON CONFLICT %s in deployed code finds no matching index and fails", what, now.Name, conflict)
		return f
	}
	weaker := fmt.Sprintf("which is on %s", clip(paren(keyNames(now))))
	switch {
	case !now.Valid:
		weaker = "which is invalid"
	case now.Predicate != "" && now.Predicate != old.Predicate:
		weaker = fmt.Sprintf("which applies only where %s", clip(bare(now.Predicate)))
	case old.NullsNotDistinct && !now.NullsNotDistinct:
		weaker = "which treats NULLs as distinct"
	}
	f.Message = fmt.Sprintf("drops %s for %q, %s: from now on rows of %s may have duplicate %s, and INSERT … ON CONFLICT %s fails", what, now.Name, weaker, quote(table), keys, conflict)
	return f
}
