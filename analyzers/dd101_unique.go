package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var uniqueViolation = &Analyzer{
	Rule: lint.Rule{
		ID: "DD101", Name: "unique-violation", Title: "existing rows may violate a new unique index or key", Severity: lint.Warning, Weight: lint.ByRows,
		Aliases: []string{"atlas:MF101", "atlas:MF102"}, Hazards: []string{"A20", "B16", "B28"},
	},
	Run: func(p *Pass) {
		for at, c := range Each[*schema.AddIndex](p) {
			i := c.Index
			if !i.Unique || i.Exclusion || i.Parent != 0 || p.IsNew(i.Table) || p.knownUnique(at, i) {
				continue
			}
			target := schema.Ref{Class: schema.ClassRelation, OID: i.OID}
			what := fmt.Sprintf("unique index %q", i.Name)
			if k := at.Step.After.Constraints[i.Constraint]; k != nil {
				target, what = constraintRef(k), fmt.Sprintf("%s %q", keyKind(k), k.Name)
			}
			p.reportDemand(at, devdb.DemandUnique, target, i.Table, uniqueFinding(at.Step, i, what))
		}
		for m, s := range p.Steps() {
			for _, c := range s.Converted() {
				p.reportCollisions(At{Migration: m, Step: s}.of(c), c)
			}
		}
	},
}

// reportCollisions reports a unique index that is built again over a column of
// another type or collation, where two values were seen to become one.
func (p *Pass) reportCollisions(at At, c *schema.AlterColumnType) {
	for _, i := range schema.Sorted(at.Step.After.Indexes) {
		if i.Table != c.Table.OID || !i.Unique {
			continue
		}
		target := schema.Ref{Class: schema.ClassRelation, OID: i.OID}
		if k := at.Step.After.Constraints[i.Constraint]; k != nil {
			target = constraintRef(k)
		}
		proof := at.Step.Proof(devdb.DemandUnique, target)
		if proof == nil || proof.Outcome != devdb.Fails || proof.Counterexample == nil {
			continue
		}
		table, what := qualified(c.Table.Schema, c.Table.Name), typeChange(c)
		if c.Before == c.After {
			what = fmt.Sprintf("the values of %q", c.After.Name)
		}
		p.Report(at, lint.Finding{
			Severity: lint.Error, Confidence: lint.Proven, Object: table,
			Message:  fmt.Sprintf("changing %s can make two values equal: it fails if two rows of %s then have the same %s, because %q is unique", what, quote(table), paren(keyNames(i)), i.Name),
			Evidence: append([]lint.Evidence{counterexample(proof.Counterexample)}, factOf(table, "%s", clip(i.Definition))...),
			Advice:   "Check production first for rows whose values become equal, and fix them in an earlier migration.",
		})
	}
}

// knownUnique reports whether no two rows can share the keys: an index that
// was there before the change, or that an earlier statement of it has built,
// says so, or the keys are new and their values differ or are NULL.
func (p *Pass) knownUnique(at At, i *schema.Index) bool {
	for _, c := range []*schema.Catalog{p.Before, at.Step.Before} {
		for _, o := range c.Indexes {
			if o.OID != i.OID && uniqueBy(o, i) {
				return true
			}
		}
	}
	t := rel(at.Step, i.Table)
	for _, k := range i.Keys {
		c := column(t, k.Column)
		if c == nil || p.oldColumn(i.Table, c.Num) != nil || c.Generated != "" {
			continue
		}
		if a := p.added(i.Table, c.Num); a != nil {
			c = a // a default may have gone since, which gave every row one value
		}
		volatile := c.Identity != "" || strings.Contains(c.Default, "(")
		if volatile || c.Default == "" && !i.NullsNotDistinct { // NOT NULL is told by itself
			return true
		}
	}
	return false
}

func uniqueFinding(s *devdb.Step, i *schema.Index, what string) lint.Finding {
	t := rel(s, i.Table)
	table := qualified(t.Schema, t.Name)
	keys := keyNames(i)
	f := lint.Finding{
		Object:   table,
		Message:  fmt.Sprintf("adding %s fails if two rows of %s have the same %s", what, quote(table), paren(keys)),
		Evidence: factOf(table, "no existing unique index on %s guarantees uniqueness of %s", table, paren(keys)),
	}
	if s.Stmt.Syntax.Concurrently {
		f.Message += ", and leaves an invalid index behind"
	}
	where := ""
	if i.Predicate != "" {
		where = " WHERE " + bare(i.Predicate)
	}
	f.Advice = fmt.Sprintf("Check production for such rows first, and fix them in an earlier migration:\n\nSELECT %s, count(*) FROM %s%s GROUP BY %s HAVING count(*) > 1;",
		strings.Join(keys, ", "), sqlName(t.Schema, t.Name), where, strings.Join(keys, ", "))
	return f
}

// keyKind is a constraint's kind as people say it.
func keyKind(k *schema.Constraint) string {
	if k.Kind == schema.Unique {
		return "unique constraint"
	}
	return string(k.Kind)
}
