package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var unnamedTable = &Analyzer{
	Rule: lint.Rule{
		ID: "LK112", Name: "locks-unnamed-table", Title: "blocking reads of a table that the statement does not name", Severity: lint.Warning, Weight: lint.ByLock,
		Hazards: []string{"B02", "C10"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			own, onlyKeys := ownTables(s)
			if onlyKeys && (s.Settings.LockTimeout > 0 || p.Config.LockTimeoutSet) {
				continue // there is no gentler way to drop a foreign key
			}
			var tables []string
			var keys []*schema.Constraint
			var ev []lint.Evidence
			for _, l := range s.Locks {
				k := keyBetween(s.Before, own, l.Relation)
				if own[l.Relation] || l.Mode != devdb.AccessExclusive || !p.strongOnTable(l) || s.After.Relations[l.Relation] == nil || k == nil {
					continue
				}
				tables = append(tables, l.Object)
				ev = append(ev, lockEvidence(l))
				if !slices.Contains(keys, k) {
					keys = append(keys, k)
				}
			}
			if len(tables) == 0 {
				continue
			}
			p.Report(At{Migration: m, Step: s}, lint.Finding{
				Object:   tables[0],
				Message:  fmt.Sprintf("also locks %s, through %s, and blocks reads and writes to all of these tables", list(tables, 3), keyList(s, keys)),
				Evidence: someEvidence(ev, 4),
				Advice:   dropKeysAdvice(At{Migration: m, Step: s}, keys, onlyKeys),
			})
		}
	},
}

// keyList names a foreign key and its table, and counts those beside it.
func keyList(s *devdb.Step, keys []*schema.Constraint) string {
	first := fmt.Sprintf("foreign key %q of %s", keys[0].Name, quote(relName(s, keys[0].Table)))
	if n := len(keys) - 1; n > 0 {
		return fmt.Sprintf("%s and %d more", first, n)
	}
	return first
}

// ownTables are the tables that a step is about: those that it changes, foreign
// keys aside. If there is nothing but foreign keys, it is about the tables that
// they are on, and onlyKeys is true.
func ownTables(s *devdb.Step) (own map[schema.OID]bool, onlyKeys bool) {
	own = map[schema.OID]bool{}
	keys := map[schema.OID]bool{}
	for _, c := range s.Changes {
		if d, ok := c.(*schema.DetachPartition); ok {
			own[d.Parent.OID], own[d.Partition.OID] = true, true
			continue
		}
		t := tableOf(c)
		if t == 0 {
			continue
		}
		if k := constraintOf(c); k != nil && k.Kind == schema.ForeignKey {
			keys[t] = true
		} else {
			own[t] = true
		}
	}
	if len(own) == 0 {
		return keys, len(keys) > 0
	}
	return own, false
}

func constraintOf(c schema.Change) *schema.Constraint {
	switch c := c.(type) {
	case *schema.AddConstraint:
		return c.Constraint
	case *schema.DropConstraint:
		return c.Constraint
	case *schema.AlterConstraint:
		return c.After
	}
	return nil
}

// keyBetween is a foreign key between a table and one of the others, nil if there is none.
func keyBetween(c *schema.Catalog, others map[schema.OID]bool, table schema.OID) *schema.Constraint {
	for _, k := range schema.Sorted(c.Constraints) {
		if k.Kind == schema.ForeignKey && k.Parent == 0 && (k.Table == table && others[k.RefTable] || k.RefTable == table && others[k.Table]) {
			return k
		}
	}
	return nil
}

func dropKeysAdvice(at At, keys []*schema.Constraint, onlyKeys bool) string {
	if onlyKeys {
		return "Run it in a migration of its own with a short lock_timeout, and retry until it succeeds:\n\n" + setLockTimeout(at.Migration, at.Step)
	}
	var sql []string
	for _, k := range keys {
		if t := at.Step.Before.Relations[k.Table]; t != nil {
			sql = append(sql, fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s;", relSQL(t), sqlIdent(k.Name)))
		}
	}
	if len(Changes[*schema.DetachPartition](at.Step)) > 0 {
		return "DETACH checks that no row references the partition. Run it in a migration of its own with a short lock_timeout, and retry until it succeeds:\n\n" + setLockTimeout(at.Migration, at.Step)
	}
	a := "Drop the foreign key first, in a migration of its own with a short lock_timeout, so that both tables are locked only for that long"
	if len(Changes[*schema.AlterColumnType](at.Step)) > 0 {
		a += "; add it again NOT VALID after the change, and validate it later"
	}
	return a + ":\n\n" + strings.Join(sql, "\n")
}
