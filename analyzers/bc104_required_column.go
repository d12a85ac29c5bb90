package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var requiredColumn = &Analyzer{
	Rule: lint.Rule{
		ID: "BC104", Name: "required-column", Title: "a required column that inserts from deployed code do not set", Severity: lint.Error,
		Aliases: []string{"squawk:ban-drop-default"},
		Hazards: []string{"B25", "B28", "C20"},
	},
	Run: func(p *Pass) {
		told := map[schema.Ref]bool{}
		tell := func(at At, t *schema.Relation, num int16) {
			ref := columnRef(t.OID, num)
			if told[ref] || !p.becomesRequired(t.OID, num) {
				return
			}
			told[ref] = true
			p.Report(at, p.requiredFinding(t, num))
		}
		for at, c := range Each[*schema.AddColumn](p) {
			if !p.fromParent(at.Step, c) && required(at.Step, c.Column) {
				tell(at, c.Table, c.Column.Num)
			}
		}
		for at, c := range Each[*schema.SetNotNull](p) {
			if !p.fromParent(at.Step, c) && required(at.Step, c.Column) {
				tell(at, c.Table, c.Column.Num)
			}
		}
		for at, c := range Each[*schema.AlterDefault](p) {
			if !p.fromParent(at.Step, c) && required(at.Step, c.After) {
				tell(at, c.Table, c.After.Num)
			}
		}
		for at, c := range Each[*schema.AlterIdentity](p) {
			if required(at.Step, c.After) && !detached(at.Step, c.Table.OID) {
				tell(at, c.Table, c.After.Num)
			}
		}
		for at, c := range Each[*schema.AlterGenerated](p) {
			if c.After.Generated != "" || p.fromParent(at.Step, c) {
				continue
			}
			if required(at.Step, c.After) {
				tell(at, c.Table, c.After.Num)
			} else if !told[columnRef(c.Table.OID, c.After.Num)] && p.staysEmpty(c.Table.OID, c.After.Num) {
				told[columnRef(c.Table.OID, c.After.Num)] = true
				p.Report(at, noLongerComputed(c))
			}
		}
	},
}

// detached reports whether the step makes a partition a table of its own, which
// leaves it without the identity that was its parent's (17 and later). Rows are
// written by way of the parent.
func detached(s *devdb.Step, table schema.OID) bool {
	return slices.ContainsFunc(Changes[*schema.DetachPartition](s), func(c *schema.DetachPartition) bool { return c.Partition.OID == table })
}

// staysEmpty reports whether after the change nothing fills a column that the
// server computed before.
func (p *Pass) staysEmpty(table schema.OID, num int16) bool {
	old, now := p.oldColumn(table, num), column(p.After.Relations[table], num)
	return old != nil && old.Generated != "" && now != nil && now.Generated == "" && now.Default == "" && !p.insertTrigger(table)
}

func noLongerComputed(c *schema.AlterGenerated) lint.Finding {
	table := qualified(c.Table.Schema, c.Table.Name)
	return lint.Finding{
		Severity: lint.Warning,
		Object:   table + "." + c.After.Name,
		Message:  fmt.Sprintf("%q of %s is no longer generated: inserts from deployed code do not set it, so it stays NULL", c.After.Name, quote(table)),
		Evidence: factOf(table, "%s.%s was generated as %s, and has no default now", table, c.After.Name, c.Before.Default),
		Advice:   "First release code that sets the column in every insert and update, or fill it with a trigger.",
	}
}

// becomesRequired reports whether after the change a row without a value for
// the column is refused, and before it was not. A column that was there before
// and loses only its NULLs is not told: code that knows it may well give it.
func (p *Pass) becomesRequired(table schema.OID, num int16) bool {
	if p.IsNew(table) || !isRealTable(p.After.Relations[table]) {
		return false
	}
	now := column(p.After.Relations[table], num)
	if now == nil || !requiredIn(p.After, now) || p.insertTrigger(table) {
		return false
	}
	if old := p.formerColumn(table, num); old != nil {
		return !requiredIn(p.Before, old) && old.NotNull
	}
	return true
}

// insertTrigger reports whether a trigger may give the value.
func (p *Pass) insertTrigger(table schema.OID) bool {
	for _, t := range p.After.Triggers {
		if t.Table == table && strings.Contains(t.Definition, "BEFORE") && strings.Contains(t.Definition, "INSERT") {
			return true
		}
	}
	return false
}

func (p *Pass) requiredFinding(t *schema.Relation, num int16) lint.Finding {
	table := qualified(t.Schema, t.Name)
	c := column(p.After.Relations[t.OID], num)
	f := lint.Finding{
		Object:   table + "." + c.Name,
		Message:  fmt.Sprintf("%q is a new NOT NULL column of %s without a default: inserts from the currently deployed code will fail", c.Name, quote(table)),
		Evidence: factOf(table, "after this change %s.%s is NOT NULL and has no default", table, c.Name),
		Advice: fmt.Sprintf("Keep a default until all deployed code sets the column, and drop it in a later release:\n\nALTER TABLE %s ALTER COLUMN %s SET DEFAULT …;",
			sqlName(t.Schema, t.Name), sqlIdent(c.Name)),
	}
	if old := p.formerColumn(t.OID, num); old != nil && old.Generated != "" {
		f.Message = fmt.Sprintf("%q of %s is NOT NULL and no longer generated: inserts that do not set it will fail", c.Name, quote(table))
		f.Advice = "First release code that sets the column in every insert and update, or fill it with a trigger."
	} else if old != nil && old.Identity != "" {
		f.Message = fmt.Sprintf("%q of %s is NOT NULL and no longer an identity column: inserts that do not set it will fail", c.Name, quote(table))
		f.Advice = "First release code that sets the column in every insert, then drop the identity in a later release."
	} else if old != nil {
		f.Message = fmt.Sprintf("%q of %s is NOT NULL and loses its default: inserts that do not set it will fail", c.Name, quote(table))
		f.Advice = "First release code that sets the column in every insert, then drop the default in a later release."
	}
	return f
}

func isRealTable(t *schema.Relation) bool { return t != nil && t.IsTable() }
