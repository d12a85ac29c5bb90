package analyzers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/assaydb/assay/internal/devdb"
	"github.com/assaydb/assay/internal/lint"
	"github.com/assaydb/assay/internal/schema"
)

var repeatedAlter = &Analyzer{
	Rule: lint.Rule{
		ID: "LK207", Name: "repeated-alter", Title: "several ALTER TABLE statements where one would do", Severity: lint.Info, Weight: lint.ByLock,
		Aliases: []string{"eugene:W12"}, Hazards: []string{"X08", "D17"},
	},
	Run: func(p *Pass) {
		for _, m := range p.New {
			altered := map[schema.OID][]*devdb.Step{}
			rewrites := map[schema.OID]int{}
			scans := map[schema.OID][]*devdb.Step{}
			for _, s := range m.Steps {
				if oid, ok := p.checksOnly(s); ok {
					if scans[oid] = append(scans[oid], s); len(scans[oid]) == 2 {
						p.Report(At{Migration: m, Step: s}, scannedTwice(scans[oid], oid))
						continue
					}
				}
				oid, ok := p.altersOnly(s)
				if !ok {
					continue
				}
				altered[oid] = append(altered[oid], s)
				if tableRewritten(s, oid) {
					rewrites[oid]++
				}
				f := lint.Finding{Object: relName(s, oid)}
				switch n := len(altered[oid]); {
				case rewrites[oid] == 2 && tableRewritten(s, oid):
					f.Message = fmt.Sprintf("rewrites all of %s again: combined in one ALTER TABLE, the changes rewrite it once", quote(f.Object))
				case n == 3 && separate(altered[oid]):
					f.Message = fmt.Sprintf("locks %s for the third time: each lock waits for running queries and blocks reads and writes meanwhile", quote(f.Object))
				default:
					continue
				}
				for _, x := range altered[oid] {
					l, _ := inForce(x, oid)
					f.Evidence = append(f.Evidence, lint.Evidence{Kind: "lock", Text: fmt.Sprintf("line %d: %s on %s", x.Stmt.Pos.Line, l.Mode, f.Object), Object: f.Object, Mode: string(l.Mode)})
				}
				f.Evidence = someEvidence(f.Evidence, 4)
				f.Advice = asOne(rel(s, oid), altered[oid])
				p.Report(At{Migration: m, Step: s}, f)
			}
		}
	},
}

// scannedTwice says that one ALTER TABLE would have read the rows once for both.
func scannedTwice(steps []*devdb.Step, oid schema.OID) lint.Finding {
	last := steps[len(steps)-1]
	f := lint.Finding{Object: relName(last, oid)}
	f.Message = fmt.Sprintf("scans all of %s again: combined with line %d it would be scanned once", quote(f.Object), steps[0].Stmt.Pos.Line)
	for _, s := range steps {
		f.Evidence = append(f.Evidence, lint.Evidence{Kind: "scan", Text: fmt.Sprintf("line %d scans all of %s", s.Stmt.Pos.Line, short(f.Object)), Object: f.Object})
	}
	f.Advice = asOne(rel(last, oid), steps)
	return f
}

// checksOnly gives the existing table whose rows the step's ALTER TABLE reads to
// check them, if that is all it does: the server checks what one ALTER TABLE
// demands in one reading.
func (p *Pass) checksOnly(s *devdb.Step) (schema.OID, bool) {
	x := s.Stmt.Syntax
	if x.Tag != "ALTER TABLE" || len(x.Actions) == 0 || s.Err != nil || len(s.Scans) == 0 {
		return 0, false
	}
	for _, a := range x.Actions {
		check := a.Kind == "ADD CONSTRAINT" && a.Constraint != nil && a.Constraint.Kind == "CHECK"
		if a.Kind != "SET NOT NULL" && !check {
			return 0, false
		}
	}
	for _, r := range s.Scans {
		t := rel(s, r.Relation)
		if t != nil && !p.IsNew(t.OID) && !tableRewritten(s, t.OID) && slices.ContainsFunc(x.Objects, func(n string) bool { return names(n, t) }) {
			return t.OID, true
		}
	}
	return 0, false
}

// asOne is one ALTER TABLE with the subcommands of all.
func asOne(t *schema.Relation, all []*devdb.Step) string {
	var actions []string
	for _, s := range all {
		for i := range s.Stmt.Syntax.Actions {
			actions = append(actions, "    "+actionText(s, &s.Stmt.Syntax.Actions[i]))
		}
	}
	return fmt.Sprintf("Combine them into one statement, in place of the first:\n\nALTER TABLE %s\n%s;", relSQL(t), strings.Join(actions, ",\n"))
}

// altersOnly gives the existing table that the step's ALTER TABLE keeps reads
// off, if ALTER TABLE of one table is all the step is and its subcommands may
// stand beside others: RENAME, SET SCHEMA and ATTACH or DETACH may not.
func (p *Pass) altersOnly(s *devdb.Step) (schema.OID, bool) {
	if s.Stmt.Syntax.Tag != "ALTER TABLE" || len(s.Stmt.Syntax.Actions) == 0 || s.Err != nil {
		return 0, false
	}
	for _, a := range s.Stmt.Syntax.Actions {
		switch a.Kind {
		case "RENAME TO", "RENAME COLUMN", "RENAME CONSTRAINT", "SET SCHEMA", "ATTACH PARTITION", "DETACH PARTITION", "DROP CONSTRAINT", "VALIDATE CONSTRAINT", "SET NOT NULL":
			return 0, false // the last three are often apart for good: to let a proof stand
		}
	}
	for _, l := range append(s.Locks, s.Held...) {
		if p.strongOnTable(l) && l.Mode.BlocksReads() && namedTable(s, l) && lead(s, l.Relation) == l.Relation {
			return l.Relation, true
		}
	}
	return 0, false
}

// separate reports whether every step takes its locks for itself.
func separate(steps []*devdb.Step) bool {
	for i, a := range steps {
		for _, b := range steps[i+1:] {
			if sameTx(a, b) {
				return false
			}
		}
	}
	return true
}
