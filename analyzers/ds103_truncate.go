package analyzers

import (
	"fmt"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var truncate = &Analyzer{
	Rule: lint.Rule{
		ID: "DS103", Name: "truncate", Title: "emptying a table", Severity: lint.Error,
		Aliases: []string{"squawk:ban-truncate-cascade"}, Hazards: []string{"D04"},
	},
	Run: func(p *Pass) {
		for m, s := range p.Steps() {
			var tables []string
			var ev []lint.Evidence
			var refs []schema.Ref
			for _, l := range s.Locks {
				if l.Mode == devdb.AccessExclusive && isTable(l.Kind) && !p.IsNew(l.Relation) && truncated(s, l) && !p.partOf(s, l.Relation) {
					tables, refs = append(tables, l.Object), append(refs, tableRef(l.Relation))
					ev = append(ev, lint.Evidence{Kind: "rows", Text: "all rows of " + l.Object + " are removed", Object: l.Object}, lockEvidence(l))
				}
			}
			if len(tables) == 0 {
				continue
			}
			msg := fmt.Sprintf("empties %s: all its rows are lost, and reads are blocked until the transaction ends", list(tables, 4))
			if named := s.Stmt.Syntax.Objects; s.Stmt.Syntax.Cascade && len(named) > 0 && len(tables) > len(named) {
				msg = fmt.Sprintf("TRUNCATE … CASCADE of %s also empties %s: every table that references it by a foreign key", list(named, 2), list(tables, 4))
			}
			p.reportLoss(At{Migration: m, Step: s}, lint.Finding{
				Object: tables[0], Message: msg, Evidence: ev,
				Advice: fmt.Sprintf("If the rows must be removed, delete them in batches by key, outside the migration:\n\nDELETE FROM %s WHERE …;", strings.TrimPrefix(tables[0], "public.")),
			}, func(places string) string {
				return fmt.Sprintf("empties %s: its data is in %s, and reads are blocked until the transaction ends", list(tables, 4), places)
			}, refs...)
		}
	},
}

// truncated reports whether the locked table got a new, empty file by
// TRUNCATE; a partitioned table has none, its partitions have.
func truncated(s *devdb.Step, l devdb.Lock) bool {
	if r, ok := rewritten(s, l.Relation); ok {
		return isTruncate(s, r)
	}
	for _, t := range s.Before.Relations {
		if t.PartitionOf == l.Relation {
			if p, ok := lockOn(s, t.OID); ok && truncated(s, p) {
				return true
			}
		}
	}
	return false
}

// partOf reports whether the table is a partition whose parent is emptied as a
// whole, and was there before the change: a new parent is not reported.
func (p *Pass) partOf(s *devdb.Step, table schema.OID) bool {
	t := rel(s, table)
	if t == nil || t.PartitionOf == 0 || p.IsNew(t.PartitionOf) {
		return false
	}
	l, ok := lockOn(s, t.PartitionOf)
	return ok && l.Mode == devdb.AccessExclusive
}

// isTruncate tells a new file that TRUNCATE made from a rewrite. There is no
// event trigger for TRUNCATE, so inside a DO block or a function it is known by
// what it is not: a rewrite by ALTER TABLE has its reason, and no other command
// that may run there gives a table a new file.
func isTruncate(s *devdb.Step, r devdb.Rewrite) bool {
	switch r.Reason {
	case "TRUNCATE":
		return true
	case "DO", "SELECT", "CALL":
		return r.Kind != "materialized view" && !clusters(s)
	}
	return false
}

// clusters reports whether a block or function says CLUSTER, and not TRUNCATE:
// the server tells neither apart.
func clusters(s *devdb.Step) bool {
	text := s.Stmt.Text
	for _, f := range s.Before.Functions {
		if hasWord(s.Stmt.Text, f.Name) {
			text += "\n" + f.Body
		}
	}
	return hasWord(text, "cluster") && !hasWord(text, "truncate")
}
